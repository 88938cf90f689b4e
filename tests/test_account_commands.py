"""The commands about accounts: what they print, what they refuse, and that a running locker hears of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from locker.__main__ import main
from locker.account import KINDS, Tokens, run
from locker.locker import Locker
from locker.token import KEY_FILE
from tests.accounts import PASSWORD
from tests.commands import json, locker, ok


def add(data: Path, email: str, *more: str, password: str = PASSWORD) -> str:
    """Make an account; its password comes on standard input."""
    arguments = ["account", "add", email, "--password-stdin", *more, "--data", str(data)]
    done = CliRunner().invoke(main, arguments, input=f"{password}\n", prog_name="locker")
    assert 0 == done.exit_code, done.output
    return done.stdout


def test_accounts_are_made_listed_and_changed(tmp_path: Path) -> None:
    """Each command says what it did; the list shows how everything stands."""
    assert "ada@example.com is account 1 with the role editor; its locker is u1\n" == add(tmp_path, "Ada@Example.com", "--role", "editor")
    assert "ada@example.com has the role admin now\n" == ok("account", "role", "u1", "admin", data=tmp_path)
    assert "ada@example.com is disabled now\n" == ok("account", "disable", "1", data=tmp_path)
    (found,) = json("account", "list", data=tmp_path)
    assert (1, "ada@example.com", "admin", "u1", True) == tuple(found[name] for name in ("id", "email", "role", "owner", "disabled"))
    assert "ada@example.com is enabled now\n" == ok("account", "disable", "ada@example.com", "--enable", data=tmp_path)
    assert re.search(r"1 +ada@example\.com +admin +u1 ", ok("account", "list", data=tmp_path))
    with Locker(tmp_path) as opened:
        assert "admin" == run(opened.accounts.log_in("ada@example.com", PASSWORD)).role
        assert [None, "me", "me", "me"] == [None if each.op == "add" else each.by for each in opened.logbook.records("system", "account")]


def test_the_password_is_asked_for_twice(tmp_path: Path) -> None:
    """It is never an argument, which a list of processes would show, and is not printed."""
    arguments = ["account", "add", "ada@example.com", "--data", str(tmp_path)]
    done = CliRunner().invoke(main, arguments, input=f"{PASSWORD}\nanother\n{PASSWORD}\n{PASSWORD}\n", prog_name="locker")
    assert 0 == done.exit_code
    assert PASSWORD not in done.output
    assert "do not match" in done.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("account", "role", "nobody", "admin"), 3, "there is no account 'nobody'"),
        (("account", "role", "1", "root"), 2, "'root' is not one of"),
        (("account", "disable", "me"), 2, "never disabled"),
        (("client", "add", "No Name"), 2, "is not a client's name"),
        (("client", "add", "acme"), 4, "there is a client called acme already"),
        (("grant", "nobody"), 3, "there is no account 'nobody'"),
        (("grant", "1", "--access", "own"), 2, "read, write or both"),
        (("grant", "1", "--revoke"), 3, "is not granted"),
        (("token", "--revoke", "nothing"), 3, "there is no token 'nothing'"),
        (("vault", "rotate", "--end-sessions"), 2, "goes with --tokens"),
    ],
)
def test_refusals(shared_data: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    """Each mistake has its exit code, and one line that says what to mend."""
    done = locker(*arguments, data=shared_data)
    assert code == done.exit_code
    assert message in done.stderr


@pytest.fixture(scope="module")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A locker with an account and a client."""
    data = tmp_path_factory.mktemp("commands")
    add(data, "ada@example.com")
    ok("client", "add", "acme", data=data)
    return data


@pytest.mark.parametrize(("password", "message"), [("short", "Password is too short"), ("", "Password can't be blank")])
def test_a_bad_password_is_told(tmp_path: Path, password: str, message: str) -> None:
    """The command refuses what signing up refuses."""
    arguments = ["account", "add", "ada@example.com", "--password-stdin", "--data", str(tmp_path)]
    done = CliRunner().invoke(main, arguments, input=f"{password}\n", prog_name="locker")
    assert 2 == done.exit_code
    assert message in done.stderr


