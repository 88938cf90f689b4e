"""
Plays a service to a connector through the real sync, in a locker of its own that is thrown away, with a clock that nobody has to wait for.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from .application import Applications
from .authorisation import ApiKey, Authorisation, Basic, Bearer, OAuth1, OAuth2
from .clock import system_clock
from .connection import Connections
from .connector import Fetching, Item, Page, Session, Stream, Walk
from .guard import Guard
from .log import LOG_FILE, Logbook
from .paging import Paging
from .reach import Reach, patient
from .record import loads
from .sample import Samples
from .stand_in import Call, StandIn
from .sync import Collected, Syncing
from .vault import Vault

OWNER, PAGES, PATIENCE = "me", 3, 30.0
TOKEN = "sample-token-8f14e45f"  # noqa: S105 - of nobody
SECRETS = {"username": "sample-user", "password": "sample-password-c9f0f895"}


class Killed(BaseException):
    """The process ended here, as it were."""


class Rehearsal:
    """A locker with one connection to a stand-in, while it is entered."""

    def __init__(
        self, connector: Fetching, samples: Samples, *, patience: float = PATIENCE, auth: tuple[Authorisation, ...] | None = None
    ) -> None:
        self.connector = shrunk(connector, samples)
        if auth is not None:
            vars(self.connector)["auth"] = auth
        self._samples, self._patience, self._later = samples, patience, timedelta()
        self.stand_in = StandIn(self.connector, samples, lambda: self.clock().timestamp())
        self.token = TOKEN
        self.stand_in.lets_in = self._lets_in
        self._left: int | None = None

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory()
        self.stand_in.__enter__()
        self._open()
        self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()
        self.stand_in.__exit__(kind, error, trace)
        self._folder.cleanup()

    def clock(self) -> datetime:
        """The machine's clock, and what was waited."""
        return system_clock() + self._later

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._later += timedelta(seconds=seconds)

    # -- running -------------------------------------------------------------------------------------------

    def connect(self, **secrets: str) -> None:
        """Make the connection, or give it new secrets."""
        samples, connector = self._samples, self.connector
        options = {one.name: f"sample-{one.name}" for one in connector.asks if one.required and not one.secret} | dict(samples.options)
        hidden = {one.name: f"sample-{one.name}" for one in connector.asks if one.secret} | dict(samples.secrets)
        self._connections.add(
            OWNER, connector.name, base_url=self.stand_in.base_url, options=options, trusted=True,
            secrets={**secrets_for(connector.auth, self.token), **hidden, **secrets},
            account=None if connector.who else samples.account,
        )  # fmt: skip

    def run(self, *streams: str, whole: bool = False, pages: int | None = None) -> Collected:
        """One run of some streams, else of all; killed once so many *pages* were taken."""
        self._left = pages
        names = streams or tuple(stream.name for stream in self.connector.streams)
        return asyncio.run(self._syncing.run(OWNER, self.connector.name, streams=names, whole=whole))

    def run_until_well(self, most: int = 8) -> Collected:
        """Run again, each time when it is due, until nothing is wrong; the last run."""
        for _ in range(most):
            report = self.run()
            if not report.error and not report.unreadable and all(stream.outcome in ("done", "unchanged") for stream in report.streams):
                break
            due = datetime.fromisoformat(report.due) if report.due else self.clock()
            self.wait(max(1.0, (due - self.clock()).total_seconds()))
        return report

    def reopen(self, patience: float | None = None) -> None:
        """Close the locker and open it again, as the next process does."""
        self._patience = patience or self._patience
        self._close()
        self._open()

    def shown(self) -> dict[tuple[str, str], str]:
        """What lives in the log now: body by type and key."""
        heads = self._logbook.heads(OWNER, self.connector.name, after=("", ""), limit=1_000_000, offset=0, type=None)
        records = {record.version: record for record in self._logbook.records(OWNER, self.connector.name)}
        return {(head.type, head.key): records[head.newest].text or "" for head in heads}

    def items(self) -> list[Item]:
        """The same as items."""
        return [Item(type.partition("/")[0], key, loads(text)) for (type, key), text in self.shown().items()]

    def files(self) -> Mapping[str, bytes]:
        """Every file of the locker, by name; not the vault."""
        folder = Path(self._folder.name)
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and not path.name.startswith("vault")}

    # -- inside ---------------------------------------------------------------------------------------------

    def _open(self) -> None:
        folder = Path(self._folder.name)
        guard = Guard((ip_network("127.0.0.0/8"),))
        self._logbook = Logbook(folder / LOG_FILE, clock=self.clock)
        self._vault = Vault(folder, folder / "keys")
        connectors = {self.connector.name: killable(self.connector, self._kill)}
        self._connections = Connections(self._logbook, self._vault, connectors, clock=self.clock)
        reaching: Callable[[Guard], Reach] = patient(self._patience)
        self._syncing = Syncing(
            self._logbook, self._connections, guard, Applications(), clock=self.clock, sleep=self._sleep, reaching=reaching
        )  # fmt: skip

    def _close(self) -> None:
        self._vault.close()
        self._logbook.close()

    async def _sleep(self, seconds: float) -> None:
        self.wait(seconds)
        await asyncio.sleep(0)

    def _kill(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        return self._left < 0

    def _lets_in(self, call: Call) -> bool:
        return not self.connector.auth or shows(call, self.token)


def shows(call: Call, token: str) -> bool:
    """Whether a request carries a token, or the sample user's password."""
    pair = base64.b64encode(f"{SECRETS['username']}:{SECRETS['password']}".encode()).decode()
    sent = [*call.headers.values(), *call.params.values()]
    return any(token in value or pair in value or SECRETS["password"] in value for value in sent)


def secrets_for(auth: tuple[Authorisation, ...], token: str) -> dict[str, str]:
    """Secrets for the way that is simplest to play."""
    kinds = {type(how) for how in auth}
    if kinds & {Bearer, ApiKey}:
        return {"token": token}
    if OAuth2 in kinds:
        return {"token": token, "method": "oauth2"}
    if OAuth1 in kinds:
        return {"token": token, "token_secret": "sample", "method": "oauth1", "client_id": "sample", "client_secret": "sample"}
    return {name: SECRETS[name] for name in ("username", "password")} if Basic in kinds else {}


def shrunk(connector: Fetching, samples: Samples) -> Fetching:
    """The same connector with pages so small that each stream's samples fill several, and at a pace that nobody has to wait for."""
    made = copy(connector)
    streams = tuple(
        _smaller(stream, len(samples.streams[stream.name].items)) if stream.name in samples.streams else stream
        for stream in connector.streams
    )
    vars(made)["streams"], vars(made)["pace"] = streams, replace(connector.pace, requests=1_000_000)
    return made


def killable(connector: Fetching, is_over: Callable[[], bool]) -> Fetching:
    """The same connector, whose process ends before a page when *is_over* says so."""
    made = copy(connector)

    async def fetch(session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        async for page in connector.fetch(session, stream, walk):
            if is_over():
                raise Killed
            yield page

    vars(made)["fetch"] = fetch
    return made


def _smaller(stream: Stream, count: int) -> Stream:
    paging: Any = stream.paging
    size = max(1, count // PAGES)
    smaller: Paging = replace(paging, size=min(size, paging.size)) if hasattr(paging, "size") else paging
    return replace(stream, paging=smaller)
