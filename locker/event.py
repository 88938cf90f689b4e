"""
The events on disk.  A TOPIC is written in every row: never change one.

The state of an event is its header, as plain JSON text: ``timestamp, type, key, digest, reference, by, note, patch`` (absent where there is nothing to say).
Body, salt and patch lie beside it in columns of their own; the header names them by salted digest only, so that they can be erased one day and
every proof over headers still holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.utils import register_topic, resolve_topic

from .clock import stamp
from .record import Op, Record


@dataclass(frozen=True)
class RecordEvent:
    """Something was said about the thing (*type*, *key*); *digest* is the salted one, *reference* the version of its first record."""

    originator_id: str
    originator_version: int
    timestamp: datetime
    type: str
    key: str
    digest: str
    reference: int | None = None
    by: str | None = None
    note: dict[str, Any] | None = None
    patch_digest: str | None = None
    body: str | None = None
    salt: bytes | None = None
    patch: str | None = None

    TOPIC: ClassVar[str]


class RecordAdded(RecordEvent):
    """The first that was heard of a thing."""

    TOPIC = "record-added"


class RecordEdited(RecordEvent):
    """A thing changed, or came back."""

    TOPIC = "record-edited"


class RecordDeleted(RecordEvent):
    """A thing is gone; the body is the last known one."""

    TOPIC = "record-deleted"


EVENTS: dict[Op, type[RecordEvent]] = {"add": RecordAdded, "edit": RecordEdited, "delete": RecordDeleted}
TOPICS: dict[Op, str] = {op: event.TOPIC for op, event in EVENTS.items()}
OPS: dict[str, Op] = {topic: op for op, topic in TOPICS.items()}

for _event in EVENTS.values():
    register_topic(_event.TOPIC, _event)


@dataclass(frozen=True)
class StoredRecord(StoredEvent):
    """A row of the log: what the library stores of an event, and the three columns beside it.  *state* is text, not bytes."""

    body: str | None = None
    salt: bytes | None = None
    patch: str | None = None
    position: int = 0


class RecordMapper(Mapper[str]):
    """Writes headers as plain JSON text, so that any SQLite tool can read them in fifty years."""

    def __init__(self) -> None:
        """Nothing is transcoded, compressed or encrypted."""

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredRecord:
        assert isinstance(domain_event, RecordEvent)
        event = domain_event
        state = header(
            stamp(event.timestamp), event.type, event.key, event.digest, event.reference, event.by, event.note, event.patch_digest
        )
        return StoredRecord(
            event.originator_id,
            event.originator_version,
            event.TOPIC,
            state,  # type: ignore[arg-type]
            event.body,
            event.salt,
            event.patch,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> RecordEvent:
        head = orjson.loads(stored_event.state)
        event_class: type[RecordEvent] = resolve_topic(stored_event.topic)
        assert isinstance(stored_event.originator_id, str)
        return event_class(
            originator_id=stored_event.originator_id,
            originator_version=stored_event.originator_version,
            timestamp=datetime.fromisoformat(head["timestamp"]),
            type=head["type"],
            key=head["key"],
            digest=head["digest"],
            reference=head.get("reference"),
            by=head.get("by"),
            note=head.get("note"),
            patch_digest=head.get("patch"),
            body=getattr(stored_event, "body", None),
            salt=getattr(stored_event, "salt", None),
            patch=getattr(stored_event, "patch", None),
        )


def header(
    timestamp: str,
    type: str,
    key: str,
    digest: str,
    reference: int | None = None,
    by: str | None = None,
    note: dict[str, Any] | None = None,
    patch_digest: str | None = None,
) -> str:
    """The header of a record as the log stores it: one JSON text in a fixed order of keys."""
    head: dict[str, Any] = {"timestamp": timestamp, "type": type, "key": key, "digest": digest}
    if reference is not None:
        head["reference"] = reference
    if by is not None:
        head["by"] = by
    if note:
        head["note"] = note
    if patch_digest is not None:
        head["patch"] = patch_digest
    return orjson.dumps(head).decode()


def to_record(
    position: int, log: str, version: int, topic: str, state: str, body: str | None, patch: str | None, loads: Any = orjson.loads
) -> Record:
    """A row of the log as the record that everybody else sees."""
    head = loads(state)
    owner, _, source = log.partition("/")
    reference = head.get("reference")
    return Record(
        position,
        owner,
        f"{source}:{version}",
        head["timestamp"],
        source,
        head["type"],
        OPS[topic],
        head["key"],
        head["digest"],
        body,
        None if reference is None else f"{source}:{reference}",
        head.get("by"),
        head.get("note"),
        patch,
    )
