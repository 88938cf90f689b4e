"""
One walk through the mailboxes of an account: what is new, what changed, and at the end what went away.

The state that is kept between walks names, per mailbox, UIDVALIDITY, the next UID, HIGHESTMODSEQ and the known UIDs.  What went away is told last,
so that a message that moved is in its new mailbox before it leaves the old one, and stays the same object.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from imapclient import imap_utf7

from locker.connector import Body, Item, Page, Problem, Walk
from locker.error import Skippable

from ._imap_server import Examined, Fetched, Listed, Server
from ._mail import Mail
from ._moment import moment
from ._uids import Uids

CHUNK, SWEPT = 200, 5000
MOST_AT_ONCE = 8 << 20
LARGEST_MESSAGE = 48 << 20
"""Of longer messages only the head is kept; hardly a server takes such mail."""

GONE = 500
_META = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE")
_GMAIL = ("X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS")


@dataclass(slots=True)
class Box:
    """What is known of one mailbox.  *again* are messages that changed and are still to be fetched; *modseq* 0: the server counts no changes,
    so *flags* holds who has which."""

    validity: int
    next: int = 1
    modseq: int = 0
    uids: Uids = field(default_factory=Uids)
    again: Uids = field(default_factory=Uids)
    flags: dict[str, Uids] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Body) -> Box:
        flags = {flag: Uids.parse(text) for flag, text in state.get("flags", {}).items()}
        uids, again = Uids.parse(state["uids"]), Uids.parse(state.get("again", ""))
        return cls(state["validity"], state["next"], state["modseq"], uids, again, flags)

    def as_state(self) -> Body:
        state: Body = {"validity": self.validity, "next": self.next, "modseq": self.modseq, "uids": str(self.uids)}
        if len(self.again):
            state["again"] = str(self.again)
        if not self.modseq:
            state["flags"] = {flag: text for flag, uids in self.flags.items() if (text := str(uids))}
        return state

    def note(self, uid: int, flags: frozenset[str] | None) -> None:
        """A message is known now; *flags* None: nobody needs them."""
        self.uids.add(uid)
        self.next = max(self.next, uid + 1)
        if flags is not None:
            for flag in flags | self.flags.keys():
                held = self.flags.setdefault(flag, Uids())
                (held.add if flag in flags else held.discard)(uid)

    def flags_of(self, uid: int) -> frozenset[str]:
        return frozenset(flag for flag, uids in self.flags.items() if uid in uids)


class Choose(Protocol):
    """Which of the listed mailboxes are wanted."""

    def __call__(self, listed: list[Listed], *, is_gmail: bool) -> list[Listed]: ...


class Round:
    """One walk, from where *walk* stands, through the mailboxes that *choose* chooses of those at *place* (``jane@mail.example.org``)."""

    def __init__(self, server: Server, walk: Walk, choose: Choose, place: str) -> None:
        self._server, self._choose, self._mail, self._place = server, choose, Mail(), place
        state: Body = walk.step or walk.since or {}
        if state.get("place") != place:  # what is known of another account says nothing of this one
            state = {}
        self._boxes: dict[str, Body] = dict(state.get("boxes", {}))
        self._done: set[str] = set(state.get("done", ()))
        self._gone: list[str] = list(state.get("gone", ()))
        if walk.whole and walk.step is None:
            # All is fetched again; the UIDs stay known, so that what went away meanwhile is noticed.
            self._boxes = {name: {**box, "next": 1, "modseq": 0, "again": "", "flags": {}} for name, box in self._boxes.items()}

    async def pages(self) -> AsyncGenerator[Page, None]:
        listed = await self._server.mailboxes()
        for name in sorted(self._boxes.keys() - {mailbox.name for mailbox in listed}):
            self._lose(name, Box.of(self._boxes.pop(name)), None)
        for mailbox in self._choose(listed, is_gmail=self._server.is_gmail):
            if mailbox.name not in self._done:
                try:
                    async for page in self._mailbox(mailbox):
                        yield page
                except Skippable as error:
                    yield Page([Problem(mailbox.name, "the whole of it", str(error))], step=self._state())
                self._done.add(mailbox.name)
        while len(self._gone) > GONE:
            told, self._gone = self._gone[:GONE], self._gone[GONE:]
            yield Page([Item("message", key, None) for key in told], step=self._state())
        yield Page([Item("message", key, None) for key in self._gone], since={"place": self._place, "boxes": self._boxes})

    def _state(self) -> Body:
        return {"place": self._place, "boxes": dict(self._boxes), "done": sorted(self._done), "gone": list(self._gone)}

    async def _mailbox(self, mailbox: Listed) -> AsyncIterator[Page]:
        name, seen = mailbox.name, await self._server.examine(mailbox.name)
        box = Box.of(self._boxes[name]) if name in self._boxes else Box(seen.validity)
        if box.validity != seen.validity:
            # The server numbered its messages anew: these are other keys, and what they name is composed to the same objects.
            self._lose(name, box, None)
            box = Box(seen.validity)
        if seen.modseq and not len(box.again) and (seen.modseq, seen.next, seen.exists) == (box.modseq, box.next, len(box.uids)):
            return
        last = box.next - 1
        # A smaller count than before is a new count.  What is fetched of an unknown mailbox is at least as new as what it counts now.
        box.modseq = seen.modseq if last < 1 else box.modseq if box.modseq <= seen.modseq else 0
        async for page in self._load(mailbox, box, seen, await self._server.uids(box.next)):
            yield page
        box.next = max(box.next, seen.next)
        if last > 0:
            await self._compare(name, box, seen, last)
        async for page in self._load(mailbox, box, seen, list(box.again)):
            yield page
        if len(box.uids) != seen.exists:
            present = Uids(await self._server.uids())
            self._lose(name, box, present)
            async for page in self._load(mailbox, box, seen, [uid for uid in present if uid not in box.uids]):
                yield page
        self._boxes[name] = box.as_state()

    async def _compare(self, name: str, box: Box, seen: Examined, last: int) -> None:
        """Note which of the known messages up to *last* have other flags now, and what the server says is gone."""
        if box.modseq:
            found, vanished = await self._server.changed(last, box.modseq) if seen.modseq > box.modseq else ({}, Uids())
            changed = [uid for uid in found if uid in box.uids]
            self._drop(name, box, [uid for uid in vanished if uid in box.uids])
        else:
            changed = []
            for chunk in _chunks([uid for uid in box.uids if uid <= last], SWEPT):
                found = await self._server.fetch(chunk, "UID", "FLAGS")
                changed += [uid for uid in found if _flags(found[uid]) != box.flags_of(uid)]
        for uid in changed:
            box.again.add(uid)
        box.modseq = seen.modseq

    async def _load(self, mailbox: Listed, box: Box, seen: Examined, uids: Iterable[int]) -> AsyncIterator[Page]:
        """Pages of whole messages, no more of them at once than memory should hold."""
        meta_items = (*_META, *(_GMAIL if self._server.is_gmail else ()))
        for chunk in _chunks(uids, CHUNK):
            metas = await self._fetched(chunk, *meta_items)
            for group in _groups(chunk, metas):
                items: list[Item | Problem] = []
                for uid, raw, is_whole in await self._texts(group, metas):
                    items += self._items(mailbox, box.validity, metas[uid], raw, is_whole=is_whole)
                    box.note(uid, None if seen.modseq else _flags(metas[uid]))
                box.next = max(box.next, group[-1] + 1)
                for uid in group:
                    box.again.discard(uid)
                self._boxes[mailbox.name] = box.as_state()
                if items:
                    yield Page(items, step=self._state())

    async def _texts(self, group: list[int], metas: Fetched) -> list[tuple[int, bytes | None, bool]]:
        is_whole = _size(metas.get(group[0], {})) <= LARGEST_MESSAGE
        asked, key = ("BODY.PEEK[]", b"BODY[]") if is_whole else ("BODY.PEEK[HEADER]", b"BODY[HEADER]")
        found = await self._fetched(group, "UID", asked)
        return [(uid, found[uid].get(key), is_whole) for uid in group if uid in found and uid in metas]

    async def _fetched(self, uids: list[int], *items: str) -> Fetched:
        """Like the server's own, but if one message confuses it the others are asked for one by one."""
        try:
            return await self._server.fetch(uids, *items)
        except Skippable:
            if len(uids) == 1:
                return {uids[0]: {b"UID": uids[0]}}
        found: Fetched = {}
        for uid in uids:
            found.update(await self._fetched([uid], *items))
        return found

    def _items(
        self, mailbox: Listed, validity: int, meta: dict[bytes, Any], raw: bytes | None, *, is_whole: bool
    ) -> Iterator[Item | Problem]:
        uid = meta[b"UID"]
        if not isinstance(raw, bytes) or not raw.strip():
            yield Problem(mailbox.name, f"UID {uid}", "the mail server gives no text for this message")
            return
        extra: dict[str, Any] = {
            "mailbox": mailbox.name,
            "folder": "" if mailbox.name.upper() == "INBOX" or "\\all" in mailbox.uses else mailbox.name,
            "uid": uid,
            "received": _received(meta.get(b"INTERNALDATE")),
            "flags": sorted(_word(flag) for flag in _flags(meta)),
            "gmail_id": str(meta.get(b"X-GM-MSGID") or ""),
            "thread_id": str(meta.get(b"X-GM-THRID") or ""),
            "labels": sorted(map(_label, meta.get(b"X-GM-LABELS") or ())),
            "truncated": not is_whole,
            "size": 0 if is_whole else _size(meta),
        }
        for found in self._mail.items(raw, key(mailbox.name, validity, uid), **extra):
            if isinstance(found, Item | Problem):
                yield found

    def _lose(self, name: str, box: Box, present: Uids | None) -> None:
        """Whatever is known and not *present* (None: nothing is) went away."""
        self._drop(name, box, [uid for uid in box.uids if present is None or uid not in present])

    def _drop(self, name: str, box: Box, uids: list[int]) -> None:
        for uid in uids:
            self._gone.append(key(name, box.validity, uid))
            for held in (box.uids, box.again, *box.flags.values()):
                held.discard(uid)


