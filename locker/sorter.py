"""
The sorter reads the log once for everybody, and puts a letter into each lane that wants to hear of a record.

Lanes in step share one reading.  One that cannot keep up falls behind: it keeps a position of its own, and lanes behind are read for together, page by page,
as they have room.  What is asked of subscriptions (``subscribing.py``) is heeded here too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from .error import LockerError, NotFound
from .index import Index
from .lane import MOST, Lane, Letter
from .ledger import POSITION, REQUESTS, Known, LaneRow, Ledger, Page
from .log import Logbook, Position
from .meaning import Meanings, passes
from .record import Body, Record
from .subscribing import Subscriptions
from .subscription import OWNER, SOURCE, TYPE, Start, Subscription

logger = logging.getLogger("locker")

PAGE = 200
MOST_AGAIN = 1000
"""Dead letters that one request sends again."""
BEHIND_SECONDS = 30.0
"""A lane whose oldest letter was not even tried for so long is not in step."""
DROP = tuple(f"DELETE FROM {table} WHERE subscription = ?" for table in ("lanes", "deliveries", "dead_letters"))  # noqa: S608 - ours


class Sorter:
    """Fills lanes with letters.

    *page* gathers what is to be written, *stirred* are lanes that may have something to send, *dirty* those that came further.
    """

    def __init__(self, logbook: Logbook, ledger: Ledger, subscriptions: Subscriptions, meanings: Meanings) -> None:
        self._logbook, self._ledger, self._subscriptions, self._meanings = logbook, ledger, subscriptions, meanings
        self.lanes: dict[int, Lane] = {}
        self.live, self.behind = Index[Lane](), Index[Lane]()
        self.position: Position = 0
        self.total = 0
        self.page = Page()
        self.moved: list[Letter] = []
        self.stirred: list[Lane] = []
        self.alarms: list[tuple[float, Lane]] = []
        self.dirty: set[Lane] = set()
        self._heeded = self._fresh = 0
        self._low: list[tuple[Position, int, Letter]] = []
        self._numbers = count()

    def load(self, now: float) -> None:
        """Take up the work where the store says it stands."""
        self._subscriptions.follow()
        self.position, self._heeded = self._ledger.fact(POSITION), self._ledger.fact(REQUESTS)
        self._fresh = self._ledger.end  # what came before may have been told by an earlier run
        rows = self._ledger.lanes()
        for subscription in self._subscriptions.list():
            if row := rows.get(subscription.number):
                try:
                    self._open(subscription, row)
                except LockerError as error:  # its terms do not parse any more
                    logger.error("the subscription %s cannot be followed: %s", subscription.id, error)  # noqa: TRY400
        for letter in self._ledger.letters():
            if lane := self.lanes.get(letter.subscription):
                thing, _, again = letter.thing.partition(" ")
                made = Letter(
                    lane, thing, letter.waiting, bool(letter.has), epoch=lane.epoch, attempts=letter.attempts, more=True,
                    due=letter.due if letter.due <= now + lane.subscription.delivery.retry.longest else now,  # the clock was ahead
                    is_kept=True, again=bool(again), state="waiting", born=now,
                )  # fmt: skip
                lane.add(made)
                self.total += 1
                if letter.waiting <= letter.settled and not again:
                    self.follow(made)
                else:
                    self.moved.append(made)
        self.heed(now)

    # -- what is asked of subscriptions --------------------------------------------------------------

    def heed(self, now: float) -> bool:
        """Do what was asked since; True if there was something."""
        records = self._logbook.records(OWNER, SOURCE, gt=self._heeded, limit=PAGE)
        if not records:
            return False
        self._subscriptions.follow()
        for record in records:
            try:
                self._heed(record, now)
            except (LockerError, KeyError, TypeError, ValueError) as error:  # nobody may stop all others by asking for nonsense
                logger.error("%s is not heeded: %s", record.id, error)  # noqa: TRY400 - it says enough
        self._heeded = records[-1].version
        self.page.facts.append((REQUESTS, str(self._heeded)))
        return True

    def _heed(self, record: Record, now: float) -> None:
        """Do what one record says."""
        try:
            subscription: Subscription | None = self._subscriptions.get(record.key if record.type == TYPE else record.body["subscription"])
        except NotFound:
            subscription = None
        if record.type == TYPE:
            self._align(record, subscription)
        elif subscription is not None and (lane := self.lanes.get(subscription.number)):
            self._ask(lane, record.key, record.body, now)

    def _align(self, record: Record, subscription: Subscription | None) -> None:
        """Let a lane be as its subscription says now."""
        number = int(record.first.rpartition(":")[2])
        lane = self.lanes.get(number)
        if subscription is None:
            self.page.statements += [(statement, (number,)) for statement in DROP]
            if lane:
                self._close(lane)
        elif lane is None:
            row = self._ledger.lane(number) or LaneRow(number, self._start(subscription), 0, None, None, None)
            self._open(subscription, row)
        elif lane.version != subscription.version:
            was_active = lane.is_active
            lane.set(subscription)
            if was_active and not lane.is_active:
                lane.stop(lane.low(self.reached(lane)))
                self._recount()
            elif lane.is_active and not was_active:
                lane.failures, lane.failing, lane.held = 0, None, 0.0
                self.moved += [letter for letter in lane.letters.values() if letter.state == "waiting"]
            self._place(lane)

    def _start(self, subscription: Subscription) -> Position:
        """Where a new subscription begins."""
        if subscription.start.position is not None:
            return subscription.start.position
        if subscription.start.time is not None:
            return self._logbook.position_at(subscription.start.time)
        (first,) = self._logbook.records(OWNER, SOURCE, gt=subscription.number - 1, lte=subscription.number)
        return first.position

    def _ask(self, lane: Lane, request: str, said: Body, now: float) -> None:
        match said.get("ask"):
            case "replay":
                self._replay(lane, Start.of(said["since"]), said.get("pace") == "original", now)
            case "redeliver":
                for position, thing in self._ledger.dead(lane.number, said.get("position"), MOST_AGAIN):
                    self.page.statements.append(
                        ("DELETE FROM dead_letters WHERE subscription = ? AND position = ?", (lane.number, position))
                    )
                    self._add(Letter(lane, thing, position, epoch=lane.epoch, again=True, born=now, is_kept=True))
            case "test":
                self._add(Letter(lane, f"{lane.subscription.owner}/test:0", 0, request=request, born=now))
            case "rotate":
                lane.secrets = None

    def _replay(self, lane: Lane, since: Start, is_paced: bool, now: float) -> None:
        asked = self._logbook.position_at(since.time) if since.time is not None else since.position or 0
        position = min(asked, lane.low(self.reached(lane)))  # what was not told yet is not left out
        lane.rewind(position)
        self._recount()
        self.page.statements.append(
            (
                "UPDATE deliveries SET waiting = NULL WHERE subscription = ? AND waiting > ? AND thing NOT LIKE '% %'",
                (lane.number, position),
            )
        )
        first = self._ledger.page(position, self.position, 1)[0] if is_paced else []
        lane.until, lane.lag = (self.position, now - _seconds(first[0])) if first else (None, None)
        self._place(lane)

    # -- lanes ---------------------------------------------------------------------------------------

    def reached(self, lane: Lane) -> Position:
        """Up to where the log was read for a lane."""
        return self.position if lane.in_step else lane.position

    def _open(self, subscription: Subscription, row: LaneRow) -> None:
        position = self.position if row.position is None else row.position
        lane = Lane(subscription, position, row.epoch, until=row.until, lag=row.lag, failing=row.failing)
        self.lanes[lane.number] = lane
        self._place(lane)

    def _close(self, lane: Lane) -> None:
        del self.lanes[lane.number]
        lane.is_gone = True
        lane.stop(0)
        lane.letters.clear()
        self.live.remove(lane)
        self.behind.remove(lane)
        self.dirty.discard(lane)
        self._recount()

    def _place(self, lane: Lane) -> None:
        """Read for a lane from its position on, if it is active."""
        self.live.remove(lane)
        self.behind.remove(lane)
        lane.in_step = False
        if lane.is_active:
            self.behind.add(lane)
            self.stirred.append(lane)
        self.dirty.add(lane)

    def _promote(self, lane: Lane, now: float) -> None:
        """Let a lane go in step, if nothing holds it back."""
        unknown = [letter for letter in lane.letters.values() if not letter.is_kept and not letter.request]
        if any(letter.after is not None or letter.born < now - BEHIND_SECONDS for letter in unknown) or lane.is_full(self.total):
            return
        lane.in_step = True
        self.behind.remove(lane)
        self.live.add(lane)
        self.dirty.add(lane)
        for letter in unknown:
            heappush(self._low, (letter.floor, next(self._numbers), letter))

    def _demote(self, lane: Lane, position: Position) -> None:
        """Let a lane fall behind."""
        lane.position = position
        self._place(lane)

    def low(self, now: float) -> Position:
        """The position up to which the store will know everything of the lanes in step, with what is in the page."""
        while self._low:
            position, _, letter = self._low[0]
            if letter.state == "ready" and not letter.is_kept and letter.lane.in_step and letter.born < now - BEHIND_SECONDS:
                self._demote(letter.lane, self.position)
            elif letter.lane.in_step and not letter.is_kept and letter.state != "done":
                return min(position, self.position)
            heappop(self._low)
        return self.position

    # -- reading -------------------------------------------------------------------------------------

    def read(self, now: float) -> bool:
        """Read the next page for the lanes in step; True if there was one."""
        end = self._ledger.end
        if end <= self.position:
            return False
        if not len(self.live):
            self.position = end
            return True
        records, reached = self._ledger.page(self.position, end, PAGE)
        found = [(record, lanes) for record in records if (lanes := self.live.find(record))]
        known = self._known(found, self._fresh)
        for record, lanes in found:
            for lane in self._offer(record, [lane for lane in lanes if lane.in_step], known, now):
                self._demote(lane, record.position - 1)
        self.position = reached
        return True

    def catch_up(self, now: float) -> bool:
        """Read the next page for lanes that are behind and have room; True if there was one."""
        if not len(self.behind):
            return False
        hungry = {lane: None for lane in self.behind if len(lane.letters) <= MOST // 2 and lane.wakes <= now}
        for lane in [lane for lane in hungry if lane.position >= self.position]:
            del hungry[lane]
            self._promote(lane, now)
        hungry = {lane: None for lane in hungry if not lane.is_full(self.total)}
        if not hungry:
            return False
        start = min(lane.position for lane in hungry)
        records, reached = self._ledger.page(start, self.position, PAGE)
        found = [(record, lanes) for record in records if (lanes := [each for each in self.behind.find(record) if each in hungry])]
        known = self._known(found)
        for record, lanes in found:
            left = [lane for lane in lanes if lane in hungry and lane.position < record.position]
            for lane in self._offer(record, left, known, now):
                lane.position = record.position - 1
                del hungry[lane]
        for lane in hungry:
            lane.position = max(lane.position, reached)
        self.dirty.update(hungry)
        return True

    def _known(self, found: Sequence[tuple[Record, Sequence[Lane]]], fresh: Position | None = None) -> dict[tuple[int, str], Known]:
        """What the lanes' subscribers know of the things of a page; nobody knows of a thing that was added after *fresh*."""
        wanted: dict[str, dict[Lane, None]] = {}
        for record, lanes in found:
            if record.op != "add" or fresh is None or record.position <= fresh:
                wanted.setdefault(f"{record.owner}/{record.first}", {}).update(dict.fromkeys(lanes))
        return self._ledger.known({thing: list(lanes) for thing, lanes in wanted.items()}) if wanted else {}

    def _offer(self, record: Record, lanes: Sequence[Lane], known: Mapping[tuple[int, str], Known], now: float) -> list[Lane]:
        """Put a letter into each lane that wants to hear of a record; those that have no room for it now."""
        thing, full = f"{record.owner}/{record.first}", list[Lane]()
        for lane in lanes:
            if not passes(lane.subscription.filter, record):
                continue
            if not self._is_time(lane, record, now):
                full.append(lane)
                continue
            if (letter := lane.letters.get(thing)) is not None:
                letter.more = True
                continue
            if lane.is_full(self.total):
                full.append(lane)
                continue
            said = known.get((lane.number, thing))
            if said is not None and said.epoch == lane.epoch and said.settled >= record.position:
                continue
            has = said is not None and said.has
            if self._meanings.of(lane, record, has) is not None:
                self._add(Letter(lane, thing, record.position, has, epoch=lane.epoch, born=now))
        return full

    def _is_time(self, lane: Lane, record: Record, now: float) -> bool:
        """Whether a replay at the original pace has come to a record."""
        if lane.lag is None:
            return True
        if lane.until is not None and record.position > lane.until:
            lane.until = lane.lag = None
            return True
        due = _seconds(record) + lane.lag
        if due <= now:
            return True
        lane.wakes = due
        self.alarms.append((due, lane))
        return False

    def _add(self, letter: Letter) -> None:
        lane = letter.lane
        if letter.name in lane.letters:
            return
        lane.add(letter)
        self.total += 1
        if letter.again:
            self.page.keep(letter)
        elif lane.in_step and not letter.request:
            heappush(self._low, (letter.floor, next(self._numbers), letter))
        self.stirred.append(lane)

    def _recount(self) -> None:
        self.total = sum(len(lane.letters) for lane in self.lanes.values())

    # -- letters -------------------------------------------------------------------------------------

    def release(self, letter: Letter) -> None:
        """Forget a letter that has nothing more to tell."""
        letter.state = "done"
        if letter.lane.letters.pop(letter.name, None) is not None:
            self.total -= 1

    def follow(self, letter: Letter) -> None:
        """Let a letter that told its revision go on to the next, or end."""
        letter.more, found = False, self._meanings.following(letter.lane, letter, self.reached(letter.lane))
        if found is None:
            if letter.is_kept:
                self.page.clear(letter)
            self.release(letter)
            return
        letter.position, letter.after, letter.attempts, letter.due = found.position, None, 0, 0.0
        letter.more, letter.state, letter.epoch = True, "ready", letter.lane.epoch
        self.page.keep(letter)
        letter.lane.ready.append(letter)
        self.stirred.append(letter.lane)


def _seconds(record: Record) -> float:
    return datetime.fromisoformat(record.timestamp).timestamp()
