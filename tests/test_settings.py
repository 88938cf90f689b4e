"""
Settings: where each value comes from, what a wrong one is told, and that secrets stay secret.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Invalid
from locker.settings import PREFIX, Settings, data_folder

ROOT = Path(__file__).resolve().parents[1]
WRONG = {
    "data": "~nobody-of-that-name/locker",
    "owner": "No Spaces",
    "host": "not a host",
    "port": "65536",
    "trust_loopback": "perhaps",
    "public_commons": "2",
    "allow_networks": "10.0.0.1/8",
    "rate_limit": "-1",
    "login_limit": "-1",
    "signup_limit": "many",
    "trusted_proxies": "10.0.0.1/8",
    "signup": "sometimes",
    "keys": "~nobody-of-that-name/keys",
    "max_body": "0",
    "public_url": "ftp://locker.example",
    "oauth_clients": "~nobody-of-that-name/clients.toml",
    "return_to": "app.example",
    "plugins": "please",
    "log_level": "loud",
}


def test_defaults() -> None:
    """Nothing given, the locker listens on loopback only and trusts nobody."""
    settings = Settings.read({})
    assert ("me", "127.0.0.1", 8042) == (settings.owner, settings.host, settings.port)
    assert (False, True, False, None) == (settings.trust_loopback, settings.public_commons, settings.plugins, settings.secret)
    assert (1000, 16 * 2**20, ()) == (settings.rate_limit, settings.max_body, settings.allow_networks)


def test_environment_then_override() -> None:
    """An option beats the environment, which beats the default; what is None or empty was not given."""
    environ = {"LOCKER_PORT": "0", "LOCKER_HOST": "", "LOCKER_OWNER": "u7"}
    settings = Settings.read(environ, owner="u8", port=None)
    assert (0, "127.0.0.1", "u8") == (settings.port, settings.host, settings.owner)
    assert 0 == Settings.read({"LOCKER_PORT": "99"}, port=0).port
    assert not Settings.read({"LOCKER_PLUGINS": "yes"}, plugins=False).plugins


def test_every_kind_is_read() -> None:
    """Folders, switches, numbers, networks and choices have one spelling on the command line and in the environment."""
    environ = {
        "LOCKER_DATA": "~/l",
        "LOCKER_TRUST_LOOPBACK": "Yes",
        "LOCKER_ALLOW_NETWORKS": "127.0.0.0/8, ::1/128",
        "LOCKER_LOG_LEVEL": "DEBUG",
    }
    settings = Settings.read(environ)
    assert Path.home() / "l" == settings.data
    assert settings.trust_loopback
    assert (ip_network("127.0.0.0/8"), ip_network("::1/128")) == settings.allow_networks
    assert "debug" == settings.log_level


@pytest.mark.parametrize(("name", "text"), WRONG.items())
def test_a_wrong_value_is_named(name: str, text: str) -> None:
    """Whoever mistypes a setting reads which variable it was, what it said and what it takes."""
    with pytest.raises(Invalid, match=f"^LOCKER_{name.upper()}: '{text}' does not do; it takes "):
        Settings.read({f"LOCKER_{name.upper()}": text})
    with pytest.raises(Invalid, match=f"^the setting {name}: "):
        Settings.read({}, **{name: text})


@given(st.text(st.characters(exclude_characters="\0")))
def test_any_text_is_a_value_or_invalid(text: str) -> None:
    """No text in the environment causes anything but a value or the one error."""
    for each in fields(Settings):
        try:
            Settings.read({PREFIX + each.name.upper(): text})
        except Invalid as error:
            assert each.name.upper() in str(error)  # noqa: PT017 - a value is as good as the error here


def test_unknown_override() -> None:
    """A setting that does not exist is refused, and the answer lists those that do."""
    with pytest.raises(Invalid, match=r"no setting called prot; there are .*port"):
        Settings.read({}, prot=1)


def test_secrets_are_never_shown() -> None:
    """The secret is usable, and appears in no repr and no table."""
    settings = Settings.read({"LOCKER_SECRET": "hush-hush"})
    assert "hush-hush" == settings.secret
    assert "hush-hush" not in repr(settings)
    assert not [row for row in settings.rows() if "hush-hush" in repr(row)]
    assert ["set"] == [row.value for row in settings.rows() if row.name == "secret"]


def test_the_table_is_complete() -> None:
    """Every setting is a row with its variable, its default and a help text; reading the shown values gives the same settings."""
    settings = Settings.read({}, port=9, allow_networks="10.0.0.0/8", trust_loopback=True)
    rows = list(settings.rows())
    assert [each.name for each in fields(Settings)] == [row.name for row in rows]
    assert all(row.help and row.variable == "LOCKER_" + row.name.upper() for row in rows)
    assert settings == Settings.read({row.variable: row.value for row in rows if "secret" not in row.name})


def test_settings_do_not_change() -> None:
    """What was read at the start stays."""
    with pytest.raises(FrozenInstanceError):
        Settings.read({}).port = 1  # type: ignore[misc]


def test_data_folder_in_a_checkout_and_elsewhere(tmp_path: Path) -> None:
    """In a checkout a locker lives in ./data; in any other folder, also one with a pyproject of its own, in the user's data folder."""
    assert ROOT / "data" == data_folder(ROOT)
    elsewhere = data_folder(tmp_path)
    assert "locker" == elsewhere.name
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert elsewhere == data_folder(tmp_path)
    (tmp_path / "pyproject.toml").write_text("not toml")
    assert elsewhere == data_folder(tmp_path)
