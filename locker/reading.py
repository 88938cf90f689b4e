"""
What people read: pages are fetched and archived once for everyone, found to mention tags, saved by a person, and rated by that person once.

A page is a record of source ``web`` in the commons, or in the person's own locker if its address may be a secret; the composer makes the article of
it.  That a person saved an article, and how that person rated its tags, is one object of the type ``saved`` in that person's locker.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from .clock import Clock, stamp
from .composer import Composer
from .decision import NAMED, Decided, Decision, Sight, Write
from .error import Forbidden, Invalid, LockerError, NotFound, Unavailable
from .log import Draft, Logbook, Position
from .page import Address, fetch
from .reach import Reach
from .record import Body, loads
from .recorder import max_position
from .tagging import COMMONS, Tags

ARTICLE, SAVED, SOURCE, TYPE = "article", "saved", "web", "article/web"
AGAIN = timedelta(days=1)
"""A page that somebody saves once more is fetched again when it is older than this."""
LATER = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""When a page that could not be fetched is tried again, and again."""
AT_ONCE = 4
WAIT_SECONDS = 5.0
POSITIVE, NEGATIVE = "positive", "negative"
ONCE = "this article was rated already; an article is rated once"
UNSAVED = "this article is not among those you saved; save it first"
TABLE = (
    "CREATE TABLE IF NOT EXISTS pages (log TEXT, key TEXT, tries INTEGER NOT NULL, due TEXT NOT NULL, PRIMARY KEY (log, key)) WITHOUT ROWID"
)


class WrongTags(Invalid):
    """Ratings that name tags which the article does not have, name one twice, or say neither positive nor negative; *ids* are theirs, as they came."""

    def __init__(self, message: str, ids: Sequence[str]) -> None:
        super().__init__(message)
        self.ids = tuple(ids)


@dataclass(frozen=True, slots=True)
class Article:
    """Article *n* of an *owner*, the commons or a person, as the log says it now."""

    owner: str
    n: int
    body: Body
    others: tuple[int, ...] = ()
    """Numbers of articles that turned out to be this one: somebody may have saved it under them."""

    @property
    def identities(self) -> list[str]:
        """What collections of saved articles know it by (``collections/saved.py``)."""
        return [f"article:{self.owner}:{n}" for n in (self.n, *self.others)]

    @property
    def mentions(self) -> list[int]:
        """The tags it carries."""
        return [int(id) for id in self.body.get("mentions", ()) if str(id).isdecimal()]


@dataclass(frozen=True, slots=True)
class Saving:
    """What became of a wish to save: the article, and whether the person had not saved it before."""

    article: Article
    is_new: bool
    position: Position


