"""What all commands have in common: help with examples, options, exit codes, and errors that are one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from locker.__main__ import main
from locker.command import frame
from locker.error import Conflict, Corrupt, Fatal, Forbidden, Invalid, NotFound, QueryError, StorageError, TooLarge
from locker.locker import Locker
from tests.commands import COMMANDS, ROOT, filled, locker, ok, process


def test_the_commands_are_these() -> None:
    """Every command that the documentation promises is there."""
    wanted = "account check client collections connect connections connector connectors deliveries disconnect fields flag get grant import list log maintenance rebuild recompose redeliver serve settings show singer subscriptions sync tag token vault via"
    assert wanted.split() == COMMANDS
    said = locker("--help").stdout
    assert all(re.search(rf"^  {name}  ", said, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """Its help says what it does, ends with examples of itself, and every command takes --data and --owner."""
    said = locker(name, "--help").stdout
    examples = said.partition("Example")[2]
    assert re.search(rf"locker {name}\b", examples)
    assert "--data" in said
    assert "--owner" in said
    assert said == locker(name, "-h").stdout


@pytest.mark.parametrize(
    "name", sorted({"get", "list", "fields", "via", "log", "show", "import", "check", "connectors", "collections", "settings"})
)
def test_listing_commands_have_json(name: str) -> None:
    """Whatever lists can also print JSON."""
    assert "--json" in locker(name, "--help").stdout


def test_exit_codes_are_in_the_help() -> None:
    """The help of the program lists every exit code that there is."""
    said = locker("--help").stdout
    codes = [frame.OK, frame.REPORT, frame.USAGE, frame.MISSING, frame.FAILED, frame.BUG, frame.INTERRUPTED]
    assert codes == [int(code) for code in re.findall(r"^  (\d+)  ", said.partition("Exit codes:")[2], re.MULTILINE)]


def test_the_version() -> None:
    """--version names the program and its version."""
    assert re.fullmatch(r"locker, version \d+\.\d+\.\d+\n", locker("--version").stdout)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Invalid("so"), 2),
        (QueryError("so"), 2),
        (TooLarge("so"), 2),
        (NotFound("so"), 3),
        (Conflict("so"), 4),
        (StorageError("so"), 4),
        (Corrupt("so"), 4),
        (Forbidden("so"), 4),
        (Fatal("so"), 4),
        (OSError(28, "so"), 4),
        (ZeroDivisionError("so"), 5),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    """Whatever is raised ends as one line that says it, without a traceback, and with the code of its kind."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Locker, "__init__", fail)
    done = locker("import", __file__, "--data", tmp_path)
    assert code == done.exit_code
    assert 1 == done.stderr.count("\n")
    assert done.stderr.startswith("locker: ")
    assert ("so" if code != 130 else "interrupted") in done.stderr


def test_an_error_shows_where_to_whoever_debugs(tmp_path: Path) -> None:
    """With LOCKER_LOG_LEVEL=debug the traceback comes before the line; otherwise it never does."""
    data = tmp_path / "locker"
    with Locker(data):
        pass
    for level, shown in (("debug", True), ("info", False)):
        running = process("get", "unicorn", data=data, LOCKER_LOG_LEVEL=level)
        _, errors = running.communicate(timeout=20)
        assert 3 == running.returncode
        assert shown == ("Traceback" in errors)
        assert errors.splitlines()[-1].startswith("locker: there is no type 'unicorn'")


def test_errors_are_red_on_a_terminal_only() -> None:
    """The line is red where there are colours, and plain where there are none."""
    said = {color: main_with(color) for color in (True, False)}
    assert said[True].startswith("\x1b[31mlocker: there is no")
    assert said[False].startswith("locker: there is no")


def main_with(color: bool) -> str:
    """What an error looks like."""
    from click.testing import CliRunner

    return CliRunner().invoke(main, ["list", "--data", "/nowhere"], color=color).stderr


def test_no_locker_yet(tmp_path: Path) -> None:
    """Asking where there is no locker says how to make one, and makes none."""
    for call in (["get", "contact"], ["list"], ["log"], ["show", "a:1"], ["check"], ["rebuild"]):
        done = locker(*call, data=tmp_path / "none")
        assert (3, True) == (done.exit_code, "'locker import' makes one" in done.stderr)
    assert [] == list(tmp_path.iterdir())


def test_a_wrong_setting_is_told(tmp_path: Path) -> None:
    """A wrong variable ends every command with a line that names it and what it takes."""
    done = locker("connectors", data=tmp_path, LOCKER_PORT="many")
    assert (2, True) == (done.exit_code, "LOCKER_PORT: 'many' does not do" in done.stderr)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file where the folder should be is told in one line."""
    (tmp_path / "file").write_text("")
    done = locker("import", __file__, data=tmp_path / "file")
    assert 4 == done.exit_code, done.output
    assert 1 == done.stderr.count("\n")


def test_a_reader_that_had_enough(tmp_path: Path) -> None:
    """A closed pipe (… | head) ends a command quietly, with exit code 0."""
    data = tmp_path / "locker"
    with Locker(data) as opened:
        opened.push(
            "me", "mine", [{"type": "link", "key": str(n), "body": {"url": f"https://x.org/{n}", "title": "x" * 200}} for n in range(3000)]
        )
    running = process("log", "--json", data=data)
    assert running.stdout
    assert "mine:1" in running.stdout.readline()
    running.stdout.close()
    assert running.stderr
    assert ("", 0) == (running.stderr.read(), running.wait(timeout=20))


def test_data_and_owner_come_from_the_environment(tmp_path: Path) -> None:
    """LOCKER_DATA and LOCKER_OWNER stand for the options; an option wins."""
    data = filled(tmp_path / "locker")
    assert "contact" in ok("list", LOCKER_DATA=str(data))
    assert "contact" not in ok("list", LOCKER_DATA=str(data), LOCKER_OWNER="you")
    assert "contact" in ok("list", "--owner", "me", data=data, LOCKER_DATA="/nowhere", LOCKER_OWNER="you")


def test_ctrl_c_while_following_is_quiet(tmp_path: Path) -> None:
    """Whoever ends a command by hand reads one line and no traceback; the exit code is 130."""
    data = filled(tmp_path / "locker")
    running = process("log", "--follow", "--since", "bookmarks:14", data=data)
    assert running.stdout
    assert "bookmarks:15" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert (130, 1) == (running.returncode, errors.count("\n"))


def test_output_that_cannot_be_encoded(tmp_path: Path) -> None:
    """Where the terminal knows ASCII only, other characters are written as escapes, and nothing fails."""
    data = tmp_path / "locker"
    with Locker(data) as opened:
        opened.push("me", "mine", [{"type": "contact", "key": "1", "body": {"name": "Zoë Ångström"}}])
    running = process("get", "contact", data=data, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    said, errors = running.communicate(timeout=20)
    assert (0, "") == (running.returncode, errors)
    assert r"Zo\xeb" in said


def test_it_runs_as_a_module() -> None:
    """python -m locker is the same program."""
    done = subprocess.run(
        [sys.executable, "-m", "locker", "--version"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("locker, version ")
