"""Connected components and ids of groups."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.analysis.grouping import components, group_id, labels_of

TIES = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4).map(tuple), max_size=8)


def test_chains_join_and_single_names_are_no_group():
    assert components([("a", "b"), ("b", "c"), ("d",), (), ("e", "f")]) == [{"a", "b", "c"}, {"e", "f"}]
    assert components([]) == []


@given(TIES)
def test_groups_are_what_repeated_joining_gives(ties):
    """A tie's names share a group; groups do not overlap; order does not matter."""
    groups = components(ties)
    names = [name for group in groups for name in group]
    assert len(names) == len(set(names))
    for tie in ties:
        if len(set(tie)) > 1:
            assert any(set(tie) <= group for group in groups)
    assert components(reversed(ties)) == groups


def test_nodes_without_edges_are_their_own():
    labels = labels_of(np.array([0]), np.array([2]), 4)
    assert labels[0] == labels[2]
    assert len(set(labels.tolist())) == 3


def test_ids_depend_on_members_only():
    assert group_id(["b", "a"]) == group_id(("a", "b")) != group_id(["a"])
    assert len(group_id(["a"])) == len("F-") + 8
