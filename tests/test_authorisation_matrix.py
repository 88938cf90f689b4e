"""
Who may call what: every route of the application, tried as everybody, for everybody's lockers.

The table below says it for each route.  A route that nobody put into the table fails the test, and so does a line that no route has any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from typing import Any

import pytest

from locker.account import KINDS, Tokens, run
from locker.limit import Limits
from locker.locker import Locker
from locker.settings import Settings
from tests.accounts import PASSWORD, cheap
from tests.api_server import Server, app, served

Call = tuple[str, str]
PUBLIC, READ, WRITE, ADMIN = "public", "read", "write", "admin"
EDITOR = "write, and an editor"
MARKER = "planted-name-of-a-friend"

_CRUD = {
    ("GET", ""): READ,
    ("POST", ""): WRITE,
    ("GET", "/{id}"): READ,
    ("PUT", "/{id}"): WRITE,
    ("PATCH", "/{id}"): WRITE,
    ("DELETE", "/{id}"): WRITE,
}
_CRUD |= {("GET", "/{id}/history"): READ}
_SUBSCRIPTIONS = "/resources/{id}/subscriptions"

TABLE: dict[Call, str] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/health"): PUBLIC,
    ("GET", "/health/live"): PUBLIC,
    ("GET", "/health/ready"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/api-docs"): PUBLIC,
    ("GET", "/api-docs/{file}"): PUBLIC,
    ("POST", "/api/v1/users/signup"): PUBLIC,
    ("POST", "/api/v1/users/login"): PUBLIC,
    ("POST", "/api/auth"): PUBLIC,
    **{("POST", f"/api/{path}"): WRITE for path in ("connection", "connections/{name}", "subscriptions")},
    **{("GET", f"/api/{path}"): READ for path in ("connections", "connections/{name}", "subscriptions", "subscriptions/{id}")},
    **{("GET", f"/api/{path}"): READ for path in ("favorites/{user}", "favorites/{user}/{network}", "search/{user}")},
    ("PUT", "/api/subscriptions"): WRITE,
    ("DELETE", "/api/subscriptions/{id}"): WRITE,
    ("DELETE", "/api/connections/{user}/{network}"): WRITE,
    ("POST", "/api/v1/oauth/access_token"): PUBLIC,
    ("GET", "/api/v1/oauth/authorize"): PUBLIC,
    ("POST", "/api/v1/oauth/authorize"): PUBLIC,
    ("POST", "/api/v1/users/refresh"): READ,
    ("POST", "/api/v1/users/logout"): READ,
    ("GET", "/api/v1/users/me"): READ,
    ("POST", "/api/v1/users/me"): WRITE,
    **{("GET", f"/api/v1/users/me/{rest}"): READ for rest in ("tags", "tags/{id}", "articles", "articles/{id}")},
    **{("GET", f"/api/v1/{path}"): PUBLIC for path in ("tags", "tags/{id}", "articles", "articles/{id}", "articles/{id}/history")},
    ("POST", "/api/v1/tags"): ADMIN,
    ("PATCH", "/api/v1/tags/{id}"): ADMIN,
    ("POST", "/api/v1/articles/add"): WRITE,
    ("POST", "/api/v1/articles/{id}/rate"): WRITE,
    ("GET", "/api/v1/users/tokens"): READ,
    ("POST", "/api/v1/users/tokens"): WRITE,
    ("DELETE", "/api/v1/users/tokens/{id}"): WRITE,
    ("GET", "/api/v1/users/grants"): READ,
    ("POST", "/api/v1/users/grants"): WRITE,
    ("DELETE", "/api/v1/users/grants/{to}"): WRITE,
    ("GET", "/api/v1/users"): ADMIN,
    ("GET", "/api/v1/users/{id}"): ADMIN,
    ("PATCH", "/api/v1/users/{id}"): ADMIN,
    ("POST", "/api/v1/users/invitations"): ADMIN,
    ("GET", "/api/v1/features"): READ,
    ("GET", "/api/v1/admin/features"): ADMIN,
    ("GET", "/api/v1/admin/features/{name}"): ADMIN,
    ("PUT", "/api/v1/admin/features/{name}"): ADMIN,
    ("PUT", "/api/v1/streams/{id}/pin"): WRITE,
    ("DELETE", "/api/v1/streams/{id}/pin"): WRITE,
    ("GET", "/api/v1/streams/{id}/analytics"): READ,
    ("POST", "/api/v1/streams/bulk_import"): EDITOR,
    ("GET", "/api/v1/streams/export"): READ,
    ("GET", "/resources"): READ,
    ("POST", "/resources"): WRITE,
    ("GET", "/resources/{id}"): READ,
    ("DELETE", "/resources/{id}"): WRITE,
    ("GET", f"{_SUBSCRIPTIONS}"): READ,
    ("POST", f"{_SUBSCRIPTIONS}"): WRITE,
    ("GET", f"{_SUBSCRIPTIONS}/{{subscription}}"): READ,
    ("DELETE", f"{_SUBSCRIPTIONS}/{{subscription}}"): WRITE,
    **{("POST", f"{_SUBSCRIPTIONS}/{{subscription}}/{call}"): WRITE for call in ("pause", "resume", "replay", "test")},
    ("GET", "/live"): READ,
    ("GET", "/metrics"): ADMIN,
    ("GET", "/subscriptions"): READ,
    ("POST", "/subscriptions"): WRITE,
    ("GET", "/subscriptions/{id}"): READ,
    ("DELETE", "/subscriptions/{id}"): WRITE,
    ("GET", "/subscriptions/{id}/deliveries"): READ,
    ("GET", "/deliveries"): READ,
    **{("POST", f"/subscriptions/{{id}}/{call}"): WRITE for call in ("pause", "resume", "rotate", "test", "replay", "redeliver")},
    ("GET", "/documents/{url}"): READ,
    ("PUT", "/documents/{url}"): WRITE,
    ("DELETE", "/documents/{url}"): WRITE,
    ("GET", "/list"): READ,
    ("GET", "/fields"): READ,
    ("GET", "/via"): READ,
    ("GET", "/connectors"): READ,
    ("GET", "/connect/{network}"): WRITE,
    ("GET", "/connect/{network}/callback"): PUBLIC,
    ("GET", "/connections"): READ,
    ("POST", "/connections"): WRITE,
    ("GET", "/connections/{source}"): READ,
    ("DELETE", "/connections/{source}"): WRITE,
    **{("POST", f"/connections/{{source}}/{what}"): WRITE for what in ("sync", "backfill", "enable", "disable")},
    ("POST", "/connectors/{source}/push"): WRITE,
    **{("GET", f"/connectors/{{source}}/get{what}"): READ for what in ("Types", "All", "ID", "Since", "Current")},
    **{
        (method, f"/api/v1/{things}{rest}"): who
        for things in ("streams", "streamers", "timestamps")
        for (method, rest), who in _CRUD.items()
    },
}
"""Who may call each route; those of the types follow below."""

TYPED = {r"GET /get[A-Z]\w*": READ, r"POST /get[A-Z]\w*": READ, r"POST /(add|edit|delete)[A-Z]\w*": WRITE}

REFUSED = (401, 403)
BODIES: dict[Call, dict[str, Any]] = {("POST", "/api/v1/users/tokens"): {"scopes": []}}
"""What is sent so that the answer is about the caller; everywhere else an empty object will do."""


@dataclass
class Caller:
    """Somebody who calls: *owner* and *scopes* of the token (None: there is no good one), and the *role* of the account."""

    name: str
    owner: str = ""
    scopes: tuple[str, ...] | None = None
    role: str = "default"
    text: str | None = field(default=None, repr=False)

    def may(self, who: str, type: str | None) -> bool:
        """Whether the table lets it in."""
        scopes = self.scopes or ()
        if who == ADMIN:
            return self.role == "admin" and "admin" in scopes
        if who == EDITOR:
            return self.role != "default" and "write" in scopes
        return who in scopes or f"{who}:{type}" in scopes or (type == "*" and any(each.startswith(f"{who}:") for each in scopes))


CALLERS = [
    Caller("nobody"),
    Caller("a forger", text="eyJhbGciOiJub25lIn0.e30."),
    Caller("one who is disabled", "u4"),
    Caller("one who logged out", "u1"),
    Caller("a user", "u1", KINDS),
    Caller("an editor", "u2", KINDS, "editor"),
    Caller("an admin", "u3", KINDS, "admin"),
    Caller("an admin's narrow token", "u3", ("read", "write"), "admin"),
    Caller("a reading token", "u1", ("read",)),
    Caller("a writing token", "u1", ("write",)),
    Caller("a token for contacts", "u1", ("read:contact",)),
    Caller("a client", "acme~", KINDS),
    Caller("a client's user", "acme~bob", KINDS),
    Caller("whoever runs it", "me", KINDS, "admin"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with four accounts, two clients, some grants, and a friend in the locker of ``me`` and of others."""
    with Locker(tmp_path_factory.mktemp("matrix")) as locker, served(locker, trust_loopback=False, login_limit=0, signup_limit=0) as made:
        accounts = locker.accounts
        accounts.passwords = cheap()
        for number, role in enumerate(("default", "editor", "admin", "default", "default"), 1):
            run(accounts.sign_up(f"{number}@example.com", PASSWORD, role=role))  # type: ignore[arg-type]
        accounts.disable("4")
        for name in ("acme", "other"):
            client, _ = run(accounts.add_client(name))
            accounts.owner_for(client, "bob")
        for owner in ("me", "u5", "commons", "acme~bob", "other~bob", "u2"):
            locker.composer.add(owner, "contact", {"name": MARKER}, owner)
        accounts.grant("me", "u1", ["read"], ["contact"])
        accounts.grant("u2", "u1", ["read", "write"])
        locker.catch_up()
        yield made


