"""
Serves the recorded replies of real services from a local server, and tells what each recording holds.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.shared import DATA, SHARED


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call, as ``ENDPOINTS.tsv`` counts it; *items* is None where its body is no JSON."""

    cassette: str
    method: str
    url: str
    status: int
    items: int | None

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.url).path


def calls(folder: str, cassette: str = "*", path: str = "*") -> list[Call]:
    """The recorded calls of a data folder whose file and path match."""
    with (DATA / folder / "ENDPOINTS.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row and row[3:] and row[3].isdigit()]
    found = [Call(row[0], row[1].upper(), row[2], int(row[3]), int(row[6]) if row[6].isdigit() else None) for row in rows]
    return [call for call in found if fnmatchcase(f"/{call.cassette}", f"*/{cassette}") and fnmatchcase(call.path, path)]


def interactions(folder: str, cassette: str = "*") -> list[Any]:
    """The recorded exchanges themselves (``method, url, status, headers, body, file``)."""
    loaded: list[Any] = _tool().load(DATA / folder, cassette)
    assert loaded, f"nothing is recorded in {folder}/{cassette}"
    return loaded


@asynccontextmanager
async def replayed(folder: str, cassette: str = "*", **options: Any) -> AsyncIterator[str]:
    """The base URL of a server that answers what a folder's cassette holds; *options* are those of the tool (``by_host``, ``order``)."""
    async with serving(interactions(folder, cassette), **options) as base:
        yield base


@asynccontextmanager
async def serving(recorded: Iterable[Any], **options: Any) -> AsyncIterator[str]:
    """The same for exchanges that were picked by hand."""
    async with _tool().serve(recorded, **options) as base:
        yield base


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a server of bodies alone."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] | None = None


@asynccontextmanager
async def answering(replies: Mapping[str, Path | Reply | Sequence[Path | Reply]]) -> AsyncIterator[str]:
    """The base URL of a server that answers paths (with their query, if it matters: ``/me?page=2``) with a file or a Reply.

    Several replies are given in turn, and the last one again; a path with the query goes before one without.  Anything else is 404.
    """
    turns = {path: [said] if isinstance(said, Path | Reply) else list(said) for path, said in replies.items()}

    async def answer(request: web.Request) -> web.Response:
        turn = turns.get(request.path_qs) or turns.get(request.path)
        if not turn:
            return web.json_response({"error": f"not recorded: {request.path_qs}"}, status=404)
        said = turn.pop(0) if len(turn) > 1 else turn[0]
        reply = Reply(said.read_bytes()) if isinstance(said, Path) else said
        headers = {"Content-Type": "application/json", **(reply.headers or {})}
        return web.Response(body=reply.body, status=reply.status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _tool() -> Any:
    """The replay tool beside the data."""
    if "replay_tool" not in sys.modules:
        spec = importlib.util.spec_from_file_location("replay_tool", SHARED / "tools/replay.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["replay_tool"] = module
        spec.loader.exec_module(module)
    return sys.modules["replay_tool"]
