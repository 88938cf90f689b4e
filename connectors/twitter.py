"""
Fetches tweets, likes, bookmarks and people from Twitter (X), through version 2 of its API or the older 1.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from locker.connector import (
    DAY,
    Answer,
    Authorisation,
    Bearer,
    Body,
    Cursor,
    Fetching,
    Item,
    MaxId,
    OAuth1,
    OAuth2,
    Option,
    Pace,
    Page,
    Problem,
    Session,
    Since,
    Stream,
    Walk,
    Who,
)
from locker.error import LimitReached, LockerError, Skippable, Unauthorized

from . import _twitter, _twitter_v2
from ._fetched import nothing
from ._limit import until
from ._loose import known, obj, objs, text, unique
from ._said import is_quiet, said

_V2: dict[str, Any] = {"items": "data", "paging": Cursor(param="pagination_token", path="meta.next_token", size_param="max_results")}
_PEOPLE: dict[str, Any] = {
    "type": "contact",
    "params": _twitter_v2.PERSON,
    "items": "data",
    "paging": Cursor(param="pagination_token", path="meta.next_token", size_param="max_results", size=1000),
}
_TWEETS: dict[str, Any] = {"params": _twitter_v2.EXPANSIONS, "order": "newest", "whole": False, **_V2}
_V1: dict[str, Any] = {"params": {"tweet_mode": "extended", "include_entities": "true"}, "key": "id_str", "paging": MaxId()}
_V1_PEOPLE: dict[str, Any] = {
    "type": "contact",
    "params": {"skip_status": "true"},
    "items": "users",
    "key": "id_str",
    "paging": Cursor(param="cursor", path="next_cursor_str", size_param="count", size=200),
}

_OLD = {
    one.name: one
    for one in (
        Stream(name="tweets", type="post", path="/1.1/statuses/user_timeline.json", since=Since(param="since_id", path="id_str"), **_V1),
        Stream(name="likes", type="favorite", path="/1.1/favorites/list.json", **_V1),
        Stream(name="timeline", type="post", path="/1.1/statuses/home_timeline.json", since=Since(param="since_id", path="id_str"), **_V1),
        Stream(
            name="mentions", type="post", path="/1.1/statuses/mentions_timeline.json", since=Since(param="since_id", path="id_str"), **_V1
        ),
        Stream(name="following", path="/1.1/friends/list.json", **_V1_PEOPLE),
        Stream(name="followers", path="/1.1/followers/list.json", **_V1_PEOPLE),
        Stream(
            name="messages",
            type="message",
            path="/1.1/direct_messages/events/list.json",
            items="events",
            paging=Cursor(param="cursor", path="next_cursor", size_param="count", size=50),
        ),
    )
}
"""The same streams in version 1.1, which has no bookmarks."""

_EXPIRED = {32, 89, 99, 135, 215, 416}
_PUBLIC = ("tweets", "likes", "following", "followers")
_RELATIONS = {"following": "following", "followers": "follower"}


class Twitter(Fetching):
    """Tweets, likes, bookmarks and who is followed; followers, the home timeline, mentions and messages when they are asked for.

    A tweet of version 2 is stored with its author, media and the tweets that it refers to (``includes``), a bookmark as ``{"bookmark": <tweet>}``,
    a person as ``{"user", "relation"}``.  Keys are those of the archive that Twitter gives: a tweet's id, ``bookmark:<id>``, ``following:<id>``.
    """

    name = "twitter"
    types = ("post", "favorite", "contact", "message")
    title = "Twitter (X)"
    passing = frozenset((
        "favorite_count", "retweet_count", "quote_count", "reply_count", "bookmark_count", "public_metrics", "followers_count", "friends_count",
        "fast_followers_count", "normal_followers_count", "listed_count", "favourites_count", "statuses_count", "media_count",
    ))  # fmt: skip
    base_url = "https://api.twitter.com"
    auth: ClassVar[tuple[Authorisation, ...]] = (
        OAuth2(
            authorize="https://twitter.com/i/oauth2/authorize",
            token="https://api.twitter.com/2/oauth2/token",  # noqa: S106 (an address, no secret)
            scopes=("tweet.read", "users.read", "like.read", "bookmark.read", "follows.read", "offline.access"),
            client_auth="client_secret_basic",
        ),
        OAuth1(
            request="https://api.twitter.com/oauth/request_token",
            authorize="https://api.twitter.com/oauth/authorize",
            access="https://api.twitter.com/oauth/access_token",
        ),
        Bearer(help="developer.twitter.com > Projects & Apps > Keys and tokens; the user's token, not the app's"),
    )
    who = Who(path="/2/users/me", facts={"id": "data.id", "username": "data.username"})
    asks = (
        Option(name="api", help="2, or 1.1 for an app (or a server) that has only the old version", default="2"),
        Option(
            name="id", help="the number of the account whose lists are meant, for a token (an app's) that does not tell it", account=True
        ),
    )
    # What one endpoint allows in the poorest case; its headers tell the rest.
    pace = Pace(
        requests=75, seconds=900, limit="x-rate-limit-limit", remaining="x-rate-limit-remaining", reset="x-rate-limit-reset", apart=True
    )
    streams = (
        Stream(name="tweets", type="post", path="/2/users/{id}/tweets", since=Since(param="since_id", path="id"), **_TWEETS),
        Stream(name="likes", type="favorite", path="/2/users/{id}/liked_tweets", **_TWEETS),
        Stream(name="bookmarks", type="favorite", path="/2/users/{id}/bookmarks", **_TWEETS),
        Stream(name="following", path="/2/users/{id}/following", every=DAY, **_PEOPLE),
        Stream(name="followers", path="/2/users/{id}/followers", every=DAY, default=False, **_PEOPLE),
        Stream(name="timeline", type="post", path="/2/users/{id}/timelines/reverse_chronological", default=False, **_TWEETS),
        Stream(name="mentions", type="post", path="/2/users/{id}/mentions", default=False, **_TWEETS),
        Stream(name="messages", type="message", path="/2/dm_events", default=False, **_TWEETS | {"params": _twitter_v2.MESSAGE}),
    )  # fmt: skip
    """Tweets, timelines and bookmarks end somewhere (3200, 800): a walk to their end does not show all there is."""

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        if session.options.get("api", "2") == "2":
            return super().fetch(session, stream, walk)
        if stream.name not in _OLD:
            return nothing()
        old, id = _OLD[stream.name], session.options.get("id")
        return super().fetch(session, replace(old, params={**old.params, "user_id": id}) if id and stream.name in _PUBLIC else old, walk)

    def entries(self, stream: Stream, document: Any) -> Any:
        """Of version 2 each with what stands beside the list; an empty list has no ``data``, but still a ``meta``."""
        if stream.items != "data":
            return super().entries(stream, document)
        return list(_twitter_v2.whole(document)) if {"data", "meta"} & set(obj(document)) else None

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        id = _twitter.tweet_id(obj(entry))
        if id is None:
            return Problem(stream.name, text(obj(entry).get("id")) or "entry", "neither a tweet nor a person nor a message: it has no id")
        if stream.type == "contact":
            relation = _RELATIONS[stream.name]
            return Item(stream.type, f"{relation}:{id}", {"user": entry, "relation": relation})
        return Item(stream.type, f"bookmark:{id}", {"bookmark": entry}) if stream.name == "bookmarks" else Item(stream.type, id, entry)

    def judge(self, answer: Answer) -> LockerError | None:
        if answer.status == 429:
            return LimitReached("Twitter has had enough requests for this list", until(answer.headers, "x-rate-limit-reset"))
        if is_quiet(answer, b'"error'):
            return None
        body = said(answer)
        errors = objs(body.get("errors"))
        codes = {one.get("code") for one in errors if isinstance(one.get("code"), int)}
        reason = _reason(body, errors)
        if codes & _EXPIRED:
            return Unauthorized(f"Twitter refuses the token: {reason}; connect again")
        if answer.status == 401 and text(body.get("error")) == "Not authorized.":
            return Skippable(f"Twitter does not show this list to the account: {reason}")  # how 1.1 speaks of a protected account
        if answer.status == 420 or 88 in codes:
            return LimitReached(f"Twitter asks for patience: {reason}", after=900)
        if answer.status < 400 and errors and not {"data", "meta", "users", "events"} & set(body):
            return Skippable(f"Twitter does not give this list: {reason}")
        return None

    def map(self, type: str, body: Body) -> Body | None:
        if type == "favorite":
            kind = "bookmark" if "bookmark" in body else "like"
            return _twitter.favorite(_worded(type, obj(body.get("bookmark")) or body), kind)
        if type == "contact":
            return _contact(body)
        body = _worded(type, body)
        return _message(body) if type == "message" else _twitter.post(body, None)


def _worded(type: str, body: Body) -> Body:
    if not _twitter_v2.is_v2(body):
        return body
    return {"contact": _twitter_v2.person, "message": _twitter_v2.message}.get(type, _twitter_v2.tweet)(body)


def _contact(body: Body) -> Body | None:
    said = _twitter.user(_worded("contact", obj(body.get("user")) or body))
    return said | known(relations=unique([text(body.get("relation"))])) if said else None


def _message(body: Body) -> Body | None:
    if "message_create" in body:
        return _twitter.event(body)
    return (
        _twitter.message(body, text(body.get("dm_conversation_id"))) if body.get("event_type", "MessageCreate") == "MessageCreate" else None
    )


def _reason(body: Body, errors: Sequence[Mapping[str, Any]]) -> str:
    found = text(
        body.get("detail"), *(one.get(name) for one in errors for name in ("detail", "message")), body.get("error"), body.get("title")
    )
    return (found or "without a reason")[:200]
