"""The tree of fields."""

import pytest

from protocols.dissect.tree import Node, lines

TREE = Node(
    "frame", 0, 4, None, (Node("head", 0, 2, 258, (Node("flag", 0, 2, True),)), Node("body", 2, 4, b"\xaa\xbb"))
)


def test_children_are_found_by_name() -> None:
    assert TREE.child("head").value == 258
    assert TREE.has("body")
    assert not TREE.has("tail")
    with pytest.raises(KeyError):
        TREE.child("tail")


def test_a_tree_moves_with_all_its_fields() -> None:
    assert [(node.start, node.end) for _, node in TREE.moved(3).walk()] == [(3, 7), (3, 5), (3, 5), (5, 7)]


def test_a_tree_is_shown_field_by_field() -> None:
    shown = list(lines(TREE, bytes.fromhex("0102AABB")))
    assert [" ".join(line.split()) for line in shown] == [
        "0..4 frame [01 02 aa bb]",
        "0..2 head = 258 (0x102) [01 02]",
        "0..2 flag = True [01 02]",
        "2..4 body = 2 octets [aa bb]",
    ]


def test_long_fields_are_shown_in_part() -> None:
    assert next(lines(Node("all", 0, 100), bytes(100))).endswith(" 00 ...]")
