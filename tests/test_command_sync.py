"""``locker sync`` and ``locker connections``: what they print, and what they answer when something is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from locker.locker import Locker
from locker.record import loads
from tests.commands import locker
from tests.fetching import FakeService, plugged, star


async def said(*arguments: object, data: Path) -> tuple[int, str, str]:
    """Exit code, output and errors of a command, while the service answers."""
    done = await asyncio.to_thread(lambda: locker(*arguments, data=data, LOCKER_PLUGINS="on"))
    return done.exit_code, done.stdout, done.stderr


async def json(*arguments: object, data: Path) -> Any:
    """What a command prints with ``--json``."""
    return loads((await said(*arguments, "--json", data=data))[1])


def connect(data: Path, base: str, token: str = "secret-token") -> None:
    """A locker with the connector, connected."""
    if not (data / "plugins").exists():
        plugged(data)
    with Locker(data, plugins=True) as made:
        made.connections.add("me", "stars", base_url=base, secrets={"token": token}, trusted=True)


async def test_syncing(tmp_path: Path) -> None:
    """The table counts each stream, the second run finds nothing new, and the list tells when it runs next."""
    async with FakeService({"/starred": [star(n) for n in range(25)]}).open() as base:
        connect(tmp_path, base)
        assert "it never ran" in (await said("connections", data=tmp_path))[1]
        code, table, errors = await said("sync", data=tmp_path)
        assert (0, ["stars", "starred", "done", "25", "0", "0", "0", "0"], "") == (code, table.splitlines()[1].split(), errors)
        (run,) = await json("sync", "stars", "--full", data=tmp_path)
        assert (0, 25, 3, "normal") == (run["streams"][0]["added"], run["streams"][0]["unchanged"], run["requests"], run["mode"])
        (shown,) = await json("connections", "stars", data=tmp_path)
        assert ("normal", 25, None, "") == (shown["mode"], shown["items"], shown["error"], shown["advice"])
        assert ("starred", 3, None, False) == tuple(shown["streams"][0][name] for name in ("name", "pages", "error", "is_unfinished"))
        assert 0 < shown["budget"]["left"] <= shown["budget"]["limit"]
        assert "last sweep" in (await said("connections", "stars", data=tmp_path))[1]


async def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path) -> None:
    """A refused token is an error with advice; so is a disabled connection, which enabling and a new token bring back."""
    service = FakeService({"/starred": [star(1), {"no": "id"}]})
    async with service.open() as base:
        connect(tmp_path, base, "wrong-token")
        code, table, _ = await said("sync", data=tmp_path)
        assert (4, True) == (code, "locker connect" in table)
        assert "gets a new one" in (await said("connections", data=tmp_path))[1]
        assert "lets it run again" in (await said("connections", "--disable", "stars", data=tmp_path))[1]
        code, _, errors = await said("sync", "stars", data=tmp_path)
        assert (4, True) == (code, "--enable" in errors)
        assert 0 == (await said("sync", data=tmp_path))[0]
        connect(tmp_path, base)
        code, table, _ = await said("sync", data=tmp_path)
        assert (1, ["1", "0", "0", "0", "1"]) == (code, table.splitlines()[1].split()[3:])
        assert "stars, starred: " in table
        assert "at its key id" in table
        assert "initial" == (await json("connections", "--backfill", "stars", data=tmp_path))[0]["mode"]


async def test_names_that_are_not_there(tmp_path: Path) -> None:
    """A connection or a stream that is not there is told with what there is."""
    connect(tmp_path, "http://127.0.0.1:8009")
    assert (3, True) == ((found := await said("sync", "nothing", data=tmp_path))[0], "locker connect nothing" in found[2])
    assert (3, True) == ((found := await said("sync", "stars", "--stream", "x", data=tmp_path))[0], "starred" in found[2])
    assert (3, True) == ((found := await said("connections", "nothing", data=tmp_path))[0], "locker connections" in found[2])
