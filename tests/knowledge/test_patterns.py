from __future__ import annotations

import time

from farmwatch.knowledge.patterns import ConditionIndex, TextIndex


def test_texts_are_compared_without_case_and_with_wildcards() -> None:
    index = TextIndex([("AnyDesk.exe", 1), ("aa_v*.exe", 2), ("g2a?.exe", 3), ("x[1].exe", 4)])
    assert index.find("ANYDESK.EXE") == [1]
    assert index.find("aa_v3.exe") == [2]
    assert index.find("g2ax.exe") == [3]
    assert index.find("g2axx.exe") == []
    assert index.find("X[1].exe") == [4]
    assert index.find("x1.exe") == []
    assert index.find("") == []


def test_all_conditions_must_hold() -> None:
    index = ConditionIndex([("vid=1d6b & product=PiKVM*", 1), ("vid=1d6b", 2)])
    assert index.find({"vid": "1D6B", "product": "PiKVM Composite Device"}) == [1, 2]
    assert index.find({"vid": "1d6b", "product": "x"}) == [2]
    assert index.find({"product": "PiKVM"}) == []
    assert index.find({"vid": ["046d", "1d6b"]}) == [2]
    assert index.find({}) == []


def test_a_long_hostile_text_is_cut_and_cheap() -> None:
    index = TextIndex([("*a*b*c*d*", 1)])
    started = time.process_time()
    index.find("abc" * 1_000_000)
    assert time.process_time() - started < 2
