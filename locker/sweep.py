"""
A sweep is a walk that showed all there is: what it lacks has disappeared, and is deleted with the note ``{"inferred": true}``.

A list can change while it is read: what moves to a page that was read already, or slips over the edge between two pages, is missed by a walk though it is
there.  So only a list of one page is believed at once; of a longer one, what two sweeps in a row have missed is gone, and a sweep that misses anything is
walked again at once.  When suddenly most of a list is missing, the service is not believed before the next regular sweep, however often it is asked until
then: only what was not seen for so long is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .clock import stamp
from .draft import Sighting
from .scope import Scopes
from .standing import Standing

MANY = 20


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of a sweep: how many things were *deleted*, and whether to walk the list *again* to be sure of others."""

    deleted: int = 0
    again: bool = False


def sweep(scopes: Scopes, scope: int, standing: Standing, every: float) -> Swept:
    """Delete what is gone, once a walk has ended that showed everything.  Killed in the middle, it does the rest the next time.

    *every* is how many seconds lie between two regular sweeps.
    """
    assert standing.started is not None
    known, missing = scopes.standing(scope, standing.started)
    if not missing:
        scopes.complete(Sighting(scope, standing.started, standing.started))
        return Swept()
    is_doubtful = missing >= MANY and missing * 2 > known
    gone_since = standing.started if standing.pages <= 1 and not is_doubtful else standing.swept
    if is_doubtful and gone_since:
        gone_since = min(gone_since, stamp(datetime.fromisoformat(standing.started) - timedelta(seconds=every)))
    deleted = scopes.drop_missing(Sighting(scope, gone_since, standing.started)) if gone_since else 0
    return Swept(deleted, again=deleted < missing and not is_doubtful)
