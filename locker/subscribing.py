"""
All subscriptions of a locker: made, listed, paused, replayed, tested and removed, whichever process does it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from threading import RLock
from typing import Literal
from uuid import UUID

from .clock import Clock, stamp, system_clock
from .error import Conflict, Invalid, NotFound, Unavailable
from .filter import Filter
from .log import Draft, Logbook
from .notification import check_dialect
from .receiver import MASK, Action, Call, Receiver
from .record import Body, Record, check_owner
from .secret import hidden
from .signature import key_of, new_secret
from .subscription import NOW, OWNER, REQUEST, SOURCE, TYPE, Content, Policy, Start, Status, Subscription
from .vault import Vault

LOOK_SECONDS = 0.25
PAGE = 1000
ATTEMPTS = 5
BOTH_VALID = timedelta(days=1)
"""So long after a rotation signatures of the secret before are sent too."""

Pace = Literal["fast", "original"]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the vault keeps of a subscription: signing *keys*, the newest first, and headers by action and name.  Its repr tells nothing."""

    keys: tuple[bytes, ...]
    headers: Body

    def __repr__(self) -> str:
        return "Secrets(…)"

    def call(self, subscription: Subscription, action: Action) -> tuple[Call, list[tuple[str, str]]]:
        """How an action is told, and its headers with their secrets.  Raises Unavailable if these are gone: nothing goes out without them."""
        call = subscription.receiver.call(action)
        override = subscription.receiver.actions.get(action)
        own: Body = self.headers.get(action if override is not None and override.headers else "", {})
        found = [(name, value) for name, values in call.headers.items() for value in (own.get(name, values))]
        if not self.keys or any(value == MASK for _, value in found):
            raise Unavailable(f"the secrets of the subscription {subscription.id} are not in the vault; make it anew")
        return call, found

    def hide(self, text: str) -> str:
        """A text without these headers' values: some receivers repeat in an answer what they were sent."""
        values = [value for own in self.headers.values() for each in own.values() for value in each]
        return hidden(text, [part for value in values for part in (value, value.partition(" ")[2])])


