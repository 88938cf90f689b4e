"""Subscriptions: made, changed and removed in the log, by whichever process; their secrets only in the vault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from locker.error import Invalid, NotFound
from locker.filter import Filter
from locker.log import Logbook
from locker.receiver import MASK, Receiver
from locker.retry import Schedule
from locker.signature import key_of
from locker.subscribing import Subscriptions
from locker.subscription import BEGINNING, NOW, Content, Policy, Start
from locker.vault import Vault

TO = Receiver.of({"url": "http://site.example/{id}", "headers": {"Authorization": "Bearer very-secret", "Accept": "x/y"}})
ME = Filter(("me",))


@pytest.fixture
def logbook(tmp_path: Path) -> Iterator[Logbook]:
    """An empty store."""
    with Logbook(tmp_path / "log.sqlite") as made:
        yield made


@pytest.fixture
def subscriptions(tmp_path: Path, logbook: Logbook) -> Subscriptions:
    """No subscriptions yet."""
    return Subscriptions(logbook, Vault(tmp_path, tmp_path / "keys"), collections={"contact"})


def another(subscriptions: Subscriptions) -> Subscriptions:
    """The same store, as another process sees it."""
    return Subscriptions(subscriptions._logbook, subscriptions._vault)


def test_a_subscription_is_a_record_and_reads_back(subscriptions: Subscriptions, logbook: Logbook) -> None:
    """Another process sees what was asked for; ids tell nothing."""
    policy = Policy((200,), (500,), Schedule((1.0,)), "last", 3, 0.5)
    made, _ = subscriptions.add("me", ME, TO, delivery=policy, content=Content("record", {"a": 1}), start=BEGINNING, by="u7")
    found = another(subscriptions).get(made.id)
    assert made == found
    assert (policy, BEGINNING, "u7", "active") == (found.delivery, found.start, found.by, found.status)
    assert ["system/subscription"] == [f"{each.owner}/{each.source}" for each in logbook.since()]


def test_secrets_are_in_the_vault_alone(subscriptions: Subscriptions, tmp_path: Path) -> None:
    """Neither the log, nor what is listed, nor a repr has the signing secret or a header's value."""
    made, secret = subscriptions.add("me", ME, TO)
    assert MASK == made.as_dict()["receiver"]["headers"]["Authorization"][0]
    call, headers = subscriptions.secrets(made).call(made, "create")
    assert ("POST", {"Authorization": "Bearer very-secret", "Accept": "x/y"}) == (call.method, dict(headers))
    shown = f"{made!r}{subscriptions.secrets(made)!r}{made.as_dict()}".encode()
    for file in [*tmp_path.glob("*.sqlite*"), None]:
        content = shown if file is None else file.read_bytes()
        assert not [each for each in (b"very-secret", secret.encode(), key_of(secret)) if each in content], file


def test_pausing_resuming_and_removing(subscriptions: Subscriptions) -> None:
    """Each is a record; one that is removed is gone for everybody, and its secrets are forgotten."""
    made, _ = subscriptions.add("me", ME, TO)
    assert "holiday" == subscriptions.pause(made.id, reason="holiday").reason
    assert "paused" == another(subscriptions).get(made.id).status
    assert ("active", "") == (subscriptions.resume(made.id).status, subscriptions.get(made.id).reason)
    subscriptions.remove(made.id, "me")
    for each in (subscriptions, another(subscriptions)):
        with pytest.raises(NotFound):
            each.get(made.id)
    assert [] == subscriptions._vault.names()
    assert ["add", "edit", "edit", "delete"] == [record.op for record in subscriptions._logbook.since()]


def test_others_do_not_see_mine(subscriptions: Subscriptions) -> None:
    """A subscription of another owner is not there."""
    made, _ = subscriptions.add("me", ME, TO)
    assert ([made], []) == (subscriptions.list("me"), subscriptions.list("u7"))
    for ask in (subscriptions.get, subscriptions.remove, subscriptions.pause, subscriptions.rotate, subscriptions.test):
        with pytest.raises(NotFound):
            ask(made.id, "u7")


def test_rotation_keeps_the_old_secret_for_a_day(subscriptions: Subscriptions) -> None:
    """Both sign for a while, the newest first; the log says that it was rotated."""
    made, old = subscriptions.add("me", ME, TO)
    new = subscriptions.rotate(made.id)
    assert (key_of(new), key_of(old)) == subscriptions.secrets(made).keys
    assert "rotate" == subscriptions._logbook.since()[-1].body["ask"]


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("now", NOW),
        (None, NOW),
        ("beginning", BEGINNING),
        ({"position": 17}, Start(position=17)),
        ({"time": "2026-11-22"}, Start(time="2026-11-22T00:00:00.000000Z")),
        ({"time": "2026-11-22T08:00:00+01:00"}, Start(time="2026-11-22T07:00:00.000000Z")),
    ],
)
def test_where_to_begin(said: Any, start: Start) -> None:
    """In words, at a position, or at a time; and it reads back."""
    assert start == Start.of(said) == Start.of(start.said())


@pytest.mark.parametrize(
    "said", ["later", {"position": -1}, {"position": True}, {"time": "noon"}, {}, {"position": 1, "time": "2026-11-22"}, 5]
)
def test_no_place_to_begin(said: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(Invalid):
        Start.of(said)


@pytest.mark.parametrize(
    "said",
    [
        {"success": [99]}, {"success": "200"}, {"discard": [True]}, {"state": "first"}, {"concurrency": 0}, {"concurrency": 1000}, {"rate": -1},
        {"rate": "fast"}, {"timeout": 5}, None,
    ],
)  # fmt: skip
def test_what_is_no_policy_is_refused(said: Any) -> None:
    """Unknown names too: a mistyped one would be left out silently."""
    with pytest.raises(Invalid):
        Policy.of(said)


def test_unknown_dialects_and_secrets_are_refused_before_anything_is_kept(subscriptions: Subscriptions) -> None:
    """Nothing is appended, nothing is put into the vault."""
    with pytest.raises(Invalid, match="record"):
        subscriptions.add("me", ME, TO, content=Content("telegram"))
    with pytest.raises(Invalid, match="secret"):
        subscriptions.add("me", ME, TO, secret="hunter2")
    assert ([], []) == (subscriptions._vault.names(), subscriptions._logbook.since())
