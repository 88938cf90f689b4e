"""
Google Keep's notes and lists (documents), and the account's profile (a contact).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from locker.connector import Body, Found, Item, Problem, Scope

from ._json_members import elements, mended
from ._loose import known, obj, objs, text, unique
from ._moment import moment
from ._parts import Member

_STATES = {"isPinned": "pinned", "isArchived": "archived", "isTrashed": "trashed"}


def note(member: Member) -> Iterator[Found]:
    """A note's file.  The key is the moment of its making; before 2021 that was not told, and the file's name must do."""
    for found in elements(member.archive, member.name):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict):
            stem = member.name.rpartition("/")[2].removesuffix(".json")
            yield Item("document", f"keep:{found.value.get('createdTimestampUsec') or stem}", found.body)
        else:
            yield Problem(member.label, found.place, "expected a note, an object with title and textContent or listContent")


def map_note(body: Body) -> Body | None:
    """The canonical document.  A list has one line per item; states (pinned, archived, trashed) are tags, like mail's flags."""
    value = mended(body)
    lines = [f"[{'x' if one.get('isChecked') else ' '}] {one['text']}" for one in objs(value.get("listContent")) if text(one.get("text"))]
    labels = [text(one.get("name")) for one in objs(value.get("labels"))]
    return known(
        title=text(value.get("title")),
        text="\n".join(filter(None, [text(value.get("textContent")), *lines])),
        tag=unique([*labels, *(state for name, state in _STATES.items() if value.get(name) is True)]),
        links=unique(text(one.get("url")) for one in objs(value.get("annotations"))),
        attachments=unique(text(one.get("filePath")) for one in objs(value.get("attachments"))),
        folder="Keep",
        created=moment(value.get("createdTimestampUsec")),
        updated=moment(value.get("userEditedTimestampUsec")),
    )


def profile(member: Member) -> Iterator[Found]:
    """The owner, and the account as the scope of all that follows."""
    for found in elements(member.archive, member.name):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict) and (emails := _emails(found.value)):
            yield Scope(f"account:{emails[0]}")
            yield Item("contact", f"profile:{emails[0]}", found.body)


def map_profile(body: Body) -> Body | None:
    """The canonical contact."""
    value = mended(body)
    name, born = obj(value.get("name")), moment(value.get("birthday"))
    return known(
        name=text(value.get("displayName"), name.get("formattedName")),
        given_name=text(name.get("givenName")),
        family_name=text(name.get("familyName")),
        emails=_emails(value),
        birthday=born,
        gender=text(obj(value.get("gender")).get("type")),
    )


def _emails(value: Body) -> list[str]:
    found = [text(one.get("value")) for one in objs(value.get("emails"))]
    return unique(one.lower() for one in found if one)
