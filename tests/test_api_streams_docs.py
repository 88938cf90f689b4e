"""
The description of the calls: a page for people, a document for programs, and a server that keeps to it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.streamsource import Server, serving

OURS = re.compile(r"^/api/v1/(streams|streamers|timestamps|features|admin/features)|^/health/")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server with people."""
    async with serving(tmp_path) as found:
        yield found


async def test_the_page_brings_everything_it_needs(server: Server) -> None:
    """Every address in the page is one of this server's, and answers; the page may fetch nothing from elsewhere."""
    page = await server.nobody.ask("GET", "/api-docs")

    assert (200, "text/html; charset=utf-8") == (page.status, page.headers["Content-Type"])
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    found = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert 5 == len(found)
    for address in found:
        assert address.startswith("/")
        if not address.endswith(".png"):
            assert 200 == (await server.nobody.ask("GET", address)).status
    assert 404 == (await server.nobody.ask("GET", "/api-docs/index.html")).status


async def test_the_document_has_every_call_of_this_dialect(server: Server) -> None:
    """Each with its statuses; errors have the shape of this dialect."""
    document = (await server.nobody.ask("GET", "/openapi.json")).json
    calls = {(method.upper(), path) for path, found in document["paths"].items() if OURS.match(path) for method in found}

    for type, more in (("streams", {"/pin", "/analytics"}), ("streamers", set()), ("timestamps", set())):
        for path in ("", "/{id}", "/{id}/history", *(f"/{{id}}{each}" for each in more)):
            assert any(found == f"/api/v1/{type}{path}" for _, found in calls), path
    create = document["paths"]["/api/v1/streams"]["post"]["responses"]
    assert {"200", "201", "400", "401", "403", "413", "415", "422", "503"} <= set(create)
    assert {"$ref": "#/components/schemas/Error"} == create["422"]["content"]["application/json"]["schema"]
    assert ["description", "headers"] == sorted(document["paths"]["/api/v1/streams/{id}"]["delete"]["responses"]["204"])


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server in a thread, and an admin's token; there are some things to find."""
    loop, told, stop = asyncio.new_event_loop(), dict[str, Any](), asyncio.Event()
    ready: Any = loop.create_future()

    async def run() -> None:
        async with serving(tmp_path_factory.mktemp("described")) as server:
            await server.admin.stream(status="live")
            await server.admin.ask("POST", "/api/v1/streamers", {"name": "Jason"})
            await server.admin.ask("POST", "/api/v1/timestamps", {"title": "Here", "event_timestamp": "2026-11-22T08:00:00Z"})
            told.update(url=server.url, token=server.admin.token)
            ready.set_result(None)
            await stop.wait()

    thread = Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(asyncio.wait_for(ready, 20), loop).result()
    yield told["url"], told["token"]
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def test_the_server_keeps_to_the_document(described: tuple[str, str]) -> None:
    """Whatever is sent to whichever call: no fault of ours, no status that is not described, no body of another shape."""
    url, token = described
    document = schemathesis.openapi.from_url(f"{url}/openapi.json").include(path_regex=OURS.pattern)
    headers = {"Authorization": f"Bearer {token}"}
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    seen = 0
    for found in document.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path.endswith("/admin/features/{name}") and operation.method == "put":
            continue  # it would switch the server off

        def play(case: Any) -> None:
            nonlocal seen
            seen += 1
            response = case.call(headers=headers, timeout=10)
            if response.status_code != 503:
                case.validate_response(response, checks=checks)

        quick: Any = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        played: Any = quick(given(operation.as_strategy())(play))  # type: ignore[no-untyped-call]
        played()
    assert seen > 200
