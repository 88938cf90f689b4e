"""The description of the Flare calls at ``/openapi.json``, and a server that keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.flare import ANN, Flare, flaring

OURS = re.compile(r"^/(resources|documents)")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def flare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flare]:
    """A server with a resource, a subscription and a document."""
    with flaring(tmp_path_factory.mktemp("described")) as made:
        made.subscription(made.resource())
        made.put(ANN, {"updatedAt": "2026-11-22T08:00:00Z"})
        yield made


def test_every_call_is_described(flare: Flare) -> None:
    """With its statuses; errors have the shape of this dialect."""
    document = flare.server.get("/openapi.json").json()
    calls = {(method, path) for path, found in document["paths"].items() if OURS.match(path) for method in found}
    assert 15 == len(calls)
    for method, path in calls:
        answers = document["paths"][path][method]["responses"]
        assert {"400", "401", "403", "429"} <= answers.keys()
        assert {"$ref": "#/components/schemas/TitledError"} == answers["400"]["content"]["application/json"]["schema"]
    assert {"201", "409"} <= document["paths"]["/resources"]["post"]["responses"].keys()
    assert {"202", "404"} <= document["paths"]["/documents/{url}"]["put"]["responses"].keys()


def test_the_server_keeps_to_the_document(flare: Flare) -> None:
    """Whatever is sent to whichever call: no fault of ours, no status that is not described, no body of another shape."""
    document = schemathesis.openapi.from_url(f"{flare.server.url}/openapi.json").include(path_regex=OURS.pattern)
    known = {"id": flare.ask("GET", "/resources").json()["resources"][0]["id"], "url": ANN}
    seen = 0
    for found in document.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]

        def play(case: Any) -> None:
            nonlocal seen
            seen += 1
            for name in case.path_parameters or {}:
                if seen % 2 and name in known:
                    case.path_parameters[name] = known[name]  # otherwise nearly all of them are unknown
            case.call_and_validate(checks=CHECKS, timeout=20)

        quick: Any = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        played: Any = quick(given(operation.as_strategy())(play))  # type: ignore[no-untyped-call]
        played()
    assert seen > 100
