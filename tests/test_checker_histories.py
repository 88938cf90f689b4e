"""``locker check`` over arbitrary histories: whatever was pushed, edited, merged, split, hidden and half composed, nothing is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.checker import check
from locker.error import LockerError
from locker.locker import Locker
from locker.replay import merged

PEOPLE = st.fixed_dictionaries(
    {"name": st.sampled_from("abc")}, optional={"emails": st.lists(st.sampled_from(["1@x", "2@x", "3@x"]), max_size=2)}
)
ITEMS = st.lists(st.tuples(st.sampled_from("123456"), st.none() | PEOPLE), min_size=1, max_size=5)
STEPS = st.one_of(
    st.tuples(st.just("push"), st.sampled_from(["me", "you"]), st.sampled_from(["mine", "yours"]), ITEMS),
    st.tuples(st.just("edit"), st.integers(1, 12), st.none() | st.fixed_dictionaries({"title": st.sampled_from("xy")})),
    st.tuples(st.just("add"), PEOPLE),
    st.tuples(st.sampled_from(["catch up", "compose", "recompose", "rebuild"])),
)


@pytest.fixture(scope="module")
def locker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locker]:
    """A locker that lives through all the histories, one after the other."""
    with Locker(tmp_path_factory.mktemp("lived")) as opened:
        opened.prepare()
        yield opened


def live(locker: Locker, step: tuple[Any, ...]) -> None:
    """Do one thing; what cannot be done now is left."""
    with suppress(LockerError):
        match step:
            case ("push", owner, source, items):
                locker.push(owner, source, [{"type": "contact", "key": key, "body": body} for key, body in items])
            case ("edit", n, patch):
                locker.composer.edit("me", "contact", f"contact:{n}", patch, by="app")
            case ("add", body):
                locker.composer.add("me", "contact", body, by="app")
            case ("catch up",):
                locker.catch_up()
            case ("compose",):
                locker.composer.step()
            case ("recompose",):
                locker.composer.recompose("contact")
            case ("rebuild",):
                locker.rebuild()


@given(steps=st.lists(STEPS, min_size=1, max_size=8))
@settings(max_examples=25)
def test_no_history_makes_findings(locker: Locker, steps: list[tuple[Any, ...]]) -> None:
    """After every history, composed to its end or not, the locker is whole."""
    for step in steps:
        live(locker, step)
    assert [] == list(check(locker))


@given(
    st.dictionaries(st.tuples(st.integers(0, 9), st.text(max_size=2)), st.integers()),
    st.dictionaries(st.tuples(st.integers(0, 9), st.text(max_size=2)), st.integers()),
)
def test_rows_side_by_side(left: dict[tuple[int, str], int], right: dict[tuple[int, str], int]) -> None:
    """Two ordered lists are walked together: each key comes once, in order, with what either list has of it."""
    lists = [iter(sorted((*key, value) for key, value in each.items())) for each in (left, right)]
    found = list(merged(lists[0], lists[1], 2))
    assert sorted(left.keys() | right.keys()) == [key for key, _, _ in found]
    assert left == {key: mine[2] for key, mine, _ in found if mine is not None}
    assert right == {key: theirs[2] for key, _, theirs in found if theirs is not None}