def key(name: str, validity: int, uid: int) -> str:
    """What a message in a mailbox is called: the server promises that these three never name another one (RFC 3501, 2.3.1.1)."""
    return f"{name};{validity};{uid}"


def _groups(chunk: list[int], metas: Fetched) -> Iterator[list[int]]:
    """Messages to load together: a few MB of them, or one that is larger, or the head of one that is too large."""
    group, size = list[int](), 0
    for uid in chunk:
        length = _size(metas.get(uid, {}))
        if group and size + length > MOST_AT_ONCE:
            yield group
            group, size = [], 0
        group.append(uid)
        size += length
    if group:
        yield group


def _chunks(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    source = iter(numbers)
    return iter(lambda: list(islice(source, size)), [])


def _size(meta: dict[bytes, Any]) -> int:
    size = meta.get(b"RFC822.SIZE")
    return size if isinstance(size, int) else MOST_AT_ONCE // CHUNK


def _flags(meta: dict[bytes, Any]) -> frozenset[str]:
    """The flags as the server writes them; ``\\Recent`` says something of the session only."""
    texts = (flag.decode("utf-8", "replace") if isinstance(flag, bytes) else str(flag) for flag in meta.get(b"FLAGS") or ())
    return frozenset(text for text in texts if text.lower() != "\\recent")


def _word(flag: str) -> str:
    return flag[1:].lower() if flag.startswith("\\") else flag


def _label(label: Any) -> str:
    text = imap_utf7.decode(label) if isinstance(label, bytes) else str(label)
    return text.removeprefix("\\")


def _received(date: Any) -> str:
    return (moment(date.isoformat()) or "") if hasattr(date, "isoformat") else ""
