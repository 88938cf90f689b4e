"""
Flags, maintenance and health: what is off is refused with a clear text, for whom it is off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from locker.__main__ import main
from locker.account import Account
from locker.error import BrokenSchema, NotFound
from locker.flag import DEFAULTS, FRESH_SECONDS, Flag, Flags
from locker.log import Logbook
from tests.streamsource import Server, serving

STREAMS, FLAGS = "/api/v1/streams", "/api/v1/admin/features"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


async def test_what_is_on_at_first(server: Server) -> None:
    """Figures and exports for everybody, imports for editors and admins, no maintenance."""
    told = [(await person.ask("GET", "/api/v1/features")).json["features"] for person in (server.ann, server.editor, server.admin)]

    default = {"stream_analytics": True, "stream_bulk_import": False, "stream_export": True, "maintenance_mode": False}
    assert [default, {**default, "stream_bulk_import": True}, {**default, "stream_bulk_import": True}] == told


@pytest.mark.parametrize(
    ("flag", "method", "path", "message"),
    [
        ("stream_analytics", "GET", "/1/analytics", "This feature is not currently available"),
        ("stream_export", "GET", "/export", "Export feature is not currently available"),
        ("stream_bulk_import", "POST", "/bulk_import", "Bulk import is not currently available"),
    ],
)
async def test_a_flag_that_is_off_is_403(server: Server, flag: str, method: str, path: str, message: str) -> None:
    """Off for everybody, then on for one account: that one may, another may not."""
    await server.ann.stream()
    body: Any = [] if method == "POST" else None
    await server.admin.ask("PUT", f"{FLAGS}/{flag}", {"enabled": False})
    for person in (server.ann, server.admin):
        told = await person.ask(method, f"{STREAMS}{path}", body)
        assert (403, {"error": message}) == (told.status, told.json)

    await server.admin.ask("PUT", f"{FLAGS}/{flag}", {"accounts": [server.ann.number]})

    assert 200 == (await server.ann.ask(method, f"{STREAMS}{path}", body)).status
    assert 403 == (await server.bob.ask(method, f"{STREAMS}{path}", body)).status


async def test_only_admins_see_and_switch_flags(server: Server) -> None:
    """Others get 403, whoever has no token 401; what makes no sense is 422, an unknown flag 404; each switch is in the log."""
    for person, status in ((server.nobody, 401), (server.ann, 403), (server.editor, 403), (server.admin, 200)):
        assert status == (await person.ask("GET", FLAGS)).status
        assert status == (await person.ask("PUT", f"{FLAGS}/stream_export", {"percent": 50})).status
    assert 422 == (await server.admin.ask("PUT", f"{FLAGS}/stream_export", {"percent": 101})).status
    assert 422 == (await server.admin.ask("PUT", f"{FLAGS}/stream_export", {"color": 1})).status
    assert 404 == (await server.admin.ask("GET", f"{FLAGS}/stream_magic")).status

    (record,) = server.locker.logbook.records("system", "flag")
    assert ("stream_export", f"u{server.admin.number}", 50) == (record.key, record.by, record.body["percent"])


async def test_maintenance_is_503_but_for_health(server: Server) -> None:
    """Everything says when it is over; whether the server lives can still be asked."""
    await server.admin.ask("PUT", f"{FLAGS}/maintenance_mode", {"enabled": True})

    message = "The API is currently under maintenance. Please try again later."
    for person in (server.nobody, server.ann, server.admin):
        for path in (STREAMS, f"{STREAMS}/1", "/api/v1/features", "/api/v1/streamers"):
            told = await person.ask("GET", path)
            assert (503, {"error": message, "maintenance": True}) == (told.status, told.json)
            assert "Retry-After" in told.headers
    assert 503 == (await server.nobody.ask("POST", "/api/v1/users/login", {"email": "x", "password": "y"})).status
    assert "maintenance" in (await server.ann.ask("GET", "/list")).json["detail"]
    for path, status in (("/health", "ok"), ("/health/live", "ok"), ("/health/ready", "ready")):
        told = await server.nobody.ask("GET", path)
        assert (200, status) == (told.status, told.json["status"])


async def test_maintenance_for_some(server: Server) -> None:
    """For one role only: admins work on."""
    await server.admin.ask("PUT", f"{FLAGS}/maintenance_mode", {"roles": ["default"]})

    assert [503, 200, 200] == [(await person.ask("GET", STREAMS)).status for person in (server.ann, server.editor, server.admin)]


def test_the_command_line_switches_flags(tmp_path: Path) -> None:
    """What it says is what stands; a mistake is told, with what there is."""

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, [*words, "--data", str(tmp_path)])
        return done.exit_code, done.output

    assert (0, "stream_export is off\n") == run("flag", "set", "stream_export", "off")
    assert (0, "stream_export is on for editor, account 7, 10 %\n") == run(
        "flag", "set", "stream_export", "--role", "editor", "--account", "7", "--percent", "10"
    )
    assert (0, "maintenance is on\n") == run("maintenance", "on")
    assert "editor, account 7, 10 %" in run("flag", "list")[1]
    assert 2 == run("flag", "set", "stream_export")[0]
    assert 3 == run("flag", "set", "nonsense", "on")[0]
    with Logbook(tmp_path / "log.sqlite") as logbook:
        assert Flags(logbook).is_on("maintenance_mode")


def test_another_process_is_heard(tmp_path: Path) -> None:
    """What somebody else switched is seen when the quarter of a second is over, not before."""
    now = [0.0]
    with Logbook(tmp_path / "log") as one, Logbook(tmp_path / "log") as two:
        flags = Flags(one, monotonic=lambda: now[0])
        assert flags.is_on("stream_export")
        Flags(two).set("stream_export", {"enabled": False}, "me")
        assert flags.is_on("stream_export")

        now[0] += FRESH_SECONDS
        assert not flags.is_on("stream_export")


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 10**6))
def test_a_higher_percentage_has_all_of_a_lower_one(one: int, other: int, number: int) -> None:
    """Nobody loses a feature because more get it; none have it at 0, all at 100."""
    account = Account(number, "a@example.org", f"u{number}")
    on = [Flag("x", "", percent=percent).is_on_for(account) for percent in sorted((one, other))]

    assert on == sorted(on)
    assert not Flag("x", "").is_on_for(account)
    assert Flag("x", "", percent=100).is_on_for(account)


def test_a_percentage_is_about_so_many() -> None:
    """Of ten thousand accounts, about a third."""
    flag = Flag("x", "", percent=33)
    on = sum(flag.is_on_for(Account(number, "", f"u{number}")) for number in range(10_000))

    assert 3000 < on < 3600


@pytest.mark.parametrize(
    "said", [{"enabled": 1}, {"roles": ["king"]}, {"roles": "admin"}, {"accounts": [-1]}, {"accounts": [True]}, {"percent": 1.5}]
)
def test_a_switch_that_makes_no_sense_is_refused(said: dict[str, Any], tmp_path: Path) -> None:
    """Nothing of it is written."""
    with Logbook(tmp_path / "log") as logbook:
        flags = Flags(logbook)
        with pytest.raises(BrokenSchema):
            flags.set("stream_export", said, "me")
        with pytest.raises(NotFound, match="there are stream_analytics"):
            flags.flag("nonsense")

        assert DEFAULTS == flags.all()
        assert 0 == logbook.position