class Reading:
    """The articles of one locker."""

    def __init__(self, logbook: Logbook, composer: Composer, tags: Tags, clock: Clock) -> None:
        self._logbook, self._composer, self._tags, self._clock = logbook, composer, tags, clock
        self._archiving: dict[tuple[asyncio.AbstractEventLoop, str, Address], asyncio.Task[tuple[Position, str]]] = {}
        logbook.transact(lambda connection: connection.execute(TABLE) and None)

    # -- reading -------------------------------------------------------------------------------------

    def article(self, owner: str, n: int) -> Article:
        """An article by its number; one that was merged answers for its survivor.  Raises NotFound, also for one whose body was erased."""
        seen: set[int] = set()
        while n not in seen:
            seen.add(n)
            head = self._logbook.head(owner, ARTICLE, f"{ARTICLE}/locker", str(n))
            if head is None:
                break
            (newest,) = self._logbook.records(owner, ARTICLE, gt=head.newest - 1, lte=head.newest)
            if not head.deleted and newest.text is None:
                raise NotFound("what this article said was erased")
            if not head.deleted:
                return Article(owner, n, newest.body["body"], self._others(owner, n))
            merged = str((newest.note or {}).get("merged_into", ""))
            if not merged:
                break
            n = int(merged.rpartition(":")[2])
        raise NotFound("there is no such article")

    def saved(self, person: str, article: Article) -> tuple[int, Body]:
        """What a person's locker says of an article, with its number there.  Raises NotFound if it is not saved.

        Of two that were saved before they turned out to be one article, the one that was rated: an article is rated once.
        """
        known: list[tuple[int, Body]] = []
        for named in article.identities:
            for (n,) in self._logbook.read(NAMED, [named, person, SAVED]):
                head = self._logbook.head(person, SAVED, f"{SAVED}/locker", str(n))
                if head is not None and not head.deleted:
                    (newest,) = self._logbook.records(person, SAVED, gt=head.newest - 1, lte=head.newest)
                    known += [] if newest.text is None else [(n, newest.body["body"])]
        if not known:
            raise NotFound(UNSAVED)
        return next((each for each in known if "rated" in each[1]), known[0])

    def _others(self, owner: str, n: int) -> tuple[int, ...]:
        """The numbers that were merged into an article's."""
        statement = (
            "SELECT o.n FROM collections c JOIN members m ON m.collection = c.id AND m.object = ? "
            "JOIN objects o ON o.collection = c.id AND o.anchor = m.member WHERE c.owner = ? AND c.type = ? AND o.n <> ? ORDER BY o.n"
        )
        return tuple(row[0] for row in self._logbook.read(statement, [n, owner, ARTICLE, n]))

    # -- saving --------------------------------------------------------------------------------------

    async def save(self, reach: Reach, person: str, url: str, by: str, *, title: str | None = None, theme: str | None = None) -> Saving:
        """Save an article for a person: its page is fetched if nobody has it or it is old, and tagged.

        An address that may be a secret, or that lies in a network of somebody's own, stays the person's alone.

        A page that cannot be fetched is saved all the same, and tried again later.  Raises Invalid for what is no URL, Unavailable if the
        article is not composed within five seconds; the same call then goes on where it was.
        """
        address = Address.of(url)
        owner = person if address.private or await reach.refuses(address.url) else COMMONS
        position, first = await self._archived(reach, owner, address, title, by)
        article = await self._composed(owner, first, position)
        article = await self._tagged(article)
        decided = await asyncio.wrap_future(self._composer.deciding(person, SAVED, saving(article, address.url, title, theme), by))
        return Saving(article, decided.is_new, decided.position)

    async def _archived(self, reach: Reach, owner: str, address: Address, title: str | None, by: str) -> tuple[Position, str]:
        """Archive a page once for all who ask for it while that goes on, and for the others when one of them goes away."""
        key = asyncio.get_running_loop(), owner, address
        if (task := self._archiving.get(key)) is None:
            task = self._archiving[key] = asyncio.ensure_future(self._archive(reach, owner, address, title, by))
            task.add_done_callback(lambda _: self._archiving.pop(key, None))
        return await asyncio.shield(task)

    async def _archive(self, reach: Reach, owner: str, address: Address, title: str | None, by: str) -> tuple[Position, str]:
        """Fetch a page if need be, and append what is new of it; where that stands, and the id of its first record."""
        head = await asyncio.to_thread(self._logbook.head, owner, SOURCE, TYPE, address.url)
        standing: Body = {}
        if head is not None and not head.deleted:
            (newest,) = await asyncio.to_thread(lambda: self._logbook.records(owner, SOURCE, gt=head.newest - 1, lte=head.newest))
            standing = newest.body
            if "page" in standing and newest.timestamp > stamp(self._clock() - AGAIN):
                return newest.position, f"{SOURCE}:{head.first}"
        page = await self._page(reach, address)
        if page is None and "page" in standing:  # what was fetched before is better than nothing
            return await asyncio.to_thread(lambda: self._logbook.position), f"{SOURCE}:{head.first if head else 0}"
        given = standing.get("title") or title
        body = {"url": address.url, **({"title": given} if given else {}), **({"page": page} if page else {})}
        draft = Draft.of(TYPE, address.url, body, by=by)

        def write(connection: sqlite3.Connection) -> tuple[Position, str]:
            (outcome,) = self._logbook.write(connection, f"{owner}/{SOURCE}", [draft])
            if page is None and not address.login:
                due = stamp(self._clock() + LATER[0])
                connection.execute("INSERT OR IGNORE INTO pages VALUES (?, ?, 0, ?)", (f"{owner}/{SOURCE}", address.url, due))
            else:
                connection.execute("DELETE FROM pages WHERE log = ? AND key = ?", (f"{owner}/{SOURCE}", address.url))
            # Somebody else may have appended the same a moment ago, which is not composed yet.
            return outcome.position or max_position(connection), f"{SOURCE}:{outcome.first}"

        return await asyncio.wrap_future(self._logbook.queue(write))

    async def _page(self, reach: Reach, address: Address) -> Body | None:
        try:
            return await fetch(reach, address)
        except LockerError:
            return None

    async def _composed(self, owner: str, first: str, position: Position) -> Article:
        """The article that the composer made of a page.  Raises Unavailable if it takes too long."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        pause = 0.002
        while self._composer.position < position:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("the page is saved, but not composed yet; send the same request again in a moment")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        rows = await asyncio.to_thread(
            self._logbook.read,
            "SELECT object FROM collections JOIN members ON collection = id WHERE owner = ? AND type = ? AND member = ?",
            [owner, ARTICLE, first],
        )
        if not rows or rows[0][0] is None:
            raise Unavailable("the page is saved, but no article could be made of it; 'locker recompose article' tries again")
        return await asyncio.to_thread(self.article, owner, int(rows[0][0]))

    # -- tagging -------------------------------------------------------------------------------------

    async def _tagged(self, article: Article) -> Article:
        """The article with the tags of its own keywords and of all that its text mentions; pages that are private make no new tags."""
        mentions = await asyncio.to_thread(self.mentioned, article)
        if mentions == article.body.get("mentions", []):
            return article
        editing = self._composer.editing(article.owner, ARTICLE, f"{ARTICLE}:{article.n}", {"mentions": mentions}, "system")
        await asyncio.wrap_future(editing)
        return replace(article, body={**article.body, "mentions": mentions})

    def mentioned(self, article: Article) -> list[str]:
        """The ids of the tags that an article should carry; of its own keywords those are made that nobody knew."""
        body = article.body
        keywords: Iterable[Mapping[str, str]] = body.get("keywords", ())
        text = "\n".join(str(body.get(field) or "") for field in ("title", "description", "text"))
        found = self._tags.find(text, body.get("language"))
        if article.owner == COMMONS:
            own = self._tags.ensure(keywords)
        else:
            own = [tag.n for keyword in keywords for tag in self._tags.called(str(keyword.get("name", "")))]
        return [str(n) for n in dict.fromkeys((*own, *found))]

    # -- rating --------------------------------------------------------------------------------------

    def rating(self, person: str, article: Article, ratings: Iterable[tuple[str, str]], by: str) -> Decided:
        """Rate tags of an article that a person saved: all of it or nothing, once.

        *ratings* are (tag, ``positive`` or ``negative``).  Raises NotFound if it is not saved, Forbidden if it was rated, WrongTags naming the wrong ones.
        """
        n, standing = self.saved(person, article)
        if "rated" in standing:
            raise Forbidden(ONCE)
        said = checked_ratings(ratings, article.mentions)

        def rate(sight: Sight) -> Write:
            if "rated" in sight.body(n):
                raise Forbidden(ONCE)
            return Write({**said, "rated": sight.now}, n)

        return self._composer.deciding(person, SAVED, rate, by).result()

    # -- trying again --------------------------------------------------------------------------------

    async def try_again(self, reach: Reach, limit: int = 100) -> int:
        """Fetch pages that could not be fetched and are due; how many were tried."""
        rows = await asyncio.to_thread(
            self._logbook.read, "SELECT log, key, tries FROM pages WHERE due <= ? ORDER BY due LIMIT ?", [stamp(self._clock()), limit]
        )
        limiter = asyncio.Semaphore(AT_ONCE)

        async def one(log: str, key: str, tries: int) -> None:
            async with limiter:
                await self._try(reach, log, key, tries)

        await asyncio.gather(*(one(*row) for row in rows))
        return len(rows)

    async def _try(self, reach: Reach, log: str, key: str, tries: int) -> None:
        owner, address = log.partition("/")[0], Address.of(key)
        page = await self._page(reach, address)
        if page is not None:
            head = await asyncio.to_thread(self._logbook.head, owner, SOURCE, TYPE, key)
            title = None if head is None else loads(self._text(owner, head.newest)).get("title")
            body = {"url": key, **({"title": title} if title else {}), "page": page}
            (outcome,) = await asyncio.wrap_future(self._logbook.submit(owner, SOURCE, [Draft.of(TYPE, key, body, by="system")]))
            await self._tagged(await self._composed(owner, f"{SOURCE}:{outcome.first}", outcome.position))

        def remember(connection: sqlite3.Connection) -> None:
            if page is not None or tries + 1 >= len(LATER):
                connection.execute("DELETE FROM pages WHERE log = ? AND key = ?", (log, key))
            else:
                due = stamp(self._clock() + LATER[tries + 1])
                connection.execute("UPDATE pages SET tries = ?, due = ? WHERE log = ? AND key = ?", (tries + 1, due, log, key))

        await asyncio.wrap_future(self._logbook.queue(remember))

    def _text(self, owner: str, version: int) -> str:
        (newest,) = self._logbook.records(owner, SOURCE, gt=version - 1, lte=version)
        return newest.text or "{}"


def saving(article: Article, url: str, title: str | None, theme: str | None) -> Decision:
    """The decision that saves an article, or changes what the person said of it."""
    said: Body = {name: value for name, value in (("title", title), ("theme", theme)) if value}

    def save(sight: Sight) -> Write:
        n = next((n for named in article.identities if (n := sight.named(named)) is not None), None)
        if n is None:
            return Write({"article": str(article.n), "owner": article.owner, "url": url, "created": sight.now, **said})
        standing = sight.body(n)
        return Write({name: value for name, value in said.items() if standing.get(name) != value}, n)

    return save


def checked_ratings(ratings: Iterable[tuple[str, str]], mentions: Sequence[int]) -> dict[str, list[str]]:
    """The tags by how they are rated.  Raises WrongTags."""
    known = {str(n) for n in mentions}
    said: dict[str, str] = {}
    wrong: dict[str, None] = {}
    for tag, rating in ratings:
        if tag not in known or rating not in (POSITIVE, NEGATIVE) or tag in said:
            wrong[tag] = None
        said[tag] = rating
    if wrong:
        raise WrongTags(f"these are no tags of this article, or not rated positive or negative once: {', '.join(wrong)[:200]}", list(wrong))
    return {rating: [tag for tag, value in said.items() if value == rating] for rating in (POSITIVE, NEGATIVE)}
