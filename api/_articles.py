"""
How articles, tags and what a person made of them are shown in the Demokratiappen dialect; ids are texts, and ``ref`` uses the request's host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from locker.error import Invalid, NotFound
from locker.locker import Article, Tag
from locker.record import Body, parse

from ._auth import is_trusted, peer_of
from ._envelope import BASE
from ._errors import HttpError
from ._query_string import last_of_each, parse_query_string, whole_number
from ._routes import Parameter
from ._service import Call

COMMONS = "commons"
EXTRACT = 300
MOST = 1000
"""How many a list has at most, and without ``limit``."""

LIMITS = (
    Parameter("limit", "how many at most", {"type": "integer", "minimum": 0, "maximum": MOST, "default": MOST}),
    Parameter("offset", "how many to leave out first", {"type": "integer", "minimum": 0, "default": 0}),
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is wanted."""

    limit: int
    offset: int

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Part:
        """As the parameters say it.  Raises Invalid for what is no number."""
        limit = whole_number("limit", params["limit"]) if params.get("limit", "").strip() else MOST
        offset = whole_number("offset", params["offset"]) if params.get("offset", "").strip() else 0
        return cls(min(limit, MOST), min(offset, 2**53))

    def around(self, call: Call, name: str, found: Sequence[Any], params: Mapping[str, str]) -> Body:
        """A page of a list, of which *found* may have one more than the page: then there is a next one."""
        path, kept = (
            call.request.path.rstrip("/"),
            {each: value for each, value in params.items() if each not in ("limit", "offset", "access_token")},
        )
        following = {**kept, "offset": str(self.offset + self.limit), "limit": str(self.limit)}
        more = len(found) > self.limit > 0
        return {
            name: list(found[: self.limit]),
            "limit": self.limit,
            "offset": self.offset,
            **({"next": f"{host_of(call)}{path}?{urlencode(following)}"} if more else {}),
        }


def params_of(call: Call) -> dict[str, str]:
    """The parameters of the address; ones that a call does not have are left alone."""
    return last_of_each(parse_query_string(call.raw))


def host_of(call: Call) -> str:
    """Scheme and host that the caller asked, for addresses in answers; a Host header that is none is not repeated.

    Behind a proxy that the settings trust, the scheme is what that says: an answer may be kept, and others must not write into it.
    """
    request = call.request
    host, said = request.headers.get("Host", ""), request.headers.get("X-Forwarded-Proto", "").strip().lower()
    is_told = said in ("http", "https") and is_trusted(peer_of(request), call.service.settings.trusted_proxies)
    return f"{said if is_told else request.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def article_id(owner: str, n: int | str) -> str:
    """``17`` of the commons, ``u7:3`` of a person's own."""
    return str(n) if owner == COMMONS else f"{owner}:{n}"


def article_of(call: Call, id: str) -> Article:
    """The article that an id names, if the caller may see it.  Raises NotFound."""
    owner, _, n = id.rpartition(":")
    if not (n.isascii() and n.isdecimal() and len(n) <= 15) or (owner and owner != call.owner):
        raise NotFound(f"there is no article {id[:60]!r}")
    return call.locker.reading.article(owner or COMMONS, int(n))


def tag_of(call: Call, id: str) -> Tag:
    """The tag that an id names.  Raises NotFound."""
    if not (id.isascii() and id.isdecimal() and len(id) <= 15):
        raise NotFound(f"there is no tag {id[:60]!r}")
    return call.locker.tags.get(int(id))


