"""
Conversations in Facebook's and Instagram's exports: ``messages/inbox/<thread>/message_1.json``, and Messenger's own download of encrypted chats.

A message has no id and does not name its conversation, so its body is ``{"thread": {"thread_path", "title", "participants"}, "message": {...}}``,
both as given.  Its key is thread, time, sender and a digest of the content: the folder that a thread lies in (inbox, archived) is left out,
since a thread moves when somebody archives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from locker.connector import Body, Item, Problem
from locker.error import Fatal

from ._json_members import Element, elements, mended
from ._loose import known, objs
from ._meta import basename, digest, link, mend, part, text
from ._moment import moment
from ._parts import Member, Parts

THREADS = re.compile(r"/messages/.*/message(_\d+)?\.json$")
_ANY = re.compile(r"\.json$")
_LOOKS = re.compile(rb'"(participants|sender_name|senderName)"\s*:')
_SNIFFED = 8192
_HEADER = {"participants", "title", "thread_path", "threadName", "is_still_participant"}
_FILES = ("photos", "videos", "gifs", "audio_files", "files", "media")


def messages(parts: Parts) -> Iterator[Item | Problem]:
    """Every message of every thread, in the order of the files."""
    for member in parts.matching(THREADS):
        yield from _thread(member)


def loose(parts: Parts) -> Iterator[Item | Problem]:
    """Messages of files that only look like a thread: Messenger's own download, or a thread taken out of its folder."""
    for member in parts.matching(_ANY):
        try:
            with member.open() as file:
                is_thread = bool(_LOOKS.search(file.read(_SNIFFED)))
        except Fatal as error:
            yield Problem(member.label, "file", str(error))
            continue
        if is_thread:
            yield from _thread(member)


def _thread(member: Member) -> Iterator[Item | Problem]:
    header = _header(member)
    for found in elements(member.archive, member.name, lambda name: name == "messages"):
        if isinstance(found, Problem):
            yield replace(found, file=member.label)
        elif isinstance(found.value, dict):
            body = {"thread": header, "message": found.body}
            yield Item("message", _key(mend(header), mend(found.value)), body)
        else:
            yield Problem(member.label, found.place, f"expected a message, found {type(found.value).__name__}")


def _header(member: Member) -> Body:
    """What a thread's file says about the thread.  Problems are told by the second reading, that of the messages."""
    header: Body = {}
    people: list[Any] = []
    for found in elements(member.archive, member.name, _HEADER.__contains__):
        if isinstance(found, Element) and found.name == "participants":
            people.extend(found.value if isinstance(found.value, list) else [found.value])
        elif isinstance(found, Element) and found.name and isinstance(found.value, str):
            header[found.name] = found.value
    if people:
        header["participants"] = people
    folders = member.name.split("/")[:-1]
    if "thread_path" not in header and "threadName" not in header and folders:
        header["thread_path"] = "/".join(folders[-2:])
    return header


def _key(thread: Body, message: Body) -> str:
    when = message.get("timestamp_ms") or message.get("timestamp") or ""
    files = sorted(filter(None, map(basename, _uris(message))))
    content = digest(_words(message), part(message, "share", "link"), files, message.get("call_duration"))
    return f"{basename(_path(thread)) or ''}:{when}:{_sender(message) or ''}:{content}"


def map_message(body: Body) -> Body | None:
    """The canonical message."""
    message = body.get("message")
    message = mend(mended(message)) if isinstance(message, dict) else {}
    thread = mend(body.get("thread"))
    given = part(thread, "participants")
    people = [name for name in map(_name, given if isinstance(given, list) else []) if name]
    sender = _sender(message)
    path = _path(thread)
    shared = [link(part(message, "share", "link")), text(part(message, "share", "share_text"))]
    return known(
        from_=sender,
        from_name=sender,
        to=[name for name in people if name != sender],
        text="\n".join(filter(None, [_words(message), *shared])),
        sent=moment(message.get("timestamp_ms") or message.get("timestamp")),
        thread=path,
        channel=text(part(thread, "title")),
        tag=[path.partition("/")[0]] if path and "/" in path else [],
        attachments=[name for name in map(basename, _uris(message)) if name],
    )


def _name(person: Any) -> str | None:
    return text(person.get("name") if isinstance(person, dict) else person)


def _sender(message: Body) -> str | None:
    return text(message.get("sender_name") or message.get("senderName"))


def _words(message: Body) -> str | None:
    return text(message.get("content")) or text(message.get("text"))


def _path(thread: Any) -> str | None:
    return text(part(thread, "thread_path")) or text(part(thread, "threadName"))


def _uris(message: Body) -> list[str]:
    held = [one for name in _FILES for one in objs(message.get(name))]
    sticker = message.get("sticker")
    return [one["uri"] for one in [*held, *([sticker] if isinstance(sticker, dict) else [])] if isinstance(one.get("uri"), str)]
