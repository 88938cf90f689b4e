"""
Reads what a person gets of their GitHub account: the account's export, and lists of starred repositories and the like from its API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from locker.connector import Archive, Archived, Body, Found, Item, Problem, Scope
from locker.error import Fatal

from . import _github
from ._json_members import Element, elements, keep, mended
from ._loose import obj, text

_EXPORTED = re.compile(r"([a-z_]+)_\d{6}\.json")
_RELATIONS = ("followers", "following", "stargazers", "subscribers", "members", "collaborators", "contributors", "blocked")
_ANSWERS = (
    "*stars.json",
    "*repos.json",
    "*gists.json",
    "*user.json",
    "*repo.json",
    "*issues.json",
    *(f"*{relation}.json" for relation in _RELATIONS),
)
_OWN = ("repo", "gist", "issues", "pull")


class GithubArchive(Archived):
    """An account's export, or answers of the API that somebody saved.

    The export: *Settings > Account > Export account data*, which is a ``.tar.gz`` (give it as it is, or unpacked, or zipped) with ``users_000001.json``,
    ``repositories_000001.json``, ``issues_000001.json`` and so on.  It does not tell stars and followers; save them with
    ``gh api --paginate -H "Accept: application/vnd.github.star+json" user/starred > starred.json`` and ``gh api --paginate user/followers > followers.json``.

    A list of repositories is taken as starred ones, unless its file's name starts with ``repo``.  Whatever else the export holds (milestones, events) is
    archived, but is no object.  An export may leave repositories out, so what a newer one lacks is not taken as deleted.
    """

    name = "github-archive"
    types = ("favorite", "contact", "link", "post")
    title = "GitHub export and stars"
    patterns: ClassVar[tuple[str, ...]] = ("*_000???.json", "*starred.json", "*ghstars*.json", "*github*.json")

    def read(self, archive: Archive) -> Iterator[Found]:
        wanted = ("*.json",) if archive.is_single else (*self.patterns, *_ANSWERS)
        bases = {name: name.rpartition("/")[2] for name in archive.names(*wanted)}
        names = [name for name, base in bases.items() if base not in ("schema.json", "urls.json") and not base.startswith("._")]
        if not names:
            raise Fatal(f"{archive.path} is no GitHub export: it has neither users_000001.json nor a list like starred.json")
        exported = [name for name in names if _EXPORTED.fullmatch(name.rpartition("/")[2])]
        # Without a scope of their own, saved answers come before the export, which has one.
        for name in sorted(set(names).difference(exported)):
            yield from _read(archive, name)
        if exported and (owner := _owner(archive, exported)):
            yield Scope(f"account:{owner}")
        for name in exported:
            yield from _read(archive, name)

    def map(self, type: str, body: Body) -> Body | None:
        body = mended(body)
        if type == "favorite":
            return _github.star(body)
        if type == "link":
            return _github.gist(body) if _github.is_gist(body) else _github.repository(body)
        if type == "contact":
            relation = text(body.get("relation"))
            return _github.person(obj(body.get("user")) if relation else body, relation)
        return _github.post(body) if _github.is_writing(body) else None


def _read(archive: Archive, name: str) -> Iterator[Found]:
    for found in elements(archive, name):
        if isinstance(found, Problem):
            yield found
        else:
            yield _item(found, name.rpartition("/")[2].lower()) or Problem(
                name, found.place, "nothing of GitHub's that we know: neither a repository nor a person nor a text"
            )


def _item(element: Element, file: str) -> Item | None:
    said = obj(element.value)
    exported = _EXPORTED.fullmatch(file)
    if "starred_at" in said and "user" in said:  # who starred a repository
        return _person(element, obj(said["user"]), "stargazers")
    starred = obj(said.get("repo")) or obj(said.get("repository")) or said
    if "starred_at" in said or (
        not exported and not file.startswith(_OWN) and (_github.is_repository(starred) or _github.is_gist(starred))
    ):
        key = _github.key(starred)
        return Item("favorite", key, element.body) if key else None
    if _github.is_repository(said) or _github.is_gist(said):
        key = _github.key(said)
        return Item("link", key, element.body) if key else None
    if _github.is_person(said):
        relation = next((word for word in _RELATIONS if word in file), None)
        return _person(element, said, relation)
    # An export's other documents, whatever they are; of answers only texts, since anything could be one.
    key = text(said.get("url"), said.get("id"), said.get("asset_url"))
    return Item("post", key, element.body) if key and (exported or _github.is_writing(said)) else None


def _person(element: Element, person: Body, relation: str | None) -> Item | None:
    key = _github.key(person)
    if key is None:
        return None
    said: Body = element.value
    made = {**said, "relation": relation} if "user" in said else {"user": said, "relation": relation}
    return Item("contact", f"{relation}:{key}", keep(element, made)) if relation else Item("contact", key, element.body)


def _owner(archive: Archive, exported: list[str]) -> str | None:
    """Whose export it is: the one who owns all its repositories; it does not say so itself."""
    owners = set()
    for name in exported:
        if name.rpartition("/")[2].startswith("repositories_"):
            for found in elements(archive, name):
                if not isinstance(found, Problem):
                    owners.add(_github.login(obj(found.value).get("owner")))
    return owners.pop() if len(owners) == 1 else None
