"""Deliveries: what arrives, in which order, what is tried again, and what can be read about it afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from locker.filter import Filter
from locker.guard import Guard
from locker.log import Draft
from locker.record import Body
from locker.retry import Schedule
from locker.subscription import BEGINNING, NOW, Policy, Start

from .receiving import LOOPBACK, QUICK, Heard, listening, sending, until


async def test_each_revision_arrives_in_order_with_what_it_means(tmp_path: Path) -> None:
    """The first news of a thing is a create, then updates; its end is a delete, and what comes back is a create again."""
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url("/hook"))
        for n in (1, 2, None, 3):
            sender.put("a", n)
        await until(lambda: len(receiver.heard) == 4)
        assert [("create", "a", 1), ("update", "a", 2), ("delete", "a", 2), ("create", "a", 3)] == receiver.told()
        assert {"POST"} == {heard.method for heard in receiver.heard}
        await until(lambda: len(sender.deliveries.history(made.id, "me/mine:1")) == 4)
        bodies = [record.body for record in sender.deliveries.history(made.id, "me/mine:1")]
        assert [("create", 200), ("update", 200), ("delete", 200), ("create", 200)] == [(each["action"], each["status"]) for each in bodies]


async def test_now_beginning_position_and_time(tmp_path: Path) -> None:
    """A subscription hears of what came after its start, and of nothing before."""
    async with listening() as receiver, sending(tmp_path) as sender:
        for n in range(3):
            sender.put(f"k{n}", n)
        third = sender.logbook.since()[2]
        starts = {"now": NOW, "all": BEGINNING, "position": Start(position=third.position - 1), "time": Start(time=third.timestamp)}
        for name, start in starts.items():
            sender.add(receiver.url(f"/{name}"), start=start)
        sender.put("k3", 3)
        expected = {"/now": [3], "/all": [0, 1, 2, 3], "/position": [2, 3], "/time": [2, 3]}
        await until(lambda: len(receiver.heard) == 9)
        assert expected == {path: sorted(heard.n for heard in receiver.heard if heard.path == path) for path in expected}


async def test_only_what_the_filter_names(tmp_path: Path) -> None:
    """Source, type, operation and key; and never the locker's own records."""
    async with listening() as receiver, sending(tmp_path) as sender:
        filters = {
            "/source": Filter(("me",), ("mine",)),
            "/type": Filter(("me",), types=("note",)),
            "/op": Filter(("me",), ops=("edit",)),
            "/key": Filter(("me",), key="*b"),
            "/other": Filter(("u7",)),
            "/both": Filter(("me", "u7")),
        }
        for path, filter in filters.items():
            sender.add(receiver.url(path), filter=filter)
        sender.put("a", 1)
        sender.put("b", 2, source="theirs")
        sender.put("a", 3)
        sender.logbook.append("u7", "mine", [Draft.of("link/mine", "c", {"n": 4})])
        await until(lambda: len(receiver.heard) == 12)
        found = {path: sorted(heard.n for heard in receiver.heard if heard.path == path) for path in filters}
        assert {"/source": [1, 3], "/type": [1, 2, 3], "/op": [3], "/key": [2], "/other": [4], "/both": [1, 2, 3, 4]} == found


async def test_a_failing_thing_waits_and_others_go_on(tmp_path: Path) -> None:
    """What one thing's receiver refuses is tried again in order; things beside it arrive meanwhile."""
    refusing = True

    def answer(heard: Heard) -> int:
        return 500 if heard.key == "bad" and refusing else 200

    async with listening(answer) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        sender.put("bad", 1)
        sender.put("bad", 2)
        for n in range(20):
            sender.put(f"good{n}", n)
        await until(lambda: sum(heard.key != "bad" for heard in receiver.heard) == 20)
        assert {1} == {heard.n for heard in receiver.heard if heard.key == "bad"}
        refusing = False
        await until(lambda: receiver.told()[-1][1:] == ("bad", 2))

        def attempts() -> list[Body]:
            return [record.body for record in sender.deliveries.history(made.id, "me/mine:1")]

        await until(lambda: [each["outcome"] for each in attempts()[-2:]] == ["delivered", "delivered"])
        *failed, _, _ = attempts()
        assert {"failed"} == {each["outcome"] for each in failed}
        assert [*range(1, len(failed) + 2), 1] == [each["attempt"] for each in attempts()]
        assert all("again" in each for each in failed)


async def test_success_and_discard_are_judged_first(tmp_path: Path) -> None:
    """A status that the subscription calls success or discard ends a delivery, whatever it means to others."""
    async with listening(lambda heard: 410 if heard.n == 1 else 503) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url(), policy=Policy((410,), (503,), QUICK))
        sender.put("a", 1)
        sender.put("b", 2)
        await until(lambda: sender.kinds(made) == {"me/mine:1": "delivered", "me/mine:2": "discarded"})
        assert 2 == len(receiver.heard)