def test_a_client_is_shown_its_secret_once(tmp_path: Path) -> None:
    """What is printed authenticates; no listing and no file has the secret."""
    made = json("client", "add", "acme", data=tmp_path)
    assert {"client_id", "client_secret"} == made.keys()
    with Locker(tmp_path) as opened:
        assert "acme~" == run(opened.accounts.authenticate(made["client_id"], made["client_secret"])).owner
    assert made["client_secret"] not in ok("client", "list", "--json", data=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and made["client_secret"].encode() in path.read_bytes()]
    assert re.fullmatch(r"client_id +other\nclient_secret +[0-9a-f]{64}\n", ok("client", "add", "other", data=tmp_path))
    assert ["acme", "other"] == [each["email"] for each in json("client", "list", data=tmp_path)]


def test_grants(tmp_path: Path) -> None:
    """Given for some types or all, listed, and taken back."""
    add(tmp_path, "ada@example.com")
    assert ["contact", "link"] == json("grant", "ada@example.com", "--type", "link", "--type", "contact", data=tmp_path)["types"]
    assert ["read", "write"] == json("grant", "u1", "--access", "read, write", "--owner", "work", data=tmp_path)["access"]
    assert [("me", "u1"), ("work", "u1")] == [(each["owner"], each["to"]) for each in json("grant", data=tmp_path)]
    assert "all" in ok("grant", data=tmp_path)
    assert "1 is out of the locker of me\n" == ok("grant", "1", "--revoke", data=tmp_path)
    assert ["work"] == [each["owner"] for each in json("grant", data=tmp_path)]


def test_tokens_are_listed_and_revoked(tmp_path: Path) -> None:
    """A token of the command line has a name, is in the list until it is revoked, and then opens nothing."""
    made = json("token", "--name", "my reader", "--scope", "read", "--days", "400", data=tmp_path)
    ok("token", data=tmp_path)
    assert ["my reader", "locker token"] == [each["name"] for each in json("token", "--list", data=tmp_path)]
    assert made["token"] not in ok("token", "--list", "--json", data=tmp_path)
    ok("token", "--revoke", made["id"], data=tmp_path)
    assert ["locker token"] == [each["name"] for each in json("token", "--list", data=tmp_path)]
    with Locker(tmp_path) as opened:
        assert opened.accounts.is_revoked(made["id"])


def test_an_invitation_lets_one_in(tmp_path: Path) -> None:
    """The code that is printed is good for one signup, with the role that it says."""
    code = ok("account", "invite", "--role", "editor", data=tmp_path).strip()
    with Locker(tmp_path) as opened:
        assert "editor" == run(opened.accounts.sign_up("ada@example.com", PASSWORD, code=code)).role


def test_keys_change(tmp_path: Path) -> None:
    """After a rotation everything still opens; with --end-sessions no token does."""
    add(tmp_path, "ada@example.com")
    token, key = ok("token", data=tmp_path).strip(), (tmp_path / KEY_FILE).read_bytes()
    assert "1 secrets are sealed with a new key\n" == ok("vault", "rotate", "--tokens", data=tmp_path)
    assert key != (tmp_path / KEY_FILE).read_bytes()
    assert "me" == Tokens(tmp_path).verify(token).owner
    with Locker(tmp_path) as opened:
        assert run(opened.accounts.log_in("ada@example.com", PASSWORD))
    ok("vault", "rotate", "--tokens", "--end-sessions", data=tmp_path)
    assert 1 == len(Tokens(tmp_path)._keys)
    assert Tokens(tmp_path).verify(Tokens(tmp_path).make("me", KINDS))


def test_the_secret_changes(tmp_path: Path) -> None:
    """LOCKER_SECRET moves to another value with LOCKER_OLD_SECRET, and nothing is lost; a wrong one opens nothing."""
    old, new = "an old secret of some length", "a new secret of some length"
    arguments = ["account", "add", "ada@example.com", "--password-stdin", "--data", str(tmp_path)]
    assert 0 == CliRunner().invoke(main, arguments, input=f"{PASSWORD}\n", env={"LOCKER_SECRET": old}).exit_code
    refused = locker("vault", "rotate", data=tmp_path, LOCKER_SECRET=new)
    assert 4 == refused.exit_code
    assert "LOCKER_OLD_SECRET" in refused.stderr
    assert old not in refused.stderr + refused.stdout
    ok("vault", "rotate", data=tmp_path, LOCKER_SECRET=new, LOCKER_OLD_SECRET=old)
    with Locker(tmp_path, secret=new) as opened:
        assert run(opened.accounts.log_in("ada@example.com", PASSWORD))
