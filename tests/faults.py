"""
The fault test: a sender that is killed again and again, receivers that refuse, hang, fail, cut, lie, dawdle and restart; and what must hold all the same.

Short in the test suite, long as ``make soak`` (``python -m tests.faults --kills 50``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import ClientTimeout, web

from locker.delivery import Deliveries
from locker.draft import Draft
from locker.filter import Filter
from locker.guard import Guard
from locker.log import Logbook
from locker.receiver import Receiver
from locker.retry import Schedule
from locker.signature import key_of, verify
from locker.subscribing import Subscriptions
from locker.subscription import BEGINNING, Policy, Subscription
from locker.vault import Vault
from tests import crashing
from tests.receiving import LOOPBACK, Heard, Listening

KEYS = 30
SENDER_SECONDS = 0.4
"""The sender's patience with a receiver."""
SCHEDULE = Schedule((0.02, 0.05, 0.1, *([0.3] * 97)))
FAULTS = ("fail", "busy", "cut", "cut after", "lie", "dawdle", "hang", "redirect", "long")


def deliver(folder: Path, told: Connection) -> None:
    """Deliver until told to stop, or killed."""
    with Logbook(folder / "log.sqlite") as logbook:
        subscriptions = Subscriptions(logbook, Vault(folder, folder / "keys"))
        deliveries = Deliveries(logbook, subscriptions, {}, timeout=ClientTimeout(total=SENDER_SECONDS))
        deliveries.start(Guard(LOOPBACK))
        told.send("ready")
        with suppress(EOFError):
            told.recv()
        deliveries.stop()
        told.send("stopped")


@dataclass(slots=True)
class Witness:
    """What one receiver was told: for each key the versions of its records, in the order of their arrival; *sworn* are those that it acknowledged."""

    key: bytes = b""
    arrived: dict[str, list[int]] = field(default_factory=dict)
    sworn: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def take(self, heard: Heard) -> int:
        """Note an arrival whose signature is good; its version."""
        verify(self.key, heard.headers, heard.raw, time.time())
        record = json.loads(heard.raw)["record"]
        version = int(record["id"].rpartition(":")[2])
        self.arrived.setdefault(record["key"], []).append(version)
        return version


@dataclass(slots=True)
class Report:
    """What a run found."""

    kills: int = 0
    records: int = 0
    arrivals: int = 0
    doubles: int = 0
    """Revisions that were sent again though their receiver had acknowledged them: the sender was killed before it wrote that down."""
    unacknowledged: int = 0
    """... and those that it had not."""
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.kills} kills, {self.records} records, {self.arrivals} arrivals; sent twice although acknowledged: {self.doubles}, "
            f"sent again unacknowledged: {self.unacknowledged}; faults: {faults}"
        )


