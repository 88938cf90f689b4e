"""
Fetches what a person does at Reddit: what they saved, voted up, submitted and commented.
"""

from __future__ import annotations

from typing import Any

from locker.connector import Bearer, Body, Cursor, Fetching, Item, OAuth2, Option, Pace, Problem, Stream, Who

from . import _reddit
from ._fetched import object_of

_LISTING = Cursor(param="after", path="data.after", size_param="limit", size=100)
_AGENT = {"User-Agent": "server:locker:v1 (by /u/{username})"}
_RAW = {"raw_json": "1"}


def _listing(name: str, type: str, path: str, **params: str) -> Stream:
    """A listing, newest first.  No listing has more than the newest thousand, so what falls off its end is not taken for deleted."""
    return Stream(
        name=name,
        type=type,
        path=f"/user/{{username}}/{path}",
        params={**_RAW, **params},
        headers=_AGENT,
        items="data.children",
        key="data.name",
        paging=_LISTING,
        order="newest",
        whole=False,
    )


class Reddit(Fetching):
    """Reddit's API, with OAuth only; things are kept without scores and counters; the User-Agent names the account, as Reddit wants it."""

    name = "reddit"
    types = ("favorite", "post")
    title = "Reddit"
    passing = frozenset((
        *("ups", "downs", "score", "upvote_ratio", "num_comments", "num_crossposts", "view_count", "num_reports", "subreddit_subscribers"),
        *("gilded", "gildings", "total_awards_received", "all_awardings", "awarders", "score_hidden", "visited", "clicked"),
    ))  # fmt: skip
    base_url = "https://oauth.reddit.com"
    auth = (
        OAuth2(
            authorize="https://www.reddit.com/api/v1/authorize",
            token="https://www.reddit.com/api/v1/access_token",  # noqa: S106 (an address)
            scopes=("identity", "history", "read"),
            pkce=False,
            client_auth="client_secret_basic",
            params={"duration": "permanent"},
        ),
        Bearer(help="A token lasts for an hour, so connect through the browser, with an application made at reddit.com/prefs/apps."),
    )
    who = Who(path="/api/v1/me", facts={"id": "id", "username": "name"}, params=_RAW, headers={"User-Agent": "server:locker:v1"})
    asks = (Option(name="username", account=True, help="whose public submissions and comments to fetch instead of your own"),)
    pace = Pace(requests=600, seconds=600, limit="", reset_as="seconds", per="client")
    streams = (
        _listing("saved", "favorite", "saved"),
        _listing("upvoted", "favorite", "upvoted"),
        _listing("submitted", "post", "submitted", sort="new"),
        _listing("comments", "post", "comments", sort="new"),
    )

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        found = super().item(stream, entry)
        if isinstance(found, Item) and stream.name == "saved":
            return Item(found.type, f"saved:{found.key}", found.body)
        return found

    def map(self, type: str, body: Body) -> Body | None:
        return object_of(_reddit.favorite(body) if type == "favorite" else _reddit.post(body), "url", "title")
