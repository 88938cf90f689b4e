"""
A connection is one owner's authorised account at one service: what it may ask, on whose behalf, and how it fares.

That a connection was made, changed or removed is a record of owner ``system``, source ``connection``.  How it fares (mode, errors, when it runs next) is
a row beside the log, its secrets are in the vault, under ``connection/<owner>/<source>/<name>``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .clock import Clock, stamp, system_clock
from .connector import ANYWHERE, Connector, Fetching, Option
from .credential import GIVEN, OWN, Credential, load, prefix_of, store
from .draft import Draft
from .error import Conflict, Forbidden, Invalid, NotFound
from .fetching import told_by
from .guard import check_url
from .log import Logbook
from .record import Body, check_owner, check_source, loads
from .vault import Vault

OWNER, SOURCE = "system", "connection"
LOG = f"{OWNER}/{SOURCE}"
TYPE = "connection/locker"
INITIAL, NORMAL, RATE_LIMITED, UNAUTHORIZED, DISABLED = "initial", "normal", "rate-limited", "unauthorized", "disabled"
COLUMNS = "c.owner, c.source, c.mode, c.before, c.errors, c.code, c.error, c.identified, c.ran, c.succeeded, c.due, c.told"
SELECT = f"""
SELECT e.body, json_extract(e.state, '$.by'), {COLUMNS} FROM connections c
JOIN heads h ON h.log = '{LOG}' AND h.type = '{TYPE}' AND h.key = c.owner || '/' || c.source AND NOT h.deleted
JOIN stored_events e ON e.originator_id = h.log AND e.originator_version = h.newest """  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection, as it stood when it was asked for.  *account* are the facts of the connector's ``who``; moments are stamps.

    *before* is the mode that a rate limit or an error interrupted; *error* is the last one, by its *code*, None since the last success.
    *trusted*: the operator named *base_url*, so that this very host and port may be reached though they are private.
    """

    owner: str
    source: str
    connector: str
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, str] = field(default_factory=dict)
    by: str | None = None
    trusted: bool = False
    mode: str = INITIAL
    before: str | None = None
    errors: int = 0
    code: str | None = None
    error: str | None = None
    identified: bool = False
    ran: str | None = None
    succeeded: str | None = None
    due: str | None = None
    told: int = 0

    @property
    def log(self) -> str:
        """The log that its items go to."""
        return f"{self.owner}/{self.source}"

    def body(self) -> Body:
        """What its record says."""
        return {
            "owner": self.owner, "source": self.source, "connector": self.connector, "base_url": self.base_url,
            "options": dict(self.options), "account": dict(self.account), "trusted": self.trusted,
        }  # fmt: skip

    def as_dict(self) -> Body:
        """As listings show it; nothing secret is in it."""
        return {
            "source": self.source, "connector": self.connector, "owner": self.owner, "mode": self.mode, "base_url": self.base_url,
            "options": dict(self.options), "account": dict(self.account), "ran": self.ran, "succeeded": self.succeeded, "due": self.due,
            "errors": self.errors, "code": self.code, "error": self.error,
        }  # fmt: skip