class Faults:
    """One run: a store, receivers in this process, a sender in another."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.logbook = Logbook(folder / "log.sqlite")
        self.vault = Vault(folder, folder / "keys")
        self.subscriptions = Subscriptions(self.logbook, self.vault)
        self.witnesses: dict[str, Witness] = {}
        self.made: dict[str, Subscription] = {}
        self.versions: dict[str, list[int]] = {}
        self.report = Report()
        self.is_calm = False
        self.n = 0

    # -- receivers -----------------------------------------------------------------------------------

    def subscribe(self, name: str, url: str, policy: Policy | None = None) -> Witness:
        """A subscription to all notes, and who watches its receiver."""
        filter = Filter(("me",), ("mine",), ("note",))
        policy = policy or Policy(retry=SCHEDULE)
        made, secret = self.subscriptions.add("me", filter, Receiver(url), delivery=policy, start=BEGINNING)
        self.made[name] = made
        self.witnesses[name] = Witness(key_of(secret))
        return self.witnesses[name]

    async def answer(self, heard: Heard) -> web.StreamResponse | int:
        """What the receiver of a path does; each of *moody*'s faults one time in twenty."""
        witness = self.witnesses[heard.path.strip("/")]
        name = self.chance.choice(FAULTS) if heard.path == "/moody" and not self.is_calm and self.chance.random() < 0.4 else ""
        if heard.path == "/gone" and not self.is_calm and self.chance.random() < 0.01:
            name = "gone"
        if name:
            witness.faults[name] += 1
        if name in ("fail", "busy", "gone", "redirect"):
            return self._refusal(name)
        if name == "cut":
            return _Cut()
        version = witness.take(heard)
        if name == "cut after":
            return _Cut()
        if name == "lie":
            return _Liar()
        if name in ("hang", "dawdle"):
            await asyncio.sleep(SENDER_SECONDS * (1.5 if name == "hang" else self.chance.random() * 0.3))
        if name == "hang":
            return 200
        witness.sworn[version] += 1
        return web.Response(body=b"x" * (1 << 20)) if name == "long" else 200

    def _refusal(self, name: str) -> web.Response:
        headers = {"busy": {"Retry-After": "0"}, "redirect": {"Location": "/elsewhere"}}.get(name, {})
        return web.Response(status={"fail": 500, "busy": 429, "gone": 410, "redirect": 302}[name], headers=headers)

    async def raw(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A receiver without a web server: it may close at once, stop amid the headers, or talk nonsense."""
        witness = self.witnesses["raw"]
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if not self.is_calm and self.chance.random() < 0.2:
                witness.faults["closed at once"] += 1
            else:
                await self._raw(reader, writer, witness)
        writer.close()

    async def _raw(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, witness: Witness) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        body = await reader.readexactly(int(headers["Content-Length"]))
        version = witness.take(Heard("POST", "/raw", headers, body))
        nonsense = {
            "nonsense": b"\x00\x01\x02 what?\r\n\r\n",
            "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
            "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
            "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 50\r\n\r\nx",
            "no such status": b"HTTP/1.1 999999 OK\r\n\r\n",
            "short body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
        }
        name = "" if self.is_calm else self.chance.choice([*nonsense, *[""] * 12])
        if name:
            witness.faults[name] += 1
        else:
            witness.sworn[version] += 1
        writer.write(nonsense.get(name, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"))
        await writer.drain()

    # -- the course of things ------------------------------------------------------------------------

    def append(self) -> None:
        """Some revisions of some things; now and then one ends."""
        keys = self.chance.sample(range(KEYS), self.chance.randrange(1, 6))
        drafts = []
        for key in keys:
            self.n += 1
            gone = self.chance.random() < 0.05
            drafts.append(Draft.of("note/mine", f"k{key}", None if gone else {"n": self.n, "text": "x" * self.chance.randrange(300)}))
        for draft, outcome in zip(drafts, self.logbook.append("me", "mine", drafts), strict=True):
            if outcome.op is not None:
                self.versions.setdefault(draft.key, []).append(outcome.version)

    async def run(self, kills: int, quiet: float = 1.0) -> Report:
        """Append and kill, then wait until everything has arrived."""
        listening, restarting = Listening(answer=self.answer), await asyncio.start_server(self.raw, "127.0.0.1", 0)
        await listening.server.start_server()
        port = restarting.sockets[0].getsockname()[1]
        for name in ("good", "second", "moody", "gone"):
            self.subscribe(name, listening.url(f"/{name}"))
        self.subscribe("raw", f"http://127.0.0.1:{port}/raw")
        self.made["down"], _ = self.subscriptions.add(
            "me", Filter(("me",)), Receiver("http://127.0.0.1:9999/"), delivery=Policy(retry=SCHEDULE)
        )
        for _ in range(kills):
            restarting = await self._round(restarting, port, quiet)
        self.is_calm = True
        process, told = crashing.started(deliver, self.folder)
        try:
            await self._arrive()
            told.send("stop")
            assert "ready" == told.recv()
            assert "stopped" == told.recv()
        finally:
            process.kill()
            process.join()
            restarting.close()
            await listening.server.close()
        self._check()
        return self.report

    async def _round(self, restarting: asyncio.Server, port: int, quiet: float) -> asyncio.Server:
        """Append for a while beside a sender, restart a receiver, and kill the sender at some moment."""
        process, told = crashing.started(deliver, self.folder)
        await asyncio.to_thread(told.poll, 10)
        until = time.monotonic() + quiet * (0.3 + self.chance.random())
        while time.monotonic() < until:
            await asyncio.to_thread(self.append)
            self._switch_on()
            await asyncio.sleep(self.chance.random() * 0.05)
        if self.chance.random() < 0.3:
            self.witnesses["raw"].faults["restarted"] += 1
            restarting.close()
            await asyncio.sleep(0.05)
            restarting = await asyncio.start_server(self.raw, "127.0.0.1", port)
        process.kill()
        await asyncio.to_thread(process.join)
        self.report.kills += 1
        return restarting

    def _switch_on(self) -> None:
        """Go on with a subscription that a 410 switched off."""
        for name, made in self.made.items():
            if name != "down" and self.subscriptions.get(made.id).status == "disabled":
                self.subscriptions.resume(made.id)

    async def _arrive(self) -> None:
        deadline = time.monotonic() + 120
        while any(self._missing(witness) for witness in self.witnesses.values()):
            assert time.monotonic() < deadline, {name: self._missing(witness) for name, witness in self.witnesses.items()}
            self._switch_on()
            await asyncio.sleep(0.02)

    def _missing(self, witness: Witness) -> list[tuple[str, int]]:
        """The newest revisions that are not acknowledged; the end of a thing that was never told of is none."""
        return [(key, found[-1]) for key, found in self.versions.items() if found[-1] not in witness.sworn]

    def _check(self) -> None:
        """Nothing was lost, nothing went backwards; count what came twice."""
        for name, witness in self.witnesses.items():
            for key, found in self.versions.items():
                arrived = witness.arrived.get(key, [])
                assert sorted(arrived) == arrived, f"{name} heard of {key} out of order: {arrived}"
                assert set(found) == set(arrived), f"{name} never heard of {sorted(set(found) - set(arrived))} of {key}"
                self.report.arrivals += len(arrived)
                for version, times in Counter(arrived).items():
                    sworn = witness.sworn[version]
                    self.report.doubles += max(0, sworn - 1)
                    self.report.unacknowledged += times - max(1, sworn)
            self.report.faults += witness.faults
        self.report.records = sum(map(len, self.versions.values()))

    def close(self) -> None:
        """Close the store."""
        self.vault.close()
        self.logbook.close()


class _Cut(web.Response):
    """Ends the connection instead of answering."""

    async def prepare(self, request: web.BaseRequest) -> None:
        assert request.transport is not None
        request.transport.abort()


class _Liar(web.StreamResponse):
    """Promises a long body and ends after a few bytes."""

    async def prepare(self, request: web.BaseRequest) -> None:
        self.content_length = 1000
        await super().prepare(request)
        await self.write(b"short")
        assert request.transport is not None
        request.transport.abort()


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Kill a sender among failing receivers; nothing may be lost."
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3, help="how often, each with a seed of its own")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    for seed in range(chosen.seed, chosen.seed + chosen.rounds):
        with tempfile.TemporaryDirectory(prefix="locker-faults-") as folder:
            faults = Faults(Path(folder), seed)
            print(f"seed {seed}: {asyncio.run(faults.run(chosen.kills))}")
            faults.close()


if __name__ == "__main__":
    main()
