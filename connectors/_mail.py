"""
One e-mail message as a body: its source text, and beside it the fields that people ask for.

Shared by every connector that meets messages.  A body holds what is known of::

    {"raw": "From: …", "from": [{"address": "Jason@Singly.com", "name": "Jason"}], "to": […], "cc": […], "bcc": […], "sender": […], "reply_to": […],
     "subject": "…", "date": "2011-05-18T10:00:00Z", "message_id": "a@b", "in_reply_to": "a@b", "references": ["a@b"], "text": "…",
     "attachments": ["map.pdf"], "labels": ["Work"], "flags": ["seen"], "list_id": "list.example.org", "thread_id": "1844347"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, BinaryIO, TypeVar

from locker.connector import Blob, Body, Found, Item, Problem

from ._address import bare, contact, correspondents, mailboxes
from ._mail_header import Headers, date, flags, header, identifiers, indexed, labels, list_id
from ._mail_parts import attachments, parsed, text
from ._mbox import split

Part = TypeVar("Part")

BLOB_LIMIT = 65536
"""Source texts of more bytes than this are kept as blobs."""

_REMEMBERED = 50_000


def message_body(raw: bytes) -> Body:
    """The body of a message given as RFC 5322 bytes.  Never raises: what is too broken to parse is left out, *raw* is always there."""
    body: Body = {"raw": source_text(raw, "message/rfc822")}
    message = parsed(raw)
    index = _try(indexed, message) or {}
    for name, find in _FIELDS.items():
        if value := _try(find, index):
            body[name] = value
    for name, search in (("text", text), ("attachments", attachments)):
        if value := _try(search, message):
            body[name] = value
    return body


def message_key(raw: bytes, body: Body) -> str:
    """The Message-ID without its brackets, or the digest of the bytes for a message that has none."""
    return body.get("message_id") or "sha256:" + sha256(raw).hexdigest()


def source_text(raw: bytes, media_type: str) -> str | Blob:
    """Source bytes as they go into a body: text if they are UTF-8 and short."""
    if len(raw) <= BLOB_LIMIT:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            pass
    return Blob(raw, media_type)


def mailbox(file: BinaryIO, name: str, mail: Mail) -> Iterator[Found]:
    """Everything in one mbox file; *name* is what problems call it."""
    number = 0
    for part in split(file):
        number += 1
        if not part.is_message and not part.raw.lstrip()[:1].isalpha():
            yield Problem(name, f"line {part.line}", "this is not mail; an mbox starts with a line 'From …'")
        elif not part.raw.strip():
            yield Problem(name, f"message {number}, line {part.line}", "the message is empty")
        else:
            yield from mail.items(part.raw)
    if not number:
        yield Problem(name, "line 1", "the file is empty")


class Mail:
    """Turns messages into items: the message, then those of its correspondents who were not told lately (memory stays bounded)."""

    def __init__(self) -> None:
        self._seen: dict[int, None] = {}

    def items(self, raw: bytes, key: str = "", **extra: Any) -> Iterator[Found]:
        """*key* is what the source calls the message (without one: its Message-ID); *extra* fields are added to its own, lists are joined."""
        body = message_body(raw)
        for name, value in extra.items():
            if value:
                body[name] = list(dict.fromkeys([*body.get(name, ()), *value])) if isinstance(value, list) else value
        yield Item("message", key or message_key(raw, body), body)
        for key, person in correspondents(body):
            mark = int.from_bytes(sha256(key.encode()).digest()[:8], "big")
            if mark not in self._seen:
                if len(self._seen) >= _REMEMBERED:
                    self._seen.clear()
                self._seen[mark] = None
                yield Item("contact", key, person)


def map_mail(type: str, body: Body) -> Body | None:
    """Canonical fields of a message, or of a contact that was found in one."""
    if type == "contact":
        return contact(body)
    fields: Body = {
        "from": next((address for one in body.get("from", ()) if (address := bare(one))), None),
        "from_name": next((name for one in body.get("from", ()) if (name := one.get("name"))), None),
        "subject": body.get("subject"),
        "text": body.get("text"),
        "tag": list(dict.fromkeys([*body.get("labels", ()), *body.get("flags", ()), *filter(None, [body.get("folder")])])),
        "thread": thread(body),
        "message_id": body.get("message_id"),
        "in_reply_to": body.get("in_reply_to"),
        "references": body.get("references"),
        "sent": body.get("date"),
        "attachments": body.get("attachments"),
        "channel": body.get("list_id"),
    }
    for name in ("to", "cc", "bcc"):
        fields[name] = list(dict.fromkeys(address for one in body.get(name, ()) if (address := bare(one))))
    return {name: value for name, value in fields.items() if value}


def thread(body: Body) -> str | None:
    """What the messages of one conversation have in common: the provider's own thread, else the id of the first message."""
    return body.get("thread_id") or next(iter(body.get("references", ())), None) or body.get("in_reply_to") or body.get("message_id")


_FIELDS: dict[str, Callable[[Headers], Any]] = {
    "from": lambda index: mailboxes(index.get("from", ())),
    "sender": lambda index: mailboxes(index.get("sender", ())),
    "reply_to": lambda index: mailboxes(index.get("reply-to", ())),
    "to": lambda index: mailboxes(index.get("to", ())),
    "cc": lambda index: mailboxes(index.get("cc", ())),
    "bcc": lambda index: mailboxes(index.get("bcc", ())),
    "subject": lambda index: header(index, "Subject"),
    "date": date,
    "message_id": lambda index: next(iter(identifiers(index.get("message-id", ()))), None),
    "in_reply_to": lambda index: next(iter(identifiers(index.get("in-reply-to", ()))), None),
    "references": lambda index: identifiers(index.get("references", ())),
    "labels": labels,
    "flags": flags,
    "list_id": list_id,
    "thread_id": lambda index: header(index, "X-GM-THRID"),
}


def _try(find: Callable[[Part], Any], part: Part) -> Any:
    """What a field's finder finds; a message can be broken in ways that the standard library's parser does not expect."""
    try:
        return find(part)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError, OverflowError):
        return None
