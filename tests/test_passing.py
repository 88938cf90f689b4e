"""Counters change by themselves: a document that differs in them alone is nothing new, and is kept whole when something else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.connector import PageNumber, Stream, without
from locker.draft import Draft
from locker.log import Logbook

from .fetching import FakeService, bodies, fetching, opened, star

COUNTED = fetching(
    Stream(name="starred", type="link", path="/starred", paging=PageNumber(size=10), order="any"), passing=frozenset(("votes", "seen"))
)


async def test_a_counter_alone_appends_nothing_and_is_kept_with_the_next_edit(tmp_path: Path) -> None:
    """The first record is whole; a new count is nothing new; a new title brings the count of that moment."""
    service = FakeService(lists={"/starred": [star(1, title="A", votes=1, by={"seen": 1, "name": "Ada"})]})
    async with service.open() as url:
        with opened(tmp_path, COUNTED) as locker:
            locker.connections.add("me", "stars", base_url=url, secrets={"token": "secret-token"}, trusted=True)

            async def run(**changes: Any) -> int:
                service.lists["/starred"][0] |= changes
                return (await locker.syncing.run("me", "stars", whole=True)).records

            assert 1 == await run()
            assert {"votes": 1, "by": {"seen": 1, "name": "Ada"}}.items() <= bodies(locker, "stars")["1"].items()
            assert [0, 0] == [await run(votes=2), await run(by={"seen": 9, "name": "Ada"})]
            assert 1 == await run(title="B", votes=7)
            assert ("B", 7) == tuple(bodies(locker, "stars")["1"][name] for name in ("title", "votes"))
            assert 1 == await run(by={"seen": 9, "name": "Eve"})


async def test_two_streams_that_show_a_thing_differently_do_not_quarrel_about_counters(tmp_path: Path) -> None:
    """Each voice is compared with what it said itself, without what changes by itself."""
    streams = [Stream(name=name, type="link", path=f"/{name}", paging=PageNumber(size=10), order="any") for name in ("short", "long")]
    service = FakeService(lists={"/short": [star(1, votes=1)], "/long": [star(1, votes=1, text="more")]})
    async with service.open() as url:
        with opened(tmp_path, fetching(*streams, passing=frozenset(("votes",)))) as locker:
            locker.connections.add("me", "stars", base_url=url, secrets={"token": "secret-token"}, trusted=True)
            first = (await locker.syncing.run("me", "stars", whole=True)).records
            later = []
            for votes in (2, 3, 4):
                for shown in service.lists.values():
                    shown[0]["votes"] = votes
                later.append((await locker.syncing.run("me", "stars", whole=True)).records)
    assert (2, [0, 0, 0]) == (first, later)


@pytest.mark.parametrize("gone", [False, True])
def test_what_was_deleted_comes_back_whatever_differs(tmp_path: Path, gone: bool) -> None:
    """A thing that is gone is not the same as one that only counts otherwise."""
    with Logbook(tmp_path / "log.sqlite") as logbook:

        def say(body: dict[str, Any] | None) -> Any:
            (outcome,) = logbook.append("me", "x", [Draft.of("link/x", "1", body, lasting=lambda body: without(body, frozenset(("n",))))])
            return outcome.op

        assert "add" == say({"a": 1, "n": 1})
        assert ("delete" if gone else None) == (say(None) if gone else None)
        assert ("edit" if gone else None) == say({"a": 1, "n": 2})
        assert "edit" == say({"a": 2, "n": 2})


@given(st.recursive(st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner)))
def test_without_leaves_no_such_name_and_all_else(value: Any) -> None:
    """At any depth, in objects and in lists."""
    made = without(value, frozenset("a"))
    assert made == without(made, frozenset("a"))
    assert '"a"' not in str(made).replace("'", '"')
    assert without(value, frozenset()) == value
