"""
Did they get it, and if not, why?  What became of deliveries, and how far each subscription came, for whoever watches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .clock import Clock
from .delivery import Deliveries
from .error import Invalid, NotFound
from .log import Logbook, Position
from .record import Body, Record
from .subscribing import Subscriptions
from .subscription import Subscription
from .verdict import LOG, OWNER, SOURCE, TYPE, address

COUNTED = 10_000
MOST = 1000
LEAST_PREFIX = 4

HEADS = "SELECT first, newest FROM heads WHERE log = ? AND type = ? AND key > ? AND key < ? ORDER BY newest DESC LIMIT ?"
ATTEMPTS = "WHERE originator_id = ? AND topic <> 'record-added' AND json_extract(state, '$.reference') = ? "
SHOWN = ("action", "change", "attempt", "outcome", "status", "answer", "error", "seconds", "again", "url", "message", "request", "disabled")


@dataclass(frozen=True, slots=True)
class Lag:
    """How far somebody is behind the log: *records*, and the *seconds* since the oldest of these was appended."""

    records: int
    seconds: float


class Watching:
    """Reads what the log and the tables say of deliveries; usable from any thread, beside whatever process delivers."""

    def __init__(self, logbook: Logbook, subscriptions: Subscriptions, deliveries: Deliveries, clock: Clock) -> None:
        self._logbook, self._subscriptions, self._deliveries, self._clock = logbook, subscriptions, deliveries, clock

    # -- subscriptions -------------------------------------------------------------------------------

    def find(self, id: str, owner: str | None = None) -> Subscription:
        """A subscription by its id or the beginning of that.  Raises NotFound, or Invalid if several begin so."""
        found = [each for each in self._subscriptions.list(owner) if each.id.startswith(id)] if len(id) >= LEAST_PREFIX else []
        exact = [each for each in found if each.id == id]
        if len(found) > 1 and not exact:
            raise Invalid(f"{len(found)} subscriptions begin with {id!r}; write some more of it")
        if not found:
            raise NotFound(f"there is no subscription {id[:80]!r}; 'locker subscriptions' lists those there are")
        return (exact or found)[0]

    def shown(self, subscription: Subscription) -> Body:
        """A subscription with all that an operator asks about it; no secrets.

        ``{"id", "owner", "dialect", "target", "status", "reason", "position", "lag", "lag_seconds", "pending", "dead", "failing", "last", …}``
        """
        progress = self._deliveries.progress(subscription)
        lag = self.lag(progress["position"])
        last = self.attempts(subscription, limit=1)
        shown = subscription.as_dict()
        return {
            "id": subscription.id,
            "owner": subscription.owner,
            "dialect": subscription.content.dialect,
            "target": target(subscription),
            "status": subscription.status,
            "reason": subscription.reason,
            "position": progress["position"],
            "lag": lag.records,
            "lag_seconds": round(lag.seconds, 3),
            "pending": progress["waiting"],
            "dead": progress["dead"],
            "failing": progress["failing"],
            "last": last[0] if last else None,
            **{name: shown[name] for name in ("filter", "receiver", "delivery", "from", "created", "updated", "by")},
        }

    def lag(self, position: Position) -> Lag:
        """How far a follower at a position is behind.  Outcomes are not counted: nobody is told of them."""
        end = self._logbook.position
        if position >= end:
            return Lag(0, 0.0)
        where = "FROM stored_events WHERE position > ? AND originator_id <> ?"
        oldest = self._logbook.read(f"SELECT json_extract(state, '$.timestamp') {where} ORDER BY position LIMIT 1", [position, LOG])
        if not oldest:
            return Lag(0, 0.0)
        many = end - position
        records = many if many > COUNTED else int(self._logbook.read(f"SELECT count(*) {where}", [position, LOG])[0][0])
        age = (self._clock() - datetime.fromisoformat(oldest[0][0])).total_seconds()
        return Lag(records, max(0.0, age))

    # -- attempts ------------------------------------------------------------------------------------

    def latest(self, owner: str | None = None, limit: int = 50) -> list[Body]:
        """The newest attempts of all subscriptions, or of those of an owner, newest first."""
        if owner is None:
            return [attempt(each) for each in self._deliveries.latest(limit=min(limit, MOST))]
        found = [each for one in self._subscriptions.list(owner) for each in self._records(one, limit)]
        return [attempt(each) for each in sorted(found, key=lambda each: -each.version)[:limit]]

    def attempts(self, subscription: Subscription, *, limit: int = 50) -> list[Body]:
        """The newest attempts of one subscription, newest first."""
        return [attempt(each) for each in self._records(subscription, min(limit, MOST))]

    def _records(self, subscription: Subscription, limit: int) -> list[Record]:
        # The newest attempts, so many, belong to as many things at most: those that were tried last.
        id = subscription.id
        things = self._logbook.read(HEADS, [LOG, TYPE, f"{id} ", f"{id}!", limit])
        if limit == 1:
            return [each for _, newest in things for each in self._logbook.records(OWNER, SOURCE, gt=newest - 1, lte=newest)]
        found = [each for first, _ in things for each in self._history(first, limit)]
        return sorted(found, key=lambda each: -each.version)[:limit]

    def _history(self, first: int, limit: int) -> list[Record]:
        later = self._logbook.select(ATTEMPTS + "ORDER BY originator_version DESC LIMIT ?", [LOG, first, limit])
        return [*later, *self._logbook.records(OWNER, SOURCE, gt=first - 1, lte=first)]

    def dead(self, subscription: Subscription, *, limit: int = 50) -> list[Body]:
        """Its dead letters, oldest first, each with the attempt that was the last."""
        return [self._dead(subscription, each) for each in self._deliveries.dead(subscription, limit=min(limit, MOST))]

    def _dead(self, subscription: Subscription, letter: Body) -> Body:
        tried = [
            each for each in self._deliveries.history(subscription.id, letter["thing"]) if each.body.get("position") == letter["position"]
        ]
        return {"since": letter["since"], **(attempt(tried[-1]) if tried else {"subscription": subscription.id, **letter})}

    # -- one thing, everybody ------------------------------------------------------------------------

    def things(self, key: str, owner: str | None = None) -> list[Record]:
        """The newest record of whatever has this key, or is this record (``github:17``), of an owner or of anyone.

        A key is the source's own: a document's address, a message's id.  Raises NotFound.
        """
        found = [each for one in ([owner] if owner else self._owners()) for each in self._things(one, key)]
        if not found:
            raise NotFound(f"nothing is called {key[:200]!r} here; name a key (a document's address), or a record like github:17")
        return found

    def _owners(self) -> list[str]:
        return [each for each in self._logbook.owners() if each != OWNER]

    def _things(self, owner: str, key: str) -> list[Record]:
        found = []
        for source in self._logbook.sources(owner):
            rows = self._logbook.read(
                "SELECT newest FROM (SELECT DISTINCT type FROM heads WHERE log = ?1) AS types "
                "CROSS JOIN heads ON heads.log = ?1 AND heads.type = types.type AND heads.key = ?2",
                [f"{owner}/{source}", key],
            )
            found += [each for (newest,) in rows for each in self._logbook.records(owner, source, gt=newest - 1, lte=newest)]
        source, _, version = key.rpartition(":")
        if source and version.isdecimal() and len(version) < 18 and source in self._logbook.sources(owner):
            found += self._logbook.records(owner, source, gt=int(version) - 1, lte=int(version))
        return found

    def told(self, record: Record, owner: str | None = None) -> list[Body]:
        """Of everybody who may hear of a thing, whether they did: ``{"subscription", "target", "outcome", "why", "attempts"}``."""
        followers = [each for each in self._subscriptions.list(owner) if record.owner in each.filter.owners]
        return [self._told(each, record) for each in followers]

    def _told(self, subscription: Subscription, record: Record) -> Body:
        history = self._deliveries.history(subscription.id, f"{record.owner}/{record.first}")
        attempts = [attempt(each) for each in reversed(history)]
        outcome, why = self._why(subscription, record, attempts)
        return {
            "subscription": subscription.id,
            "target": target(subscription),
            "record": f"{record.owner}/{record.id}",
            "outcome": outcome,
            "why": why,
            "attempts": attempts,
        }

    def _why(self, subscription: Subscription, record: Record, attempts: list[Body]) -> tuple[str, str]:
        """What became of a thing's revision at a subscription, in a word and a sentence."""
        if own := next((each for each in attempts if each["position"] >= record.position), None):
            return own["outcome"], _said(own, subscription)
        if not subscription.is_active:
            return subscription.status, _resting(subscription)
        if not subscription.filter.covers(record) or not subscription.filter.passes(record):
            return "not wanted", "the subscription's filter leaves it out"
        if (progress := self._deliveries.progress(subscription))["position"] < record.position:
            behind = f"it stands at position {progress['position']}, the record at {record.position}"
            waits = f"; {progress['waiting']} others wait" if progress["waiting"] else ""
            return "pending", f"it has not come so far: {behind}{waits}; a server must run ('locker serve')"
        if subscription.filter.terms:
            return "not wanted", "it was not in the set that the subscription's terms mean, or began before the subscription did"
        return "not wanted", "the subscription began after it, or a newer revision was told instead"


