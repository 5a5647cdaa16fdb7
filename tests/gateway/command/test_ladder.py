"""The ladder as a table: the whole product of rungs."""

from itertools import product

from gateway.command.ladder import FOLLOWS, MAY_HAVE_MOVED, allowed
from protocols.message.command import ENDS, Rung


def test_nothing_follows_an_end() -> None:
    assert not any(allowed(end, rung) for end, rung in product(ENDS, Rung))


def test_once_something_may_have_moved_a_command_is_neither_refused_nor_expired_nor_sent_again() -> None:
    for before in MAY_HAVE_MOVED | {Rung.CONFIRMED}:
        assert not any(allowed(before, rung) for rung in (Rung.REFUSED, Rung.EXPIRED, Rung.SENT, Rung.ACCEPTED))


def test_every_rung_leads_to_an_end() -> None:
    assert set(FOLLOWS) == {None, *Rung}
    for start in FOLLOWS:
        reached, todo = {start}, [start]
        while todo:
            for following in FOLLOWS[todo.pop()] - reached:
                reached.add(following)
                todo.append(following)
        assert reached & (ENDS | {Rung.CONFIRMED})


def test_sent_only_follows_accepted() -> None:
    assert [before for before in FOLLOWS if allowed(before, Rung.SENT)] == [Rung.ACCEPTED]