class Connections:
    """Every connection of a locker."""

    def __init__(self, logbook: Logbook, vault: Vault, connectors: Mapping[str, Connector], *, clock: Clock = system_clock) -> None:
        self._logbook, self._vault, self._connectors, self._clock = logbook, vault, connectors, clock

    # -- making and removing -----------------------------------------------------------------------------

    def add(
        self,
        owner: str,
        source: str,
        *,
        base_url: str = "",
        options: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        account: Mapping[str, str] | None = None,
        by: str | None = None,
        trusted: bool = False,
    ) -> Connection:
        """Make a connection; one that is there already gets new secrets, forgets its errors, and goes on where it was.

        *source* is a connector's name, maybe with an account (``github.work``).  What is not given stays as it was.  Raises NotFound for an unknown connector,
        Invalid for an option, a secret or a base URL that it cannot have, Forbidden for one that runs programs unless *trusted*.
        """
        connector, known = self.connector(source), self.find(check_owner(owner), source)
        if connector.runs_programs and not trusted:
            raise Forbidden(f"{connector.name} runs programs on this machine: only who runs it can connect it, on the command line")
        plain, hidden = _sorted(connector, {**told_by(connector.asks, source), **(options or {})}, secrets or {})
        url = _base_url(connector, base_url or (known.base_url if known else ""))
        made = Connection(
            owner, source, connector.name, url, {**(known.options if known else {}), **plain},
            dict(account or (known.account if known else {})), by, trusted if base_url or known is None else known.trusted,
        )  # fmt: skip
        self._check_required(connector, made, hidden)
        store(self._vault, owner, source, hidden)
        is_other = known is not None and known.account.get("id") not in (None, made.account.get("id"))
        self._logbook.transact(lambda connection: self._put(connection, made, identified=bool(account), is_other=is_other))
        return self.get(owner, source)

    def remove(self, owner: str, source: str, *, by: str | None = None) -> None:
        """Forget a connection and its secrets; what it collected stays.  Raises NotFound."""
        connection = self.get(owner, source)
        self._forget(connection)

        def drop(writing: sqlite3.Connection) -> None:
            self._logbook.write(writing, LOG, [Draft(TYPE, connection.log, None, by=by)])
            for table in ("connections", "walks"):
                writing.execute(f"DELETE FROM {table} WHERE owner = ? AND source = ?", (owner, source))  # noqa: S608 - ours

        self._logbook.transact(drop)
        self._forget(connection)  # a run may have renewed one meanwhile

    def _forget(self, connection: Connection) -> None:
        if names := self._vault.names(prefix_of(connection.owner, connection.source)):
            self._vault.forget(*names)

    def _put(self, writing: sqlite3.Connection, made: Connection, *, identified: bool, is_other: bool) -> None:
        self._logbook.write(writing, LOG, [Draft.of(TYPE, made.log, made.body(), by=made.by)])
        writing.execute(
            "INSERT INTO connections (owner, source, identified, due) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET errors = 0, code = NULL, "
            "error = NULL, mode = coalesce(before, mode), before = NULL, identified = excluded.identified, due = excluded.due",
            (made.owner, made.source, identified, stamp(self._clock())),
        )
        if is_other:  # cursors of one account say nothing of another
            writing.execute("DELETE FROM walks WHERE owner = ? AND source = ?", (made.owner, made.source))

    # -- asking ------------------------------------------------------------------------------------------

    def find(self, owner: str, source: str) -> Connection | None:
        """One connection, if there is such a one."""
        rows = self._logbook.read(SELECT + "WHERE c.owner = ? AND c.source = ?", [owner, source])
        return _connection(rows[0]) if rows else None

    def get(self, owner: str, source: str) -> Connection:
        """One connection.  Raises NotFound, saying how to make it."""
        if found := self.find(owner, source):
            return found
        raise NotFound(
            f"{owner} has no connection {source!r}; 'locker connect {source}' makes one, 'locker connections' lists those that are there"
        )

    def list(self, owner: str | None = None) -> list[Connection]:
        """The connections of an owner, or of everyone, in name order."""
        rows = self._logbook.read(SELECT + "WHERE ?1 IS NULL OR c.owner = ?1 ORDER BY c.owner, c.source", [owner])
        return [_connection(row) for row in rows]

    def items(self, connection: Connection) -> int:
        """How many things of it live now."""
        return int(self._logbook.read("SELECT count(*) FROM heads WHERE log = ? AND NOT deleted", [connection.log])[0][0])

    def connector(self, source: str) -> Fetching:
        """The connector that a source is asked through.  Raises NotFound, naming those that fetch."""
        found = self._connectors.get(check_source(source).partition(".")[0])
        if isinstance(found, Fetching):
            return found
        known = ", ".join(name for name, each in self._connectors.items() if isinstance(each, Fetching))
        raise NotFound(f"there is no connector {source.partition('.')[0]!r} that asks a service; there are {known or 'none'}")

    # -- secrets -----------------------------------------------------------------------------------------

    def credential(self, connection: Connection) -> Credential:
        """The secrets of a connection, as they are now."""
        return load(self._vault, connection.owner, connection.source)

    def keep(self, connection: Connection, secrets: Mapping[str, str]) -> None:
        """Put secrets in the place of those before: a token that was refreshed."""
        store(self._vault, connection.owner, connection.source, secrets)
        if self.find(connection.owner, connection.source) is None:  # it was removed meanwhile
            self._forget(connection)

    # -- changing ----------------------------------------------------------------------------------------

    def identify(self, connection: Connection, account: Mapping[str, str]) -> Connection:
        """Learn whose account it is.  Another account than before begins from the start: cursors of one say nothing of another."""
        other = connection.account.get("id", account.get("id")) != account.get("id")
        made = replace(connection, account=dict(account))

        def put(writing: sqlite3.Connection) -> None:
            self._logbook.write(writing, LOG, [Draft.of(TYPE, made.log, made.body(), by=made.by)])
            writing.execute("UPDATE connections SET identified = 1 WHERE owner = ? AND source = ?", (made.owner, made.source))
            if other:
                writing.execute("DELETE FROM walks WHERE owner = ? AND source = ?", (made.owner, made.source))

        self._logbook.transact(put)
        return self.get(made.owner, made.source)

    def backfill(self, owner: str, source: str) -> Connection:
        """Have everything walked again at the next run; nothing of the state is lost.  Raises NotFound."""
        connection = self.get(owner, source)
        self._change(
            connection,
            "UPDATE walks SET step = NULL, started = NULL, swept = NULL, due = NULL, finished = NULL WHERE owner = ? AND source = ?",
            "UPDATE connections SET due = NULL, mode = CASE mode WHEN 'normal' THEN 'initial' ELSE mode END, "
            "before = CASE before WHEN 'normal' THEN 'initial' ELSE before END WHERE owner = ? AND source = ?",
        )
        return self.get(owner, source)

    def hasten(self, owner: str, source: str) -> Connection:
        """Let a connection be due now.  Raises NotFound, or Conflict for one that rests."""
        connection = self.get(owner, source)
        if connection.mode == DISABLED:
            raise Conflict(f"{source} is disabled: {connection.error or 'by hand'}; enable it first")
        now = stamp(self._clock())

        def hasten(writing: sqlite3.Connection) -> None:
            writing.execute("UPDATE walks SET due = NULL WHERE owner = ? AND source = ?", (owner, source))
            writing.execute("UPDATE connections SET due = ? WHERE owner = ? AND source = ?", (now, owner, source))

        self._logbook.transact(hasten)
        return self.get(owner, source)

    def enable(self, owner: str, source: str) -> Connection:
        """Let a connection that was disabled, or met errors, run again.  Raises NotFound."""
        self._change(
            self.get(owner, source),
            "UPDATE walks SET errors = 0, due = NULL WHERE owner = ? AND source = ?",
            "UPDATE connections SET mode = coalesce(before, mode), before = NULL, errors = 0, due = NULL WHERE owner = ? AND source = ?",
        )
        return self.get(owner, source)

    def disable(self, owner: str, source: str) -> Connection:
        """Let a connection rest until it is enabled.  Raises NotFound."""
        self._change(
            self.get(owner, source),
            "UPDATE connections SET before = coalesce(before, mode), mode = 'disabled', due = NULL, code = NULL, error = NULL WHERE owner = ? AND source = ? AND mode <> 'disabled'",
        )
        return self.get(owner, source)

    def postpone(self, connection: Connection, due: str) -> None:
        """Let it run next at another moment, a stamp; unless somebody else changed that meanwhile."""
        self._logbook.transact(
            lambda writing: writing.execute(
                "UPDATE connections SET due = ? WHERE owner = ? AND source = ? AND due IS ? AND mode <> 'disabled'",
                (due, connection.owner, connection.source, connection.due),
            )
        )

    def wake(self, connection: Connection) -> None:
        """Let every stream of a connection run now: its service says that there is something new."""
        self._change(
            connection,
            "UPDATE walks SET due = NULL WHERE owner = ? AND source = ?",
            "UPDATE connections SET due = NULL WHERE owner = ? AND source = ? AND mode = 'normal'",
        )

    def _change(self, connection: Connection, *statements: str) -> None:
        def change(writing: sqlite3.Connection) -> None:
            for statement in statements:
                writing.execute(statement, (connection.owner, connection.source))

        self._logbook.transact(change)

    def _check_required(self, connector: Fetching, made: Connection, hidden: Mapping[str, str]) -> None:
        for option in connector.asks:
            if option.required and not (made.options.get(option.name) or hidden.get(option.name) or self.credential(made).get(option.name)):
                raise Invalid(f"{connector.name} must be told {option.name} ({option.help}); add --option {option.name}=…")


