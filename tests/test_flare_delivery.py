"""From PUT to a receiver: which notifications a subscription hears, in which order, and what each looks like on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from locker.guard import Guard
from locker.locker import Locker
from tests.api_server import served
from tests.flare import ANN, Flare
from tests.receiving import LOOPBACK, Heard, Listening, listening, until

pytestmark = pytest.mark.filterwarnings("error")


@asynccontextmanager
async def delivering(folder: Path, answer: Any = 200) -> AsyncIterator[tuple[Flare, Listening]]:
    """A server that delivers, and a receiver."""
    async with listening(answer) as receiver:
        with Locker(folder, keys=folder / "keys", guard=Guard(LOOPBACK)) as locker, served(locker) as server:
            locker.deliver()
            yield Flare(server), receiver


async def call(run: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Something that waits for the server, beside the receiver's event loop."""
    return await asyncio.to_thread(run, *args, **more)


def at(day: int, **more: Any) -> dict[str, Any]:
    """A document of a day."""
    return {"updatedAt": f"2026-11-{day:02d}T08:00:00Z", **more}


def told(receiver: Listening) -> list[tuple[str, str]]:
    """Action and date of every notification."""
    return [(heard.said["action"], heard.said["document"]["updatedAt"][8:10]) for heard in receiver.heard]


def to(receiver: Listening, path: str = "/", **more: Any) -> dict[str, Any]:
    """An endpoint at the receiver."""
    return {"url": receiver.url(path), "method": "POST", **more}


async def test_create_update_delete(tmp_path: Path) -> None:
    """The first that a subscription hears of a document is create, then update, then delete; what it has is not told again; then it begins anew."""
    async with delivering(tmp_path) as (flare, receiver):
        await call(flare.subscription, await call(flare.resource), endpoint=to(receiver))
        for day in (10, 10, 12, 11, 9):
            await call(flare.put, ANN, at(day))
        for _ in range(2):
            await call(flare.ask, "DELETE", f"/documents/{ANN}")
        await call(flare.put, ANN, at(12))
        await call(flare.put, "http://api.company.com/users/end", at(1))
        await until(lambda: len(receiver.heard) >= 5)
    assert [("create", "10"), ("update", "12"), ("delete", "12"), ("create", "12"), ("create", "01")] == told(receiver)


async def test_a_later_subscription(tmp_path: Path) -> None:
    """Its first notification of a document is create, though the document is old; a delete of what it never had is not told."""
    async with delivering(tmp_path) as (flare, receiver):
        resource = await call(flare.resource)
        for url in (ANN, f"{ANN}-gone"):
            await call(flare.put, url, at(10))
        await call(flare.subscription, resource, endpoint=to(receiver, "/late"))
        await call(flare.ask, "DELETE", f"/documents/{ANN}-gone")
        await call(flare.put, ANN, at(11))
        await call(flare.subscription, resource, endpoint=to(receiver, "/all"), **{"from": "beginning"})
        await until(lambda: len(receiver.heard) >= 5)
    assert [("create", "11")] == [told(receiver)[n] for n, heard in enumerate(receiver.heard) if heard.path == "/late"]
    everything = {(heard.said["id"], *told(receiver)[n]) for n, heard in enumerate(receiver.heard) if heard.path == "/all"}
    assert {(ANN, "create", "10"), (ANN, "update", "11"), (f"{ANN}-gone", "create", "10"), (f"{ANN}-gone", "delete", "10")} == everything