def routes(locker: Locker) -> list[Any]:
    """The application's own table of routes."""
    service = import_module("locker.api._service").Service(locker, Settings(data=locker.data), Tokens(locker.data), Limits())
    found = list(app._routes(service))
    return found + list(import_module("locker.api._openapi").document(service, found))


def rule(route: Any) -> str | None:
    """What the table says of a route."""
    call = f"{route.method} {route.path}"
    typed = next((who for pattern, who in TYPED.items() if re.fullmatch(pattern, call) and route.type), None)
    return TABLE.get((route.method, route.path), typed)


def ask(server: Server, caller: Caller, route: Any, path: str, query: str = "") -> tuple[int, str]:
    """Call a route as somebody; the status and the text of the answer."""
    token = caller.text
    if caller.owner:
        token = server.tokens.make(caller.owner, caller.scopes or KINDS)
        if caller.name == "one who logged out":
            server.locker.accounts.end(server.tokens.verify(token))
    filled = path.replace("{source}", "json").replace("{name}", "nothing")
    filled = re.sub(r"\{\w+\}", "999", filled)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    body = BODIES.get((route.method, route.path), {}) if route.method in ("POST", "PUT", "PATCH") else None
    answer = server.session.request(route.method, server.url + filled + query, json=body, headers=headers, timeout=20)
    return answer.status_code, answer.text


