"""How deliveries run: behind and crowded, beside another process, over a store that refuses, beside receivers that are down."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from locker import delivery, lane, sorter
from locker.draft import Draft
from locker.error import Invalid, StorageError
from locker.filter import Filter
from locker.guard import Guard
from locker.locker import Locker
from locker.log import Logbook
from locker.receiver import Receiver
from locker.retry import Schedule
from locker.subscription import BEGINNING, Policy, Start
from tests import crashing

from .receiving import LOOPBACK, QUICK, Heard, listening, sending, until


async def test_a_lane_that_is_full_catches_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far behind a receiver is, few letters are held for it; everything arrives, in order for each thing."""
    monkeypatch.setattr(lane, "MOST", 8)
    monkeypatch.setattr(sorter, "MOST", 8)
    monkeypatch.setattr(sorter, "PAGE", 5)
    most = 0
    async with listening() as receiver, sending(tmp_path) as sender:

        def answer(heard: Heard) -> int:
            nonlocal most
            most = max(most, sender.deliveries.figures.letters)
            return 200

        receiver.answer = answer
        sender.add(receiver.url(), start=BEGINNING, policy=Policy(retry=QUICK, concurrency=2))
        sender.add(receiver.url("/other"), start=BEGINNING)
        for n in range(4):
            sender.logbook.append("me", "mine", [Draft.of("note/mine", f"k{key}", {"n": n}) for key in range(40)])
        await until(lambda: len(receiver.heard) == 320)
        for path in ("/", "/other"):
            for key in range(40):
                assert [0, 1, 2, 3] == [heard.n for heard in receiver.heard if heard.path == path and heard.key == f"k{key}"]
        assert most <= 16


async def test_a_failing_receiver_holds_few_letters_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is down what it misses stays in the log; when it is back, all of it comes."""
    monkeypatch.setattr(lane, "MOST", 5)
    monkeypatch.setattr(sorter, "MOST", 5)
    async with listening(500) as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        for n in range(50):
            sender.put(f"k{n}", n)
        await until(lambda: len(receiver.heard) > 20)
        assert sender.deliveries.progress(made)["waiting"] <= 5
        assert sender.deliveries.progress(made)["failing"]
        receiver.answer = 200
        await until(lambda: list(sender.kinds(made).values()) == ["delivered"] * 50)
        assert sender.deliveries.progress(made)["failing"] is None


async def test_one_process_delivers_at_a_time(tmp_path: Path) -> None:
    """While another holds the lease nothing is sent; once it has ended, this one goes on."""
    process, told = crashing.started(crashing.hold_lease, tmp_path, "deliveries")
    assert await asyncio.to_thread(told.recv)
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        sender.put("a", 1)
        process.kill()
        process.join()
        await until(lambda: sender.kinds(made) == {"me/mine:1": "delivered"})
        assert 1 == len(receiver.heard)


async def test_a_store_that_refuses_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered is written when there is room again, and sent once."""
    refused, write = 0, Logbook.write

    def refusing(self: Logbook, connection: object, log: str, *more: object, **named: object) -> object:
        nonlocal refused
        if log == "system/delivery" and refused < 2:
            refused += 1
            raise StorageError("the disk is full; free some space")
        return write(self, connection, log, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Logbook, "write", refusing)
    async with listening() as receiver, sending(tmp_path) as sender:
        made = sender.add(receiver.url())
        sender.put("a", 1)
        await until(lambda: sender.kinds(made) == {"me/mine:1": "delivered"})
        assert (2, 1) == (refused, len(receiver.heard))


