"""Running commands in tests: in this process, or as a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from locker.__main__ import main
from locker.record import loads

COMMANDS = sorted(main.commands)
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data/sample"


def locker(*arguments: object, data: Path | None = None, stdin: str | None = None, **environ: str) -> Result:
    """Run a command in this process; *stdin* is its input, *environ* is added to the environment.  The answer has ``exit_code``, ``stdout`` and ``stderr``."""
    given = [str(each) for each in arguments]
    if data is not None:
        given += ["--data", str(data)]
    return CliRunner().invoke(main, given, input=stdin, env=environ, prog_name="locker")


def ok(*arguments: object, data: Path | None = None, stdin: str | None = None, **environ: str) -> str:
    """The output of a command that must succeed; on a slow machine it may tell of its progress meanwhile, on standard error."""
    done = locker(*arguments, data=data, stdin=stdin, **environ)
    assert 0 == done.exit_code, done.output
    assert "locker: " not in done.stderr
    return done.stdout


def json(*arguments: object, data: Path) -> Any:
    """What a command prints with ``--json``."""
    return loads(ok(*arguments, "--json", data=data))


def filled(folder: Path) -> Path:
    """A locker with cards, mails and bookmarks of the samples."""
    ok("import", SAMPLE / "contacts.vcf", SAMPLE / "mail.mbox", data=folder)
    ok("import", "bookmarks", SAMPLE / "bookmarks.html", data=folder)
    return folder


def process(
    *arguments: object, data: Path, python: tuple[str, ...] = ("-m", "locker"), stderr: int = subprocess.PIPE, **environ: str
) -> subprocess.Popen[str]:
    """A command as a process of its own; *environ* is added to the environment."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), "LOCKER_DATA": str(data), "COLUMNS": "120", **environ}
    command = [sys.executable, *python, *map(str, arguments)]
    return subprocess.Popen(command, env=given, text=True, stdout=subprocess.PIPE, stderr=stderr, cwd=data.parent)
