"""
Reads the export of a Slack workspace: its messages and its people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from locker.connector import Archive, Archived, Body, Found, Item, Problem, Scope
from locker.error import Fatal

from . import _slack
from ._json_members import Element, elements, keep, mended
from ._loose import known, obj, text, texts

_DAY = re.compile(r"(?:(.*)/)?([^/]+)/\d{4}-\d{2}-\d{2}\.json")
_LISTS = {"channels.json": False, "groups.json": False, "mpims.json": True, "dms.json": True}
"""Files that name conversations, and whether these have fixed members, which then are a message's recipients."""


@dataclass(slots=True)
class _Workspace:
    """What must be known before messages can be read: the *team*, and the conversations by the folder of their messages."""

    team: str | None = None
    channels: dict[str, Body] = field(default_factory=dict)


class SlackArchive(Archived):
    """A workspace's export, as the zip that Slack gives or unpacked.

    An owner or admin makes it under *Settings & administration > Workspace settings > Import/Export Data > Export*.  It holds the public channels (on
    some plans also private ones and direct messages) of the dates that were asked for; so a message that a newer export lacks is not taken as deleted,
    only one that Slack marks as deleted.

    A message's body is ``{"message": …, "channel": {"id", "name"}}`` (with ``members`` for direct messages), the message as Slack wrote it but for the access
    tokens in its files' addresses.  Logs of integrations, canvases and lists are left alone.
    """

    name = "slack-archive"
    types = ("message", "contact")
    title = "Slack export"
    patterns: ClassVar[tuple[str, ...]] = ("users.json", "*/users.json", "channels.json", "*/channels.json", "*/????-??-??.json")

    def read(self, archive: Archive) -> Iterator[Found]:
        names = archive.names("*.json")
        days = [name for name in names if _DAY.fullmatch(name)]
        lists = [name for name in names if name.rpartition("/")[2] in _LISTS]
        people = [name for name in names if name.rpartition("/")[2] in ("users.json", "org_users.json")]
        if not days and not lists and not people:
            raise Fatal(f"{archive.path} is no Slack export: it has neither users.json nor channels.json nor days of messages")
        space = _Workspace()
        for name in lists:
            yield from _channels(archive, name, space)
        for name in people:
            yield from _people(archive, name, space)
        if space.team:
            yield Scope(f"team:{space.team}/messages")
        for name in days:
            for found in elements(archive, name):
                yield from [found] if isinstance(found, Problem) else _messages(found, name, space)

    def map(self, type: str, body: Body) -> Body | None:
        body = mended(body)
        if type == "contact":
            return _slack.contact(body)
        return _slack.message(obj(body.get("message")), obj(body.get("channel")))


def _channels(archive: Archive, name: str, space: _Workspace) -> Iterator[Found]:
    for found in elements(archive, name):
        if isinstance(found, Problem):
            yield found
            continue
        said = obj(found.value)
        members = texts(said.get("members")) if _LISTS[name.rpartition("/")[2]] else None
        channel = known(id=text(said.get("id")), name=text(said.get("name")), members=members)
        for folder in (channel.get("id"), channel.get("name")):
            if folder:
                space.channels.setdefault(folder, channel)


def _people(archive: Archive, name: str, space: _Workspace) -> Iterator[Found]:
    for found in elements(archive, name):
        if isinstance(found, Problem):
            yield found
            continue
        said = obj(found.value)
        id, team = text(said.get("id")), text(said.get("team_id"))
        if id is None:
            yield Problem(name, found.place, "a user without an id")
            continue
        if space.team is None and team:
            space.team = team
            # Slack lists everybody who ever was a member; people who left are marked, not dropped.
            yield Scope(f"team:{team}/users", complete=name.rpartition("/")[2] == "users.json")
        yield Item("contact", id, found.body)


def _messages(element: Element, file: str, space: _Workspace) -> Iterator[Found]:
    match = _DAY.fullmatch(file)
    folder = match[2] if match else ""
    channel = space.channels.get(folder, {"name": folder})
    place = channel.get("id", folder)
    said, gone = obj(element.value), None
    if said.get("subtype") == "message_deleted":
        gone = text(said.get("deleted_ts"), obj(said.get("previous_message")).get("ts"))
    elif said.get("subtype") == "message_changed":
        said = obj(said.get("message"))
    ts = gone or text(said.get("ts"))
    if ts is None:
        yield Problem(file, element.place, "a message without a ts")
    elif gone or said.get("subtype") == "tombstone":
        yield Item("message", f"{place}:{ts}", None)
    else:
        made = keep(element, {"message": _slack.without_tokens(said), "channel": channel})
        yield Item("message", f"{place}:{ts}", {**made, "raw": _slack.without_tokens(made["raw"])} if "raw" in made else made)
