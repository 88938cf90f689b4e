"""
The description at ``/openapi.json`` and the running server agree, whatever is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from locker.locker import Locker
from tests.api_server import Server, fill, served

TYPES = ("Contact", "Message")
"""All types have the same calls; two of them are tried."""
EXAMPLES = 20
PATHS = [
    ("get", "/"),
    ("get", "/health"),
    ("get", "/openapi.json"),
    ("get", "/list"),
    ("get", "/fields"),
    ("get", "/via"),
    ("get", "/connectors"),
    *[("get", f"/connectors/{{source}}/{call}") for call in ("getTypes", "getAll", "getID", "getSince", "getCurrent")],
    ("post", "/connectors/{source}/push"),
    *[(method, f"/get{type}") for type in TYPES for method in ("get", "post")],
    *[("post", f"/{verb}{type}") for type in TYPES for verb in ("add", "edit", "delete")],
]
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The samples, served."""
    with Locker(tmp_path_factory.mktemp("described")) as locker:
        fill(locker)
        with served(locker) as running:
            yield running


@pytest.fixture(scope="module")
def description(server: Server) -> dict[str, Any]:
    """What the server says of itself."""
    found: dict[str, Any] = server.get("/openapi.json").json()
    return found


@pytest.mark.parametrize(("method", "path"), PATHS, ids=[f"{method} {path}" for method, path in PATHS])
def test_the_server_does_what_it_says(server: Server, description: dict[str, Any], method: str, path: str) -> None:
    """Arbitrary requests, right and wrong ones, get documented statuses, types and shapes, and never a fault."""
    schema = schemathesis.openapi.from_dict(description)
    operation = schema[path][method.upper()]

    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    def ask(case: Any) -> None:
        if path.startswith("/connectors/{source}") and len(case.path_parameters["source"]) % 2:
            case.path_parameters["source"] = "inbox"  # otherwise nearly all of them are unknown
        case.call_and_validate(base_url=server.url, checks=CHECKS, timeout=20)

    ask()


def test_every_call_is_described(server: Server, description: dict[str, Any]) -> None:
    """For every type its five calls, and all connectors' calls; every reference leads somewhere; ids are unique."""
    for schema in server.locker.schemas.values():
        name = schema.type.capitalize()
        assert {"get", "post"} == description["paths"][f"/get{name}"].keys()
        writes = {verb for verb in ("add", "edit", "delete") if f"/{verb}{name}" in description["paths"]}
        assert writes == (set() if schema.closed else {"add", "edit", "delete"})
        assert all({"post"} == description["paths"][f"/{verb}{name}"].keys() for verb in writes)
    assert {path for _, path in PATHS} <= description["paths"].keys()
    operations = [operation for methods in description["paths"].values() for operation in methods.values()]
    assert len(operations) == len({operation["operationId"] for operation in operations})
    references = [part.split('"')[0] for part in json.dumps(description).split('"$ref": "#/components/schemas/')[1:]]
    assert {*references} <= description["components"]["schemas"].keys()
    for schema in description["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert "3.1.0" == description["openapi"]


def test_health_is_open_and_the_rest_is_not(description: dict[str, Any]) -> None:
    """The description says which calls need a token."""
    open_ = {path for path, methods in description["paths"].items() for operation in methods.values() if operation.get("security") == []}
    health, documents = {"/health", "/health/live", "/health/ready"}, {"/", "/openapi.json", "/api-docs", "/api-docs/{file}"}
    entries = {"/api/auth", "/api/v1/users/signup", "/api/v1/users/login", "/api/v1/oauth/access_token", "/api/v1/oauth/authorize"}
    commons = {f"/api/v1/{path}" for path in ("tags", "tags/{id}", "articles", "articles/{id}", "articles/{id}/history")}
    assert health | documents | entries | commons | {"/connect/{network}/callback"} == open_
    assert description["security"]
