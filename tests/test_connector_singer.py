"""
A Singer tap is installed, connected and synced: its records, its state, what its new versions lack, and what happens when it fails.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from locker.error import Fatal, Forbidden, Invalid, NotFound, Retriable
from locker.locker import Locker
from locker.tap import Taps

from .commands import locker, ok
from .fetches import LoopbackSession, Shelf, fetching
from .fetching import until
from .taps import CODE, NAME, wheel


def note(n: int, text: str = "", updated: int | None = None) -> dict[str, Any]:
    """A note of the made-up service."""
    return {"id": n, "text": text or f"note {n}", "updated": f"2026-01-{updated or n:02d}T00:00:00Z"}


class Service:
    """The file that stands for the service, the tap's program, and what the tap noted of how it was called."""

    def __init__(self, folder: Path) -> None:
        self.path, self.trace, self.program = folder / "service.json", folder / "trace", folder / NAME
        self.program.write_text(f"#!/usr/bin/env python3\n{CODE}\nmain()\n")
        self.program.chmod(0o755)
        self.config = {"path": str(self.path), "trace": str(self.trace), "password": "correct-horse-battery"}

    def say(self, *notes: dict[str, Any], **more: Any) -> None:
        """What the service has from now on."""
        self.path.write_text(json.dumps({"notes": notes, **more}))

    def shelf(self, **options: str) -> Shelf:
        """A shelf of somebody who connected the tap."""
        session = LoopbackSession(
            options={"tap": NAME, "select": "notes", **options}, secrets={"config": json.dumps(self.config)}, programs={NAME: self.program}
        )
        return Shelf(fetching("singer"), session)

    def calls(self) -> list[dict[str, Any]]:
        """How the tap was run, each time."""
        return [json.loads(line) for line in self.trace.read_text().splitlines()] if self.trace.exists() else []


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with two notes."""
    made = Service(tmp_path)
    made.say(note(1), note(2))
    yield made
    assert not [call for call in made.calls() if psutil.pid_exists(call["pid"])], "a tap outlives its run"


async def test_records_are_kept_with_the_taps_state(service: Service) -> None:
    """The first run brings all, the next one only what is new, an edit is an edit of the same key."""
    kept = service.shelf()
    assert [("add", "document/tap-notes", "notes/1"), ("add", "document/tap-notes", "notes/2")] == await kept.run()
    assert [] == await kept.run()
    service.say(note(1), note(2, "changed", updated=3), note(4))
    assert [("edit", "document/tap-notes", "notes/2"), ("add", "document/tap-notes", "notes/4")] == await kept.run()
    assert {"since": "2026-01-04T00:00:00Z"} == kept.since["state"]
    assert [] == await kept.run(whole=True)
    mapped = kept.connector.map("document", kept.bodies["document/tap-notes", "notes/4"])
    assert {"text": "note 4", "folder": "notes", "updated": "2026-01-04T00:00:00Z"} == mapped


async def test_older_taps_are_told_of_the_catalog_in_their_way(service: Service) -> None:
    """Some look at --properties only, and would fetch nothing at all."""
    service.program.with_name(f"{NAME}.old").touch()
    assert 2 == len(await service.shelf().run())


async def test_a_mapping_makes_real_types(service: Service) -> None:
    """Each stream can be mapped like a JSON file."""
    mapping = {"notes": {"type": "post", "fields": {"text": "text", "updated": "updated"}}}
    kept = service.shelf(mapping=json.dumps(mapping))
    await kept.run()
    assert {"text": "note 1", "updated": "2026-01-01T00:00:00Z"} == kept.connector.map("post", kept.bodies["post/tap-notes", "notes/1"])
    with pytest.raises(Fatal, match="the stream notes"):
        await service.shelf(mapping='{"notes": {"type": "post"}}').run()


async def test_records_without_a_key_are_called_after_themselves(service: Service) -> None:
    """The same record twice is one."""
    service.say(secrets=[note(1), note(1), note(2)])
    assert 2 == len(await service.shelf(select="secr*").run())


async def test_what_a_new_version_lacks_is_gone(service: Service) -> None:
    """A table that is told as a whole, under a new version, deletes what it has no more; also when the run before was killed."""
    service.say(note(1), note(2), note(3), version=1)
    kept = service.shelf()
    await kept.run()
    service.say(note(1), note(3), version=2)
    assert [("delete", "document/tap-notes", "notes/2")] == await kept.run()
    assert [] == await kept.run()


async def test_a_run_that_fails_keeps_what_it_brought(service: Service) -> None:
    """The state goes with the records; the tap's last words are told, but nothing of its configuration."""
    service.say(*(note(n) for n in range(1, 6)), fail="2")
    kept = service.shelf()
    with pytest.raises(Retriable, match="ended with 3: cannot go on, my password is …"):
        await kept.run()
    assert 3 == len(kept.bodies)
    service.say(*(note(n) for n in range(1, 6)))
    assert ["notes/4", "notes/5"] == [key for _, _, key in await kept.run()]


