"""``locker subscriptions``, ``deliveries`` and ``redeliver``: did they get it, and if not, why?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from locker.filter import Filter
from locker.guard import Guard, system_resolve
from locker.locker import Locker
from locker.receiver import Receiver
from locker.record import loads
from locker.retry import Schedule
from locker.subscription import Policy, Subscription

from .commands import locker
from .receiving import LOOPBACK, Heard, Listening, listening, until

KEY = "http://api.company.com/users/1"


async def said(*arguments: object, data: Path) -> tuple[int, str, str]:
    """Exit code, output and errors of a command, beside whatever runs here."""
    done = await asyncio.to_thread(lambda: locker(*arguments, data=data, LOCKER_KEYS=str(data / "keys")))
    return done.exit_code, done.stdout, done.stderr


async def json(*arguments: object, data: Path) -> Any:
    """What a command prints with ``--json``."""
    code, out, errors = await said(*arguments, "--json", data=data)
    assert (0, "") == (code, errors)
    return loads(out)


@asynccontextmanager
async def told(folder: Path, receiver: Listening, **filter: Any) -> AsyncIterator[tuple[Locker, Subscription]]:
    """A locker that delivers, and a subscription whose letters are given up at once."""
    with Locker(folder, keys=folder / "keys", guard=Guard(LOOPBACK, system_resolve)) as made:
        one, _ = made.subscriptions.add(
            "me",
            Filter(("me",), **filter),
            Receiver(receiver.url("/hook?token=hidden")),
            delivery=Policy(retry=Schedule(())),
        )
        await asyncio.to_thread(made.deliver)
        yield made, one
        await asyncio.to_thread(made.deliveries.stop)


def refuse(heard: Heard) -> int:
    """404 for what is called bad."""
    return 404 if heard.said["record"]["key"] == KEY else 200


async def test_who_is_told_of_what(tmp_path: Path) -> None:
    """The list says where each stands and how the last delivery went, without the query of the address; a part of an id will do."""
    async with listening(refuse) as receiver, told(tmp_path, receiver) as (made, one):
        await asyncio.to_thread(made.push, "me", "mine", [{"type": "note", "key": each, "body": {"n": 1}} for each in ("a", KEY)])
        await until(lambda: made.watching.shown(one)["dead"] == 1 and len(receiver.heard) == 2)
        await until(lambda: made.watching.shown(one)["lag"] == 0)
        (shown,) = await json("subscriptions", data=tmp_path)
        names = ("id", "owner", "dialect", "status", "reason", "lag", "lag_seconds", "pending", "dead")
        assert (one.id, "me", "record", "active", "", 0, 0.0, 0, 1) == tuple(shown[name] for name in names)
        assert shown["last"]["outcome"] in ("delivered", "dead")
        assert shown["target"] == receiver.url("/hook")
        code, table, _ = await said("subscriptions", one.id[:6], data=tmp_path)
        assert (0, True, False) == (code, one.id[:8] in table, "hidden" in table)
        assert [shown["id"]] == [each["id"] for each in await json("subscriptions", "--owner", "me", data=tmp_path)]
        assert [] == await json("subscriptions", "--owner", "u7", data=tmp_path)


async def test_did_they_get_it(tmp_path: Path) -> None:
    """One command tells of a thing, by its key or its id, who got it; of who did not, why, and what to do about it."""
    async with listening(refuse) as receiver, told(tmp_path, receiver) as (made, one):
        await asyncio.to_thread(made.push, "me", "mine", [{"type": "note", "key": each, "body": {"n": 1}} for each in ("a", KEY)])
        await until(lambda: made.watching.shown(one)["dead"] == 1 and len(receiver.heard) == 2)
        await until(lambda: len(made.watching.attempts(one)) == 2)
        (found,) = await json("deliveries", "--key", KEY, data=tmp_path)
        (answer,) = found["told"]
        assert ("mine:2", "dead", [404]) == (found["id"], answer["outcome"], [each["status"] for each in answer["attempts"]])
        assert "locker redeliver" in answer["why"]
        code, table, _ = await said("deliveries", "--key", "mine:1", data=tmp_path)
        assert (0, True) == (code, "delivered: the receiver answered 200" in table)
        assert (3, True) == ((wrong := await said("deliveries", "--key", "nothing", data=tmp_path))[0], "nothing is called" in wrong[2])
        assert {"delivered", "dead"} == {each["outcome"] for each in await json("deliveries", data=tmp_path)}
        assert ["dead"] == [each["outcome"] for each in await json("deliveries", one.id[:8], "--dead", data=tmp_path)]
        assert 1 == len(await json("deliveries", one.id, "--limit", 1, data=tmp_path))
        assert "404" in (await said("deliveries", data=tmp_path))[1]


async def test_sending_again(tmp_path: Path) -> None:
    """A dead letter that is sent again arrives; a position where there is none is refused, and so is half a command."""
    async with listening(404) as receiver, told(tmp_path, receiver) as (made, one):
        await asyncio.to_thread(made.push, "me", "mine", [{"type": "note", "key": KEY, "body": {"n": 1}}])
        await until(lambda: made.watching.shown(one)["dead"] == 1)
        ((dead,), receiver.answer) = await json("deliveries", "--dead", data=tmp_path), 200
        assert 2 == (await said("redeliver", one.id, data=tmp_path))[0]
        assert 2 == (await said("redeliver", one.id, 99, data=tmp_path))[0]
        code, line, _ = await said("redeliver", one.id, dead["position"], data=tmp_path)
        assert (0, "1 is sent again as soon as a server runs\n") == (code, line)
        await until(lambda: made.watching.shown(one)["dead"] == 0)
        assert "delivered" == (await json("deliveries", "--key", KEY, data=tmp_path))[0]["told"][0]["outcome"]
        assert 0 == (await json("redeliver", one.id, "--all", data=tmp_path))["letters"]


async def test_pausing_replaying_testing_and_a_new_secret(tmp_path: Path) -> None:
    """Each is an option of the list, and what was asked is done by whoever delivers."""
    async with listening() as receiver, told(tmp_path, receiver) as (made, one):
        assert ["paused"] == [each["status"] for each in await json("subscriptions", "--pause", one.id[:8], data=tmp_path)]
        await asyncio.to_thread(made.push, "me", "mine", [{"type": "note", "key": KEY, "body": {"n": 1}}])
        (answer,) = (await json("deliveries", "--key", KEY, data=tmp_path))[0]["told"]
        assert ("paused", True) == (answer["outcome"], "--resume" in answer["why"])
        assert ["active"] == [each["status"] for each in await json("subscriptions", "--resume", one.id, data=tmp_path)]
        await until(lambda: len(receiver.heard) == 1)
        asked = await json("subscriptions", "--replay", one.id, "--since", "beginning", data=tmp_path)
        await until(lambda: len(receiver.heard) == 2)
        tested = await json("subscriptions", "--test", one.id, data=tmp_path)
        await until(lambda: len(receiver.heard) == 3)
        assert asked["request"] != tested["request"]
        rotated = await json("subscriptions", "--rotate", one.id, data=tmp_path)
        assert rotated["secret"].startswith("whsec_")
        assert 2 == (await said("subscriptions", "--replay", one.id, data=tmp_path))[0]
        assert 3 == (await said("subscriptions", "--pause", "ffffffff-not-there", data=tmp_path))[0]
        assert [] == await json("subscriptions", "--remove", one.id, data=tmp_path)


async def test_why_nothing_was_sent(tmp_path: Path) -> None:
    """A filter that leaves it out says so, and while nobody delivers, that it waits for a server."""
    async with listening() as receiver, told(tmp_path, receiver, types=("other",)) as (made, one):
        await asyncio.to_thread(made.push, "me", "mine", [{"type": "note", "key": KEY, "body": {"n": 1}}])
        assert "not wanted" == (await json("deliveries", "--key", KEY, data=tmp_path))[0]["told"][0]["outcome"]
        await asyncio.to_thread(made.deliveries.stop)
        made.subscriptions.add("me", Filter(("me",)), Receiver(receiver.url()))
        await asyncio.to_thread(made.push, "me", "mine", [{"type": "note", "key": KEY, "body": {"n": 2}}])
        outcomes = {each["subscription"]: each for each in (await json("deliveries", "--key", KEY, data=tmp_path))[0]["told"]}
        assert "not wanted" == outcomes.pop(one.id)["outcome"]
        (other,) = outcomes.values()
        assert ("pending", True) == (other["outcome"], "locker serve" in other["why"])
        assert [] == receiver.heard
