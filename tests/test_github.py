"""
GitHub's API: what its documents become, and what its refusals mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given

from locker.connector import Answer, Body
from locker.error import LimitReached, LockerError
from tests.fetching import FakeService, opened
from tests.mapping import Sample, drifted, fetching, made, said

GITHUB = fetching("github")
ANN: Body = {"login": "ann", "id": 7, "html_url": "https://github.com/ann", "avatar_url": "https://pictures.example/7", "type": "User"}
SOUP: Body = {
    "id": 12,
    "name": "soup",
    "full_name": "ann/soup",
    "html_url": "https://github.com/ann/soup",
    "description": "Soups",
    "owner": ANN,
    "topics": ["food"],
    "created_at": "2015-01-02T03:04:05Z",
    "updated_at": "2016-01-02T03:04:05Z",
}
GIST: Body = {
    "id": "a1b2",
    "html_url": "https://gist.github.com/a1b2",
    "url": "https://api.github.com/gists/a1b2",
    "files": {"salt.txt": {"filename": "salt.txt"}},
    "description": "How much",
    "owner": ANN,
    "created_at": "2015-01-02T03:04:05Z",
    "updated_at": "2016-01-02T03:04:05Z",
}
ISSUE: Body = {
    "id": 99,
    "number": 3,
    "html_url": "https://github.com/ann/soup/issues/3",
    "title": "Too hot",
    "body": "Wait.",
    "user": ANN,
    "labels": [{"name": "bug"}],
    "created_at": "2016-01-02T03:04:05Z",
    "updated_at": "2016-01-03T03:04:05Z",
}
PUSH: Body = {
    "id": "500",
    "type": "PushEvent",
    "actor": {"id": 7, "login": "ann", "url": "https://api.github.com/users/ann"},
    "repo": {"id": 12, "name": "ann/soup", "url": "https://api.github.com/repos/ann/soup"},
    "payload": {"ref": "refs/heads/main", "commits": [{"message": "Add salt"}, {"message": "Stir"}]},
    "created_at": "2016-01-02T03:04:05Z",
}
STAR: Body = {"starred_at": "2020-01-02T03:04:05Z", "repo": SOUP}
FOLLOWER: Body = {"user": ANN, "relation": "followers"}
SAMPLES: list[Sample] = [
    ("favorite", STAR),
    ("favorite", SOUP),
    ("favorite", GIST),
    ("contact", FOLLOWER),
    ("link", SOUP),
    ("link", GIST),
    ("post", ISSUE),
    ("event", PUSH),
    ("event", {**PUSH, "type": "IssuesEvent", "payload": {"action": "closed", "issue": ISSUE}}),
    ("event", {**PUSH, "type": "IssueCommentEvent", "payload": {"issue": ISSUE, "comment": {"body": "Yes", "html_url": "https://github.com/x"}}}),
    ("event", {**PUSH, "type": "ForkEvent", "payload": {"forkee": SOUP}}),
    ("event", {**PUSH, "type": "CreateEvent", "payload": {"ref_type": "branch", "ref": "hot", "description": "Soups"}}),
    ("event", {**PUSH, "type": "GollumEvent", "payload": {"pages": [{"title": "Salt", "html_url": "https://github.com/ann/soup/wiki/Salt"}]}}),
    ("event", {**PUSH, "type": "ReleaseEvent", "payload": {"action": "published", "release": {"tag_name": "v1", "name": "One"}}}),
    ("event", {**PUSH, "type": "FollowEvent", "repo": {"name": "/"}, "payload": {"target": ANN}}),
    ("event", {**PUSH, "type": "NewsEvent", "payload": {"action": "read"}}),
]  # fmt: skip


def test_a_star_says_when_and_what() -> None:
    """A star is a favorite of the time at which it was given; an answer without that time is one, too."""
    expected = {
        "url": "https://github.com/ann/soup",
        "title": "ann/soup",
        "description": "Soups",
        "author": "ann",
        "kind": "star",
        "tag": ["food"],
        "created": "2020-01-02T03:04:05Z",
        "thumbnail": "https://pictures.example/7",
        "author_url": "https://github.com/ann",
        "avatar": "https://pictures.example/7",
        "updated": "2016-01-02T03:04:05Z",
    }
    assert expected == said(GITHUB, "favorite", STAR)
    del expected["created"]
    assert expected == said(GITHUB, "favorite", SOUP)
    assert ["12", "12"] == [item.key for item in made(GITHUB, "stars", [STAR, SOUP])]


def test_a_person_may_follow_and_be_followed() -> None:
    """The same person in two lists is two items, as in an account's archive, and each says why it is there."""
    items = [item for stream in ("followers", "following") for item in made(GITHUB, stream, [ANN])]
    assert ["followers:7", "following:7"] == [item.key for item in items]
    assert [["followers"], ["following"]] == [said(GITHUB, item.type, item.body or {})["relations"] for item in items]
    assert {"github:ann"} == {handle for item in items for handle in said(GITHUB, item.type, item.body or {})["handles"]}


