"""
One walk through the address books or calendars of an account: what changed since the last one, and at the end what went away.

The state that is kept between walks has for each collection its sync token (RFC 6578) or ctag, and the etag of every resource: so deletes are exact,
a server that forgot its token costs a list and not every card, and a run that was killed fetches nothing twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from locker.connector import Body, Item, Page, Problem, Session, Walk
from locker.error import Fatal, Skippable

from ._dav import Collection, D, Dav, Kind, element, hrefs, parse, path_of, props, question

AT_ONCE, MOST_AT_ONCE = 100, 4 << 20
GONE = 500
PARTS = 1000
"""Answers that one sync-collection may be cut into."""

_REFUSALS = (400, 403, 404, 405, 409, 410, 412, 415, 422, 501, 507)

Read = Callable[[str, str, Collection], Iterator[tuple[str, Item] | Problem]]
"""What is in a resource: of its text, its path and its collection, each item with what tells it from the resource's other ones ("" for the first)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource as a list names it: its *url*, its etag, its size if the server says."""

    url: str
    etag: str
    size: int


@dataclass(slots=True)
class News:
    """What a collection says changed; *is_all*: it is a list of everything, so what is not in it is gone."""

    changed: dict[str, Entry] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    token: str = ""
    is_all: bool = False


