from __future__ import annotations

import inspect
import os
import subprocess
from pathlib import Path

import pytest

from tests.lab.hand.activities import ACTIVITIES, beats
from tests.lab.hand.activities.pages import PAGES
from tests.lab.hand.ground import Label, Legs, Tape, ground

CI = Path(__file__).resolve().parents[4] / ".ci" / "run"


@pytest.fixture
def namespaces() -> None:
    """Skip where network namespaces or TUN interfaces cannot be made; fail where everything is said to be there."""
    if os.geteuid() or not Path("/dev/net/tun").exists():
        reason = "network namespaces with TUN links need root and /dev/net/tun"
        if os.environ.get("FARMWATCH_REQUIRE_LAB") == "1":
            pytest.fail(f"{reason}, and FARMWATCH_REQUIRE_LAB=1", pytrace=False)
        pytest.skip(reason)


def _record(name: str, seconds: float, path: Path) -> tuple[list[Label], list[tuple[bool, float, int]]]:
    """Run an activity; returns its labels and, for each packet with data, (inbound, time, bytes of data)."""
    with ground(Legs(near_ms=8, far_ms=20, office_ms=30)) as place:
        tape = Tape.on(place, path)
        labels = ACTIVITIES[name].run(place, seconds, 11)
        capture = tape.stop()["laptop"]
        fields = [part for field in ("ip.dst", "frame.time_epoch", "tcp.len", "udp.length") for part in ("-e", field)]
        command = ["tshark", "-r", str(capture), "-Y", "tcp.len > 0 or udp", "-T", "fields", *fields]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        rows = [line.split("\t") for line in out.splitlines()]
        return labels, [(row[0] == place.laptop, float(row[1]), int(row[2] or row[3])) for row in rows]


def test_each_activity_says_what_it_is() -> None:
    """Names are the registry's, groups are the two there are, each run takes (ground, seconds, seed)."""
    for name, activity in ACTIVITIES.items():
        assert activity.name == name
        assert activity.group in {"none", "controlling"}
        assert list(inspect.signature(activity.run).parameters)[:3] == ["ground", "seconds", "seed"]
    assert len(ACTIVITIES) > 50


def test_each_activity_is_done_its_own_way() -> None:
    """No two names run the same function with the same arguments, and all plans and pages are used by one."""
    seen: list[object] = []
    for activity in ACTIVITIES.values():
        run = activity.run
        key = (getattr(run, "func", run), getattr(run, "keywords", {}))
        assert key not in seen, activity.name
        seen.append(key)
    used = {plan for _, words in seen for plan in words.get("plans", ())}  # type: ignore[misc]
    pages = {words["page"] for _, words in seen if "page" in words}  # type: ignore[misc]
    assert used <= beats.PLANS.keys()
    assert pages | {"names", "terminal"} == PAGES.keys()


@pytest.mark.parametrize("name", sorted(beats.PLANS))
def test_a_plan_is_the_same_each_time(name: str) -> None:
    """The same seed gives the same pauses, another seed others; the mean pace is the one the plan names."""
    for beat in beats.PLANS[name].beats:

        def pauses(seed: int, count: int = 4000, beat: beats.Beat = beat) -> list[float]:
            return [pause for pause, _ in zip(beat.pauses(seed), range(count), strict=False)]

        assert pauses(3) == pauses(3)
        assert min(pauses(3)) > 0
        if beat.how != "human":
            assert sum(pauses(3)) / 4000 == pytest.approx(beat.pace_s, rel=0.1)
        if beat.how != "steady" or beat.spread_s:
            assert pauses(3) != pauses(4)


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "tshark", "ssh", "sshd")
@pytest.mark.timeout(120)
def test_typing_over_ssh_goes_out_key_by_key(namespaces: None, tmp_path: Path) -> None:
    """The label counts the keys; each is a small packet out, echoed by a packet in after the office's round trip."""
    labels, packets = _record("ssh-typing", 10, tmp_path / "typing")
    assert [(label.role, label.remote) for label in labels] == [("controlling", "10.80.0.5:22")]
    out = [at for inbound, at, size in packets if not inbound and 30 <= size <= 60]
    echoes = [at for inbound, at, size in packets if inbound and 30 <= size <= 60]
    assert labels[0].keys > 10
    assert 0.8 * labels[0].keys <= len(out) <= 1.3 * labels[0].keys + 6
    waits = sorted(min((back - at for back in echoes if back > at), default=9.0) for at in out)
    assert 0.029 < waits[len(waits) // 2] < 0.060


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "tshark", "openssl")
@pytest.mark.timeout(120)
def test_pushes_come_in_and_are_answered_at_once(namespaces: None, tmp_path: Path) -> None:
    """What a push partner types comes in small and at a person's pace, and the laptop answers within milliseconds."""
    labels, packets = _record("push-typing", 8, tmp_path / "push")
    assert labels == []
    pushes = [at for inbound, at, size in packets if inbound and 60 <= size <= 140]
    answers = [at for inbound, at, size in packets if not inbound and size == 60]  # 38 bytes in a TLS 1.3 record
    assert len(pushes) > 10
    delays = sorted(min((back - at for back in answers if back > at), default=9.0) for at in pushes)
    assert delays[len(delays) // 2] < 0.015


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "tshark", "psql", "setpriv")
@pytest.mark.timeout(120)
def test_a_queried_laptop_gets_little_and_sends_much(namespaces: None, tmp_path: Path) -> None:
    """Somebody in the office types queries into the laptop's database: small packets in, larger ones out, no label."""
    labels, packets = _record("database-server", 20, tmp_path / "database")
    assert labels == []
    came = [size for inbound, _, size in packets if inbound]
    went = [size for inbound, _, size in packets if not inbound]
    assert len(came) >= 5
    assert sorted(came)[len(came) // 2] < 80
    assert sum(went) > 2 * sum(came)


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "tshark", "openssl", "chromium", "Xvfb", "xdotool")
@pytest.mark.timeout(180)
def test_a_browser_polls_over_quic(namespaces: None, tmp_path: Path) -> None:
    """A chat partner's keys come in as small datagrams over QUIC, each followed by the browser's next question."""
    labels, packets = _record("poll-quic", 10, tmp_path / "poll")
    assert labels == []
    late = [packet for packet in packets if packet[1] > packets[-1][1] - 8]  # the page has come
    notices = [at for inbound, at, size in late if inbound and 100 <= size <= 400]
    questions = [at for inbound, at, size in late if not inbound and size >= 50]
    assert len(notices) > 10
    delays = sorted(min((back - at for back in questions if back > at), default=9.0) for at in notices)
    assert delays[len(delays) // 2] < 0.05


@pytest.mark.needs("ip", "ss", "ping", "tcpdump", "tshark", "openssl")
@pytest.mark.timeout(120)
def test_voice_flows_both_ways_at_fifty_packets_a_second(namespaces: None, tmp_path: Path) -> None:
    """A voice call has about fifty packets of one size a second each way."""
    _, packets = _record("voip", 6, tmp_path / "voice")
    for direction in (True, False):
        voice = [at for inbound, at, size in packets if inbound is direction and size == 180]  # 172 and the UDP header
        assert 45 < (len(voice) - 1) / (voice[-1] - voice[0]) < 55