class Subscriptions:
    """The subscriptions of one locker.  What asks answers from memory; what changes is durable when it returns.  Usable from any thread."""

    def __init__(
        self,
        logbook: Logbook,
        vault: Vault,
        *,
        collections: Collection[str] = (),
        clock: Clock = system_clock,
        randomness: Callable[[int], bytes] = os.urandom,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logbook, self._vault, self._collections = logbook, vault, frozenset(collections)
        self._clock, self._randomness, self._monotonic = clock, randomness, monotonic
        self._lock = RLock()
        self._known: dict[str, Subscription] = {}
        self._numbers: dict[int, str] = {}
        self._version, self._looked = 0, float("-inf")

    # -- asking --------------------------------------------------------------------------------------

    def get(self, id: str, owner: str | None = None) -> Subscription:
        """One subscription, of that owner if one is named.  Raises NotFound."""
        found = self._current().get(id)
        if found is None or owner not in (None, found.owner):
            raise NotFound(f"there is no subscription {id[:80]!r}")
        return found

    def list(self, owner: str | None = None, dialect: str | None = None) -> list[Subscription]:
        """Those of an owner and of a dialect if named, oldest first."""
        return [each for each in list(self._current().values()) if owner in (None, each.owner) and dialect in (None, each.content.dialect)]

    def numbered(self, number: int) -> Subscription | None:
        """The subscription whose first record has this number, if it is still there."""
        known = self._current()
        return known.get(self._numbers.get(number, ""))

    def follow(self) -> None:
        """Read what is new in the log now."""
        with self._lock:
            self._looked = self._monotonic()
            while records := self._logbook.records(OWNER, SOURCE, gt=self._version, limit=PAGE):
                for record in records:
                    self._take(record)
                self._version = records[-1].version

    def secrets(self, subscription: Subscription) -> Secrets:
        """What the vault keeps of it.  Raises Unavailable if the vault cannot be opened."""
        said = json.loads(self._vault.get(_secret_name(subscription.id)) or "{}")
        texts = [said["secret"]] if "secret" in said else []
        if said.get("until", "") > stamp(self._clock()):
            texts.append(said["previous"])
        headers = json.loads(self._vault.get(_headers_name(subscription.id)) or "{}")
        return Secrets(tuple(map(key_of, texts)), headers)

    # -- changing ------------------------------------------------------------------------------------

    def add(
        self,
        owner: str,
        filter: Filter,
        receiver: Receiver,
        *,
        delivery: Policy | None = None,
        content: Content | None = None,
        start: Start = NOW,
        secret: str | None = None,
        places: Collection[str] | None = None,
        by: str | None = None,
        agreed: Callable[[sqlite3.Connection], None] | None = None,
    ) -> tuple[Subscription, str]:
        """A new subscription, and its signing secret, which is told only now.

        *agreed* is called inside the write lock; if it raises, there is no subscription.
        *places* are the names that the receiver's URLs may have in braces (None: any).  Raises Invalid for what cannot be followed or called.
        """
        check_owner(owner)
        content, secret = content or Content(), secret or new_secret(self._randomness)
        check_dialect(content.dialect)
        key_of(secret)
        if start.time is not None and start.time > stamp(self._clock()):
            raise Invalid("a subscription cannot begin in the future; leave from out to begin now")
        masked, hidden = receiver.checked(places).parted()
        filter, delivery = filter.checked(self._collections), Policy.of((delivery or Policy()).body())
        id = str(UUID(bytes=self._randomness(16), version=4))
        made = Subscription(id, 0, owner, filter, masked, delivery, content, start, by=by)
        self._keep(id, {"secret": secret}, hidden)
        try:
            self._append(Draft.of(TYPE, id, made.body(), by=by, expect=0), agreed)
        except BaseException:
            self._forget(id)
            raise
        return self.get(id), secret

    def remove(self, id: str, owner: str | None = None, by: str | None = None) -> None:
        """Tell it nothing more, and forget its secrets; what was sent stays in the log.  Raises NotFound."""
        self.get(id, owner)
        self._append(Draft.of(TYPE, id, None, by=by))
        self._forget(id)

    def pause(self, id: str, owner: str | None = None, by: str | None = None, reason: str = "") -> Subscription:
        """Stop sending; it stays at its position.  Raises NotFound."""
        return self.set(id, "paused", reason, owner, by)

    def resume(self, id: str, owner: str | None = None, by: str | None = None) -> Subscription:
        """Go on where it stopped, also after it was disabled.  Raises NotFound."""
        return self.set(id, "active", "", owner, by)

    def set(self, id: str, status: Status, reason: str = "", owner: str | None = None, by: str | None = None) -> Subscription:
        """Make it active, paused or disabled.  Raises NotFound."""
        for attempt in range(ATTEMPTS):
            found = self.get(id, owner)
            if (found.status, found.reason) == (status, reason):
                return found
            try:
                self._append(Draft.of(TYPE, id, found.set(status, reason).body(), by=by, expect=found.version))
                break
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
        return self.get(id, owner)

    def rotate(self, id: str, owner: str | None = None, by: str | None = None, secret: str | None = None) -> str:
        """A new signing secret; for a day everything is signed with both.  Raises NotFound."""
        found = self.get(id, owner)
        fresh = secret or new_secret(self._randomness)
        key_of(fresh)
        before = json.loads(self._vault.get(_secret_name(id)) or "{}")
        said = {"secret": fresh}
        if "secret" in before:
            said |= {"previous": before["secret"], "until": stamp(self._clock() + BOTH_VALID)}
        self._vault.put(_secret_name(id), json.dumps(said))
        self._ask(found, {"ask": "rotate"}, by)
        return fresh

    def replay(self, id: str, since: Start, *, pace: Pace = "fast", owner: str | None = None, by: str | None = None) -> str:
        """Send again all since a position or a time, then go on; the id of the request.

        *pace* ``original`` keeps the pauses that were between the records.  Raises NotFound, or Invalid for ``now``.
        """
        if since == NOW or pace not in ("fast", "original"):
            raise Invalid("a replay is since a position or a time, at the pace fast or original")
        return self._ask(self.get(id, owner), {"ask": "replay", "since": since.said(), "pace": pace}, by)

    def redeliver(self, id: str, position: int | None = None, *, owner: str | None = None, by: str | None = None) -> str:
        """Send the dead letter of a record's position again, or all of a subscription's; the id of the request.  Raises NotFound."""
        said = {} if position is None else {"position": position}
        return self._ask(self.get(id, owner), {"ask": "redeliver", **said}, by)

    def test(self, id: str, owner: str | None = None, by: str | None = None) -> str:
        """Send a test notification, once; the id of the request, which its outcome names.  Raises NotFound."""
        return self._ask(self.get(id, owner), {"ask": "test"}, by)

    # -- helpers -------------------------------------------------------------------------------------

    def _ask(self, subscription: Subscription, said: Body, by: str | None) -> str:
        request = self._randomness(8).hex()
        self._append(Draft.of(REQUEST, request, {"subscription": subscription.id, **said}, by=by))
        return request

    def _append(self, draft: Draft, agreed: Callable[[sqlite3.Connection], None] | None = None) -> None:
        """Append, and know it before returning."""

        def write(connection: sqlite3.Connection) -> None:
            if agreed is not None:
                agreed(connection)
            self._logbook.write(connection, f"{OWNER}/{SOURCE}", [draft])

        try:
            self._logbook.transact(write)
        finally:
            self.follow()

    def _current(self) -> dict[str, Subscription]:
        if self._monotonic() - self._looked > LOOK_SECONDS:
            self.follow()
        return self._known

    def _take(self, record: Record) -> None:
        """Know what a record says.  One whose body was erased, or is not ours, is one that was removed."""
        if record.type != TYPE:
            return
        before = self._known.pop(record.key, None) if record.op == "delete" or record.text is None else self._known.get(record.key)
        if record.op == "delete" or record.text is None:
            self._numbers.pop(before.number if before else 0, None)
            return
        try:
            created, by = (before.created, before.by) if before else (record.timestamp, record.by)
            made = Subscription.of(record, created, by)
        except (Invalid, KeyError, TypeError, ValueError, AttributeError):
            self._known.pop(record.key, None)
            return
        self._known[made.id] = made
        self._numbers[made.number] = made.id

    def _keep(self, id: str, secret: dict[str, str], headers: Body) -> None:
        self._vault.put(_secret_name(id), json.dumps(secret))
        if headers:
            self._vault.put(_headers_name(id), json.dumps(headers))

    def _forget(self, id: str) -> None:
        self._vault.forget(_secret_name(id), _headers_name(id))


def _secret_name(id: str) -> str:
    return f"subscription/{id}/secret"


def _headers_name(id: str) -> str:
    return f"subscription/{id}/headers"