@pytest.mark.parametrize(
    ("sample", "title"),
    [
        (PUSH, "ann pushed to main of ann/soup"),
        (SAMPLES[8][1], "ann closed issue #3 of ann/soup"),
        (SAMPLES[9][1], "ann commented on #3 of ann/soup"),
        (SAMPLES[10][1], "ann forked ann/soup"),
        (SAMPLES[11][1], "ann created branch hot in ann/soup"),
        (SAMPLES[12][1], "ann edited the wiki of ann/soup"),
        (SAMPLES[13][1], "ann published release v1 of ann/soup"),
        (SAMPLES[14][1], "ann followed ann"),
        (SAMPLES[15][1], "ann read News in ann/soup"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_event_is_a_sentence(sample: Body, title: str) -> None:
    """Who did what to what: also for kinds of events that nobody has told us of."""
    event = said(GITHUB, "event", sample)
    assert (title, "github:500", "2016-01-02T03:04:05Z") == (event["title"], event["uid"], event["start"])
    assert "activity" == event["kind"]


def test_a_push_says_its_commits() -> None:
    """The commits' messages are the description, and the repository is the page."""
    event = said(GITHUB, "event", PUSH)
    assert ("Add salt\nStir", "https://github.com/ann/soup") == (event["description"], event["url"])


def test_repositories_gists_and_issues() -> None:
    """Repositories and gists are links, issues are posts."""
    assert "ann/soup" == said(GITHUB, "link", SOUP)["title"]
    assert "salt.txt" == said(GITHUB, "link", GIST)["title"]
    assert ("Too hot", ["bug"], "issue") == tuple(said(GITHUB, "post", ISSUE)[name] for name in ("title", "tag", "kind"))


def test_counters_are_kept_but_do_not_count() -> None:
    """A star that somebody else gives is no edit of mine; what a person writes counts, and files may be called like a counter."""
    counted = {**SOUP, "stargazers_count": 5, "pushed_at": "2020-01-01T00:00:00Z"}
    (star,) = made(GITHUB, "stars", [{**STAR, "repo": counted}])
    assert {**STAR, "repo": counted} == star.body
    lasting = GITHUB.lasting("favorite", star.body)
    assert {"starred_at", "repo"} == set(lasting)
    assert {"id", "name", "full_name", "html_url", "description", "owner", "topics", "created_at"} == set(lasting["repo"])
    gist = {**GIST, "files": {"score": {"size": 3}}}
    assert gist == GITHUB.lasting("link", {**gist, "comments": 2})
    issue = GITHUB.lasting("post", {**ISSUE, "comments": 2, "repository": counted, "reactions": {"+1": 1}})
    assert ("updated_at" in issue, "updated_at" in issue["repository"], "reactions" in issue) == (True, False, False)


def refusal(status: int, headers: dict[str, str], message: str) -> LockerError | None:
    """What an answer means."""
    return GITHUB.judge(Answer(status, headers, f'{{"message": "{message}"}}'.encode(), "https://api.github.com/user"))


@pytest.mark.parametrize(
    ("status", "headers", "message", "after"),
    [
        (403, {"retry-after": "30"}, "Must have push access", 30.0),
        (403, {"x-ratelimit-remaining": "0"}, "API rate limit exceeded", 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000100", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, "Sorry", 100.0),
        (403, {"x-ratelimit-remaining": "4000"}, "You have exceeded a secondary rate limit", 60.0),
        (403, {}, "You have triggered an abuse detection mechanism", 60.0),
        (429, {}, "You have exceeded a secondary rate limit", 60.0),
        (403, {"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}, "Wait", 60.0),
    ],
)
def test_limits_are_told_as_403(status: int, headers: dict[str, str], message: str, after: float) -> None:
    """A spent budget and a secondary limit are waited out, as long as GitHub says, else a minute."""
    error = refusal(status, headers, message)
    assert isinstance(error, LimitReached)
    assert after == error.after


def test_other_refusals_are_what_their_status_says() -> None:
    """A 403 that is no limit is no reason to try again."""
    assert refusal(403, {"x-ratelimit-remaining": "4000"}, "Must have push access to repository") is None
    assert refusal(401, {}, "Bad credentials") is None
    assert refusal(404, {}, "Not Found") is None


async def test_a_token_that_may_not_read_the_own_list(tmp_path: Path) -> None:
    """What is public is fetched; what that lacks is not taken for deleted, and somebody can see it."""
    service = FakeService({"/user/starred": [STAR, {"repo": {**SOUP, "id": 13}}]}, token=None)
    service.cues.append(lambda request: web.json_response(ANN) if request.path == "/user" else None)
    async with service.open() as base:
        with opened(tmp_path, GITHUB) as locker:
            locker.connections.add("me", "github", base_url=base, secrets={"token": "t"}, trusted=True)
            own = await locker.syncing.run("me", "github", streams=["stars"])
            service.lists = {"/users/ann/starred": [STAR], "/users/ann/followers": [ANN]}
            shown = await locker.syncing.run("me", "github", streams=["stars", "followers"], whole=True)
    assert (2, 0) == (own.records, own.unreadable)
    assert [("done", 0, 1, 0), ("done", 1, 0, 0)] == [(one.outcome, one.added, one.unreadable, one.deleted) for one in shown.streams]


@given(drifted(SAMPLES))
def test_drifted_documents_are_mapped(sample: tuple[str, Any]) -> None:
    """Whatever GitHub changes in its documents, they become an object that fits its schema, or none."""
    said(GITHUB, *sample)
