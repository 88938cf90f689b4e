"""
What becomes of a stream when somebody posts, edits, pins or archives it: decisions that are made inside the write lock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from locker.account import ME, Identity
from locker.error import BrokenSchema, Forbidden, NotFound
from locker.locker import Sight, Write
from locker.record import Body

from ._stream_continuation import Recent, shown
from ._stream_rules import checked, platform_of

MISSING = "Record not found"
NOT_YOURS = "You are not allowed to change this: it belongs to somebody else, and your role is {role}"
NO_ACCOUNT = "the locker of {owner} has no account, so nothing here could be its own; sign up, or use the token of an account"

Decision = Callable[[Sight], Write]


def posting(recent: Recent, said: Body, who: Identity) -> Decision:
    """Continue a stream that was checked a moment ago, or add one.  Raises BrokenSchema at once for what is wrong with it."""
    given = checked(said, is_new=True)
    posted = {"platform": platform_of(given["link"]), **given}
    return partial(_post, recent, given, posted, who)


def _post(recent: Recent, given: Body, posted: Body, who: Identity, sight: Sight) -> Write:
    now = shown(sight.now)
    found = recent.find(sight, posted, None if who.is_at_least("editor") else who.account.number)
    if found is not None:
        return Write(changes(sight.body(found), {"status": "live", **given}, now), found)
    made: Body = {"status": "unknown", "kind": "stream", "posted_by": who.account.name, **posted, "is_pinned": False, "is_archived": False}
    made |= {"user_id": who.account.number, "last_checked_at": now, "created_at": now, "updated_at": now}
    return Write(made | ({"last_live_at": now} if made["status"] == "live" else {}))


def editing(n: int, said: Body, who: Identity) -> Decision:
    """Change what a request says of a stream.  Raises BrokenSchema at once for what is wrong with it."""
    given = checked(said, is_new=False)

    def edit(sight: Sight) -> Write:
        return Write(changes(standing(sight, n, who), given, shown(sight.now)), n)

    return edit


def pinning(n: int, pinned: bool, who: Identity) -> Decision:
    """List a stream first, or not any more; what is so already stays as it is."""

    def pin(sight: Sight) -> Write:
        return Write(changes(standing(sight, n, who), {"is_pinned": pinned}, shown(sight.now)), n)

    return pin


def archiving(n: int, who: Identity) -> Decision:
    """Take something out of the lists; its log keeps it.  Works for streamers and timestamps too."""

    def archive(sight: Sight) -> Write:
        return Write(changes(standing(sight, n, who), {"is_archived": True}, shown(sight.now)), n)

    return archive


def changes(old: Body, given: Body, now: str) -> Body:
    """The patch that makes of what stands what was given; empty if nothing would change."""
    given = dict(given)
    if given.get("platform", "") is None or ("link" in given and "platform" not in given and _is_detected(old)):
        given["platform"] = platform_of(given.get("link") or old.get("link", ""))
    if given.get("status"):
        given["last_checked_at"] = now
        if given["status"] == "live" != old.get("status"):
            given["last_live_at"] = now
    patch = {field: value for field, value in given.items() if old.get(field) != value}
    return patch | {"updated_at": now} if patch else {}


def _is_detected(old: Body) -> bool:
    return bool(old.get("platform") == platform_of(str(old.get("link", ""))))


def standing(sight: Sight, n: int, who: Identity) -> Body:
    """What stands, if the caller may change it.  Raises NotFound or Forbidden."""
    try:
        old = sight.body(n)
    except NotFound:
        raise NotFound(MISSING) from None
    check_visible(old, who)
    check_mine(old, who)
    return old


def check_visible(body: Body, who: Identity) -> None:
    """Raise NotFound for what is archived, but for admins."""
    if body.get("is_archived") and not who.is_at_least("admin"):
        raise NotFound(MISSING)


def check_account(who: Identity) -> None:
    """Raise Forbidden for a locker that the operator only named: it would pass for number 0, which is the operator's own."""
    if not who.account.number and who.account.owner != ME.owner:
        raise Forbidden(NO_ACCOUNT.format(owner=who.owner))


def check_mine(body: Body, who: Identity) -> None:
    """Raise Forbidden for what the caller may not change: everybody their own, editors anyone's."""
    if body.get("user_id") != who.account.number and not who.is_at_least("editor"):
        raise Forbidden(NOT_YOURS.format(role=who.role))


def unwrapped(said: Any, name: str) -> Body:
    """The object of a request, bare or wrapped as ``{"stream": {…}}``.  Raises BrokenSchema for anything else."""
    inner = said.get(name, said) if isinstance(said, dict) else said
    if not isinstance(inner, dict):
        raise BrokenSchema(f"the body must be a JSON object, a {name}")
    return inner
