"""Who else may enter: clients with users of their own, and grants to the lockers of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.account import KINDS, run
from locker.error import Conflict, Invalid, NotFound, Unauthorized
from locker.naming import owner_of
from locker.record import check_owner
from tests.accounts import Door, logged, opened, signed_up


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Accounts in an empty folder."""
    with opened(tmp_path) as made:
        yield made


# -- clients ------------------------------------------------------------------------------------------


def test_a_client_and_its_secret(door: Door) -> None:
    """A client has an owner of its own, and a secret that opens; a wrong one does not."""
    client, secret = run(door.accounts.add_client("acme", "me"))
    assert ("acme~", "acme", True) == (client.owner, client.name, client.is_client)
    assert client == run(door.accounts.authenticate("acme", secret))
    for id, wrong in [("acme", secret + "0"), ("acme~", secret), ("", secret), ("ACME", secret)]:
        with pytest.raises(Unauthorized, match="client_id or the client_secret is wrong"):
            run(door.accounts.authenticate(id, wrong))
    with pytest.raises(Conflict, match="a client called acme already"):
        run(door.accounts.add_client("acme"))
    with pytest.raises(Unauthorized):
        run(door.accounts.log_in("acme~", secret))


@pytest.mark.parametrize("name", ["", "Acme", "a~b", "me", "system", "commons", "a" * 21, "-a", "a@b", "ä"])
def test_bad_names_of_clients(door: Door, name: str) -> None:
    """A client's name begins the owners of its users, so it is short and plain."""
    with pytest.raises(Invalid, match="not a client's name"):
        run(door.accounts.add_client(name))


def test_two_clients_bobs_never_meet(door: Door) -> None:
    """Each client's bob is an owner of its own, which only that client reaches; its name is kept as it was."""
    acme, _ = run(door.accounts.add_client("acme"))
    other, _ = run(door.accounts.add_client("acme.b"))
    bobs = [door.accounts.owner_for(client, "bob") for client in (acme, other)]
    assert ["acme~bob", "acme.b~bob"] == bobs
    odd = door.accounts.owner_for(acme, "Bob O’Hara <bob@example.com>")
    assert "Bob O’Hara <bob@example.com>" == door.accounts.alias(odd)
    identity = door.accounts.identify(door.tokens.verify(door.tokens.make(acme.owner, ("read", "write"))))
    assert [True, False, True] == [identity.may("write", owner=owner) for owner in (bobs[0], bobs[1], odd)]
    count = len(logged(door))
    assert odd == door.accounts.owner_for(acme, "Bob O’Hara <bob@example.com>")
    assert count == len(logged(door))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
)
def test_no_two_texts_are_one_owner(one: str, other: str) -> None:
    """Any text is an owner's name that is allowed; two texts are two owners, whatever they look like."""
    owners = [check_owner(owner_of("acme~", text)) for text in (one, other)]
    assert (one == other) == (owners[0] == owners[1])
    assert all(owner.startswith("acme~") for owner in owners)


@given(st.text(alphabet="ab~-B .", min_size=1, max_size=8))
def test_no_text_takes_the_owner_of_another(text: str) -> None:
    """A text that looks like the owner of another text does not become it."""
    made = owner_of("acme~", text).removeprefix("acme~")
    if made != text:
        assert owner_of("acme~", made).removeprefix("acme~") != made


def test_a_clients_user_acts_as_the_client(door: Door) -> None:
    """A token for a client's user opens that user's locker only, and ends when the client is disabled."""
    acme, _ = run(door.accounts.add_client("acme"))
    token = door.tokens.verify(door.tokens.make(door.accounts.owner_for(acme, "bob")))
    identity = door.accounts.identify(token)
    assert ("acme~bob", "acme~") == (identity.owner, identity.by)
    assert not identity.may("read", owner="acme~eve")
    door.accounts.disable("acme")
    with pytest.raises(Unauthorized):
        door.accounts.identify(token)


# -- grants -------------------------------------------------------------------------------------------


def test_grants_open_and_close(door: Door) -> None:
    """A grant allows what it says, of the types it says, from the next request until it is taken back."""
    ada, bob = signed_up(door), signed_up(door, "bob@example.com")
    token = door.tokens.verify(door.tokens.make(bob.owner, KINDS))

    def may() -> list[bool]:
        identity = door.accounts.identify(token)
        return [
            identity.may(scope, type, ada.owner)
            for scope, type in [("read", "contact"), ("read", "message"), ("read", None), ("write", "contact")]
        ]

    assert [False] * 4 == may()
    door.accounts.grant(ada.owner, "bob@example.com", ["read"], ["contact"], ada.owner)
    assert [True, False, False, False] == may()
    door.accounts.grant(ada.owner, "u2", ["read", "write"], by=ada.owner)
    assert [True] * 4 == may()
    assert [("u1", "u2", "u1")] == [(each.owner, each.to, each.by) for each in door.accounts.grants(owner="u1")]
    door.accounts.ungrant(ada.owner, "2")
    assert [False] * 4 == may()
    with pytest.raises(NotFound, match="not granted"):
        door.accounts.ungrant(ada.owner, "2")


def test_a_grant_is_no_more_than_the_token(door: Door) -> None:
    """A read token writes nowhere, whatever was granted."""
    signed_up(door)
    bob = signed_up(door, "bob@example.com")
    door.accounts.grant("u1", "u2", ["read", "write"])
    identity = door.accounts.identify(door.tokens.verify(door.tokens.make(bob.owner, ["read:contact"])))
    assert [True, False, False] == [
        identity.may(scope, type, "u1") for scope, type in [("read", "contact"), ("read", "link"), ("write", "contact")]
    ]


@pytest.mark.parametrize(
    ("owner", "who", "access", "types"),
    [
        ("u1", "u1", ["read"], None),
        ("system", "u1", ["read"], None),
        ("commons", "u1", ["write"], None),
        ("me", "u1", [], None),
        ("me", "u1", ["admin"], None),
        ("me", "u1", ["read"], []),
        ("me", "u1", ["read"], ["con tact"]),
        ("Me", "u1", ["read"], None),
    ],
)
def test_grants_that_are_not(door: Door, owner: str, who: str, access: list[str], types: list[str] | None) -> None:
    """Nobody grants what is everybody's or the system's, nor nothing."""
    signed_up(door)
    with pytest.raises(Invalid):
        door.accounts.grant(owner, who, access, types)
    with pytest.raises(NotFound):
        door.accounts.grant("me", "nobody@example.com", ["read"])


def test_the_system_is_for_admins_to_read(door: Door) -> None:
    """What the system knows only admins read, and nobody writes by hand, not even through a grant that somebody smuggled in."""
    signed_up(door)
    signed_up(door, "admin@example.com", role="admin")
    found = [door.accounts.identify(door.tokens.verify(door.tokens.make(owner, KINDS))) for owner in ("u1", "u2", "me")]
    for owner in ("system", "commons"):
        assert [False, True, True] == [identity.may("read", None, owner) for identity in found]
        assert [False] * 3 == [identity.may("write", None, owner) for identity in found]
    assert [False] * 3 == [identity.may("read", None, "u9") for identity in found]


def test_nobody_has_these_owners(door: Door) -> None:
    """A token in the name of the system, of an account or a client that does not exist is good for nothing."""
    for owner in ("system", "commons", "u99", "ghost~", "ghost~bob"):
        with pytest.raises(Unauthorized):
            door.accounts.identify(door.tokens.verify(door.tokens.make(owner, KINDS)))
    assert "default" == door.accounts.identify(door.tokens.verify(door.tokens.make("work", KINDS))).role
