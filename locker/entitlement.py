"""
Whoever follows a locker must be allowed to read it: when they begin, and for as long as they go on.
"""

from __future__ import annotations

from collections.abc import Iterable

from .account import KINDS, Accounts, Identity, Token
from .error import Forbidden, Unauthorized
from .filter import Filter
from .subscription import Subscription

FOREVER = 2**62
KEPT = 10_000


def check_reads(caller: Identity, filter: Filter) -> None:
    """Raise Forbidden if the caller may not read all that a filter can find."""
    for owner in filter.owners:
        for type in _kinds(filter):
            caller.check("read", type, owner)


def _kinds(filter: Filter) -> Iterable[str | None]:
    """The primary types that a filter is about; None if it is about any."""
    return dict.fromkeys(each.partition("/")[0] for each in filter.types) or (None,)


class Entitlements:
    """Whether those who made subscriptions may still read what these hear of; asked before each attempt, so it costs next to nothing."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: dict[tuple[str, int], tuple[int, str]] = {}

    def refusal(self, subscription: Subscription) -> str:
        """Why nothing may be sent, empty if it may be.  Both its owner and who made it must be let in; what the operator made by hand always is."""
        if subscription.by is None:
            return ""
        self._accounts.picture  # noqa: B018 - it looks whether anything has changed
        key, changes = (subscription.id, subscription.version), self._accounts.changes
        known = self._known.get(key)
        if known is not None and known[0] == changes:
            return known[1]
        if len(self._known) >= KEPT:
            self._known.clear()
        found = self._refusal(subscription)
        self._known[key] = changes, found
        return found

    def _refusal(self, subscription: Subscription) -> str:
        for who in dict.fromkeys((subscription.owner, subscription.by)):
            if who is None:
                continue
            try:
                check_reads(self._accounts.identify(Token(f"standing:{who}", who, frozenset(KINDS), FOREVER)), subscription.filter)
            except Unauthorized:
                return f"the account of {who} is disabled or gone"
            except Forbidden:
                owners = ", ".join(subscription.filter.owners)
                return f"{who} may not read all of that any more: the locker of {owners} is not theirs, or the grant was taken back"
        return ""