def _said(own: Body, subscription: Subscription) -> str:
    """An attempt in a sentence."""
    what = own.get("error") or f"the receiver answered {own.get('status')}"
    if own["outcome"] == "failed":
        rest = "" if subscription.is_active else f", and {_resting(subscription)}"
        return f"{what}; attempt {own['attempt']}, the next one is at {own.get('again') or 'its resumption'}{rest}"
    if own["outcome"] == "dead":
        return f"{what}; given up after attempt {own['attempt']}: 'locker redeliver {subscription.id[:8]} {own['position']}' sends it again"
    return f"{what} at {own['at']}"


def _resting(subscription: Subscription) -> str:
    reason = f" ({subscription.reason})" if subscription.reason else ""
    return f"it is {subscription.status}{reason}; 'locker subscriptions --resume {subscription.id[:8]}' lets it go on"


def attempt(record: Record) -> Body:
    """An attempt, as everybody sees it who may: ``{"at", "subscription", "record", "position", "thing", "attempt", "outcome", …}``."""
    said = record.body
    shown: Body = {
        "at": record.timestamp,
        "subscription": said.get("subscription") or record.key.partition(" ")[0],
        "thing": record.key.partition(" ")[2],
        "record": said.get("record"),
        "position": said.get("position", 0),
    }
    return shown | {name: said[name] for name in SHOWN if name in said}


def target(subscription: Subscription) -> str:
    """Where it sends to, without the query, which may hold a token."""
    calls: Iterable[str] = (call.url for _, call in subscription.receiver.calls() if call.url)
    return ", ".join(dict.fromkeys(map(address, calls)))
