"""
Fetches what a person does at Bluesky, from any server of the AT Protocol: posts, reposts, likes, and who follows whom.
"""

from __future__ import annotations

from typing import Any

from locker.connector import DAY, HOUR, Answer, Bearer, Body, Cursor, Fetching, Item, Login, Option, Pace, Problem, Stream, Who
from locker.error import LockerError, Retriable, Unauthorized

from . import _bluesky
from ._fetched import object_of, related
from ._loose import obj, text

_PAGES = Cursor(param="cursor", path="cursor", size_param="limit", size=100)


def _records(name: str, type: str, collection: str) -> Stream:
    """A list of a person's own records, as their repository has them."""
    return Stream(
        name=name,
        type=type,
        path="/xrpc/com.atproto.repo.listRecords",
        params={"repo": "{actor}", "collection": collection},
        items="records",
        key="uri",
        paging=_PAGES,
        order="newest",
    )


def _view(name: str, type: str, call: str, items: str, key: str, every: float = HOUR / 4, sweep: float = DAY) -> Stream:
    """A list as the app shows it."""
    return Stream(
        name=name,
        type=type,
        path=f"/xrpc/app.bsky.{call}",
        params={"actor": "{actor}"},
        items=items,
        key=key,
        paging=_PAGES,
        order="newest",
        every=every,
        sweep=sweep,
    )


class Bluesky(Fetching):
    """The AT Protocol's XRPC calls, of bsky.social or of the server (PDS) that the connection names.

    Records tell when something was liked, and exist wherever the account lives; views tell what it says.  So likes are fetched as both, and are
    one object.   With the option *actor* the public lists of another account are fetched; ``https://public.api.bsky.app`` shows its views without a login.
    """

    name = "bluesky"
    types = ("post", "favorite", "contact")
    title = "Bluesky"
    passing = frozenset((
        *("likeCount", "replyCount", "repostCount", "quoteCount", "bookmarkCount", "followersCount", "followsCount", "postsCount"),
        *("joinedAllTimeCount", "joinedWeekCount", "listItemCount"),
    ))  # fmt: skip
    base_url = "https://bsky.social"
    auth = (
        Login(
            create="/xrpc/com.atproto.server.createSession",
            refresh="/xrpc/com.atproto.server.refreshSession",
            username="identifier",
            token="accessJwt",  # noqa: S106 (a member's name)
            refresh_token="refreshJwt",  # noqa: S106
            help="Your handle, and an app password from Settings > Privacy and security > App passwords.",
        ),
        Bearer(help="An access token ends after minutes; a handle and an app password do not."),
    )
    who = Who(path="/xrpc/com.atproto.server.getSession", facts={"id": "did", "actor": "did", "username": "handle"})
    asks = (
        Option(name="actor", account=True, help="the handle or DID of another account, whose public lists to fetch instead of your own"),
    )
    pace = Pace(requests=3000, seconds=300, limit="ratelimit-limit", remaining="ratelimit-remaining", reset="ratelimit-reset")
    streams = (
        _records("posts", "post", "app.bsky.feed.post"),
        _view("feed", "post", "feed.getAuthorFeed", "feed", "post.uri", sweep=7 * DAY),
        _view("likes", "favorite", "feed.getActorLikes", "feed", "post.uri"),
        _records("like-records", "favorite", "app.bsky.feed.like"),
        _view("follows", "contact", "graph.getFollows", "follows", "did", every=HOUR),
        _view("followers", "contact", "graph.getFollowers", "followers", "did", every=HOUR),
    )

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        kind = text(obj(obj(entry).get("value")).get("$type"))
        if kind and kind != stream.params.get("collection", kind):
            return Problem(stream.name, text(entry.get("uri")) or "a record", f"is of the collection {kind}")
        found = super().item(stream, entry)
        if isinstance(found, Item) and stream.name == "feed":
            reason = text(obj(entry.get("reason")).get("$type")) or ""
            return Item(found.type, f"{'repost' if reason.endswith('#reasonRepost') else 'feed'}:{found.key}", entry)
        return related(stream, found) if stream.type == "contact" else found

    def judge(self, answer: Answer) -> LockerError | None:
        """A token that has ended is told as 400."""
        if answer.status != 400:
            return None
        try:
            said = text(obj(answer.json()).get("error"))
        except Retriable:
            return None
        return Unauthorized(f"Bluesky says {said}: connect again") if said in ("ExpiredToken", "InvalidToken") else None

    def map(self, type: str, body: Body) -> Body | None:
        match type:
            case "favorite":
                return object_of(_bluesky.favorite(body), "url")
            case "contact":
                return object_of(_bluesky.person(obj(body.get("user")), text(body.get("relation"))), "handles", "name")
        return object_of(_bluesky.post(body), "url")
