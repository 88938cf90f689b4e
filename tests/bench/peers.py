"""
The peers that take the same documents: bare rows, the eventsourcing library as it comes, and sqlite-utils.

Each is used as its own documentation would have it, with the journal and durability of our log: WAL and synchronous=FULL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from sqlite_utils import Database
from sqlite_utils.utils import Format, rows_from_file

from locker.database import connect
from locker.event import TOPICS, header
from locker.log_tables import RECORDS
from locker.record import Body, canonical, salted_digest
from locker.recorder import INSERT

SALT = bytes(16)
STAMP = "2026-01-01T00:00:00.000000Z"


class RawRows:
    """The rows of our log, ready made, one ``executemany`` and one transaction a batch: as fast as this file can be written."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, write=True, cache_mib=64)
        self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
        self._connection.execute(RECORDS)
        self._position = 0

    def prepare(self, type: str, keys: Sequence[str], bodies: Sequence[Body]) -> list[tuple[Any, ...]]:
        """The rows of a batch; not measured."""
        rows = []
        for key, body in zip(keys, bodies, strict=True):
            self._position += 1
            text = canonical(body)
            state = header(STAMP, type, key, salted_digest(SALT, text))
            rows.append((self._position, "me/bench", self._position, TOPICS["add"], state, text, SALT, None))
        return rows

    def append(self, rows: list[tuple[Any, ...]]) -> None:
        """What is measured."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(INSERT, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class Said(DomainEvent):
    """An event of the library's own, with the same content as a record of ours."""

    type: str
    key: str
    body: dict[str, Any]


class LibraryApplication:
    """``Application.save`` of the eventsourcing library with its own recorder, mapper and transcoder, on SQLite."""

    def __init__(self, path: Path) -> None:
        self._application: Application[UUID] = Application({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
        self._id, self._version = uuid5(NAMESPACE_URL, "bench"), 0

    def prepare(self, type: str, keys: Sequence[str], bodies: Sequence[Body]) -> list[Said]:
        """The events of a batch; not measured."""
        start = self._version + 1
        self._version += len(bodies)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return [Said(self._id, version, now, type, key, body) for version, (key, body) in enumerate(zip(keys, bodies, strict=True), start)]

    def append(self, events: list[Said]) -> None:
        """What is measured."""
        self._application.save(*events)

    def close(self) -> None:
        self._application.close()


COLUMNS = ("name", "given_name", "family_name", "organization", "age", "updated")
"""Fields of a contact that have an index in our read model, and that the documents of the bench have."""


def sqlite_utils_insert(path: Path, archive: Path, batch: int) -> int:
    """Insert an NDJSON file's contacts with sqlite-utils: columns, the same indexes, side tables for lists, full text kept by triggers.

    It keeps no history and composes nothing: the newest document is all there is.  The number of documents.
    """
    connection = connect(path, write=True, cache_mib=64)
    database = Database(connection)
    contacts, emails = database.table("contact", pk="id"), database.table("emails", pk=("value", "contact"))
    contacts.create({"id": str, **dict.fromkeys(COLUMNS, str), "age": int, "street": str, "bio": str, "body": str}, pk="id")
    emails.create({"value": str, "contact": str}, pk=("value", "contact"))
    places = {name: database.table(name) for name in ("city", "state", "postal_code")}
    for table in places.values():
        table.create({"value": str, "contact": str}, pk=("value", "contact"))
    for column in COLUMNS:
        contacts.create_index([column])
    contacts.enable_fts(["bio", "street"], create_triggers=True)
    count = 0
    with archive.open("rb") as file:
        lines, _ = rows_from_file(file, format=Format.NL)
        documents: Iterator[dict[str, Any]] = iter(lines)
        while page := list(islice(documents, batch)):
            with database.atomic():
                contacts.insert_all(_contact_rows(page), batch_size=batch)
                emails.insert_all({"value": email.lower(), "contact": line["key"]} for line in page for email in line["body"]["emails"])
                for name, table in places.items():
                    table.insert_all(
                        {"value": found[name].lower(), "contact": line["key"]} for line in page for found in line["body"]["address"]
                    )
            count += len(page)
    connection.close()
    return count


def _contact_rows(page: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in page:
        body = line["body"]
        row = {"id": line["key"], **{name: body[name] for name in COLUMNS}}
        yield row | {"street": body["address"][0]["street"], "bio": body["bio"], "body": orjson.dumps(body).decode()}


def rows_in(path: Path, table: str) -> int:
    """How many rows a table has, to see that a peer did its work."""
    with sqlite3.connect(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
