"""
Fetches a person's bookmarks, questions and answers from Stack Overflow, or another site of Stack Exchange.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from locker.connector import (
    DAY,
    HOUR,
    Answer,
    Bearer,
    Body,
    Fetching,
    Item,
    OAuth2,
    Option,
    Pace,
    Page,
    PageNumber,
    Problem,
    Session,
    Stream,
    Walk,
)
from locker.error import Fatal, LimitReached, LockerError, Retriable, Skippable, Unauthorized

from . import _stackexchange
from ._fetched import object_of
from ._loose import obj, text

_WAIT = re.compile(r"(\d+) seconds")


def _list(name: str, type: str, path: str, key: str, sort: str) -> Stream:
    return Stream(
        name=name,
        type=type,
        path=f"/me/{path}",
        params={"site": "{site}", "order": "desc", "sort": sort, "filter": "withbody"},
        items="items || questions || answers",
        key=key,
        paging=PageNumber(size_param="pagesize", size=100, more="has_more"),
        order="newest",
        every=HOUR,
    )


class StackOverflow(Fetching):
    """Version 2.3 of Stack Exchange's API; questions and answers are kept without votes and counters.

    With the option *user* the public lists of that user are fetched instead of one's own; no token is needed for that.
    """

    name = "stackoverflow"
    types = ("favorite", "post")
    title = "Stack Overflow"
    passing = frozenset((
        *("score", "up_vote_count", "down_vote_count", "view_count", "answer_count", "favorite_count", "comment_count", "last_activity_date"),
        *("delete_vote_count", "close_vote_count", "reopen_vote_count", "reputation", "accept_rate", "badge_counts"),
    ))  # fmt: skip
    base_url = "https://api.stackexchange.com/2.3"
    auth = (
        OAuth2(
            authorize="https://stackoverflow.com/oauth",
            token="https://stackoverflow.com/oauth/access_token/json",  # noqa: S106 (an address)
            scopes=("no_expiry",),
            separator=",",
            header="X-API-Access-Token",
            prefix="",
        ),
        Bearer(header="X-API-Access-Token", prefix="", help="Register an application at stackapps.com; give its key as an option, too."),
    )
    asks = (
        Option(name="site", help="another site of Stack Exchange, like superuser", default="stackoverflow"),
        Option(name="key", help="your application's key, without which tokens are refused and only 300 requests a day allowed"),
        Option(name="user", help="the number of another user, whose public lists to fetch instead of your own"),
    )
    pace = Pace(
        requests=10_000,
        seconds=DAY,
        limit="body:quota_max",
        remaining="body:quota_remaining",
        reset="",
        backoff="body:backoff",
        per="client",
    )
    streams = (
        _list("favorites", "favorite", "favorites", "question_id", "added"),
        _list("questions", "post", "questions", "question_id", "activity"),
        _list("answers", "post", "answers", "answer_id", "activity"),
    )

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        if session.options.get("user"):
            stream = replace(stream, path=stream.path.replace("/me/", "/users/{user}/"))
        if session.options.get("key"):
            stream = replace(stream, headers={**stream.headers, "X-API-Key": "{key}"})
        return super().fetch(session, stream, walk)

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        return super().item(stream, entry)

    def document(self, answer: Answer) -> Any:
        """The answer's JSON; names have been seen in it that were written in Latin-1."""
        try:
            return answer.json()
        except Retriable:
            with suppress(ValueError, RecursionError):
                return json.loads(answer.text())
            raise

    def judge(self, answer: Answer) -> LockerError | None:
        """Stack Exchange tells each error as 400, and in the body which one."""
        if answer.status < 400:
            return None
        try:
            said = obj(answer.json())
        except Retriable:
            return None
        name, message = text(said.get("error_name")) or "", text(said.get("error_message")) or ""
        if name in ("throttle_violation", "temporarily_unavailable"):
            found = _WAIT.search(message)
            return LimitReached(f"Stack Exchange's limit of requests is reached: {message}", float(found[1]) if found else None)
        if name == "internal_error":
            return Retriable(f"Stack Exchange has an error: {message}")
        if name in ("access_token_required", "invalid_access_token", "access_token_compromised"):
            return Unauthorized(f"Stack Exchange refuses the token ({message}): connect again, and give the option key")
        if name in ("access_denied", "no_method"):
            return Skippable(f"Stack Exchange does not give this list: {message}")
        return Fatal(f"Stack Exchange does not take the request: {name}: {message}") if name else None

    def map(self, type: str, body: Body) -> Body | None:
        return object_of(_stackexchange.favorite(body) if type == "favorite" else _stackexchange.post(body), "url")