async def test_a_tap_ends_with_its_run(service: Service) -> None:
    """Killed or cancelled in the middle, no process stays, and the private folder is gone."""
    service.say(*(note(n) for n in range(1, 4)), hang="1")
    kept = service.shelf()
    await kept.run(pages=1)
    running = asyncio.create_task(service.shelf().run())
    await until(lambda: len(service.calls()) >= 4)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_tap_sees_no_more_than_it_needs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of our environment, its configuration in a file that nobody else can read."""
    monkeypatch.setenv("LOCKER_SECRET", "hush")
    await service.shelf().run()
    call = service.calls()[-1]
    assert {"PATH", "HOME", "TMPDIR", "LANG"} >= set(call["env"]) - {"LC_CTYPE"}
    assert "0o600" == call["mode"]
    service.program.unlink()
    with pytest.raises(Fatal, match="cannot be run"):
        await service.shelf().run()


async def test_lines_that_are_no_messages_are_problems(service: Service) -> None:
    """The rest goes on; a line without end is an error and not all the memory."""
    service.program.write_text(
        '#!/bin/sh\necho "not json"\necho "{\\"type\\": \\"RECORD\\", \\"stream\\": \\"a\\", \\"record\\": {\\"x\\": 1}}"\n'
    )
    kept = service.shelf()
    await kept.run()
    assert (1, 1) == (len(kept.problems), len(kept.bodies))
    service.program.write_text("#!/bin/sh\ntr '\\\\0' a < /dev/zero\n")
    with pytest.raises(Fatal, match="a line of more than"):
        await service.shelf().run()


def test_taps_are_the_operators_alone(tmp_path: Path) -> None:
    """Without the setting none is installed or run; and no one connects one but on the command line."""
    with pytest.raises(Forbidden, match="LOCKER_SINGER"):
        Taps(tmp_path, allowed=False).program(NAME)
    with pytest.raises(Forbidden, match="LOCKER_SINGER"):
        Taps(tmp_path, allowed=False).install(NAME)
    taps = Taps(tmp_path, allowed=True)
    for name in ("../tap", "-r", "tap notes", ""):
        with pytest.raises(Invalid):
            taps.program(name)
    with pytest.raises(NotFound, match="locker singer install"):
        taps.program(NAME)
    with Locker(tmp_path) as locker, pytest.raises(Forbidden, match="on the command line"):
        locker.connections.add("me", f"singer.{NAME}", secrets={"config": "{}"})


def test_a_tap_from_the_command_line(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed from a wheel without any index, connected and synced twice; its password is in no file of the locker.

    Nothing of it goes without the setting, and an upgrade that fails leaves what was there.
    """
    wheel(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(service.config))
    data = tmp_path / "data"
    monkeypatch.setenv("LOCKER_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("LOCKER_DATA", str(data))

    for refused in (("singer", "install", NAME), ("connect", f"singer.{NAME}")):
        assert "LOCKER_SINGER" in locker(*refused).output
    monkeypatch.setenv("LOCKER_SINGER", "1")
    ok("singer", "install", NAME, "--no-index", "--find-links", str(tmp_path))
    assert 4 == locker("singer", "install", NAME, "--no-index", "--from", str(tmp_path / "nothing.whl")).exit_code
    assert NAME in ok("singer", "list")
    ok("singer", "connect", NAME, "--config", str(config), "--select", "notes")
    source = f"singer.{NAME}"
    first, second = (json.loads(ok("sync", source, "--json"))[0]["streams"][0] for _ in range(2))
    assert (2, 0, "done") == (first["added"], second["added"] + second["edited"], second["outcome"])
    ok("connect", f"singer:{NAME}", "--option", "select=secrets", "--option", f"config={json.dumps(service.config)}")
    assert {"tap": NAME, "select": "secrets"} == {name: value for name, value in _options(data, source).items() if value}
    for path in data.rglob("*"):
        assert not path.is_file() or b"correct-horse-battery" not in path.read_bytes(), path
    ok("singer", "remove", NAME)
    assert 4 == locker("sync", source).exit_code


def _options(data: Path, source: str) -> dict[str, str]:
    """What a connection was told."""
    with Locker(data) as opened:
        return dict(opened.connections.get("me", source).options)