class Round:
    """One walk, from where *walk* stands."""

    def __init__(self, session: Session, walk: Walk, kind: Kind, type: str, read: Read) -> None:
        self._dav, self._kind, self._type, self._read = Dav(session), kind, type, read
        self._place = "{0.scheme}://{0.netloc}".format(urlsplit(session.base_url))
        state: Body = walk.step or walk.since or {}
        if state.get("place") != self._place:  # what is known of another server says nothing of this one
            state = {}
        self._homes: list[str] = list(state.get("homes", ()))
        self._books: dict[str, Body] = dict(state.get("books", {}))
        self._done: set[str] = set(state.get("done", ()))
        self._gone: list[str] = list(state.get("gone", ()))
        if walk.whole and walk.step is None:
            # All is fetched again; the names stay known, so that what went away meanwhile is noticed.
            forgotten = {path: {name: ["", *known[1:]] for name, known in book["names"].items()} for path, book in self._books.items()}
            self._homes, self._books = [], {path: {"token": "", "count": "", "names": names} for path, names in forgotten.items()}

    async def pages(self) -> AsyncGenerator[Page, None]:
        found = await self._collections()
        for path in sorted(self._books.keys() - {path_of(one.url) for one in found}):
            self._lose(path, self._books.pop(path)["names"])
        for one in found:
            if path_of(one.url) in self._done:
                continue
            try:
                async for page in self._collection(one):
                    yield page
            except Skippable as error:
                yield Page([Problem(path_of(one.url), "the whole of it", str(error))], step=self._state())
            self._done.add(path_of(one.url))
        while len(self._gone) > GONE:
            told, self._gone = self._gone[:GONE], self._gone[GONE:]
            yield Page([Item(self._type, key, None) for key in told], step=self._state())
        yield Page(
            [Item(self._type, key, None) for key in self._gone], since={"place": self._place, "homes": self._homes, "books": self._books}
        )

    def _state(self) -> Body:
        return {
            "place": self._place,
            "homes": self._homes,
            "books": dict(self._books),
            "done": sorted(self._done),
            "gone": list(self._gone),
        }

    async def _collections(self) -> list[Collection]:
        """The collections of every home; the homes are asked for only once, and again when one is not there any more."""
        for homes in filter(None, (self._homes, None)):
            found = [await self._dav.collections(home, self._kind) for home in homes]
            if None not in found:
                return [one for some in found for one in some or ()]
        self._homes = await self._dav.homes(self._kind)
        return [one for home in self._homes for one in await self._dav.collections(home, self._kind) or ()]

    async def _collection(self, one: Collection) -> AsyncIterator[Page]:
        path = path_of(one.url)
        book = self._books.setdefault(path, {"token": "", "count": "", "names": {}})
        if (one.token and one.token == book["token"]) or (one.count and one.count == book["count"]):
            return
        news = await self._news(one, book["token"])
        names: dict[str, list[str]] = dict(book["names"])
        wanted = [name for name, entry in sorted(news.changed.items()) if not entry.etag or names.get(name, [""])[0] != entry.etag]
        for group in _groups([news.changed[name] for name in wanted]):
            items = await self._load(one, group, names, news.gone)
            self._books[path] = {**book, "names": dict(names)}
            if items:
                yield Page(items, step=self._state())
        gone = {name for name in names if name in news.gone or (news.is_all and name not in news.changed)}
        self._lose(path, {name: names.pop(name) for name in gone})
        self._books[path] = {"token": news.token, "count": one.count, "names": names}

    async def _news(self, one: Collection, token: str) -> News:
        if one.has_sync:
            for since in dict.fromkeys((token, "")):  # a token that the server forgot: from the beginning
                if news := await self._synced(one, since):
                    return news
        found = await self._dav.find(one.url, f"{D}getetag", f"{D}getcontentlength", f"{D}resourcetype", depth="1")
        news = News(is_all=True)
        for response in found.responses if found else ():
            if not response.has(f"{D}resourcetype", f"{D}collection"):
                _take(news, one, response.url, response.status, response.text(f"{D}getetag"), response.text(f"{D}getcontentlength"))
        return news

    async def _synced(self, one: Collection, token: str) -> News | None:
        """What changed since a token (none: everything there is); None if the server cannot say."""
        news = News(token=token, is_all=not token)
        for _ in range(PARTS):
            asked = question(
                f"{D}sync-collection",
                f"<d:sync-token>{_escaped(news.token)}</d:sync-token>",
                element(f"{D}sync-level", "1"),
                props(f"{D}getetag", f"{D}getcontentlength"),
            )
            answer = await self._dav.ask("REPORT", one.url, asked, "0", _REFUSALS)
            if answer.status in _REFUSALS:
                return None
            said = parse(answer)
            is_cut = False
            for response in said.responses:
                if path_of(response.url).rstrip("/") == path_of(one.url).rstrip("/"):
                    is_cut = is_cut or response.status == 507
                else:
                    _take(news, one, response.url, response.status, response.text(f"{D}getetag"), response.text(f"{D}getcontentlength"))
            if not said.token or not is_cut or said.token == news.token:
                news.token = said.token
                return news
            news.token = said.token
        return news

    async def _load(self, one: Collection, group: list[Entry], names: dict[str, list[str]], gone: set[str]) -> list[Item | Problem]:
        """The items of some resources; what is known of them is noted in *names*, those that went away meanwhile in *gone*."""
        items: list[Item | Problem] = []
        try:
            texts = await self._texts(one, group)
        except Fatal as error:  # more than is taken at once, for one: half of them each time, until it is told which one it is
            if len(group) > 1:
                middle = len(group) // 2
                return [*await self._load(one, group[:middle], names, gone), *await self._load(one, group[middle:], names, gone)]
            name = _name(one, group[0].url)
            names[name] = [group[0].etag, *names.get(name, [""])[1:]]
            return [Problem(path_of(group[0].url), "the whole of it", str(error))]
        for entry in group:
            name, (text, etag) = _name(one, entry.url), texts[path_of(entry.url)]
            if text is None:
                gone.add(name)
                continue
            before = names.get(name, [""])[1:] or ([""] if name in names else [])
            found = list(self._read(text.replace("\r\n", "\n"), path_of(entry.url), one))
            broken = any(isinstance(part, Problem) for part in found)
            marks: list[str] = []
            for part in found:
                if isinstance(part, Problem):
                    items.append(part)
                else:
                    marks.append(part[0])
                    items.append(Item(part[1].type, path_of(entry.url) + part[0], part[1].body))
            if broken:  # what cannot be read is not gone
                marks += [mark for mark in before if mark not in marks]
            items += [Item(self._type, path_of(entry.url) + mark, None) for mark in before if mark not in marks]
            names[name] = [etag or entry.etag, *([] if marks == [""] else marks)]
        return items

    async def _texts(self, one: Collection, group: list[Entry]) -> dict[str, tuple[str | None, str]]:
        """Text and etag of each resource by its path, None for those that are gone."""
        asked = question(self._kind.multiget, props(f"{D}getetag", self._kind.data), *hrefs(entry.url for entry in group))
        answer = await self._dav.ask("REPORT", one.url, asked, "1", _REFUSALS)
        found: dict[str, tuple[str | None, str]] = {}
        for response in parse(answer).responses if answer.status not in _REFUSALS else ():
            if text := response.text(self._kind.data):
                found[path_of(response.url)] = text, response.text(f"{D}getetag")
            elif response.status in (404, 410):
                found[path_of(response.url)] = None, ""
        for entry in group:  # some servers have no multiget, or leave out what they cannot filter
            if path_of(entry.url) not in found:
                found[path_of(entry.url)] = await self._dav.get(entry.url), entry.etag
        return found

    def _lose(self, path: str, names: Mapping[str, list[str]]) -> None:
        for name, (_, *marks) in sorted(names.items()):
            self._gone += [path + name + mark for mark in marks or [""]]


def _take(news: News, one: Collection, url: str, status: int, etag: str, size: str) -> None:
    name = _name(one, url)
    if not name or name.endswith("/"):
        return
    if status in (404, 410):
        news.changed.pop(name, None)
        news.gone.add(name)
    else:
        news.gone.discard(name)
        news.changed[name] = Entry(urljoin(one.url, url), etag, int(size) if size.isdecimal() else 0)


def _name(one: Collection, url: str) -> str:
    return path_of(url).removeprefix(path_of(one.url))


def _groups(entries: list[Entry]) -> Iterator[list[Entry]]:
    group, size = list[Entry](), 0
    for entry in entries:
        if group and (len(group) == AT_ONCE or size + entry.size > MOST_AT_ONCE):
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.size
    if group:
        yield group


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
