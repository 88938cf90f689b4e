"""Verdicts: what an answer means, when it is tried again, and when a subscription is switched off."""

from __future__ import annotations

import pytest

from locker.retry import DAY, DELAYS, Schedule
from locker.subscription import Policy
from locker.verdict import Answer, Verdict, address, judge

NOW = 1_800_000_000.0


def judged(answer: Answer, policy: Policy | None = None, attempts: int = 1, failing: float | None = None, *, once: bool = False) -> Verdict:
    """What it means, in the middle of the jitter."""
    return judge(policy or Policy(), answer, attempts, NOW, lambda: 0.5, failing, once=once)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200), "delivered"),
        (Answer(204), "delivered"),
        (Answer(299), "delivered"),
        (Answer(302), "failed"),
        (Answer(404), "failed"),
        (Answer(429), "failed"),
        (Answer(500), "failed"),
        (Answer(error="cut off"), "failed"),
        (Answer(200, error="cut off"), "failed"),
        (Answer(error="another path", is_final=True), "dead"),
    ],
)
def test_any_2xx_is_a_delivery_unless_somebody_says_otherwise(answer: Answer, kind: str) -> None:
    """A whole answer counts, half a one does not; what can never be sent is not tried again."""
    assert kind == judged(answer).kind


def test_success_and_discard_come_first() -> None:
    """Even before 410; what is in neither failed, also a 200."""
    policy = Policy((201,), (410, 500))
    kinds = [judged(Answer(status), policy).kind for status in (201, 410, 500, 200)]
    assert ["delivered", "discarded", "discarded", "failed"] == kinds
    assert not judged(Answer(410), policy).disable


def test_the_schedule_runs_out() -> None:
    """Eight attempts; then it is a dead letter."""
    dues = [judged(Answer(500), attempts=attempts).due for attempts in range(1, 9)]
    assert [*(NOW + delay for delay in DELAYS), None] == dues
    assert "dead" == judged(Answer(500), attempts=8).kind
    assert "dead" == judged(Answer(500), once=True).kind


def test_gone_and_five_days_of_failure_disable() -> None:
    """The letter itself waits, to be tried when somebody switches the subscription on again."""
    for verdict in (judged(Answer(410)), judged(Answer(500), failing=NOW - 5 * DAY), judged(Answer(410), attempts=8)):
        assert verdict.disable
        assert verdict.due is not None
        assert not verdict.is_settled
    assert not judged(Answer(500), failing=NOW - 5 * DAY + 1).disable


def test_a_wish_for_peace_is_obeyed() -> None:
    """Retry-After makes a pause longer."""
    assert NOW + 77 == judged(Answer(503, asked=77.0), Policy(retry=Schedule((1.0,)))).due


def test_an_address_ends_before_its_query() -> None:
    """A query may hold a token."""
    assert "https://a.example:8443/x/y" == address("https://a.example:8443/x/y?token=1#z")