async def test_overrides(tmp_path: Path) -> None:
    """Each action's own URL, method and headers; headers replace all others; wildcards are escaped; data is filled in."""
    async with delivering(tmp_path) as (flare, receiver):
        headers = {"Authorization": ["Basic abc"], "X-Two": ["a", "b"]}
        actions = {
            "update": {"method": "put", "headers": {"X-Own": ["1"]}},
            "delete": {"url": receiver.url("/gone?id={id}"), "method": "delete"},
        }
        endpoint = to(receiver, "/wish-{id}/x", headers=headers, actions=actions)
        await call(flare.subscription, await call(flare.resource), endpoint=endpoint, data={"user": "{id}", "revision": "{revision}"})
        url = "http://api.company.com/users/a%20b%2Fc"
        for day in (10, 11):
            await call(flare.put, url, at(day))
        await call(flare.ask, "DELETE", f"/documents/{url}")
        await until(lambda: len(receiver.heard) == 3)
    create, update, delete = receiver.heard
    assert [("POST", "/wish-a%20b%2Fc/x"), ("PUT", "/wish-a%20b%2Fc/x"), ("DELETE", "/gone?id=a%20b%2Fc")] == [
        (h.method, h.path) for h in receiver.heard
    ]
    assert ("Basic abc", "application/json") == (create.headers["Authorization"], create.headers["Content-Type"])
    assert ("1", None) == (update.headers["X-Own"], update.headers.get("Authorization"))
    assert "Basic abc" == delete.headers["Authorization"]
    assert {"user": "a b/c", "revision": "{revision}"} == create.said["data"]


async def test_without_envelope_and_with_a_type_of_its_own(tmp_path: Path) -> None:
    """The body is the document as it was put; a Content-Type of the subscription stays."""
    async with delivering(tmp_path) as (flare, receiver):
        endpoint = to(receiver, headers={"content-type": ["application/x-mine"]})
        await call(flare.subscription, await call(flare.resource), endpoint=endpoint, content={"envelope": False, "document": False})
        await call(flare.put, ANN, at(10, n=2**70))
        await until(lambda: len(receiver.heard) == 1)
    (heard,) = receiver.heard
    assert (at(10, n=2**70), "application/x-mine") == (json.loads(heard.raw), heard.headers["Content-Type"])


async def test_it_is_signed(tmp_path: Path) -> None:
    """With the secret that was told when the subscription was made."""
    async with delivering(tmp_path) as (flare, receiver):
        made = await call(flare.subscription, await call(flare.resource), endpoint=to(receiver))
        await call(flare.put, ANN, at(10))
        await until(lambda: len(receiver.heard) == 1)
    (heard,) = receiver.heard
    assert heard.said == Webhook(made["secret"]).verify(heard.raw, {name.lower(): value for name, value in heard.headers.items()})


async def test_success_and_discard(tmp_path: Path) -> None:
    """Both settle a revision, whatever they mean to others; anything else is tried again, and then it is create still."""
    answers = iter([500, 418, 418, 302, 200])

    def answer(heard: Heard) -> int:
        return next(answers, 418)

    async with delivering(tmp_path, answer) as (flare, receiver):
        delivery = {"success": [418], "discard": [500], "retry": [0.01, 0.01, 0.01, 0.01]}
        await call(flare.subscription, await call(flare.resource), endpoint=to(receiver), delivery=delivery)
        for day in (10, 11):
            await call(flare.put, ANN, at(day))
        await until(lambda: len(receiver.heard) >= 2)
        await call(flare.put, ANN, at(12))
        await until(lambda: len(receiver.heard) >= 3)
        await call(flare.put, f"{ANN}2", at(13))
        await until(lambda: len(receiver.heard) >= 6)
    expected = [("create", "10"), ("update", "11"), ("update", "12"), *[("create", "13")] * 3]
    assert expected == told(receiver)


async def test_terms(tmp_path: Path) -> None:
    """Only documents that satisfy them are told of, with what they did to that set."""
    async with delivering(tmp_path) as (flare, receiver):
        await call(flare.subscription, await call(flare.resource), endpoint=to(receiver), terms="[status:'active']")
        for day, status in ((1, "new"), (2, "active"), (3, "active"), (4, "gone"), (5, "gone")):
            await call(flare.put, ANN, at(day, status=status))
        await call(flare.put, f"{ANN}2", at(9, status="active"))
        await until(lambda: len(receiver.heard) >= 4)
    assert ["entered", "changed", "left", "entered"] == [heard.said["change"] for heard in receiver.heard]


