"""
The tables of a read model: how they are made, and which statements fill them.

Per type one main table (``contact``), one side table per indexed list (``contact.emails``), one of subtypes and one full-text index; for all
types together ``aliases``, ``via``, ``counts``, ``totals``, ``owners`` and ``meta``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from .error import StorageError
from .projection import VERSION, Projection, quoted
from .record import plain_digest
from .schema import Schema

SHARED = """
CREATE TABLE owners (number INTEGER PRIMARY KEY, owner TEXT NOT NULL UNIQUE);
CREATE TABLE aliases (type TEXT, id INTEGER, survivor INTEGER NOT NULL, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE via (owner INTEGER, record TEXT, type TEXT, object INTEGER, PRIMARY KEY (owner, record, type, object)) WITHOUT ROWID;
CREATE TABLE counts (owner INTEGER, type TEXT, subtype TEXT, field TEXT, count INTEGER NOT NULL, PRIMARY KEY (owner, type, subtype, field)) WITHOUT ROWID;
CREATE TABLE totals (type TEXT, field TEXT, value TEXT, count INTEGER NOT NULL, PRIMARY KEY (type, field, value)) WITHOUT ROWID;
"""
"""In ``counts`` an empty subtype stands for all subtypes, an empty field for the objects themselves.
``totals`` says of a value in a list with ``x-total`` how many objects have it: those of ``all`` owners, or of the ``commons`` alone."""


def fingerprint(schemas: Mapping[str, Schema]) -> str:
    """Changes whenever a read model made before does not fit any more."""
    parts = [str(VERSION), *(f"{type}={schema.fingerprint}" for type, schema in sorted(schemas.items()))]
    return plain_digest("\n".join(parts)).hex()


def create(connection: sqlite3.Connection, projections: Iterable[Projection], print_: str) -> None:
    """Make all tables, without the secondary indexes; one transaction."""
    database = Database(connection)
    with database.atomic():
        for statement in filter(str.strip, SHARED.split(";")):
            connection.execute(statement)
        for projection in projections:
            _create_type(database, projection)
        database.table("meta").create({"name": str, "value": str}, pk="name")
        database.table("meta").insert_all([{"name": "fingerprint", "value": print_}, {"name": "position", "value": "0"}])


def create_indexes(connection: sqlite3.Connection, projections: Iterable[Projection]) -> None:
    """Make the secondary indexes that are not there yet.  They lead with the owner, and leave out objects without the field."""
    for projection in projections:
        table = quoted(projection.type)
        covered = "".join(f", {quoted(column)}" for column in ("id", *projection.covered)) if projection.covered else ""
        connection.execute(f"CREATE INDEX IF NOT EXISTS {quoted(index_name(projection, 'time'))} ON {table} (owner, time{covered})")
        for field, column in projection.columns.items():
            if field.kind == "boolean" and column in projection.covered:
                name, column = quoted(index_name(projection, column)), quoted(column)
                connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} (owner, {column}) WHERE {column} = 1")
            elif field.kind != "boolean":
                name, column = quoted(index_name(projection, column)), quoted(column)
                connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} (owner, {column}) WHERE {column} IS NOT NULL")


def index_name(projection: Projection, column: str) -> str:
    """The name of the index over a main table's column."""
    return f"{projection.type} by {column}"


def _create_type(database: Database, projection: Projection) -> None:
    columns = dict.fromkeys(projection.column_names, str)
    types = {"id": int, "owner": int}
    for field, column in projection.columns.items():
        if field.kind != "keyword":
            # INTEGER is SQLite's name for "a number": it keeps 2.5 as it is.
            types |= {column: int, f"{column}.end": int} if field.kind == "time" else {column: int}
    database.table(projection.type).create(columns | types, pk="id")
    execute = database.execute
    for side in projection.sides.values():
        execute(f"CREATE TABLE {quoted(side)} (owner INTEGER, value, object INTEGER, PRIMARY KEY (owner, value, object)) WITHOUT ROWID")
    execute(
        f"CREATE TABLE {quoted(projection.subtypes)} (owner INTEGER, subtype TEXT, time TEXT, object INTEGER,"
        " PRIMARY KEY (owner, subtype, time, object)) WITHOUT ROWID"
    )
    if projection.texts:
        # Without content: the words lie in the index only, and leave it by naming them again.
        names = ", ".join(map(quoted, projection.texts.values()))
        execute(f"CREATE VIRTUAL TABLE {quoted(projection.words)} USING fts5({names}, content='', tokenize='ascii')")


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Says which file the disk or SQLite refused, as a StorageError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path} cannot be written: {error}") from error
