"""
A document is what stands at an address of a resource's pattern: every revision that its origin ever put is in the log, under that address.

Its records are of source ``flare`` and type ``document/<resource>``; the body is exactly what was put.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .draft import Draft, Head, revision_of
from .error import Invalid, NotFound
from .event import OPS
from .log import Logbook
from .notification import Notification, dialect
from .record import Body, Record, loads
from .resource import DIALECT, DOCUMENTS, Resource, Resources
from .wildcard import Address, Pattern, fill, read_document

__all__ = ["Document", "Documents", "Version"]


@dataclass(frozen=True, slots=True)
class Document:
    """An address that a resource tracks, and where it stands if it was ever put."""

    url: str
    resource: Resource
    head: Head | None

    def put(self, body: Body, by: str | None = None) -> Draft:
        """What a body becomes: a new revision, a late one, or nothing new.  Raises Invalid if it does not say its revision."""
        return Draft.of(self.resource.type, self.url, body, by=by, revision=self.resource.change.revision(body))

    def delete(self, by: str | None = None) -> Draft:
        """What says that it is gone."""
        return Draft.of(self.resource.type, self.url, None, by=by)


@dataclass(frozen=True, slots=True)
class Version:
    """One record of a document, without its body; *revision* is None of a delete."""

    record: str
    op: str
    timestamp: str
    revision: int | None
    is_late: bool


class Documents:
    """The documents of one locker."""

    def __init__(self, logbook: Logbook, resources: Resources) -> None:
        self._logbook, self._resources = logbook, resources

    def find(self, owner: str, url: str, address: Address | None = None) -> Document:
        """A document by its address, with the resource that it was put under, else the one that fits best.  Raises Invalid, or NotFound without any."""
        best: Document | None = None
        for resource in self._resources.fitting(owner, address or read_document(url)):
            found = Document(url, resource, self._logbook.head(owner, DOCUMENTS, resource.type, url))
            if found.head is not None:
                return found
            best = best or found
        if best is None:
            raise NotFound(f"could not found a resource for this uri '{url[:500]}'")
        return best

    def read(self, document: Document, revisions: Sequence[int] = ()) -> Record:
        """Its newest record, or the one of the first of some revisions that there is.  Raises NotFound."""
        if document.head is None:
            raise NotFound(f"document '{document.url[:500]}' not found")
        log = [document.resource.owner, DOCUMENTS]
        if not revisions:
            return self._logbook.records(*log, gt=document.head.newest - 1, lte=document.head.newest)[0]
        (first,) = self._logbook.records(*log, gt=document.head.first - 1, lte=document.head.first)
        for revision in revisions:
            later = self._logbook.select(
                "WHERE originator_id = ? AND topic = 'record-edited' AND json_extract(state, '$.reference') = ? "
                "AND json_extract(state, '$.note.revision') = ? ORDER BY originator_version DESC LIMIT 1",
                ["/".join(log), first.version, str(revision)],
            )
            if found := [*later, *([first] if revision_of(first.note) == revision else [])]:
                return found[0]
        raise NotFound(f"document '{document.url[:500]}' has no revision {revisions[-1]}; '?revisions' lists them")

    def versions(self, document: Document, *, limit: int, offset: int = 0) -> tuple[list[Version], int]:
        """At most *limit* of its records in log order after *offset*, and how many there are."""
        if document.head is None:
            raise NotFound(f"document '{document.url[:500]}' not found")
        log, first = f"{document.resource.owner}/{DOCUMENTS}", document.head.first
        later = "FROM stored_events WHERE originator_id = ? AND topic <> 'record-added' AND json_extract(state, '$.reference') = ?"
        total = 1 + int(self._logbook.read(f"SELECT count(*) {later}", [log, first])[0][0])
        rows: list[Any] = []
        if not offset and limit:
            select = "SELECT originator_version, topic, state FROM stored_events WHERE originator_id = ? AND originator_version = ?"
            rows = self._logbook.read(select, [log, first])
        select = f"SELECT originator_version, topic, state {later} ORDER BY originator_version LIMIT ? OFFSET ?"
        rows += self._logbook.read(select, [log, first, limit - len(rows), max(0, offset - 1)])
        return [_version(*row) for row in rows], total


def _version(version: int, topic: str, state: str) -> Version:
    head = loads(state)
    note = head.get("note") or {}
    return Version(f"{DOCUMENTS}:{version}", OPS[topic], head["timestamp"], revision_of(note), note.get("late") is True)


# -- telling of documents ------------------------------------------------------------------------------


class Told:
    """``{"id", "action", "updatedAt", "data"?, "document"?}``, or the document alone.

    What the subscription's options say: *pattern* and *resource*, *envelope*, *document*, and *data*, whose texts are filled in from the pattern's wildcards.
    """

    media_type = "application/json"

    def body(self, notification: Notification) -> bytes:
        """The document is copied as it lies in the log; the one of a delete is the last that was known."""
        record, options = notification.record, notification.subscription.content.options
        content = (record.text or "null").encode()
        if not options["envelope"]:
            return content
        said: Body = {"id": record.key, "action": notification.action, "updatedAt": moment(record.timestamp)}
        if notification.change is not None:
            said["change"] = notification.change
        if notification.is_test:
            said["test"] = True
        if options.get("data"):
            values = self.values(notification)
            said["data"] = {key: fill(value, values) if isinstance(value, str) else value for key, value in options["data"].items()}
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        return text[:-1] + b',"document":' + content + b"}" if options["document"] else text

    def values(self, notification: Notification) -> Mapping[str, str]:
        """What the wildcards of the resource's pattern stand for.  A test, which is of no document, has their names."""
        pattern = _pattern(notification.subscription.content.options["pattern"])
        try:
            address = read_document(notification.record.key)
        except Invalid:
            if not notification.is_test:
                raise
            return {name: name for name in pattern.names}
        return pattern.values(address)


def moment(stamp: str) -> str:
    """A stamp as Go prints a time, which is what receivers of such notifications know.

    >>> moment("2026-11-22T08:00:00.120000Z")
    '2026-11-22 08:00:00.12 +0000 UTC'
    """
    return f"{stamp[:10]} {stamp[11:-1].rstrip('0').rstrip('.')} +0000 UTC"


@lru_cache(maxsize=1024)
def _pattern(text: str) -> Pattern:
    return Pattern.parse(text)


dialect(DIALECT, Told())
