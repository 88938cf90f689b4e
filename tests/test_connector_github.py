"""
GitHub's account export and saved answers of its API: stars, people, repositories, gists, issues and comments.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.connector import Item
from locker.error import Fatal
from locker.record import canonical
from tests.connectors import connector, mapped, read, read_checked

GITHUB = connector("github-archive")
ANN = "https://github.com/ann"

EXPORT: dict[str, Any] = {
    "schema": {"version": "1.0.1", "github_sha": "0"},
    "urls": {"user": "{scheme}://{+host}/{login}"},
    "users_000001": [
        {
            "type": "user",
            "url": ANN,
            "login": "ann",
            "name": "Ann Lee",
            "bio": "Cook",
            "company": "Kitchen",
            "website": "https://ann.example",
            "location": "Ulm",
            "emails": [{"address": "Ann@Example.org", "primary": True, "verified": True}],
            "created_at": "2012-01-02T03:04:05Z",
        }
    ],
    "organizations_000001": [
        {"type": "organization", "url": "https://github.com/cooks", "login": "cooks", "name": "Cooks", "description": "We cook"}
    ],
    "repositories_000001": [
        {
            "type": "repository",
            "url": f"{ANN}/soup",
            "owner": ANN,
            "name": "soup",
            "description": "Soups",
            "private": False,
            "topics": [{"name": "food"}],
            "labels": [{"url": f"{ANN}/soup/labels/bug", "name": "bug"}],
            "created_at": "2015-01-02T03:04:05Z",
        }
    ],
    "issues_000001": [
        {
            "type": "issue",
            "url": f"{ANN}/soup/issues/1",
            "repository": f"{ANN}/soup",
            "user": "https://github.com/bob",
            "title": "Too hot",
            "body": "Wait.",
            "labels": [f"{ANN}/soup/labels/bug"],
            "created_at": "2016-01-02T03:04:05Z",
            "updated_at": "2016-01-03T03:04:05Z",
        }
    ],
    "issue_comments_000001": [
        {
            "type": "issue_comment",
            "url": f"{ANN}/soup/issues/1#issuecomment-5",
            "issue": f"{ANN}/soup/issues/1",
            "user": ANN,
            "body": "Done",
            "created_at": "2016-01-04T03:04:05Z",
        }
    ],
    "milestones_000001": [{"type": "milestone", "url": f"{ANN}/soup/milestones/1", "title": "v1"}],
}


def export(folder: Path, **more: Any) -> Path:
    """An account's export, unpacked."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**EXPORT, **more}.items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    (folder / "repositories/ann/soup.git").mkdir(parents=True, exist_ok=True)
    (folder / "repositories/ann/soup.git/config").write_text("[core]")
    return folder


def said(items: list[Item]) -> dict[tuple[str, str], dict[str, Any]]:
    """What each item says, by type and key."""
    return {(item.type, item.key): mapped(GITHUB, item) for item in items}


def one(tmp_path: Path, name: str, content: Any) -> tuple[list[Item], int]:
    """The items of one saved answer, and how many problems it had."""
    (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    items, problems, scopes = read_checked(GITHUB, tmp_path / name)
    assert [] == scopes
    return items, len(problems)


def test_an_account_export(tmp_path: Path) -> None:
    """People are contacts, repositories are links, issues and comments are posts; other documents are kept and are no object."""
    items, problems, scopes = read_checked(GITHUB, export(tmp_path))
    assert [] == problems
    assert [("account:ann", False)] == [(scope.name, scope.complete) for scope in scopes]
    assert {
        ("contact", ANN): {
            "name": "Ann Lee",
            "handles": ["github:ann"],
            "emails": ["ann@example.org"],
            "urls": [ANN, "https://ann.example"],
            "organization": "Kitchen",
            "address": [{"text": "Ulm"}],
            "bio": "Cook",
        },
        ("contact", "https://github.com/cooks"): {
            "name": "Cooks",
            "handles": ["github:cooks"],
            "urls": ["https://github.com/cooks"],
            "bio": "We cook",
        },
        ("link", f"{ANN}/soup"): {
            "url": f"{ANN}/soup",
            "title": "ann/soup",
            "description": "Soups",
            "author": "ann",
            "tag": ["food"],
            "created": "2015-01-02T03:04:05Z",
        },
        ("post", f"{ANN}/soup/issues/1"): {
            "url": f"{ANN}/soup/issues/1",
            "title": "Too hot",
            "text": "Wait.",
            "author": "bob",
            "tag": ["bug"],
            "kind": "issue",
            "created": "2016-01-02T03:04:05Z",
            "updated": "2016-01-03T03:04:05Z",
        },
        ("post", f"{ANN}/soup/issues/1#issuecomment-5"): {
            "url": f"{ANN}/soup/issues/1#issuecomment-5",
            "text": "Done",
            "author": "ann",
            "reply_to": f"{ANN}/soup/issues/1",
            "kind": "issue_comment",
            "created": "2016-01-04T03:04:05Z",
        },
        ("post", f"{ANN}/soup/milestones/1"): {},
    } == said(items)


@pytest.mark.parametrize("root", ["", "0a1b2c/"])
@pytest.mark.parametrize("format", ["zip", "gztar", "tar"])
def test_packed_and_unpacked_are_the_same(tmp_path: Path, root: str, format: str) -> None:
    """The tar.gz as it comes, a zip and the folder give the same items."""
    folder = tmp_path / "a"
    export(folder / root)
    assert read(GITHUB, folder) == read(GITHUB, shutil.make_archive(str(tmp_path / "b"), format, folder))


def test_an_export_of_several_owners_names_no_account(tmp_path: Path) -> None:
    """Whose export it is, only its repositories tell; if they belong to several, nothing does."""
    other = {**EXPORT["repositories_000001"][0], "owner": "https://github.com/bob", "url": "https://github.com/bob/x"}
    assert [] == read(GITHUB, export(tmp_path, repositories_000002=[other]))[2]


REPO = {
    "id": 9,
    "name": "soup",
    "full_name": "ann/soup",
    "html_url": f"{ANN}/soup",
    "url": "https://api.github.com/repos/ann/soup",
    "description": "Soups",
    "owner": {"login": "ann", "id": 1, "avatar_url": "https://a.example/1.png", "type": "User"},
    "topics": ["food", ""],
    "language": "Python",
    "created_at": "2015-01-02T03:04:05Z",
}
GIST = {
    "id": "ab",
    "html_url": "https://gist.github.com/ab",
    "files": {"soup.md": {"filename": "soup.md"}},
    "owner": {"login": "ann"},
    "description": "A soup",
}
BOB = {
    "login": "bob",
    "id": 2,
    "type": "User",
    "html_url": "https://github.com/bob",
    "url": "https://api.github.com/users/bob",
    "avatar_url": "https://a.example/2.png",
}
STAR = {
    "url": f"{ANN}/soup",
    "title": "ann/soup",
    "description": "Soups",
    "author": "ann",
    "kind": "star",
    "tag": ["food"],
    "language": "Python",
    "thumbnail": "https://a.example/1.png",
    "avatar": "https://a.example/1.png",
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([REPO], STAR),
        ([{"starred_at": "2019-09-14T08:35:12Z", "repo": REPO}], {**STAR, "created": "2019-09-14T08:35:12Z"}),
        ([{**REPO, "starred_at": "2019-09-14T08:35:12Z"}], {**STAR, "created": "2019-09-14T08:35:12Z"}),
    ],
)
def test_stars(tmp_path: Path, content: Any, expected: dict[str, Any]) -> None:
    """In every form a star is a favorite of the same key; when it was starred is told only by some."""
    items, problems = one(tmp_path, "whatever.json", content)
    assert ({("favorite", "9"): expected}, 0) == (said(items), problems)


