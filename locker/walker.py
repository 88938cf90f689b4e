"""
Walks a stream as it is declared: asks for page after page, takes the items out, and remembers what the next walk begins from.

A page's step holds all that is needed to go on after a crash, ``{"ask": <what the next request asks for>, "since": <what was learned so far>}``; it never
holds a credential.  A service that leads in circles ends the walk with an error, not never.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, unquote_plus, urljoin, urlsplit, urlunsplit

from .authorisation import ApiKey, Authorisation
from .error import Fatal, Skippable, Unauthorized
from .fetching import Answer, Option, Page, Session, Since, Stream, Walk
from .item import Item, Problem
from .paging import URL, Step
from .path import search, text

SAME, EMPTY = 3, 100
"""How often in a row a page may hold the same items, or none, before the walk is taken for one that goes in circles."""

_CREDENTIALS = re.compile(
    r"(?i)(access|oauth|auth|refresh|id)_?token|api_?key|oauth_\w+|(client_?)?secret|password|passwd|signature|authorization"
)
NAME = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")


class Declared(Protocol):
    """What the walker needs of a connector."""

    name: ClassVar[str]
    base_url: ClassVar[str]
    auth: ClassVar[tuple[Authorisation, ...]]
    asks: ClassVar[tuple[Option, ...]]

    def document(self, answer: Answer) -> Any: ...

    def entries(self, stream: Stream, document: Any) -> Any: ...

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None: ...


@dataclass(frozen=True, slots=True)
class Learned:
    """What the next walk begins from: the greatest *value* at the stream's ``Since.path``, and what the first answer said of its state."""

    value: str | int | None = None
    etag: str | None = None
    modified: str | None = None

    @classmethod
    def of(cls, kept: Any) -> Learned:
        """As it was kept; nothing, if an earlier version of the connector kept something else."""
        return cls(*(kept.get(name) for name in cls.__slots__)) if isinstance(kept, dict) else cls()

    def json(self) -> dict[str, Any] | None:
        """What is kept, as plain JSON; None if nothing was learned."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None} or None

    def conditions(self) -> dict[str, str]:
        """The headers that ask for an answer only if there is a new one."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in given.items() if value}


