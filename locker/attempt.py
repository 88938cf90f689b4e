"""
An attempt tells one receiver of one revision, once: what it means, how it is said, signed and sent, and what the answer means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from .clock import Clock, stamp
from .courier import AGENT, Courier
from .error import Invalid, LockerError
from .filter import SYSTEM
from .lane import Lane, Letter
from .ledger import Ledger
from .meaning import Meaning, Meanings
from .notification import DIALECTS, Dialect, Notification
from .receiver import filled
from .record import Body, Record
from .signature import headers as signed
from .subscribing import Subscriptions
from .subscription import Subscription
from .verdict import Answer, Verdict, address, judge

SECRETS_SECONDS = 60.0
"""So long are secrets from the vault kept in memory: a rotation's old one ends within this time."""


@dataclass(slots=True)
class Result:
    """What became of an attempt, not written yet; *verdict* None means that there was nothing to tell.

    *has* is whether the subscriber has the thing now; *said* is what its record says beside the answer.
    """

    letter: Letter
    verdict: Verdict | None
    has: bool
    said: Body


class Attempts:
    """Makes attempts for all lanes; *random* answers 0 to 1, for the jitter, *refusal* why nothing may be sent to a subscription any more."""

    def __init__(
        self,
        ledger: Ledger,
        meanings: Meanings,
        subscriptions: Subscriptions,
        courier: Courier,
        clock: Clock,
        random: Callable[[], float],
        refusal: Callable[[Subscription], str],
    ) -> None:
        self._refusal = refusal
        self._ledger, self._meanings, self._subscriptions, self._courier = ledger, meanings, subscriptions, courier
        self._clock, self._random = clock, random

    async def make(self, lane: Lane, letter: Letter, end: int) -> Result:
        """Tell a receiver of a letter's revision, of a log that was read up to *end*, and judge what it answers."""
        subscription = lane.subscription
        record = self._sample(lane, letter) if letter.request else self._ledger.record(letter.position)
        before: Record | None = None
        if letter.more and subscription.delivery.state == "last" and not letter.again:
            letter.more = False
            record, before = self._meanings.newest(lane, letter, record, end)
            letter.position = record.position
        meaning = None if record.owner == SYSTEM else self._meaning(lane, letter, record, before)
        if meaning is None:
            return Result(letter, None, letter.has, {})
        letter.attempts += 1
        message = f"msg_{subscription.number}_{letter.request or record.position}" + (f"_{lane.epoch}" if lane.epoch else "")
        notification = Notification(message, subscription, record, *meaning, is_test=bool(letter.request))
        place = {"record": f"{record.owner}/{record.id}", "position": record.position}
        said: Body = {**place, "action": meaning[0], "attempt": letter.attempts, "message": message}
        refusal = self._refusal(subscription)
        answer = Answer(error=f"nothing was sent: {refusal}") if refusal else await self._carry(lane, notification, said)
        now, once = self._clock(), bool(letter.request)
        if refusal and not once:
            verdict = Verdict("failed", answer, now.timestamp(), refusal)
        else:
            verdict = judge(subscription.delivery, answer, letter.attempts, now.timestamp(), self._random, lane.failing, once=once)
        more = {"request": letter.request, "change": meaning[1], "again": None}
        if verdict.due is not None and not verdict.disable:
            more["again"] = stamp(datetime.fromtimestamp(verdict.due, UTC))
        said |= {"at": stamp(now), **{name: value for name, value in more.items() if value}}
        has = meaning[0] != "delete" if verdict.is_success else letter.has
        return Result(letter, verdict, has, said)

    def _meaning(self, lane: Lane, letter: Letter, record: Record, before: Record | None) -> Meaning | None:
        """What a record means to this subscriber now; of a dead letter that is sent again, what it meant then."""
        if letter.request:
            return "create", None
        if not letter.again:
            return self._meanings.of(lane, record, letter.has, before)
        known = self._ledger.known({letter.thing: [lane]}).get((lane.number, letter.thing))
        if lane.subscription.delivery.state == "last" and known is not None and known.settled > record.position:
            return None
        letter.has = known is not None and known.has
        return self._meanings.of(lane, record, letter.has) or ("delete" if record.op == "delete" else "update", None)

    async def _carry(self, lane: Lane, notification: Notification, said: Body) -> Answer:
        """Say, address, sign and send.  What cannot be made is an answer, too."""
        dialect = DIALECTS.get(notification.subscription.content.dialect)
        if dialect is None:
            return Answer(error=f"there is no dialect {notification.subscription.content.dialect!r} in this program")
        try:
            method, url, headers, body = self._made(lane, dialect, notification)
        except Invalid as error:
            return Answer(error=str(error), is_final=True)
        except LockerError as error:
            return Answer(error=str(error))
        except Exception as error:  # a stranger's dialect: whatever it raises, the others go on, and somebody can see it
            return Answer(error=f"{type(error).__name__}: {error}"[:500], is_final=True)
        said |= {"method": method, "url": address(url)}
        return await self._courier.send(method, url, headers, body, lane.secrets.hide if lane.secrets else str)

    def _made(self, lane: Lane, dialect: Dialect, notification: Notification) -> tuple[str, str, list[tuple[str, str]], bytes]:
        """The request: method, URL, headers and body.  Raises Invalid if it cannot be made, Unavailable without its secrets."""
        now = self._clock().timestamp()
        if lane.secrets is None or lane.secrets_until < now:
            lane.secrets, lane.secrets_until = self._subscriptions.secrets(notification.subscription), now + SECRETS_SECONDS
        call, headers = lane.secrets.call(notification.subscription, notification.action)
        url = filled(call.url, dialect.values(notification)) if "{" in call.url else call.url
        body = b"" if call.method == "GET" else dialect.body(notification)
        named = {name.lower() for name, _ in headers}
        if body and "content-type" not in named:
            headers.append(("Content-Type", dialect.media_type))
        if "user-agent" not in named:
            headers.append(("User-Agent", AGENT))
        headers += signed(lane.secrets.keys, notification.id, int(now), body).items()
        return call.method, url, headers, body

    def _sample(self, lane: Lane, letter: Letter) -> Record:
        """What a test tells of."""
        owner, text = lane.subscription.owner, '{"subscription":"' + lane.subscription.id + '","test":true}'
        return Record(0, owner, "test:0", stamp(self._clock()), "test", "test/locker", "add", letter.request, "", text)