def _connection(row: Iterable[Any]) -> Connection:
    body, by, owner, source, mode, before, errors, code, error, identified, ran, succeeded, due, told = row
    said: Body = loads(str(body)) if body else {}
    return Connection(
        str(owner), str(source), said.get("connector", ""), said.get("base_url", ""), said.get("options", {}), said.get("account", {}),
        by, bool(said.get("trusted")), str(mode), before, errors, code, error, bool(identified), ran, succeeded, due, told,
    )  # fmt: skip


def _sorted(connector: Fetching, options: Mapping[str, str], secrets: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What may be shown, and what belongs into the vault.  Raises Invalid for an unknown name."""
    asks: dict[str, Option] = {option.name: option for option in connector.asks}
    plain, hidden = dict[str, str](), dict(secrets)
    for name, value in options.items():
        if name not in asks:
            raise Invalid(f"{connector.name} has no option {name!r}; it takes {', '.join(asks) or 'none'}")
        (hidden if asks[name].secret else plain)[name] = value
    if unknown := hidden.keys() - {*GIVEN, *OWN} - {name for name, option in asks.items() if option.secret}:
        raise Invalid(f"{connector.name} has no secret {min(unknown)!r}; it takes {', '.join(GIVEN)}")
    return plain, hidden


def _base_url(connector: Fetching, url: str) -> str:
    """Where it is asked, without a slash at the end.  Raises Invalid for none, and for one that is written in an unusual way."""
    found = (url or connector.base_url).rstrip("/")
    if not found and (ANYWHERE in connector.hosts or connector.runs_programs):
        return ""
    if not found:
        raise Invalid(f"{connector.name} is asked at many places; say which one with --base-url https://…")
    if found.partition("://")[0].lower() in ("http", "https"):
        return check_url(found).url.rstrip("/")
    try:
        is_whole = bool(urlsplit(found).hostname)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise Invalid(f"{found!r} is no base URL; write it whole, like https://example.com/api")
    return found
