"""Deliveries as a state machine: whatever is appended, fails, is paused, replayed, killed and started again, nothing is lost and nothing goes backwards."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from locker.clock import system_clock
from locker.dispatcher import Dispatcher, Figures
from locker.draft import Draft
from locker.filter import Filter
from locker.lane import LEAST_UNWRITTEN
from locker.log import Logbook
from locker.receiver import Receiver
from locker.record import Record
from locker.retry import Schedule
from locker.signature import ID
from locker.subscribing import Subscriptions
from locker.subscription import BEGINNING, NOW, Policy, Start, State, Subscription
from locker.vault import Vault
from locker.verdict import Answer

KEYS = st.sampled_from(["a", "b", "c"])
SOON = Schedule((0.001,) * 20 + (0.02,) * 80)
DEADLINE = 30.0
FILTER = Filter(("me",), ("mine",))


@dataclass(slots=True)
class Told:
    """What one receiver was told: (message, key, position), in the order of arrival; *sworn* are the messages that it acknowledged."""

    arrived: list[tuple[str, str, int]] = field(default_factory=list)
    sworn: list[str] = field(default_factory=list)
    fails: bool = False


class FakeCourier:
    """Carries to receivers in memory; now and then an answer takes a while, or is lost on its way back."""

    def __init__(self, receivers: dict[str, Told], chance: random.Random) -> None:
        self._receivers, self._chance = receivers, chance

    async def send(self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, hide: object = str) -> Answer:
        """What a ``Courier`` does."""
        told, record = self._receivers[url.rpartition("/")[2]], orjson.loads(body)["record"]
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        if told.fails and self._chance.random() < 0.5:
            return Answer(status=500)
        message = dict(headers)[ID]
        told.arrived.append((message, record["key"], int(message.split("_")[2])))
        if told.fails:
            return Answer(error="cut off")
        told.sworn.append(message)
        return Answer(status=200)


class Machine(RuleBasedStateMachine):
    """One store, some subscriptions, and a dispatcher that dies and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="locker-machine-")
        self.loop = asyncio.new_event_loop()
        self.chance = random.Random(5)
        self.logbook = Logbook(Path(self.folder.name) / "log.sqlite")
        self.vault = Vault(self.folder.name, Path(self.folder.name) / "keys")
        self.subscriptions = Subscriptions(self.logbook, self.vault)
        self.receivers: dict[str, Told] = {}
        self.made: dict[str, Subscription] = {}
        self.started: dict[str, int] = {}
        self.records: list[Record] = []
        self.running: asyncio.Task[None] | None = None
        self.stopping = asyncio.Event()
        self.kills = 0
        self.n = 0

    def wait(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Let the loop run."""
        self.loop.run_until_complete(coroutine)

    @initialize()
    def begin(self) -> None:
        """The dispatcher runs, and somebody listens from the start."""
        self.subscribe("all", from_beginning=True)
        self.start()

    @precondition(lambda self: self.running is None)
    @rule()
    def start(self) -> None:
        """A process begins to deliver."""
        courier: Any = FakeCourier(self.receivers, self.chance)
        dispatcher = Dispatcher(
            self.logbook, self.subscriptions, courier, {}, lease=None, clock=system_clock, random=self.chance.random, figures=Figures()
        )
        self.stopping = asyncio.Event()
        self.running = self.loop.create_task(dispatcher.run(self.stopping))

    @precondition(lambda self: self.running is not None)
    @rule()
    def kill(self) -> None:
        """It dies at once: what it did not write is forgotten."""
        assert self.running
        self.kills += 1
        self.running.cancel()
        self.wait(self._ended())

    @precondition(lambda self: self.running is not None)
    @rule()
    def stop(self) -> None:
        """It ends as it should."""
        self.stopping.set()
        self.wait(self._ended())

    async def _ended(self) -> None:
        assert self.running
        with suppress(asyncio.CancelledError):
            await self.running
        self.running = None

    @precondition(lambda self: len(self.made) < 4)
    @rule(state=st.sampled_from(["all", "last"]), from_beginning=st.booleans())
    def subscribe(self, state: State, from_beginning: bool) -> None:
        """One more receiver."""
        name = str(len(self.made))
        self.receivers[name] = Told()
        self.made[name], _ = self.subscriptions.add(
            "me", FILTER, Receiver(f"http://hook.example/{name}"), delivery=Policy(retry=SOON, state=state, concurrency=2),
            start=BEGINNING if from_beginning else NOW,
        )  # fmt: skip
        self.started[name] = 0 if from_beginning else self.logbook.position

    @rule(changes=st.lists(st.tuples(KEYS, st.booleans()), min_size=1, max_size=5))
    def append(self, changes: list[tuple[str, bool]]) -> None:
        """Things change, end, and come back."""
        for key, gone in changes:
            self.n += 1
            self.logbook.append("me", "mine", [Draft.of("note/mine", key, None if gone else {"n": self.n})])
        known = self.records[-1].version if self.records else 0
        self.records += self.logbook.records("me", "mine", gt=known)

    @rule(which=st.integers(0, 3))
    def switch(self, which: int) -> None:
        """A receiver breaks, or works again."""
        if told := self.receivers.get(str(which)):
            told.fails = not told.fails

    @rule(which=st.integers(0, 3))
    def pause(self, which: int) -> None:
        """Somebody wants peace, or goes on."""
        if made := self.made.get(str(which)):
            active = self.subscriptions.get(made.id).is_active
            self.subscriptions.set(made.id, "paused" if active else "active")

    @rule(which=st.integers(0, 3), back=st.integers(0, 10))
    def replay(self, which: int, back: int) -> None:
        """Somebody wants to hear some of it again."""
        if made := self.made.get(str(which)):
            self.subscriptions.replay(made.id, Start(position=max(0, self.logbook.position - back)))

    @rule(times=st.integers(1, 60))
    def pass_time(self, times: int) -> None:
        """The loop turns some times."""

        async def turns() -> None:
            for _ in range(times):
                await asyncio.sleep(0.0002)

        self.wait(turns())

    def teardown(self) -> None:
        """In the end everything works again: then everything arrives, and arrived in order."""
        try:
            for name, made in self.made.items():
                self.receivers[name].fails = False
                self.subscriptions.resume(made.id)
            if self.running is None:
                self.start()
            self.wait(self._arrive())
            self.stop()
            self._check()
        finally:
            if self.running:
                self.kill()
            self.loop.close()
            self.vault.close()
            self.logbook.close()
            self.folder.cleanup()

    async def _arrive(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while missing := {name: found for name in self.made if (found := self._missing(name))}:
            assert self.running is not None
            if self.running.done():
                self.running.result()
            assert time.monotonic() < deadline, f"never acknowledged: {missing}"
            await asyncio.sleep(0.001)

    def _missing(self, name: str) -> set[int]:
        """Positions that a receiver must have acknowledged and did not: every revision after its start, or the newest of each thing.

        Whether it hears of an end depends on whether it had heard of the thing: of that only the machine's order is checked.
        """
        after = [record for record in self.records if record.position > self.started[name]]
        if self.made[name].delivery.state == "last":
            after = list({record.key: record for record in after}.values())
        told = {int(message.split("_")[2]) for message in self.receivers[name].sworn}
        return {record.position for record in after if record.op != "delete"} - told

    def _check(self) -> None:
        for name, told in self.receivers.items():
            epochs: dict[tuple[str, str], list[int]] = {}
            for message, key, position in told.arrived:
                epoch = "_".join(message.split("_")[3:])
                epochs.setdefault((epoch, key), []).append(position)
            for (epoch, key), positions in epochs.items():
                assert sorted(positions) == positions, f"{name} heard of {key} out of order in epoch {epoch!r}: {positions}"
            again = len(told.sworn) - len(set(told.sworn))
            assert again <= self.kills * LEAST_UNWRITTEN, f"{name} was told {again} times again of what it had acknowledged"
            assert {record.position for record in self.records} >= {position for *_, position in told.arrived}


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestMachine = Machine.TestCase
