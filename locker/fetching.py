"""
What a connector says about a service that is asked over the network: its streams, as data, and what its requests and pages look like.

``connector.py`` is the door: it re-exports all of this beside ``Fetching``, the class that a connector extends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from .error import Retriable
from .item import Item, Problem
from .paging import Once, Paging

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that a connection can be told (``locker connect hackernews --option username=pg``).  A *secret* is kept in the vault.

    One that names the *account* itself is the fact ``id``: where it is given, the service is not asked whose account it is (a key may open public lists
    and know nobody).  *of_source*: unless told, it is what stands behind the first dot of the source's name (``singer.tap-github``).
    """

    name: str
    help: str
    required: bool = False
    secret: bool = False
    account: bool = False
    of_source: bool = False
    default: str = ""


def told_by(asks: Sequence[Option], source: str) -> dict[str, str]:
    """The options that the name of a source tells."""
    part = source.split(".")[1:2]
    return {option.name: part[0] for option in asks if option.of_source and part}


def named(asks: Sequence[Option], options: Mapping[str, str]) -> dict[str, str]:
    """The facts of the account that an option names; empty if none does."""
    return next(({"id": value} for one in asks if one.account and (value := options.get(one.name))), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """The request that tells whose account a token is: *path*, and JMESPaths from facts that streams need (``{id}``, ``{username}``) to its answer.

    The fact ``id`` must be there and must never change while the account is the same.
    """

    path: str
    facts: Mapping[str, str] = field(default_factory=lambda: {"id": "id"})
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """How a list is asked for what is new: *param* takes the greatest value (numbers as numbers, else as text) at *path* that the last walk saw.

    *overlap* seconds are taken off a moment, so that rows that were written late are not lost; ids have none.
    """

    param: str
    path: str
    overlap: float = 0.0
    kind: Literal["id", "iso", "epoch"] = "id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One list of a service: where it is, how it is paged, what its items are.

    *path*, *params* and *headers* may hold facts of the account and options of the connection: ``/users/{username}/events``.  *type* is the primary type of its items;
    *items* is the JMESPath of the list in an answer (one that a service leaves out when it is empty: ``data || `[]```), *key* that of an item's id within it
    (numbers become text; of several, ``[owner, id]``, one text).

    *order* decides what a run does when nothing is known to be unfinished: a list that is ``newest`` first is read until *overlap* pages in a row
    brought nothing new; with *since* only what is new is asked for; any other is walked whole.  A list that is *whole* (a walk to its end shows all
    there is) is swept every *sweep* seconds, and what it lacks then is deleted, marked as inferred.  *every* is how often it is looked at.
    *cost* is what one of its requests takes of the budget; None: what the connector's pace says.  A stream that is not *default* runs only when asked for.
    """

    name: str
    type: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    items: str = "@"
    key: str = "id"
    paging: Paging = field(default_factory=Once)
    order: Literal["newest", "any"] = "any"
    since: Since | None = None
    overlap: int = 1
    whole: bool = True
    sweep: float = DAY
    every: float = HOUR / 4
    cost: float | None = None
    default: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered: *headers* have lower-case names, *body* is decompressed, *url* is the last one asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """The body as JSON.  Raises Retriable if it is none: a truncated answer is asked for again."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Retriable(f"{self.url.partition('?')[0]} answers {len(self.body)} bytes that are no JSON: {error}") from error

    def text(self) -> str:
        """The body as text: UTF-8, else Latin-1."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            return self.body.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Walk:
    """What a run of one stream goes on from.

    *step* is where the last page of an unfinished walk left off, None at a walk's beginning; *since* is what the last finished walk left, None if
    there was none; *whole* asks to walk all there is, whatever *since* says (the initial walk, a backfill, a sweep).
    """

    step: Any = None
    since: Any = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, appended together with what comes next: *step* (plain JSON) to go on from, None if this was the last page of the walk.

    *since* (plain JSON) is what the next walk begins from once this one is finished, or left early because nothing new came.  A Problem in a walk is
    something that could not be read, so nothing is taken for missing at its end.  *unchanged* says that the service had nothing new at all
    (304 Not Modified): the walk ends and nothing is taken for missing.
    """

    items: Sequence[Item | Problem]
    step: Any = None
    since: Any = None
    unchanged: bool = False


class Session(Protocol):
    """What a connector asks through: it signs, waits, keeps to the budget, retries what is worth it, and lets nothing out but to the service.

    ``account`` are the facts of ``Who`` and ``options`` what the connection was told, as text; ``base_url`` has no slash at its end.
    """

    @property
    def account(self) -> Mapping[str, str]: ...

    @property
    def options(self) -> Mapping[str, str]: ...

    @property
    def base_url(self) -> str: ...

    async def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None, *, accept: Sequence[int] = ()
    ) -> Answer:
        """GET a path of the base URL, or a whole URL of its host.

        Statuses from 200 to 299 and those of *accept* are answered.  Any other raises what it means: Unauthorized (401), Skippable (403, 404, 410 and 451: this
        stream is not for this account), Retriable (429 and 5xx, when trying again did not help), Fatal (the rest).
        """
        ...

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        accept: Sequence[int] = (),
        cost: float | None = None,
    ) -> Answer:
        """Any other request, by the same rules (DAV's REPORT, an XML-RPC POST); it must be safe to send twice."""
        ...

    def secret(self, name: str) -> str:
        """A secret of the connection (``token``, ``username``, ``password``, a secret option), for protocols that are no HTTP.  Raises Unauthorized if there is none."""
        ...

    async def address(self, host: str, port: int) -> str:
        """The one address that may be connected to for a host, for protocols that are no HTTP.  Raises Forbidden, Invalid or Unavailable."""
        ...

    def program(self, name: str) -> Path:
        """A program that the operator installed, for a connector that ``runs_programs``.  Raises Forbidden unless the operator's setting allows it."""
        ...