def test_the_table_has_every_route(server: Server) -> None:
    """Nobody adds a route without saying here who may call it, and no line outlives its route."""
    found = routes(server.locker)
    assert [] == [f"{route.method} {route.path}" for route in found if rule(route) is None]
    assert set() == TABLE.keys() - {(route.method, route.path) for route in found}


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
def test_every_route_lets_in_whom_it_should(server: Server, caller: Caller) -> None:
    """401 for whoever has no good token, 403 for whoever may not, and anything else for the others; by every name that a route has."""
    holes = []
    for route in routes(server.locker):
        who = rule(route)
        for path in (route.path, *route.aliases):
            status, text = ask(server, caller, route, path)
            if who == PUBLIC:
                right = status not in REFUSED or "Invalid email or password" in text
            elif caller.scopes is None:
                right = status == 401
            elif caller.may(str(who), route.type):
                right = status not in REFUSED
            else:
                right = status == 403
            if not right or status >= 500:
                holes.append(f"{route.method} {path}: {status} {text[:80]}")
    assert [] == holes


OWNERS: dict[str, set[tuple[str, str | None]]] = {
    # owner of the locker: what u1 may do there, as (scope, type); None is everything of that scope
    "u1": {(READ, None), (WRITE, None)},
    "me": {(READ, "contact")},
    "u2": {(READ, None), (WRITE, None)},
    "u5": set(),
    "u99": set(),
    "system": set(),
    "commons": set(),
    "acme~": set(),
    "acme~bob": set(),
    "No Owner": set(),
}