async def test_terms_and_late_revisions(tmp_path: Path) -> None:
    """A late revision never stood: what a newer one did to the set is judged by the one that did."""
    names = {"stays": ("in", "out", "in"), "never": ("out", "in", "out"), "leaves": ("in", "out", "out")}
    async with delivering(tmp_path) as (flare, receiver):
        resource = await call(flare.resource)
        for name, (first, _, _) in names.items():
            await call(flare.put, f"{ANN}{name}", at(10, status=first))
        await call(flare.subscription, resource, endpoint=to(receiver), terms="[status:'in']")
        for name, (_, late, last) in names.items():
            await call(flare.put, f"{ANN}{name}", at(5, status=late))
            await call(flare.put, f"{ANN}{name}", at(11, status=last))
        await call(flare.put, f"{ANN}end", at(12, status="in"))
        await until(lambda: len(receiver.heard) >= 3)
    found = {heard.said["id"].removeprefix(ANN): heard.said["change"] for heard in receiver.heard}
    assert {"stays": "changed", "leaves": "left", "end": "entered"} == found


async def test_pausing_replaying_and_testing(tmp_path: Path) -> None:
    """What happens during a pause comes after it; a replay tells it again; a test arrives at once."""
    async with delivering(tmp_path) as (flare, receiver):
        resource = await call(flare.resource)
        path = f"/resources/{resource}/subscriptions/{(await call(flare.subscription, resource, endpoint=to(receiver)))['id']}"
        await call(flare.put, ANN, at(10))
        await until(lambda: len(receiver.heard) == 1)
        await call(flare.ask, "POST", f"{path}/pause")
        await call(flare.put, ANN, at(11))
        await call(flare.ask, "POST", f"{path}/resume")
        await until(lambda: len(receiver.heard) == 2)
        assert 202 == (await call(flare.ask, "POST", f"{path}/test")).status_code
        await until(lambda: len(receiver.heard) == 3)
        assert 202 == (await call(flare.ask, "POST", f"{path}/replay", {"since": "beginning"})).status_code
        await until(lambda: len(receiver.heard) == 5)
    said = [heard.said for heard in receiver.heard]
    assert [False, False, True, False, False] == [each.get("test", False) for each in said]
    assert ["10", "11", "10", "11"] == [each["document"]["updatedAt"][8:10] for each in said if "test" not in each]


async def test_a_deleted_subscription_hears_nothing_more(tmp_path: Path) -> None:
    """Neither what happens later nor what was still waiting for another attempt."""
    async with delivering(tmp_path, 503) as (flare, receiver):
        resource = await call(flare.resource)
        made = await call(
            flare.subscription, resource, endpoint=to(receiver, "/gone"), delivery={"success": [200], "discard": [500], "retry": [0.2]}
        )
        await call(flare.put, ANN, at(10))
        await until(lambda: len(receiver.heard) == 1)
        await call(flare.ask, "DELETE", f"/resources/{resource}/subscriptions/{made['id']}")
        receiver.answer = 200
        await call(flare.subscription, resource, endpoint=to(receiver, "/other"))
        await call(flare.put, ANN, at(11))
        await until(lambda: any(heard.path == "/other" for heard in receiver.heard))
    assert ["/gone", "/other"] == [heard.path for heard in receiver.heard]


async def test_each_resource_has_its_own_subscribers(tmp_path: Path) -> None:
    """A document is told to the subscribers of its resource alone, and to those of its owner."""
    async with delivering(tmp_path) as (flare, receiver):
        users = await call(flare.resource)
        cats = await call(flare.resource, "http://api.company.com/cats/{id}")
        await call(flare.subscription, users, endpoint=to(receiver, "/users"))
        await call(flare.subscription, cats, endpoint=to(receiver, "/cats"))
        await call(flare.put, "http://api.company.com/cats/1", at(1))
        await call(flare.put, ANN, at(1))
        await until(lambda: len(receiver.heard) >= 2)
    assert [("/cats", "http://api.company.com/cats/1"), ("/users", ANN)] == sorted(
        (heard.path, heard.said["id"]) for heard in receiver.heard
    )
