"""
The contenders of the deliveries' bench: a locker's deliveries, and a bare loop of POSTs by the same client library.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp

from locker.delivery import Deliveries
from locker.filter import Filter
from locker.guard import Guard
from locker.locker import Locker
from locker.log import Draft
from locker.notification import Notification, Plain
from locker.receiver import Receiver
from locker.subscribing import Subscriptions
from locker.subscription import Policy

from . import people
from .measure import Run

CONCURRENCY = 32
LOOPBACK = Guard((ip_network("127.0.0.0/8"),))
WAIT_SECONDS = 60.0


class Memory:
    """A vault in memory: what is measured is not how secrets come into it."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def put(self, name: str, secret: str) -> None:
        self._secrets[name] = secret

    def get(self, name: str) -> str | None:
        return self._secrets.get(name)


def drafts(count: int) -> list[Draft]:
    """So many notes of the size of a contact; each key is the moment when it was made."""
    return [Draft.of("note/bench", str(time.time_ns()), {**people.contact(n), "n": n}) for n in range(count)]


def deliver(folder: Path, port: int, subscriptions: int, records: int) -> dict[str, Run]:
    """Append records and deliver each to so many subscriptions; from the append to the last outcome in the store."""
    with Locker(folder) as locker:
        deliveries = _subscribed(locker, port, subscriptions)
        locker.start()
        deliveries.start(LOOPBACK)
        total, run, page = subscriptions * records, Run(), drafts(records)
        _until(lambda: deliveries.figures.lanes == subscriptions or _lanes(locker) == subscriptions)
        with run.watch(total):
            for start in range(0, records, 100):
                locker.logbook.append("me", "bench", page[start : start + 100])
            _until(lambda: locker.logbook.count("system", "delivery") >= total)
        deliveries.stop()
    return {f"deliver {subscriptions}": run}


def deliver_paced(folder: Path, port: int, rate: int, seconds: float) -> dict[str, Run]:
    """Append at a steady rate to one subscription; the receiver knows how long each took."""
    with Locker(folder) as locker:
        deliveries = _subscribed(locker, port, 1)
        locker.start()
        deliveries.start(LOOPBACK)
        _until(lambda: _lanes(locker) == 1)
        total, run, waiting = int(rate * seconds), Run(), []
        asyncio.run(_times(port))
        with run.watch(total):
            start = time.perf_counter()
            for n in range(total):
                time.sleep(max(0.0, start + n / rate - time.perf_counter()))
                waiting.append(locker.logbook.submit("me", "bench", drafts(1)))
            _until(lambda: locker.logbook.count("system", "delivery") >= total)
        deliveries.stop()
        times = asyncio.run(_times(port))
    run.more = {"median": median(times), "p99": quantiles(times, n=100)[-1]}
    return {"paced": run}


def post(folder: Path, port: int, count: int, concurrency: int) -> dict[str, Run]:
    """The peer: the same bodies, POSTed by so many tasks that do nothing else; answers are read."""
    with Locker(folder) as locker:
        made = _subscribed(locker, port, 1)
        locker.logbook.append("me", "bench", drafts(min(count, 1000)))
        (subscription,) = made._subscriptions.list()
        records = locker.logbook.records("me", "bench", limit=count)
        bodies = [Plain().body(Notification("", subscription, record, "create")) for record in records]
    run = Run()
    asyncio.run(_post(f"http://127.0.0.1:{port}/", bodies, count, concurrency, run))
    return {f"post {concurrency}": run}


async def _post(url: str, bodies: list[bytes], count: int, concurrency: int, run: Run) -> None:
    left = iter(range(count))

    async def work(session: aiohttp.ClientSession) -> None:
        for n in left:
            async with session.post(url, data=bodies[n % len(bodies)], headers={"Content-Type": "application/json"}) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
        with run.watch(count):
            await asyncio.gather(*(work(session) for _ in range(concurrency)))


async def _times(port: int) -> list[float]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
        said: dict[str, Any] = await answer.json(content_type=None)
        return list(said["delays"])


def _subscribed(locker: Locker, port: int, count: int) -> Deliveries:
    memory: Any = Memory()
    subscriptions = Subscriptions(locker.logbook, memory)

    def add(n: int) -> None:
        receiver = Receiver(f"http://127.0.0.1:{port}/hooks/{n}")
        subscriptions.add("me", Filter(("me",), ("bench",)), receiver, delivery=Policy(concurrency=CONCURRENCY))

    with ThreadPoolExecutor(64) as threads:  # their commits are shared
        list(threads.map(add, range(count)))
    return Deliveries(locker.logbook, subscriptions, {})


def _lanes(locker: Locker) -> int:
    """How many lanes are in step."""
    return int(locker.logbook.read("SELECT count(*) FROM lanes WHERE position IS NULL")[0][0])


def _until(holds: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("the deliveries did not end")
        time.sleep(0.01)
