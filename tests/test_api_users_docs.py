"""The description of the calls about accounts is true: whatever is sent, the server answers what it says there, and never fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from locker.account import KINDS, run
from locker.locker import Locker
from tests.accounts import PASSWORD, cheap
from tests.api_server import Server, served

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CALLS = [
    ("POST", "/signup"), ("POST", "/login"), ("POST", "/refresh"), ("POST", "/logout"), ("GET", "/me"), ("POST", "/me"), ("GET", "/tokens"), ("POST", "/tokens"),
    ("DELETE", "/tokens/{id}"), ("GET", "/grants"), ("POST", "/grants"), ("DELETE", "/grants/{to}"), ("GET", ""), ("GET", "/{id}"),
    ("PATCH", "/{id}"), ("POST", "/invitations"),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an admin, an account that may be changed, a token and a grant."""
    with (
        Locker(tmp_path_factory.mktemp("described")) as locker,
        served(locker, trust_loopback=False, login_limit=0, signup_limit=0) as made,
    ):
        locker.accounts.passwords = cheap()
        run(locker.accounts.sign_up("root@example.com", PASSWORD, role="admin"))
        run(locker.accounts.sign_up("ada@example.com", PASSWORD))
        locker.accounts.grant("u1", "2", ["read"])
        yield made


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[" ".join(each) for each in CALLS])
def test_the_server_does_what_it_says(server: Server, method: str, path: str) -> None:
    """Arbitrary requests get the statuses, types and shapes that are described, with a token and without one."""
    document = schemathesis.openapi.from_dict(server.get("/openapi.json").json())
    operation: Any = document[f"/api/v1/users{path}"][method]

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if path == "/{id}" and case.path_parameters:
            case.path_parameters["id"] = "2"
        for headers in ({"Authorization": f"Bearer {server.tokens.make('u1', KINDS)}"}, {}):
            response = case.call(base_url=server.url, headers=headers, timeout=20)
            case.validate_response(response, checks=CHECKS)

    ask()


def test_every_call_is_tried(server: Server) -> None:
    """No call about accounts is left out of the test above."""
    paths = server.get("/openapi.json").json()["paths"]
    found = {
        (method.upper(), path.removeprefix("/api/v1/users"))
        for path, methods in paths.items()
        if path.startswith("/api/v1/users") and not path.startswith("/api/v1/users/me/")
        for method in methods
    }
    assert found == set(CALLS)