async def test_names_that_are_never_found_keep_no_answer_from_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads that look names up wait: outcomes are written all the same, and a receiver that is gone is switched off."""
    monkeypatch.setattr(delivery, "NAMES", 2)
    found = threading.Event()

    def lookup(host: str, port: int) -> list[str]:
        found.wait()
        return ["127.0.0.1"]

    async with listening(lambda heard: 410 if heard.path == "/gone" else 200) as receiver, sending(tmp_path, start=False) as sender:
        try:
            for n in range(4):
                sender.add(receiver.url(host=f"slow{n}.example"))
            gone, well = sender.add(receiver.url("/gone")), sender.add(receiver.url("/well"))
            sender.put("a", 1)
            sender.deliveries.start(Guard(LOOPBACK, lookup))
            await until(lambda: sender.subscriptions.get(gone.id).status == "disabled")
            sender.put("b", 2)
            await until(lambda: list(sender.kinds(well).values()) == ["delivered"] * 2)
        finally:
            found.set()


async def test_a_clock_that_was_ahead_delays_nothing(tmp_path: Path) -> None:
    """What failed while the clock was a year ahead is tried again when it is right, not in a year."""
    ahead, answers = [timedelta(days=365)], [500]
    async with listening(lambda _: answers[0]) as receiver, sending(tmp_path, clock=lambda: datetime.now(UTC) + ahead[0]) as sender:
        made = sender.add(receiver.url(), policy=Policy(retry=Schedule((600.0,))))
        sender.put("a", 1)
        await until(lambda: "failed" in sender.kinds(made).values())
        answers[0], ahead[0] = 200, timedelta()
        await until(lambda: "delivered" in sender.kinds(made).values())


async def test_a_replay_at_the_original_pace_keeps_the_pauses(tmp_path: Path) -> None:
    """What was appended half a second apart comes half a second apart again."""
    times: list[float] = []
    moments = [datetime.now(UTC) - timedelta(seconds=10), datetime.now(UTC) - timedelta(seconds=9.5)]

    def answer(heard: Heard) -> int:
        times.append(time.monotonic())
        return 200

    async with listening(answer) as receiver, sending(tmp_path, start=False, log_clock=lambda: moments[0]) as sender:
        made = sender.add(receiver.url())
        sender.put("a", 1)
        moments.pop(0)
        sender.put("b", 2)
        sender.deliveries.start(Guard(LOOPBACK))
        await until(lambda: len(times) == 2)
        asked = time.monotonic()
        sender.subscriptions.replay(made.id, Start(position=1), pace="original")
        await until(lambda: len(times) == 4)
        assert [1, 2] == [heard.n for heard in receiver.heard[2:]]
        assert times[3] - asked >= 0.5


async def test_receivers_that_are_down_do_not_slow_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside one that refuses and one that hangs the others are served all the same; by how much slower is told, not judged."""
    took: dict[str, float] = {}

    async def answer(heard: Heard) -> int:
        if heard.path == "/hang":
            await asyncio.sleep(20)
        return 200

    for name in ("alone", "beside"):
        async with listening(answer) as receiver, sending(tmp_path / name, limit=5) as sender:
            made = [sender.add(receiver.url(f"/{n}")) for n in range(3)]
            if name == "beside":
                sender.add(receiver.url("/hang"))
                sender.add("http://127.0.0.1:9998/", policy=Policy(retry=Schedule((0.05,) * 50)))
            sender.put("first", 0)
            await until(lambda made=made, sender=sender: all(sender.kinds(each) for each in made))  # type: ignore[misc]
            start = time.monotonic()
            for page in range(10):
                sender.logbook.append("me", "mine", [Draft.of("note/mine", f"{page} {n}", {"n": n}) for n in range(30)])
            await until(lambda receiver=receiver: sum(heard.path != "/hang" for heard in receiver.heard) == 903)  # type: ignore[misc]
            took[name] = time.monotonic() - start
    with capsys.disabled():
        print(f"\n  900 deliveries took {took['alone']:.2f} s, beside receivers that are down {took['beside']:.2f} s")


async def test_terms_over_a_collection_are_about_its_objects(tmp_path: Path) -> None:
    """A contact that two sources tell of is one thing, which enters, changes in and leaves the set."""
    async with listening() as receiver:
        with Locker(tmp_path, keys=tmp_path / "keys") as locker:
            made, _ = locker.subscriptions.add(
                "me", Filter(("me",), types=("contact",), terms="[age:21+., bio:'node.js']"), Receiver(receiver.url())
            )
            locker.start()
            locker.guard = type(locker.guard)(LOOPBACK)
            locker.deliver()
            for age, bio in ((20, "Uses node.js daily"), (21, "Uses node.js daily"), (22, "uses NODE.JS"), (22, "node and js")):
                body = {"name": "A", "emails": ["a@example.com"], "age": age, "bio": bio}
                await asyncio.to_thread(locker.push, "me", "mine", [{"type": "contact/mine", "key": "1", "body": body}])
                await asyncio.to_thread(locker.catch_up)
            await until(lambda: len(receiver.heard) == 3)
            await asyncio.to_thread(locker.stop)
            assert ["entered", "changed", "left"] == [heard.said["change"] for heard in receiver.heard]
            assert {"contact:1"} == {heard.said["record"].get("reference") or heard.said["record"]["id"] for heard in receiver.heard}
            assert made.filter.sources == ("contact",)


async def test_a_subscription_may_begin_before_the_log_and_not_in_the_future(tmp_path: Path) -> None:
    """One hears everything; the other is refused, for nobody knows yet where that is."""
    async with listening() as receiver, sending(tmp_path) as sender:
        sender.put("a", 1)
        sender.add(receiver.url(), start=Start(time="2001-01-01T00:00:00.000000Z"))
        await until(lambda: len(receiver.heard) == 1)
        with pytest.raises(Invalid, match="future"):
            sender.add(receiver.url(), start=Start(time="2999-01-01T00:00:00.000000Z"))
