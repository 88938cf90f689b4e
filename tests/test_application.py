"""The file of clients: who a service knows us as, at its own host only; and what is wrong with a file, without its secrets."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from locker.application import Applications, host_of
from locker.error import Invalid

OWN = "https://api.fake.example"
FILE = """
[fake]
client_id = "own"
client_secret = "planted"

[fake."Social.example:8443"]
client_id = "instance"
authorize = "https://social.example:8443/go"

[many."social.example"]
client_id = "many"
"""


def written(folder: Path, text: str) -> Path:
    """A file that only its user can read."""
    path = folder / "clients.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("network", "base_url", "client_id"),
    [
        ("fake", OWN, "own"),
        ("fake", "https://social.example:8443/api", "instance"),
        ("fake", "https://SOCIAL.example:8443", "instance"),
        ("fake", "https://social.example", None),
        ("fake", "https://evil.example", None),
        ("fake", f"{OWN}.evil.example", None),
        ("many", "https://social.example", "many"),
        ("many", "https://other.example", None),
        ("nothing", OWN, None),
    ],
)
def test_a_client_is_used_where_it_was_made(tmp_path: Path, network: str, base_url: str, client_id: str | None) -> None:
    """The service's own host or the named instance; a base URL that somebody names never gets another's secret."""
    found = Applications(written(tmp_path, FILE)).find(network, base_url, OWN)
    assert client_id == (found.client_id if found else None)


def test_endpoints_are_the_operators_word() -> None:
    """Only what the table says; and no file is no client."""
    assert Applications().find("fake", OWN, OWN) is None
    assert "[fake]" in Applications().missing("fake", OWN, OWN)
    assert '[fake."social.example"]' in Applications().missing("fake", "https://social.example", OWN)
    assert "social.example:1" == host_of("https://SOCIAL.example:1/x?y")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fake = 'planted'", "is to be a table"),
        ("[fake]\nclient_secret = 'planted'", "client_id is missing"),
        ("[fake]\nclient_id = 7", "client_id is to be a text"),
        ("[fake]\nclient_id = ''", "client_id is to be a text"),
        ("[fake]\nclient_id = 'x'\nsecret = 'planted'", "there is no 'secret'"),
        ('[fake]\n[fake."x.example"]\nclient_secret = "planted"', "client_id is missing"),
        ("[fake]\nclient_id = 'planted\n", "end of document"),
        ("\N{REPLACEMENT CHARACTER}", "TOML"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    """By file and place, without any value."""
    with pytest.raises(Invalid) as caught:
        Applications(written(tmp_path, text))
    assert told in str(caught.value)
    assert "clients.toml" in str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The setting is named."""
    with pytest.raises(Invalid, match="oauth_clients"):
        Applications(tmp_path / "nothing.toml")


def test_a_file_that_others_can_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It works, and somebody hears of it."""
    path = written(tmp_path, FILE)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        Applications(path)
    assert "chmod 600" in caplog.text
    assert "planted" not in caplog.text