async def pages(connector: Declared, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
    """The pages of a stream from where a walk stands.  Raises Fatal where a fact is missing, or where the service leads in circles."""
    fill = _Filler(connector, session)
    path, params, headers = fill(stream.path, quoted=True), fill.all(stream.params), fill.all(stream.headers)
    before = Learned.of(walk.since)
    ask, learned = _start(stream, walk, before)
    conditions = {} if walk.whole or walk.step is not None else before.conditions()
    circle = _Circle(f"{connector.name}: {stream.name}")
    while True:
        circle.step(ask)
        url, query = (ask[URL], None) if URL in ask else (path, {**params, **ask})
        answer = await session.get(url, query, {**headers, **conditions}, accept=(304,))
        if answer.status == 304:
            yield Page((), None, before.json(), unchanged=True)
            return
        if learned is None:
            learned = Learned(before.value, answer.headers.get("etag"), answer.headers.get("last-modified"))
        body = None if answer.status == 204 else connector.document(answer)
        found, entries = _entries(connector, stream, answer, body)
        circle.page(found)
        if any(isinstance(one, Problem) for one in found):  # it is asked for again, changed or not
            learned = replace(learned, etag=None, modified=None)
        learned = replace(learned, value=_greatest(stream.since, entries, learned.value))
        following = stream.paging.following(ask, body, answer.headers, entries)
        kept = learned.json()
        if following is None:
            yield Page(found, None, kept)
            return
        ask, conditions = _without_credentials(_whole(following, answer, connector, session), connector, session), {}
        yield Page(found, {"ask": ask, "since": kept}, kept)


def entries(stream: Stream, document: Any) -> Any:
    """What stands in a document where the stream says that its list is."""
    return search(stream.items, document)


def item(stream: Stream, entry: Any) -> Item | Problem:
    """An entry under its key, as it stands."""
    if not isinstance(entry, dict):
        return Problem(stream.name, "an entry", f"is no object but {json.dumps(entry, default=str)[:80]}")
    key = text(search(stream.key, entry))
    if key is None:
        return Problem(
            stream.name, "an entry", f"has no text or number at its key {stream.key}, only {', '.join(sorted(map(str, entry)))[:200]}"
        )
    return Item(stream.type, key, entry)


def _start(stream: Stream, walk: Walk, before: Learned) -> tuple[Step, Learned | None]:
    """What to ask for first, and what an interrupted walk had learned."""
    if isinstance(walk.step, dict) and isinstance(walk.step.get("ask"), dict):
        return walk.step["ask"], Learned.of(walk.step.get("since"))
    first = dict(stream.paging.first())
    if stream.since and not walk.whole and before.value is not None:
        first[stream.since.param] = _earlier(stream.since, before.value)
    return first, None


def _entries(connector: Declared, stream: Stream, answer: Answer, body: Any) -> tuple[list[Item | Problem], list[Any]]:
    """What an answer's entries become, and the entries."""
    place = urlsplit(answer.url).path
    entries = [] if answer.status == 204 else connector.entries(stream, body)
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        advice = f"if that is how the service says an empty list, declare items as {stream.items} || `[]`"
        return [Problem(stream.name, place, f"there is no list at {stream.items}; {advice}")], []
    made = (_made(connector, stream, entry, f"{place} entry {n}") for n, entry in enumerate(entries, 1))
    return [one for one in made if one is not None], entries


def _made(connector: Declared, stream: Stream, entry: Any, place: str) -> Item | Problem | None:
    """What one entry becomes; where the connector breaks over it, that is one problem, and the rest goes on."""
    try:
        made = connector.item(stream, entry)
    except Exception as error:  # a stranger's code over a stranger's data
        return Problem(stream.name, place, f"{type(error).__name__}: {error}")
    return replace(made, place=place) if isinstance(made, Problem) else made


def _greatest(since: Since | None, entries: Sequence[Any], value: Any) -> Any:
    """The greatest value seen: numbers as numbers, moments as moments, else as text."""
    if since is None:
        return value
    seen = [found for entry in entries if isinstance(found := search(since.path, entry), str | int) and not isinstance(found, bool)]
    return max([*seen, value] if value is not None else seen, key=lambda one: _order(since, one), default=None)


def _order(since: Since, value: str | int) -> tuple[int, float | int, str]:
    if since.kind == "iso" and (moment := _moment(value)):
        return 2, moment.timestamp(), ""
    written = str(value)
    return (1, int(written), "") if re.fullmatch(r"-?[0-9]+", written) else (0, 0, written)


def _earlier(since: Since, value: str | int) -> str | int:
    """A moment less the overlap; ids, and what is no moment, as they are."""
    if since.overlap and since.kind == "iso" and (moment := _moment(value)):
        return (moment - timedelta(seconds=since.overlap)).isoformat(timespec="seconds").replace("+00:00", "Z")
    if since.overlap and since.kind == "epoch" and re.fullmatch(r"[0-9]+", str(value)):
        return max(0, int(int(value) - since.overlap))
    return value


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


class _Filler:
    """Puts facts of the account and options of the connection where a declaration has ``{name}``."""

    def __init__(self, connector: Declared, session: Session) -> None:
        self._connector = connector
        told = {name: value for name, value in session.options.items() if value}
        self._known = {one.name: one.default for one in connector.asks if one.default} | dict(session.account) | told

    def __call__(self, template: str, *, quoted: bool = False) -> str:
        """A template with its names filled in; *quoted*: each as one segment of a path."""

        def value(match: re.Match[str]) -> str:
            if not match[1]:
                return match[0][0]
            found = str(self._known.get(match[1], ""))
            if not found:
                raise self._missing(match[1])
            return quote(found, safe="") if quoted else found

        return NAME.sub(value, template)

    def all(self, templates: Mapping[str, str]) -> dict[str, Any]:
        """Every template of a mapping; what is no text stays."""
        return {name: self(value) if isinstance(value, str) else value for name, value in templates.items()}

    def _missing(self, name: str) -> Fatal | Skippable:
        connector = self._connector.name
        for option in self._connector.asks:
            if option.name == name:
                error = Skippable if option.account and not option.required else Fatal
                return error(f"{connector} must be told {name} ({option.help}): locker connect {connector} --option {name}=…")
        return Fatal(f"{connector} does not know {name} of this account: its who must name it among its facts, or its asks as an option")


class _Circle:
    """Notices a service that leads in circles."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._steps: set[str] = set()
        self._last: list[Any] = []
        self._times = 0

    def step(self, ask: Step) -> None:
        """What is asked for next must not have been asked for before."""
        written = json.dumps(ask, sort_keys=True)
        if written in self._steps:
            raise Fatal(f"{self._place}: the service names an earlier page as the next one, so the list has no end; what was read is kept")
        self._steps.add(written)

    def page(self, found: Sequence[Item | Problem]) -> None:
        """A page must not hold the same again and again."""
        shown: list[Any] = [one.key if isinstance(one, Item) else one.place for one in found]
        self._times = self._times + 1 if shown == self._last else 1
        self._last = shown
        if self._times >= (SAME if shown else EMPTY):
            what = "the same items" if shown else "nothing"
            raise Fatal(
                f"{self._place}: {self._times} pages in a row hold {what}; the service does not page as the stream declares; what was read is kept"
            )


def _whole(step: Step, answer: Answer, connector: Declared, session: Session) -> Step:
    """A step whose URL is whole, whatever the service wrote.  One that names the service's usual address is asked for where this connection has it."""
    if URL not in step:
        return step
    url, usual = urljoin(answer.url, step[URL]), f"{connector.base_url}/"
    if connector.base_url and session.base_url != connector.base_url and url.startswith(usual):
        url = f"{session.base_url}/{url.removeprefix(usual)}"
    return {**step, URL: url}


def _without_credentials(step: Step, connector: Declared, session: Session) -> Step:
    """A step without what the session adds to each request anyhow: no credential may lie in a cursor."""
    if URL not in step:
        return step
    secret = _credential(connector, session)
    parts = urlsplit(step[URL])
    kept = [pair for pair in parts.query.split("&") if not secret(*pair.partition("=")[::2])]
    return {**step, URL: urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(kept), fragment=""))}


def _credential(connector: Declared, session: Session) -> Callable[[str, str], bool]:
    """Tells whether a parameter of a query is a credential: by its name, or because it is the token itself."""
    names = {one.param for one in connector.auth if isinstance(one, ApiKey)}
    try:
        token = session.secret("token")
    except Unauthorized:
        token = ""
    return lambda name, value: bool(name in names or _CREDENTIALS.fullmatch(name) or (token and unquote_plus(value) == token))