@dataclass(frozen=True, slots=True)
class Shown:
    """Shows things to one caller: addresses begin with *base*."""

    call: Call
    base: str

    @classmethod
    def to(cls, call: Call) -> Shown:
        """For this request's host, with the tags as they are now."""
        call.locker.tags.follow()
        return cls(call, host_of(call) + BASE)

    def tag(self, tag: Tag, **more: Any) -> Body:
        """A tag; *more* stands before its address."""
        return {"tagid": str(tag.n), "name": tag.name, "type": tag.type, **more, "ref": f"{self.base}/tags/{tag.n}"}

    def tags(self, numbers: Iterable[int], counts: Mapping[str, Mapping[str, int]] | None = None) -> list[Body]:
        """Tags in order, with a person's *counts* of them if these are given."""
        found = self.call.locker.tags.known(numbers)
        if counts is None:
            return [self.tag(tag) for tag in found]
        return [self.tag(tag, counts={name: counted.get(str(tag.n), 0) for name, counted in counts.items()}) for tag in found]

    def totals(self, tags: Sequence[Tag]) -> list[Body]:
        """Tags with everybody's counts."""
        ids, reader = [str(tag.n) for tag in tags], self.call.locker.reader
        negative, positive = (reader.totals("saved", name, ids) for name in ("negative", "positive"))
        seen = reader.totals("article", "mentions", ids)
        return [
            self.tag(tag, totalCounts={"negative": negative[id], "positive": positive[id], "seen": seen[id]})
            for tag, id in zip(tags, ids, strict=True)
        ]

    def article(self, article: Article, counts: Mapping[str, Mapping[str, int]] | None = None, **more: Any) -> Body:
        """An article with its tags; *more* stands behind."""
        id, body, given = article_id(article.owner, article.n), article.body, more.pop("title", None)
        return {
            "articleid": id,
            "title": str(body.get("title") or given or body.get("url") or ""),
            "url": str(body.get("url") or ""),
            "ref": f"{self.base}/articles/{id}",
            "tagsInArticle": self.tags(article.mentions, counts),
            **more,
        }

    def listed(self, text: str, wanted: Sequence[Tag] | None = None) -> Body:
        """An article of a list, as the read model has it; with the tags that were *wanted*, which of them it carries."""
        article = read(text)
        more: Body = {"extract": extract(str(article.body.get("text") or article.body.get("description") or ""))}
        if wanted is not None:
            carried = {*article.mentions}
            more["matches"] = [{"tagid": str(tag.n), "ref": f"{self.base}/tags/{tag.n}"} for tag in wanted if tag.n in carried]
        return self.article(article, None, **more)


def read(text: str) -> Article:
    """An article of the commons as the read model has it."""
    shown = orjson.loads(text)
    return Article(COMMONS, int(shown["id"].rpartition(":")[2]), shown["body"])


def extract(text: str) -> str:
    """The first 300 characters of a text, at a word."""
    size = 2 * EXTRACT
    while len(plain := " ".join(text[:size].split())) <= EXTRACT and size < len(text):
        size *= 2
    if len(plain) <= EXTRACT:
        return plain
    words, blank, _ = plain[: EXTRACT + 1].rpartition(" ")
    return words if blank else plain[:EXTRACT]


def userid_of(call: Call) -> str:
    """Whose things a call shows: the caller's, or those of somebody who granted it."""
    account = call.caller.account if call.owner == call.caller.owner else call.locker.accounts.picture.accounts.get(call.owner)
    return str(account.number) if account else call.owner


def counts_of(call: Call, owner: str | None = None) -> dict[str, dict[str, int]]:
    """How often the caller rated each tag."""
    reader = call.locker.reader
    return {name: reader.tally(owner or call.owner, "saved", name) for name in ("negative", "positive")}


def person(call: Call) -> Body:
    """The caller as this dialect shows a user."""
    account, reader = call.caller.account, call.locker.reader
    counts = counts_of(call, call.caller.owner)
    saved = next((each["count"] for each in reader.listing(call.caller.owner) if each["type"] == "saved"), 0)
    me = f"{host_of(call)}{BASE}/users/me"
    return {
        "userid": str(account.number),
        "username": account.username or account.name,
        "email": account.name,
        "created": account.created or None,
        "updated": account.updated or None,
        "summary": {"tags": len({*counts["negative"], *counts["positive"]}), "articles": saved},
        "tags": f"{me}/tags",
        "articles": f"{me}/articles",
    }


def text_of(said: Body, name: str, most: int = 2000) -> str | None:
    """A text of a request's body, None if it is not there.  Raises Invalid for what is no text, or too long."""
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > most:
        raise Invalid(f"{name} must be a text of at most {most} characters")
    return value.strip() or None


async def read_any(call: Call) -> Body:
    """The JSON object of a body, whatever its Content-Type says.  Raises Invalid."""
    raw = await call.request.read()
    if not raw.strip():
        raise HttpError(400, "the body must be a JSON object; it is empty")
    found = parse(raw)
    if not isinstance(found, dict):
        raise Invalid("the body must be a JSON object")
    return found
