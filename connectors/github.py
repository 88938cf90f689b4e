"""
Fetches what a person does at GitHub: stars, people, gists, repositories, issues and events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from locker.connector import (
    HOUR,
    Answer,
    Bearer,
    Body,
    Fetching,
    Item,
    Link,
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
    without,
)
from locker.error import LimitReached, LockerError, Skippable

from . import _github
from ._fetched import nothing, object_of, related
from ._github_event import event
from ._limit import retry_after, until
from ._loose import obj, text

_ACCEPT = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_PUBLIC = {
    "stars": "/users/{username}/starred",
    "followers": "/users/{username}/followers",
    "following": "/users/{username}/following",
    "gists": "/users/{username}/gists",
    "repositories": "/users/{username}/repos",
    "events": "/users/{username}/events",
    "repository-issues": "/repos/{repository}/issues",
}
_COUNTED = frozenset((
    *("stargazers_count", "watchers_count", "watchers", "forks_count", "forks", "open_issues_count", "open_issues", "closed_issues"),
    *("subscribers_count", "network_count", "score", "reactions", "comments"),
))  # fmt: skip
# Whoever gives a repository a star, or pushes to it, changes these.
_PASSING = _COUNTED | {"updated_at", "pushed_at", "size"}
_LIMITED = ("rate limit", "abuse", "secondary limit")


class Github(Fetching):
    """GitHub's REST API, or an Enterprise server's (``--base-url https://HOST/api/v3``).

    Counters, and when somebody touched a repository, are kept but do not count: else every star would be an edit of them every day.

    With the option *username* the public lists of that account are fetched instead of one's own; no token is needed for that, but 60 requests an hour
    are all there is then.
    """

    name = "github"
    types = ("favorite", "contact", "link", "post", "event")
    title = "GitHub"
    base_url = "https://api.github.com"
    auth = (
        OAuth2(
            authorize="https://github.com/login/oauth/authorize",
            token="https://github.com/login/oauth/access_token",  # noqa: S106 (an address)
            device="https://github.com/login/device/code",
            scopes=("read:user",),
        ),
        Bearer(help="Make one at github.com/settings/tokens; secret gists need the scope gist, private repositories the scope repo."),
    )
    who = Who(path="/user", facts={"id": "id", "username": "login"}, headers=_ACCEPT)
    asks = (
        Option(name="username", account=True, help="whose public lists to fetch instead of your own"),
        Option(name="repository", help="owner/name of a repository whose issues to fetch too"),
    )
    pace = Pace(requests=5000, seconds=HOUR)
    streams = (
        Stream(
            name="stars",
            type="favorite",
            path="/user/starred",
            key="repo.id || id",
            paging=Link(),
            order="newest",
            headers={**_ACCEPT, "Accept": "application/vnd.github.star+json"},
        ),
        Stream(name="starred-gists", type="favorite", path="/gists/starred", paging=Link(), headers=_ACCEPT),
        Stream(name="followers", type="contact", path="/user/followers", paging=Link(), headers=_ACCEPT, every=HOUR),
        Stream(name="following", type="contact", path="/user/following", paging=Link(), headers=_ACCEPT, every=HOUR),
        Stream(
            name="gists",
            type="link",
            path="/gists",
            paging=Link(),
            headers=_ACCEPT,
            since=Since(param="since", path="updated_at", kind="iso", overlap=60),
        ),
        Stream(
            name="repositories",
            type="link",
            path="/user/repos",
            params={"affiliation": "owner"},
            paging=Link(),
            headers=_ACCEPT,
            every=HOUR,
        ),
        Stream(
            name="issues",
            type="post",
            path="/issues",
            params={"filter": "all", "state": "all", "sort": "updated", "direction": "asc"},
            paging=Link(),
            headers=_ACCEPT,
            since=Since(param="since", path="updated_at", kind="iso", overlap=60),
            whole=False,
        ),
        Stream(
            name="repository-issues",
            type="post",
            path="/repos/{repository}/issues",
            params={"state": "all", "sort": "updated", "direction": "asc"},
            paging=Link(),
            headers=_ACCEPT,
            since=Since(param="since", path="updated_at", kind="iso", overlap=60),
            whole=False,
        ),
        # No more than the last 300 events, and none that is old.
        Stream(name="events", type="event", path="/users/{username}/events", paging=Link(), headers=_ACCEPT, order="newest", whole=False),
    )

    def fetch(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        if stream.name == "repository-issues" and not session.options.get("repository"):
            return nothing()
        if session.options.get("username"):
            if stream.name not in _PUBLIC:
                return nothing()
            return super().fetch(session, _public(stream), walk)
        if _PUBLIC.get(stream.name, stream.path) != stream.path and session.account.get("username"):
            return self._own_or_public(session, stream, walk)
        return super().fetch(session, stream, walk)

    async def _own_or_public(self, session: Session, stream: Stream, walk: Walk) -> AsyncIterator[Page]:
        """One's own list; if the token may not read it, what everybody may see of it.  That is not taken for all there is."""
        began = walk.step is not None
        try:
            async for page in super().fetch(session, stream, walk):
                began = True
                yield page
        except Skippable:
            if began:
                raise
        else:
            return
        shown = [] if stream.type == "contact" else [Problem(stream.name, stream.path, "this token may read only what is public of it")]
        async for page in super().fetch(session, _public(stream), walk):
            yield replace(page, items=[*page.items, *shown])
            shown = []

    def item(self, stream: Stream, entry: Any) -> Item | Problem | None:
        found = super().item(stream, entry)
        return related(stream, found) if stream.type == "contact" else found

    def lasting(self, type: str, body: Body) -> Body:
        """Without counters, and repositories without when somebody touched them: else every star would be an edit of them every day."""
        if type in ("contact", "event"):
            return body
        if "files" in body:  # a gist, whose files may be called anything
            return {name: value for name, value in body.items() if name != "comments"}
        if type in ("favorite", "link"):
            return obj(without(body, _PASSING))
        repository = {"repository": without(body["repository"], _PASSING)} if "repository" in body else {}
        return {**obj(without(body, _COUNTED)), **repository}

    def judge(self, answer: Answer) -> LockerError | None:
        """GitHub tells both of its limits as 403 (or 429): Retry-After goes first, then the window's end, else wait for a minute."""
        if answer.status not in (403, 429):
            return None
        after, said = retry_after(answer.headers), answer.text().casefold()
        spent = answer.headers.get("x-ratelimit-remaining", "").strip() == "0"
        if after is None and spent:
            after = until(answer.headers, "x-ratelimit-reset")
        if after is None and not spent and not any(word in said for word in _LIMITED):
            return None
        return LimitReached("GitHub's limit of requests is reached; it goes on by itself", after if after is not None else 60.0)

    def map(self, type: str, body: Body) -> Body | None:
        match type:
            case "favorite":
                return object_of(_github.star(body), "url")
            case "link":
                return object_of(_github.gist(body) if _github.is_gist(body) else _github.repository(body), "url")
            case "contact":
                return object_of(_github.person(obj(body.get("user")), text(body.get("relation"))), "handles", "name")
            case "event":
                return object_of(event(body), "title")
        return object_of(_github.post(body), "url")


def _public(stream: Stream) -> Stream:
    """The list of a stream that everybody may see."""
    return replace(stream, path=_PUBLIC[stream.name])
