"""
How Twitter's archives are laid out: which file holds what, whose archive it is, when it was made, and which files it should have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from locker.connector import Archive, Body, Problem

from ._json_members import elements
from ._loose import known, obj, objs, text
from ._moment import moment

SCOPES = {
    "account": "account",
    "profile": "account",
    "tweet": "tweets",
    "community-tweet": "community-tweets",
    "twitter-circle-tweet": "circle-tweets",
    "deleted-tweet": "deleted-tweets",
    "note-tweet": "note-tweets",
    "like": "likes",
    "bookmark": "bookmarks",
    "follower": "followers",
    "following": "following",
    "block": "blocks",
    "mute": "mutes",
    "contact": "contacts",
    "direct-message": "direct-messages",
    "direct-message-group": "direct-messages-group",
}
"""What we read of an archive: kind of file -> what its scope is called after the account."""

_PART = re.compile(r"([a-z_-]+?)(?:-part\d+)?\.js")
_MONTH = re.compile(r"\d{4}_\d{2}\.js")
_DESCRIBES = ("manifest.js", "user_details.js", "payload_details.js", "tweet_index.js")


@dataclass(slots=True)
class Export:
    """One archive: the *folder* it lies in, its *files* by kind, and what it says of itself: account *id* and *name*, when it was *made*, files it *lists*."""

    folder: str
    files: dict[str, list[str]]
    id: str | None = None
    name: str | None = None
    made: datetime | None = None
    listed: frozenset[str] = frozenset()
    partial: bool = False

    @property
    def account(self) -> Body:
        """Whose it is, shaped like ``account.js``: what a tweet of today's archives does not say."""
        return known(accountId=self.id, username=self.name)

    def is_complete(self, scope: str) -> bool:
        """Whether every file of this scope that the archive lists is there."""
        there = {name.rpartition("/")[2] for names in self.files.values() for name in names}
        wanted = {name for name in self.listed if SCOPES.get(kind_of(name) or "") == scope}
        return bool(wanted) and wanted <= there and not self.partial


def kind_of(name: str) -> str | None:
    """What a file holds, by its name: ``data/tweets-part1.js`` and the older ``tweet.js`` are of kind ``tweet``."""
    folder, _, base = name.rpartition("/")
    if _MONTH.fullmatch(base):
        return "tweet" if not folder or folder.endswith("tweets") else None
    match = _PART.fullmatch(base.lower())
    kind = match[1].replace("_", "-").replace("messages", "message").removesuffix("s") if match else ""
    return kind if kind in SCOPES and not folder.endswith("assets/js") else None


def exports(archive: Archive) -> tuple[list[Export], list[Problem]]:
    """The Twitter archives in an archive, as a rule one, in folder order, and what hindered reading what they say of themselves."""
    found: dict[str, Export] = {}
    problems: list[Problem] = []
    for name in archive.names("*.js"):
        folder, _, base = name.rpartition("/")
        kind = kind_of(name)
        if kind or base in _DESCRIBES:
            folder = folder.removesuffix("tweets").rstrip("/") if _MONTH.fullmatch(base) else folder
            files = found.setdefault(folder, Export(folder, {})).files
            files.setdefault(kind or "about", []).append(name)
    for export in found.values():
        for name in [*export.files.pop("about", []), *export.files.get("account", [])]:
            problems += _describe(export, archive, name)
    return list(found.values()), problems


def _describe(export: Export, archive: Archive, name: str) -> Iterator[Problem]:
    for found in elements(archive, name):
        if isinstance(found, Problem):
            if not name.endswith("account.js"):  # that one is read once more
                yield found
        elif name.endswith("manifest.js"):
            _manifest(export, obj(found.value))
        elif name.endswith("tweet_index.js"):
            listed = text(obj(found.value).get("file_name"))
            export.listed |= {listed.rpartition("/")[2]} if listed else set()
        else:
            _about(export, obj(found.value))


def _about(export: Export, said: Body) -> None:
    """``account.js``, ``user_details.js``, ``payload_details.js``."""
    said = obj(said.get("account")) or said
    export.id = text(said.get("accountId"), said.get("id")) or export.id
    export.name = text(said.get("username"), said.get("screen_name")) or export.name
    if "tweets" in said:
        export.made = _time(said.get("created_at"))


def _manifest(export: Export, said: Body) -> None:
    person, about = obj(said.get("userInfo")), obj(said.get("archiveInfo"))
    export.id = text(person.get("accountId")) or export.id
    export.name = text(person.get("userName")) or export.name
    export.made = _time(text(about.get("generationDate"), said.get("exportDate")))
    export.partial = about.get("isPartialArchive") in (True, "true")
    files = [file for data in obj(said.get("dataTypes")).values() for file in objs(obj(data).get("files"))]
    export.listed = frozenset(name.rpartition("/")[2] for file in files if (name := text(file.get("fileName"))))


def _time(value: object) -> datetime | None:
    said = moment(value)
    return datetime.fromisoformat(said) if said else None