async def test_after_the_last_attempt_it_is_a_dead_letter_that_can_be_sent_again(tmp_path: Path) -> None:
    """The next revision of the thing goes on; the dead one is listed until it arrives after all."""
    async with listening(lambda heard: 200 if heard.n == 2 or open_ else 404) as receiver, sending(tmp_path) as sender:
        open_ = False
        made = sender.add(receiver.url(), policy=Policy(retry=Schedule((0.01, 0.01))))
        sender.put("a", 1)
        await until(lambda: sender.kinds(made) == {"me/mine:1": "dead"})
        assert 3 == len(receiver.heard)
        dead = sender.deliveries.dead(made)
        assert [(made.id, "me/mine:1")] == [(each["subscription"], each["thing"]) for each in dead]
        sender.put("a", 2)
        await until(lambda: ("create", "a", 2) in receiver.told())
        open_ = True
        sender.subscriptions.redeliver(made.id, dead[0]["position"])
        await until(lambda: sender.deliveries.dead(made) == [] and receiver.told()[-1][1:] == ("a", 1))


async def test_gone_disables_and_says_so(tmp_path: Path) -> None:
    """410 switches the subscription off; switched on again it goes on with the very thing."""
    async with listening(410) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        sender.put("a", 1)
        await until(lambda: sender.subscriptions.get(made.id).status == "disabled")
        assert "410" in sender.subscriptions.get(made.id).reason
        sender.put("b", 2)
        receiver.answer = 200
        sender.subscriptions.resume(made.id)
        await until(lambda: sender.kinds(made) == {"me/mine:1": "delivered", "me/mine:2": "delivered"})


async def test_paused_nothing_is_sent_and_nothing_is_lost(tmp_path: Path) -> None:
    """What came meanwhile arrives after it was resumed."""
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        other = sender.add(receiver.url("/other"))
        sender.put("a", 1)
        await until(lambda: len(receiver.heard) == 2)
        sender.subscriptions.pause(made.id)
        sender.put("a", 2)
        sender.put("b", 3)
        await until(lambda: sum(heard.path == "/other" for heard in receiver.heard) == 3)
        assert 1 == sum(heard.path == "/" for heard in receiver.heard)
        sender.subscriptions.resume(made.id)
        await until(lambda: sum(heard.path == "/" for heard in receiver.heard) == 3)
        assert "active" == sender.subscriptions.get(other.id).status


async def test_replay_tells_all_since_a_position_again(tmp_path: Path) -> None:
    """In order for each thing, with other message ids; then it goes on as before."""
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url(), start=BEGINNING)
        for n in range(3):
            sender.put("a", n)
            sender.put(f"b{n}", n)
        await until(lambda: len(receiver.heard) == 6)
        before = {heard.headers["webhook-id"] for heard in receiver.heard}
        sender.subscriptions.replay(made.id, BEGINNING)
        await until(lambda: len(receiver.heard) == 12)
        sender.put("a", 3)
        await until(lambda: len(receiver.heard) == 13)
        assert [0, 1, 2, 0, 1, 2, 3] == [heard.n for heard in receiver.heard if heard.key == "a"]
        assert not before & {heard.headers["webhook-id"] for heard in receiver.heard[6:]}
        assert {"update"} == {heard.said["action"] for heard in receiver.heard[6:]}


async def test_a_replay_from_further_on_leaves_nothing_out(tmp_path: Path) -> None:
    """Whoever is behind, and asks to hear again from a place further on, still hears of all before it."""
    async with listening() as receiver:
        async with sending(tmp_path, start=False) as sender:
            made = sender.add(receiver.url(), start=BEGINNING)
            for n in range(5):
                sender.put(f"k{n}", n)
            sender.subscriptions.replay(made.id, Start(position=sender.logbook.position - 2))
        async with sending(tmp_path):
            await until(lambda: len(receiver.heard) == 5)
        assert [0, 1, 2, 3, 4] == sorted(heard.n for heard in receiver.heard)


async def test_a_test_is_one_notification_with_an_outcome(tmp_path: Path) -> None:
    """It says that it is a test, is tried once, and its outcome names the request."""
    async with listening(500) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        request = sender.subscriptions.test(made.id)
        await until(lambda: sender.deliveries.history(made.id, "test"))
        (outcome,) = sender.deliveries.history(made.id, "test")
        assert (request, 500, "dead") == (outcome.body["request"], outcome.body["status"], outcome.body["outcome"])
        assert [True] == [heard.said["test"] for heard in receiver.heard]
        assert [] == sender.deliveries.dead(made)


async def test_terms_say_what_entered_changed_and_left(tmp_path: Path) -> None:
    """An object that never was in the set is no news."""
    async with listening() as receiver, sending(tmp_path) as sender:
        sender.put("old", 5)
        sender.add(receiver.url(), filter=Filter(("me",), types=("note",), terms="n:10-."))
        for key, n in (("a", 50), ("a", 5), ("a", 6), ("a", 60), ("b", 70), ("old", 80), ("a", 7), ("a", None)):
            sender.put(key, n)
        await until(lambda: len(receiver.heard) >= 6)
        await asyncio.sleep(0.05)
        found = [(heard.said["change"], *told) for heard, told in zip(receiver.heard, receiver.told(), strict=True)]
        assert [
            ("left", "delete", "old", 80),
        ] == [each for each in found if each[2] == "old"]
        assert [
            ("entered", "create", "a", 5),
            ("changed", "update", "a", 6),
            ("left", "delete", "a", 60),
            ("entered", "create", "a", 7),
            ("left", "delete", "a", 7),
        ] == [each for each in found if each[2] == "a"]
        assert [] == [each for each in found if each[2] == "b"]


