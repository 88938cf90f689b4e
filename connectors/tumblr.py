"""
Fetches likes, own posts and followed blogs from Tumblr's API (version 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from locker.connector import (
    DAY,
    HOUR,
    URL,
    ApiKey,
    Authorisation,
    Body,
    Fetching,
    Item,
    MaxId,
    NextUrl,
    OAuth1,
    OAuth2,
    Offset,
    Option,
    Pace,
    Paging,
    Problem,
    Step,
    Stream,
    Who,
)

from . import _tumblr
from ._loose import known, obj, text, unique

_NPF = {"npf": "true", "reblog_info": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(NextUrl):
    """The answer links to its next page (``_links``); where it has none, as none had before 2016, *else_* tells."""

    else_: Paging

    def first(self) -> Step:
        return self.else_.first()

    def following(self, step: Step, body: Any, headers: Mapping[str, str], items: Sequence[Any]) -> Step | None:
        if URL in step or "_links" in obj(obj(body).get("response")):
            return super(Linked, self).following(step, body, headers, items)
        return self.else_.following(step, body, headers, items)


def _linked(style: Paging) -> Linked:
    return Linked(path="response._links.next.href", size=20, else_=style)


class Tumblr(Fetching):
    """Likes and posts in Tumblr's own block format (NPF), without counts of notes; blogs under their unchanging ``uuid``.

    With an API key alone, a blog's public lists can be fetched: ``--option blog=staff``.
    """

    name = "tumblr"
    types = ("favorite", "post", "contact")
    title = "Tumblr"
    passing = frozenset(("note_count", "notes", "total_posts", "likes", "posts"))
    base_url = "https://api.tumblr.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        ApiKey(param="api_key", help="tumblr.com/oauth/apps, the consumer key; public lists only, together with the option blog"),
        OAuth2(
            authorize="https://www.tumblr.com/oauth2/authorize",
            token="https://api.tumblr.com/v2/oauth2/token",  # noqa: S106 (an address, no secret)
            scopes=("basic", "offline_access"),
        ),
        OAuth1(
            request="https://www.tumblr.com/oauth/request_token",
            authorize="https://www.tumblr.com/oauth/authorize",
            access="https://www.tumblr.com/oauth/access_token",
        ),
    )
    who = Who(
        path="/v2/user/info",
        facts={
            "id": "(response.user.blogs[?primary].uuid | [0]) || response.user.name",
            "username": "response.user.name",
            "blog": "response.user.name",
        },
    )
    asks = (Option(name="blog", help="whose posts, as in staff or staff.tumblr.com; without it those of the account", account=True),)
    pace = Pace(
        requests=1000,
        seconds=HOUR,
        limit="x-ratelimit-perhour-limit",
        remaining="x-ratelimit-perhour-remaining",
        reset="x-ratelimit-perhour-reset",
        reset_as="seconds",
        per="client",
    )
    streams = (
        Stream(
            name="likes", type="favorite", path="/v2/user/likes", params=_NPF, items="(response || @).liked_posts", order="newest",
            paging=_linked(MaxId(param="before", id="liked_timestamp", size_param="limit", size=20, decrement=False)),
        ),
        Stream(
            name="posts", type="post", path="/v2/blog/{blog}/posts", params=_NPF, items="(response || @).posts", order="newest",
            paging=_linked(Offset(size=20, total="response.total_posts")),
        ),
        Stream(
            name="following", type="contact", path="/v2/user/following", items="(response || @).blogs", every=DAY,
            paging=_linked(Offset(size=20, total="response.total_blogs")),
        ),
        Stream(
            name="followers", type="contact", path="/v2/blog/{blog}/followers", items="(response || @).users", every=DAY, default=False,
            paging=_linked(Offset(size=20, total="response.total_users")),
        ),
    )  # fmt: skip

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        entry = obj(entry)
        if stream.type != "contact":
            key = text(entry.get("id_string"), entry.get("id"))
        else:  # when a blog was last written to is no news about the person
            entry = {name: value for name, value in entry.items() if name != "updated"}
            key = text(entry.get("uuid"), entry.get("name"))
            key = f"follower:{key}" if key and stream.name == "followers" else key
        return Item(stream.type, key, entry) if key else Problem(stream.name, "entry", "neither a post nor a blog: it has no id")

    def map(self, type: str, body: Body) -> Body | None:
        if type == "favorite":
            return _tumblr.favorite(body)
        return _tumblr.post(body) if type == "post" else _blog(body)


def _blog(body: Body) -> Body:
    name, theme = text(body.get("name")), body.get("avatar")
    pictures = theme if isinstance(theme, list) else []
    return known(
        name=text(body.get("title"), name),
        nicknames=[name] if name and text(body.get("title")) else None,
        handles=unique([name and f"tumblr:{name}"]),
        urls=unique([text(body.get("url"))]),
        photos=unique([text(obj(pictures[0]).get("url")) if pictures else None]),
        bio=_tumblr.plainly(body.get("description")),
    )