@pytest.mark.parametrize("owner", OWNERS)
def test_lockers_open_for_whom_they_should(server: Server, owner: str) -> None:
    """With ``owner=``, every route opens a locker for its owner and as far as a grant goes, and for nobody else."""
    caller, holes = CALLERS[4], []
    for route in routes(server.locker):
        who = rule(route)
        if who not in (READ, WRITE):
            continue
        allowed = (who, None) in OWNERS[owner] or (who, route.type) in OWNERS[owner]
        allowed = allowed or (route.type == "*" and any(scope == who for scope, _ in OWNERS[owner]))
        status, text = ask(server, caller, route, route.path, f"?owner={owner}")
        if allowed == (status in REFUSED):
            holes.append(f"{route.method} {route.path}: {status} {text[:80]}")
    assert [] == holes


@pytest.mark.parametrize(
    ("caller", "owner", "allowed"),
    [
        (CALLERS[6], "system", {READ}),
        (CALLERS[6], "commons", {READ}),
        (CALLERS[6], "u5", set()),  # an admin manages accounts; other people's lockers stay theirs
        (CALLERS[13], "system", {READ}),
        (CALLERS[13], "u5", set()),
        (CALLERS[7], "system", set()),
        (CALLERS[5], "system", set()),
        (CALLERS[11], "acme~bob", {READ, WRITE}),
        (CALLERS[11], "acme~new", {READ, WRITE}),
        (CALLERS[11], "other~bob", set()),
        (CALLERS[11], "u1", set()),
        (CALLERS[12], "acme~eve", set()),
        (CALLERS[12], "acme~", set()),
    ],
    ids=lambda value: value.name if isinstance(value, Caller) else None,
)
def test_admins_clients_and_the_system(server: Server, caller: Caller, owner: str, allowed: set[str]) -> None:
    """Admins read what the system knows, clients reach their own users, and nobody more than that."""
    holes = []
    for route in routes(server.locker):
        if (who := rule(route)) in (READ, WRITE):
            status, text = ask(server, caller, route, route.path, f"?owner={owner}")
            if (who in allowed) == (status in REFUSED):
                holes.append(f"{route.method} {route.path}: {status} {text[:80]}")
    assert [] == holes


HIDING = (
    "owner=me",
    "owner=u5",
    "OWNER=me",
    "owner=u1&owner=me",
    "%6fwner=me",
    "owner=%6de",
    "owner=me&owner=u1",
    "owner='me'",
    "owner=me%00",
)


@pytest.mark.parametrize(("caller", "hidden"), [*product((CALLERS[5], CALLERS[12]), HIDING)], ids=str)
def test_nothing_of_a_stranger_comes_out(server: Server, caller: Caller, hidden: str) -> None:
    """However the parameter is spelled, no call shows a stranger's friend; one's own it may."""
    own = {"u2", "acme~bob"}
    calls = [
        "/getContact?terms=[]",
        "/getContact?id=contact:1",
        "/list?",
        "/fields?type=contact",
        "/via?id=contact:1",
        "/via?id=contact:1&direction=down",
    ]
    calls += ["/connectors?", "/connectors/contact/getAll?", "/getContact?q=planted", "/getContact?terms=[]&facets=name"]
    for call in calls:
        token = server.tokens.make(caller.owner, KINDS)
        answer = server.get(f"{call}&{hidden}", headers={"Authorization": f"Bearer {token}"})
        plain = server.get(call.rstrip("?"), headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (400, 403, 404) or (caller.owner in own and answer.text == plain.text), (call, answer.text)


def test_a_body_names_no_strangers_locker(server: Server) -> None:
    """The owner in the body of a POST is checked like the one in an address."""
    headers = {"Authorization": f"Bearer {server.tokens.make('u2', KINDS)}"}
    for owner in ("me", "u5", "system"):
        for more in ({"json": {"terms": "[]", "owner": owner}}, {"data": {"terms": "[]", "owner": owner}}):
            answer = server.session.post(f"{server.url}/getContact", headers=headers, timeout=20, **more)  # type: ignore[arg-type]
            assert 403 == answer.status_code
            assert MARKER not in answer.text
    granted = {"Authorization": f"Bearer {server.tokens.make('u1', KINDS)}"}
    assert MARKER in server.post("/getContact", {"terms": "[]", "owner": "me"}, headers=granted).text
    assert 403 == server.post("/getMessage", {"terms": "[]", "owner": "me"}, headers=granted).status_code
    assert 403 == server.get("/fields?type=message&owner=me", headers=granted).status_code
    assert 200 == server.get("/fields?type=contact&owner=me", headers=granted).status_code