async def test_last_leaves_out_what_was_overtaken(tmp_path: Path) -> None:
    """With state last only the newest revision of a thing arrives once it waited; nothing older after it."""
    blocked = asyncio.Event()

    async def answer(heard: Heard) -> web.Response:
        if heard.n == 0:
            await blocked.wait()
        return web.Response()

    async with listening(answer) as receiver, sending(tmp_path, limit=20) as sender:
        sender.add(receiver.url(), policy=Policy(retry=QUICK, state="last"))
        sender.put("a", 0)
        await until(lambda: receiver.heard)
        for n in range(1, 6):
            sender.put("a", n)
        blocked.set()
        await until(lambda: receiver.told()[-1] == ("update", "a", 5))
        found = [heard.n for heard in receiver.heard]
        assert sorted(set(found)) == found
        assert len(found) < 6


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_at_once_than_was_asked_for(tmp_path: Path, concurrency: int) -> None:
    """Different things go side by side, up to the subscription's concurrency."""
    at_once, most = 0, 0

    async def answer(heard: Heard) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return web.Response()

    async with listening(answer) as receiver, sending(tmp_path) as sender:
        sender.add(receiver.url(), policy=Policy(concurrency=concurrency))
        sender.logbook.append("me", "mine", [Draft.of("note/mine", str(n), {"n": n}) for n in range(30)])
        await until(lambda: len(receiver.heard) == 30)
        assert concurrency == most


async def test_no_more_often_than_was_asked_for(tmp_path: Path) -> None:
    """At 50 a second ten things take 0.16 seconds at least: the first two may go at once."""
    async with listening() as receiver, sending(tmp_path) as sender:
        sender.add(receiver.url(), policy=Policy(rate=50))
        asked = asyncio.get_running_loop().time()
        sender.logbook.append("me", "mine", [Draft.of("note/mine", str(n), {"n": n}) for n in range(10)])
        await until(lambda: len(receiver.heard) == 10)
        assert asyncio.get_running_loop().time() - asked > 0.15


async def test_retry_after_is_obeyed_for_every_thing(tmp_path: Path) -> None:
    """A receiver that asks for a second's peace gets it."""
    times: list[float] = []

    def answer(heard: Heard) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        return web.Response(status=429, headers={"Retry-After": "1"}) if len(times) == 1 else web.Response()

    async with listening(answer) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url(), policy=Policy(retry=QUICK, concurrency=1))
        sender.logbook.append("me", "mine", [Draft.of("note/mine", str(n), {"n": n}) for n in range(3)])
        await until(lambda: len(receiver.heard) == 4)
        assert times[1] - times[0] > 0.95
        await until(lambda: set(sender.kinds(made).values()) == {"delivered"})


async def test_a_stopped_sender_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing is lost between two runs, and what was delivered is not sent again."""
    async with listening() as receiver:
        async with sending(tmp_path) as sender:
            made = sender.add(receiver.url())
            sender.put("a", 1)
            await until(lambda: receiver.heard)
        async with sending(tmp_path, start=False) as sender:
            sender.put("a", 2)
            sender.put("b", 3)
        async with sending(tmp_path) as sender:
            await until(lambda: len(receiver.heard) == 3)
            await until(lambda: len(sender.kinds(made)) == 2)
        assert [("create", "a", 1), ("create", "b", 3), ("update", "a", 2)] == sorted(receiver.told(), key=lambda told: (told[0], told[2]))


async def test_one_that_was_removed_hears_nothing_more(tmp_path: Path) -> None:
    """What waits for it is dropped, also from the store."""
    async with listening(500) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        sender.put("a", 1)
        await until(lambda: len(receiver.heard) > 1)
        sender.subscriptions.remove(made.id)
        await until(lambda: [] == sender.logbook.read("SELECT 1 FROM lanes") + sender.logbook.read("SELECT 1 FROM deliveries"))
        count = len(receiver.heard)
        sender.put("a", 2)
        other = sender.add(receiver.url("/other"), start=BEGINNING)
        await until(lambda: sender.deliveries.history(other.id, "me/mine:1"))
        assert count == sum(heard.path == "/" for heard in receiver.heard)


async def test_many_subscriptions_made_at_once(tmp_path: Path) -> None:
    """However many there are, one record reaches each of them."""
    async with listening() as receiver, sending(tmp_path, start=False) as sender:
        for n in range(250):
            sender.add(receiver.url(f"/{n}"))
        sender.put("a", 1)
        sender.deliveries.start(Guard(LOOPBACK))
        await until(lambda: len(receiver.heard) == 250)
        assert {f"/{n}" for n in range(250)} == {heard.path for heard in receiver.heard}
