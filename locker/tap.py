"""
Taps are programs of others that fetch from a service (singer.io's specification); each is installed into an environment of its own in the data folder.

A tap runs with the operator's rights, so none is ever installed or run unless the setting ``singer`` is on, and nothing of it can be done over HTTP.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .error import Fatal, Forbidden, Invalid, NotFound

FOLDER = "taps"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TOLD = 400
_PIP_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Tap:
    """An installed tap: its name and where its program is."""

    name: str
    program: Path


class Taps:
    """The taps of one locker."""

    def __init__(self, data: Path, *, allowed: bool) -> None:
        self._folder, self._allowed = data / FOLDER, allowed

    def program(self, name: str) -> Path:
        """A tap's program.  Raises Forbidden unless taps may run here, NotFound if it is not installed, Invalid for what cannot be a tap's name."""
        self._check(name)
        program = self._program(name)
        if not program.exists():
            raise NotFound(f"{name} is not installed; 'locker singer install {name}' does it")
        return program

    def install(self, name: str, *, requirement: str = "", options: Sequence[str] = ()) -> Tap:
        """Install a tap by its name, or what *requirement* names (a version, a folder, a wheel), with further *options* of pip.

        One that is there is replaced by the new one, and stays if that cannot be installed.  Raises Fatal with the last words of pip.
        """
        self._check(name)
        if any(part.startswith("-") for part in (requirement, name)):
            raise Invalid(f"{requirement!r} is not what can be installed; name a package, a folder or a wheel")
        home, before = self._folder / name, self._folder / f".{name}"  # an environment works where it was made, so the old one steps aside
        if before.exists():  # whoever installed was killed
            shutil.rmtree(home, ignore_errors=True)
        elif home.exists():
            home.rename(before)
        try:
            _run([sys.executable, "-m", "venv", str(home)], name)
            python = home / "bin" / "python"
            _run([str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", *options, requirement or name], name)
            _require(self._program(name))
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            if before.exists():
                before.rename(home)
            raise
        shutil.rmtree(before, ignore_errors=True)
        return Tap(name, self._program(name))

    def list(self) -> list[Tap]:
        """The taps that are installed, in order of name."""
        found = (Tap(path.name, self._program(path.name)) for path in sorted(self._folder.glob("*")))
        return [tap for tap in found if tap.program.exists()]

    def remove(self, name: str) -> None:
        """Remove a tap's environment; what it fetched stays.  Raises NotFound."""
        self._check(name)
        if not (self._folder / name).exists():
            raise NotFound(f"{name} is not installed")
        shutil.rmtree(self._folder / name)

    def _program(self, name: str) -> Path:
        return self._folder / name / "bin" / name

    def _check(self, name: str) -> None:
        if not self._allowed:
            raise Forbidden("Singer taps are programs of others and run with your rights; set LOCKER_SINGER=1 if that is what you want")
        if not _NAME.fullmatch(name):
            raise Invalid(f"{name!r} is not a tap's name; it is written like tap-github")


def _run(command: list[str], name: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fatal(f"{name} cannot be installed: {error}") from error
    if done.returncode:
        raise Fatal(f"{name} cannot be installed: {' '.join((done.stderr or done.stdout).split())[-_TOLD:]}")


def _require(program: Path) -> None:
    if not program.exists():
        raise Fatal(f"the package has no program called {program.name}; name the tap as its program is called, the package with --from")
