"""
Fetches what a person does at Mastodon, on any instance: statuses, favourites, bookmarks, and who follows whom.
"""

from __future__ import annotations

from typing import Any

from locker.connector import (
    DAY,
    HOUR,
    Bearer,
    Body,
    Fetching,
    Item,
    Link,
    OAuth2,
    Option,
    Pace,
    Problem,
    Stream,
    Who,
)

from . import _mastodon
from ._fetched import object_of, related
from ._loose import obj, text

_STATUSES, _PEOPLE = Link(size_param="limit", size=40), Link(size_param="limit", size=80)


class Mastodon(Fetching):
    """Mastodon's API, of the instance that the connection names (``--base-url https://mastodon.social``).

    Statuses and accounts are kept as they are given.  Without a token, and with the option *id*, the public statuses and people of that account are fetched; the rest needs a token.
    """

    name = "mastodon"
    types = ("post", "favorite", "contact")
    title = "Mastodon"
    passing = frozenset((
        *("replies_count", "reblogs_count", "favourites_count", "quotes_count", "followers_count", "following_count", "statuses_count"),
        *("last_status_at", "votes_count", "voters_count"),
    ))  # fmt: skip
    auth = (
        OAuth2(
            authorize="/oauth/authorize",
            token="/oauth/token",  # noqa: S106 (an address)
            register="/api/v1/apps",
            scopes=("read:accounts", "read:statuses", "read:favourites", "read:bookmarks", "read:follows"),
        ),
        Bearer(help="Make an application under Preferences > Development at your instance; its access token is what is asked for."),
    )
    who = Who(path="/api/v1/accounts/verify_credentials", facts={"id": "id", "username": "username"})
    asks = (
        Option(
            name="id", account=True, help="the number of another account, whose public statuses and people to fetch instead of your own"
        ),
    )
    pace = Pace(requests=300, seconds=300, reset_as="date")
    streams = (
        Stream(name="statuses", type="post", path="/api/v1/accounts/{id}/statuses", paging=_STATUSES, order="newest", sweep=7 * DAY),
        Stream(name="favourites", type="favorite", path="/api/v1/favourites", paging=_STATUSES, order="newest"),
        Stream(name="bookmarks", type="favorite", path="/api/v1/bookmarks", paging=_STATUSES, order="newest"),
        Stream(name="following", type="contact", path="/api/v1/accounts/{id}/following", paging=_PEOPLE, order="newest", every=HOUR),
        Stream(name="followers", type="contact", path="/api/v1/accounts/{id}/followers", paging=_PEOPLE, order="newest", every=HOUR),
    )

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        found = super().item(stream, entry)
        if isinstance(found, Item) and stream.name == "bookmarks":
            return Item(found.type, f"bookmark:{found.key}", found.body)
        return related(stream, found) if stream.type == "contact" else found

    def map(self, type: str, body: Body) -> Body | None:
        match type:
            case "favorite":
                return object_of(_mastodon.favorite(body), "url")
            case "contact":
                return object_of(_mastodon.person(obj(body.get("user")), text(body.get("relation"))), "handles", "name")
        return object_of(_mastodon.post(body), "url", "text")
