"""Resources: what decides against what is exact, however many decide at once; and how a document says its revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from locker.draft import Draft
from locker.error import Conflict, Invalid, NotFound
from locker.locker import Locker
from locker.notification import Policy, Receiver
from locker.resource import Change, Resource
from locker.wildcard import Pattern, read_document

USERS = Pattern.parse("http://api.company.com/users/{id}")
NUMBER = Change("n")
OPTIONS = {"envelope": True, "document": True}


@pytest.fixture
def lockers(tmp_path: Path) -> Iterator[list[Locker]]:
    """One folder, open twice, as two processes have it."""
    keys = tmp_path / "keys"
    with Locker(tmp_path / "data", keys=keys) as one, Locker(tmp_path / "data", keys=keys) as two:
        yield [one, two]


def subscribe(locker: Locker, resource: Resource, url: str = "http://app.com/{id}") -> str:
    """A subscription whose URL no other one may have; its id."""

    def check(others: list[Any]) -> None:
        if any(other.receiver.url == url for other in others):
            raise Conflict("taken")

    return locker.resources.subscribe(resource, Receiver(url), check, delivery=Policy((200,), (500,)), options=OPTIONS)[0].id


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """What each job answers or raises, all begun together."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [job.exception() or job.result() for job in [pool.submit(job) for job in jobs]]


def test_one_of_many_at_once(lockers: list[Locker]) -> None:
    """Of many who add the same shape one succeeds, whichever process they are in; the others get Conflict."""
    done = at_once([lambda locker=locker: locker.resources.add("me", USERS, NUMBER) for locker in lockers * 5])  # type: ignore[misc]
    assert 1 == len([each for each in done if isinstance(each, Resource)])
    assert 9 == len([each for each in done if isinstance(each, Conflict)])
    assert 1 == len(lockers[0].resources.all("me")) == len(lockers[1].resources.all("me"))


def test_many_of_many_at_once(lockers: list[Locker]) -> None:
    """Those that do not get in each other's way all succeed."""
    patterns = [Pattern.parse(f"http://api.company.com/{n}/{{id}}") for n in range(12)]
    done = at_once([lambda p=p, n=n: lockers[n % 2].resources.add("me", p, NUMBER) for n, p in enumerate(patterns)])  # type: ignore[misc]
    assert all(isinstance(each, Resource) for each in done), done
    resource = done[0]
    made = at_once([lambda n=n: subscribe(lockers[n % 2], resource, f"http://app.com/{n}") for n in range(12)])  # type: ignore[misc]
    assert all(isinstance(each, str) for each in made), made
    lockers[1].subscriptions.follow()  # what another process did is seen a moment later
    assert 12 == len(lockers[1].resources.subscriptions("me", resource.id))


def test_one_url_of_many_at_once(lockers: list[Locker]) -> None:
    """Of many who subscribe with one URL one succeeds; the secrets of the others are forgotten."""
    resource = lockers[0].resources.add("me", USERS, NUMBER)
    done = at_once([lambda locker=locker: subscribe(locker, resource) for locker in lockers * 4])  # type: ignore[misc]
    (made,) = [each for each in done if isinstance(each, str)]
    assert 7 == len([each for each in done if isinstance(each, Conflict)])
    assert [f"subscription/{made}/secret"] == lockers[0].vault.names()


@pytest.mark.parametrize("turn", range(5))
def test_removing_while_somebody_subscribes(lockers: list[Locker], turn: int) -> None:
    """Either the resource is gone and nobody subscribes to it, or it is there and somebody does."""
    one, two = lockers if turn % 2 else lockers[::-1]
    resource = one.resources.add("me", USERS, NUMBER)
    done = at_once([lambda: one.resources.remove("me", resource.id), lambda: subscribe(two, resource)])
    is_there = bool(two.resources.all("me"))
    one.subscriptions.follow()
    assert is_there == bool(one.resources.subscriptions("me", resource.id))
    assert (Conflict, str) == (type(done[0]), type(done[1])) if is_there else (type(None), NotFound) == (type(done[0]), type(done[1]))


def test_what_is_no_resource_of_ours(lockers: list[Locker]) -> None:
    """Records that say something else, or the same shape twice, or nothing any more, are no resources; the others stand."""
    one, two = lockers
    good = one.resources.add("me", USERS, NUMBER)
    bodies: list[Any] = [{}, {"endpoint": 17, "change": {}}, {"endpoint": "x", "change": {"field": "n"}}]
    bodies += [{"endpoint": USERS.text, "change": {"field": "n"}}]
    one.logbook.append("me", "resource", [Draft.of("resource/locker", f"r{n}", body) for n, body in enumerate(bodies)])
    assert [good] == two.resources.all("me")
    assert [good] == list(two.resources.fitting("me", read_document("http://api.company.com/users/1")))


@pytest.mark.parametrize(
    ("change", "body", "expected"),
    [
        (NUMBER, {"n": 17}, 17),
        (NUMBER, {"n": -1.9}, -1),
        (NUMBER, {"n": "1970-01-01T00:00:01Z"}, 10**9),
        (Change("n", "%s"), {"n": "17"}, 17 * 10**9),
        (Change("a.b"), {"a.b": 1, "a": {"b": 2}}, 1),
    ],
)
def test_revisions(change: Change, body: dict[str, Any], expected: int) -> None:
    """Numbers as they are, moments in nanoseconds; a field is one at the top, whatever is in its name."""
    assert expected == change.revision(body)


@pytest.mark.parametrize("value", [None, True, "", "17", [], {}, 2**63, float("inf")])
def test_what_is_no_revision(value: Any) -> None:
    """Neither is a field that is not there."""
    for body in ({"n": value}, {"m": 1}):
        with pytest.raises(Invalid, match="data type not supported"):
            NUMBER.revision(body)


@pytest.mark.parametrize("text", ["", "-", "1.5", "yesterday", "9" * 50])
def test_asking_for_what_is_no_revision(text: str) -> None:
    """Neither a number nor a moment."""
    with pytest.raises(Invalid):
        NUMBER.read(text)
