"""
``locker subscriptions``, ``deliveries`` and ``redeliver``: who is told of what, whether they got it, and if not, why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import click

from ..error import Invalid
from ..locker import Locker
from ..record import Body
from ..settings import Settings
from ..subscription import Start, Subscription
from .frame import Example, as_json, opened, place
from .table import dump, line, moment, table

SHORT = 8
BY = "me"


@click.command(
    short_help="List who is told of what, and how far they are.",
    cls=Example,
    examples=(
        "locker subscriptions",
        "locker subscriptions 3f2b81c0 --json",
        "locker subscriptions --pause 3f2b81c0",
        "locker subscriptions --replay 3f2b81c0 --since 2026-11-01",
    ),
)
@click.argument("subscription", required=False)
@click.option("--pause", metavar="ID", help="Stop sending; it stays at its position.")
@click.option("--resume", metavar="ID", help="Go on where it stopped, also after it was disabled.")
@click.option("--replay", metavar="ID", help="Send again what came since --since, then go on.")
@click.option("--since", metavar="POSITION|TIME", help="Where a replay begins: a position, a time, or 'beginning'.")
@click.option("--pace", type=click.Choice(("fast", "original")), default="fast", show_default=True, help="How fast a replay goes.")
@click.option("--test", metavar="ID", help="Send a test notification, once.")
@click.option("--rotate", metavar="ID", help="Make a new signing secret and print it; the old one is valid for another day.")
@click.option("--remove", metavar="ID", help="Tell it nothing more; what was sent stays in the log.")
@as_json
@place
def subscriptions(
    subscription: str | None, pause: str | None, resume: str | None, replay: str | None, since: str | None, pace: str, test: str | None,
    rotate: str | None, remove: str | None, json: bool, settings: Settings,
) -> None:  # fmt: skip
    """List the subscriptions of everybody, or of one --owner: how each fares, how far it is behind, and how its last delivery went.

    The beginning of an id will do.  What is asked here is done by the server that delivers, at once or when it starts.
    """
    with opened(settings) as locker:
        known, watching, said = locker.subscriptions, locker.watching, dict[str, str]()
        asks: tuple[tuple[str | None, Callable[[str], object]], ...] = (
            (pause, lambda one: known.pause(one, by=BY)),
            (resume, lambda one: known.resume(one, by=BY)),
            (test, lambda one: said.update(request=known.test(one, by=BY))),
            (replay, lambda one: said.update(request=known.replay(one, _since(since), pace=pace, by=BY))),  # type: ignore[arg-type]
            (rotate, lambda one: said.update(secret=known.rotate(one, by=BY))),
            (remove, lambda one: known.remove(one, by=BY)),
        )
        named = [name for name, _ in asks if name]
        for name, ask in asks:
            if name:
                ask(watching.find(name, named_owner()).id)
        if named:
            subscription = subscription or (None if remove else named[0])
        found = [watching.find(subscription, named_owner())] if subscription else known.list(named_owner())
        shown = [watching.shown(each) for each in found]
    if json:
        return dump({"subscriptions": shown, **said} if said else shown)
    return _show(shown, said)


def named_owner() -> str | None:
    """The owner that somebody named; None if nobody did: then everybody is meant."""
    return click.get_current_context().params.get("owner") or os.environ.get("LOCKER_OWNER") or None


def _since(said: str | None) -> Start:
    if said is None:
        raise Invalid("--since says where a replay begins: a position, a time like 2026-11-01, or beginning")
    return Start.of({"position": int(said)} if said.isdecimal() and len(said) < 19 else said if said == "beginning" else {"time": said})


def _show(shown: Sequence[Body], said: Body) -> None:
    names = ("id", "owner", "dialect", "status", "position", "lag", "seconds", "pending", "dead", "last", "target")
    table(names, [_row(each) for each in shown], numbers=("position", "lag", "seconds", "pending", "dead"), wrap=True)
    for each in shown:
        if each["reason"]:
            line(f"\n{each['id'][:SHORT]} is {each['status']}: {each['reason']}")
    if "secret" in said:
        line(f"\nsigning secret, shown only now: {said['secret']}")
    if "request" in said:
        line(f"\nasked, as {said['request']}; 'locker deliveries {shown[0]['id'][:SHORT]}' tells what became of it")


def _row(each: Body) -> Sequence[object]:
    last = each["last"]
    told = f"{last['outcome']} {_what(last)}".strip() if last else ""
    seconds = round(each["lag_seconds"])
    numbers = (each["position"], each["lag"], seconds, each["pending"], each["dead"])
    return (each["id"][:SHORT], each["owner"], each["dialect"], each["status"], *numbers, told, each["target"])


def _what(attempt: Body) -> object:
    """What came back, in few words."""
    return attempt.get("error") or attempt.get("status") or ""


@click.command(
    short_help="Tell who got what, and why not.",
    cls=Example,
    examples=(
        "locker deliveries",
        "locker deliveries 3f2b81c0 --dead",
        "locker deliveries --key http://api.company.com/users/1",
        "locker deliveries --key github:17 --json",
    ),
)
@click.argument("subscription", required=False)
@click.option("--dead", is_flag=True, help="Only what was given up.")
@click.option(
    "--key",
    metavar="KEY|ID",
    help="Of one thing, by its key (a document's address) or a record's id: did everybody get it, and if not, why?",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@as_json
@place
def deliveries(subscription: str | None, dead: bool, key: str | None, limit: int, json: bool, settings: Settings) -> None:
    """Every attempt, newest first: when, of what, what came back, how long it took, and when it is tried next."""
    with opened(settings) as locker:
        watching, owner = locker.watching, named_owner()
        one = watching.find(subscription, owner) if subscription else None
        if key is not None:
            return _told(locker, key, one, owner, json=json)
        if dead:
            found = [each for sub in ([one] if one else locker.subscriptions.list(owner)) for each in watching.dead(sub, limit=limit)][
                :limit
            ]
        else:
            found = watching.attempts(one, limit=limit) if one else watching.latest(owner, limit)
    return dump(found) if json else _attempts(found)


def _attempts(found: Sequence[Body]) -> None:
    names = ("at", "subscription", "record", "position", "attempt", "outcome", "ms", "next", "what")
    rows = [
        (
            moment(each.get("at") or each.get("since") or ""), each["subscription"][:SHORT], each.get("record") or each["thing"], each["position"],
            each.get("attempt", ""), each.get("outcome", "dead"), round(1000 * each.get("seconds", 0)), moment(each.get("again", "")), _what(each),
        )
        for each in found
    ]  # fmt: skip
    table(names, rows, numbers=("position", "attempt", "ms"), wrap=True)


def _told(locker: Locker, key: str, one: Subscription | None, owner: str | None, *, json: bool) -> None:
    found = [
        {**record.as_dict(), "body": None, "owner": record.owner, "told": [each for each in locker.watching.told(record) if one is None or each["subscription"] == one.id]}
        for record in locker.watching.things(key, owner)
    ]  # fmt: skip
    if json:
        return dump(found)
    for each in found:
        line(f"{each['owner']}/{each['id']}: {each['op']} of {each['type']} {each['key']}, at {moment(each['timestamp'])}")
        if not each["told"]:
            line("nobody subscribes to it")
        for told in each["told"]:
            line(f"{told['subscription'][:SHORT]} ({told['target']}): {told['outcome']}: {told['why']}")
        _attempts([attempt for told in each["told"] for attempt in told["attempts"]])
    return None


@click.command(
    short_help="Send dead letters again.",
    cls=Example,
    examples=("locker redeliver 3f2b81c0 1042", "locker redeliver 3f2b81c0 --all"),
)
@click.argument("subscription")
@click.argument("position", type=click.IntRange(1), required=False)
@click.option("--all", "everything", is_flag=True, help="All of them, up to 1,000 at once.")
@as_json
@place
def redeliver(subscription: str, position: int | None, everything: bool, json: bool, settings: Settings) -> None:
    """Send what was given up again: the record at a POSITION ('locker deliveries --dead' tells it), or --all."""
    if (position is None) != everything:
        raise Invalid("name the position of one dead letter, or say --all; 'locker deliveries --dead' lists them")
    with opened(settings) as locker:
        found = locker.watching.find(subscription, named_owner())
        dead = locker.deliveries.dead(found, limit=1000)
        if position is not None and not any(each["position"] == position for each in dead):
            raise Invalid(f"{found.id} has no dead letter at position {position}; 'locker deliveries {found.id[:SHORT]} --dead' lists them")
        request = locker.subscriptions.redeliver(found.id, position, by=BY)
    many = len(dead) if everything else 1
    if json:
        return dump({"subscription": found.id, "request": request, "letters": many})
    resting = "" if found.is_active else f"; it is {found.status}, so they wait until 'locker subscriptions --resume {found.id[:SHORT]}'"
    return line(f"{many} {'is' if many == 1 else 'are'} sent again as soon as a server runs{resting}")
