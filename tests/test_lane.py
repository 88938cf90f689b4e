"""Lanes: who finds them, how much they hold, and what they forget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from locker import lane as lanes
from locker.filter import Filter
from locker.index import Index
from locker.lane import Lane, Letter
from locker.receiver import Receiver
from locker.record import Record
from locker.retry import Schedule
from locker.subscription import Policy, Subscription

OWNERS, SOURCES, TYPES = ["me", "u7"], ["a", "b"], ["note", "note/a", "link/b"]
FILTERS = st.builds(
    Filter,
    st.lists(st.sampled_from(OWNERS), min_size=1).map(tuple),
    st.lists(st.sampled_from(SOURCES)).map(tuple),
    st.lists(st.sampled_from(TYPES)).map(tuple),
)
RECORDS = st.builds(
    lambda owner, source, called: Record(1, owner, f"{source}:1", "", source, called, "add", "k", "", "{}"),
    st.sampled_from(OWNERS), st.sampled_from(SOURCES), st.sampled_from(TYPES[1:]),
)  # fmt: skip


def made(filter: Filter = Filter(("me",)), number: int = 1, **policy: object) -> Lane:  # noqa: B008 - it is frozen
    """A lane of a subscription."""
    delivery = Policy(**policy)  # type: ignore[arg-type]
    return Lane(Subscription(f"s{number}", number, "me", filter, Receiver("http://a.example"), delivery), 0)


def wants(filter: Filter, record: Record) -> bool:
    """What an index is an index of."""
    return (
        record.owner in filter.owners
        and (not filter.sources or record.source in filter.sources)
        and (not filter.types or record.type in filter.types or record.type.partition("/")[0] in filter.types)
    )


@given(st.lists(FILTERS, max_size=8), st.data(), RECORDS)
def test_an_index_finds_those_who_want_a_record_each_once(filters: list[Filter], data: st.DataObject, record: Record) -> None:
    """As asking each of them would, also after some have left."""
    index, all = Index[Lane](), [made(filter, number) for number, filter in enumerate(filters)]
    for lane in all:
        index.add(lane)
    left = data.draw(st.sets(st.sampled_from(all))) if all else set()
    for lane in left:
        index.remove(lane)
    found = index.find(record)
    assert len(set(found)) == len(found)
    assert {lane for lane in all if lane not in left and wants(lane.subscription.filter, record)} == set(found)
    assert len(all) - len(left) == len(index)


def test_a_lane_is_full_sooner_when_there_are_many_letters() -> None:
    """Memory is bounded for all lanes together."""
    lane = made()
    for n in range(lanes.MOST_CROWDED):
        lane.add(Letter(lane, f"me/a:{n}", n))
    assert not lane.is_full(0)
    assert lane.is_full(lanes.CROWDED)


def test_what_the_store_does_not_know_is_read_again() -> None:
    """A lane that stands still keeps what runs and what the store knows, and goes back before the first of the rest."""
    lane = made()
    for n, (state, kept) in enumerate([("waiting", True), ("running", False), ("ready", False)], 1):
        lane.add(Letter(lane, f"me/a:{n}", n * 10, state=state, is_kept=kept))  # type: ignore[arg-type]
    assert 19 == lane.low(100)
    lane.stop(lane.low(100))
    assert ["me/a:1", "me/a:2"] == list(lane.letters)
    assert (19, 19) == (lane.position, lane.low(19))


def test_a_receiver_that_fails_is_called_less_and_less() -> None:
    """One letter at a time after three failures, with pauses that grow to the longest of its schedule, at most a minute."""
    lane, holds = made(retry=Schedule((1.0, 8.0))), []
    for _ in range(8):
        lane.failures += 1
        lane.hold(0.0)
        holds.append(lane.held)
    assert [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0] == holds
    assert (1, True) == (lane.capacity, lane.is_sick)