def test_pages_that_were_glued_together(tmp_path: Path) -> None:
    """``gh api --paginate`` writes one array after another."""
    items, problems = one(tmp_path, "starred.json", json.dumps([REPO]) + json.dumps([{**REPO, "id": 10}]))
    assert (["9", "10"], 0) == ([item.key for item in items], problems)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("repos.json", [REPO], ("link", "9")),
        ("repo.json", REPO, ("link", "9")),
        ("gists.json", [GIST], ("link", "ab")),
        ("starred_gists.json", [GIST], ("favorite", "ab")),
        ("followers.json", [BOB], ("contact", "followers:2")),
        ("following.json", [BOB], ("contact", "following:2")),
        ("user.json", BOB, ("contact", "2")),
        ("stargazers.json", [{"starred_at": "2019-09-14T08:35:12Z", "user": BOB}], ("contact", "stargazers:2")),
        (
            "issues.json",
            [{"id": 3, "html_url": f"{ANN}/soup/issues/1", "number": 1, "user": BOB, "title": "t", "body": None}],
            ("post", "3"),
        ),
    ],
)
def test_saved_answers_of_the_api(tmp_path: Path, name: str, content: Any, expected: tuple[str, str]) -> None:
    """What an answer is about is told by its documents, and by the file's name where these leave it open."""
    items, problems = one(tmp_path, name, content)
    assert ([expected], 0) == ([(item.type, item.key) for item in items], problems)
    assert mapped(GITHUB, items[0])


def test_people_say_how_they_are_related(tmp_path: Path) -> None:
    """A follower is a contact with that relation."""
    assert {
        "name": "bob",
        "handles": ["github:bob"],
        "urls": ["https://github.com/bob"],
        "photos": ["https://a.example/2.png"],
        "relations": ["followers"],
    } == mapped(GITHUB, one(tmp_path, "followers.json", [BOB])[0][0])


def test_what_cannot_be_read_does_not_stop_the_rest(tmp_path: Path) -> None:
    """Foreign, flawed and broken documents are told of with their place."""
    flawed = json.dumps({**REPO, "id": 11}).replace("Soups", "\\udc00")
    text = f'["foo", {{"a": 1}}, {flawed}, {json.dumps(REPO)}, '
    items, problems = one(tmp_path, "starred.json", text)
    assert ([("favorite", "11"), ("favorite", "9")], 4) == ([(item.type, item.key) for item in items], problems)
    assert "\ufffd" == mapped(GITHUB, items[0])["description"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = (
    "repo",
    "id",
    "url",
    "html_url",
    "full_name",
    "owner",
    "files",
    "topics",
    "labels",
    "user",
    "body",
    "login",
    "emails",
    "starred_at",
    "type",
    "relation",
)


@given(
    body=st.dictionaries(st.sampled_from(names), anything | st.just("https://github.com/a/b"), max_size=7),
    type=st.sampled_from(GITHUB.types),
)
def test_map_never_raises(body: dict[str, Any], type: str) -> None:
    """Whatever a document holds, mapping it gives JSON or nothing."""
    canonical(GITHUB.map(type, body) or {})


def test_something_else_is_refused(tmp_path: Path) -> None:
    """A folder and a file that are no such thing are a clear error."""
    (tmp_path / "mail.mbox").write_text("From me")
    for path in (tmp_path, tmp_path / "mail.mbox"):
        with pytest.raises(Fatal, match="no GitHub export"):
            read(GITHUB, path)
