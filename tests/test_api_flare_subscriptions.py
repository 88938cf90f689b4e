"""Subscriptions to resources over HTTP: every rule of what they may say, and what is shown of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flare import SUBSCRIPTION, Flare, flaring, somebody

ACTIONS = ("create", "update", "delete")


@pytest.fixture
def flare(tmp_path: Path) -> Iterator[Flare]:
    """A server with nothing in it."""
    with flaring(tmp_path) as made:
        yield made


def endpoint(**said: Any) -> dict[str, Any]:
    """A subscription whose endpoint says this too; None leaves out."""
    made = {**SUBSCRIPTION["endpoint"], **said}
    return {**SUBSCRIPTION, "endpoint": {name: value for name, value in made.items() if value is not None}}


def every(**said: Any) -> dict[str, Any]:
    """Each action with this, its URL being its own."""
    return {action: {name: value.replace("*", action) for name, value in said.items()} for action in ACTIONS}


def test_a_subscription_is_made_bare_with_its_location(flare: Flare) -> None:
    """201, ``Location``, the method in upper case, defaults of the content; the secret is told now and never again."""
    resource = flare.resource()
    made = flare.ask("POST", f"/resources/{resource}/subscriptions", SUBSCRIPTION)
    said = made.json()

    assert (201, f"/resources/{resource}/subscriptions/{said['id']}") == (made.status_code, made.headers["Location"])
    secret = said.pop("secret")
    assert secret.startswith("whsec_")
    expected = {
        "id": said["id"],
        "endpoint": {"url": "http://app.com/{id}", "method": "POST"},
        "delivery": {"success": [200], "discard": [500]},
        "content": {"document": True, "envelope": True},
        "status": "active",
        "createdAt": said["createdAt"],
    }
    assert expected == said
    read = flare.ask("GET", made.headers["Location"])
    assert (200, said) == (read.status_code, read.json())
    listed = flare.ask("GET", f"/resources/{resource}/subscriptions").json()
    assert {"pagination": {"limit": 30, "offset": 0, "total": 1}, "subscriptions": [said]} == listed


def test_everything_that_can_be_said(flare: Flare) -> None:
    """What was given is shown; values of headers that may be secrets are not, neither here nor in the log."""
    given = {
        "endpoint": {
            "url": "http://app.com/x-{ id }?user={id}",
            "method": "put",
            "headers": {"Authorization": ["Basic secret-of-mine"], "Accept": "text/plain"},
            "actions": {"delete": {"method": "delete", "headers": {"X-Key": ["secret-of-mine"]}}, "archive": {"url": 17}},
        },
        "delivery": {"success": [200, 201], "discard": [500], "retry": [1, 2.5], "state": "last", "concurrency": 3, "rate": 7},
        "content": {"envelope": True, "document": False},
        "data": {"service": "user", "id": "{id}", "revision": "{revision}", "n": 17, "f": 0.5, "b": False, "list": ["{id}", 1, True]},
        "terms": "[status:'active']",
        "from": "beginning",
    }
    resource = flare.resource()
    said = flare.subscription(resource, **given)
    assert {
        "url": "http://app.com/x-{id}?user={id}",
        "method": "PUT",
        "headers": {"Authorization": ["***"], "Accept": ["text/plain"]},
        "actions": {"delete": {"method": "DELETE", "headers": {"X-Key": ["***"]}}},
    } == said["endpoint"]
    assert given["delivery"] == said["delivery"]
    assert (given["content"], given["data"], given["terms"]) == (said["content"], said["data"], said["terms"])
    assert "secret-of-mine" not in flare.ask("GET", f"/resources/{resource}/subscriptions").text
    assert not [record for record in flare.server.locker.logbook.since() if "secret-of-mine" in (record.text or "")]


@pytest.mark.parametrize(
    "said",
    [
        {"endpoint": {"actions": every(url="http://app.com/*", method="post")}},
        {"endpoint": {"url": "http://app.com", "actions": every(method="put")}},
        {"endpoint": {"method": "get", "actions": every(url="http://app.com/{id}/*")}},
        endpoint(actions={}),
        endpoint(actions=[], headers=[]),
        endpoint(actions={"create": None}),
        endpoint(url="http://app.com/users-{id}.json"),
        {**SUBSCRIPTION, "data": {"a": 1}, "content": {}},
        {**SUBSCRIPTION, "data": {}, "content": {"envelope": False}},
        {**SUBSCRIPTION, "content": {"envelope": False, "document": False}},
        {**SUBSCRIPTION, "content": None, "data": None, "unknown": 1},
        *(
            {**SUBSCRIPTION, "endpoint": {"url": "http://app.com", "method": method}}
            for method in ("get", "POST", "Put", "patch", "DELETE")
        ),
    ],
    ids=str,
)
def test_subscriptions_that_are_right(flare: Flare, said: dict[str, Any]) -> None:
    """Parts may come from the actions alone; wildcards may stand anywhere behind the host; names that nobody knows are left out."""
    flare.subscription(flare.resource(), **said)


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({**SUBSCRIPTION, "endpoint": None}, "missing endpoint"),
        (endpoint(url=None), "'endpoint.url' not found while the 'endpoint.actions.create.url' is not present"),
        (
            endpoint(url=None, actions={"create": {"url": "http://app.com"}, "update": {"url": "http://app.com/u"}}),
            "'endpoint.url' not found while the 'endpoint.actions.delete.url' is not present",
        ),
        (endpoint(method=None), "'endpoint.method' not found while the 'endpoint.actions.create.method' is not present"),
        (
            endpoint(method=None, actions={"create": {"method": "put"}}),
            "'endpoint.method' not found while the 'endpoint.actions.update.method' is not present",
        ),
        (endpoint(method="HEAD"), "endpoint.method 'HEAD' is not one of GET, POST, PUT, PATCH, DELETE"),
        (endpoint(actions={"create": {"method": "sing"}}), "endpoint.create.method 'SING' is not one of"),
        (endpoint(actions=[1]), "endpoint.actions is an object"),
        (endpoint(actions={"create": 17}), "endpoint.create is an object"),
        (endpoint(url=17), "are texts"),
        (endpoint(url="app.com/{id}"), "write the URL whole"),
        (endpoint(url="ftp://app.com/{id}"), "'ftp' is not taken"),
        (endpoint(url="http://ann:pw@app.com/"), "may not hold a user"),
        (endpoint(url="http://app.com/a b"), "may not hold ' '"),
        (endpoint(url="http://app.com/\r\nX: y"), "may not hold"),
        (endpoint(url="http://{id}.app.com/"), "before its path"),
        (endpoint(url="http://app.com/{name}"), "endpoint.url has a wildcard 'name' that is not at the resource"),
        (endpoint(actions={"update": {"url": "http://app.com/{x}"}}), "endpoint.update.url has a wildcard 'x' that is not at the resource"),
        (endpoint(url="http://app.com/{revision}"), "{revision} is reserved"),
        (endpoint(url="http://app.com/{id"), "not in pairs"),
        (endpoint(url="http://app.com/{}"), "needs a name"),
        (endpoint(url="http://app.com/{id}{id}"), "something between"),
        (endpoint(headers=17), "endpoint.headers is an object"),
        (endpoint(headers={"A": 17}), "endpoint.headers is an object"),
        (endpoint(headers={"A": ["x\r\nB: y"]}), "A"),
        (endpoint(headers={"A B": ["x"]}), "A B"),
        (endpoint(headers={"Host": ["other.org"]}), "Host"),
        (endpoint(headers={"webhook-signature": ["v1,x"]}), "is the signature's"),
        ({**SUBSCRIPTION, "delivery": None}, "missing delivery.Success"),
        ({**SUBSCRIPTION, "delivery": {"discard": [500]}}, "missing delivery.Success"),
        ({**SUBSCRIPTION, "delivery": {"success": [], "discard": [500]}}, "missing delivery.Success"),
        ({**SUBSCRIPTION, "delivery": {"success": [200]}}, "missing delivery.Discard"),
        ({**SUBSCRIPTION, "delivery": {"success": [200], "discard": []}}, "missing delivery.Discard"),
        ({**SUBSCRIPTION, "delivery": {"success": ["200"], "discard": [500]}}, "delivery.success is a list of HTTP status codes"),
        ({**SUBSCRIPTION, "delivery": {"success": [200], "discard": [99]}}, "delivery.discard is a list of HTTP status codes"),
        ({**SUBSCRIPTION, "delivery": {"success": [200], "discard": [500], "state": "some"}}, "delivery.state is all or last"),
        ({**SUBSCRIPTION, "delivery": {"success": [200], "discard": [500], "retry": "often"}}, "delivery.retry is a list"),
        ({**SUBSCRIPTION, "delivery": 17}, "delivery is an object"),
        ({**SUBSCRIPTION, "content": 17}, "content is an object"),
        ({**SUBSCRIPTION, "content": {"envelope": "yes"}}, "content.envelope is true or false"),
        ({**SUBSCRIPTION, "content": {"document": 1}}, "content.document is true or false"),
        ({**SUBSCRIPTION, "data": {"a": 1}, "content": {"envelope": False}}, "could not have data while content.envelope is false"),
        ({**SUBSCRIPTION, "data": 17}, "data is an object"),
        ({**SUBSCRIPTION, "data": {"k": None}}, "invalid data content at key 'k'"),
        ({**SUBSCRIPTION, "data": {"k": {}}}, "invalid data content at key 'k'"),
        ({**SUBSCRIPTION, "data": {"k": [[]]}}, "invalid data content at key 'k'"),
        ({**SUBSCRIPTION, "data": {"k": [None]}}, "invalid data content at key 'k'"),
        ({**SUBSCRIPTION, "terms": 17}, "terms is a text"),
        ({**SUBSCRIPTION, "terms": "[status:"}, "value"),
        ({**SUBSCRIPTION, "terms": "COUNT(status:'x')"}, "COUNT cannot be subscribed to"),
        ({**SUBSCRIPTION, "from": "yesterday"}, 'from is "now", "beginning"'),
        ({**SUBSCRIPTION, "secret": "short"}, "signing secret"),
    ],
    ids=lambda value: str(value)[:80],
)
def test_subscriptions_that_are_wrong(flare: Flare, said: dict[str, Any], detail: str) -> None:
    """Each rule is 400 and says what it misses; nothing is kept."""
    resource = flare.resource()
    status, title, told = flare.error(flare.ask("POST", f"/resources/{resource}/subscriptions", said))
    assert (400, "error during body parse") == (status, title)
    assert detail in told
    assert 0 == flare.ask("GET", f"/resources/{resource}/subscriptions").json()["pagination"]["total"]


def test_a_url_is_told_once(flare: Flare) -> None:
    """409 for any URL, of the whole or of an action, that another subscription of the same resource has; at another resource it is welcome."""
    resource, other = flare.resource(), flare.resource("http://b.org/{id}")
    first = flare.subscription(resource)["id"]
    second = flare.subscription(resource, **endpoint(url="http://b.com", actions={"delete": {"url": "http://c.com/{id}"}}))["id"]
    for said, shared, whose in [
        (SUBSCRIPTION, "http://app.com/{id}", first),
        (endpoint(url="http://app.com/{ id }"), "http://app.com/{id}", first),
        (endpoint(url="http://new.com", actions={"create": {"url": "http://b.com"}}), "http://b.com", second),
        (endpoint(url="http://c.com/{id}"), "http://c.com/{id}", second),
    ]:
        detail = f"already exists a subscription '{whose}' with the endpoint.URL '{shared}'"
        expected = (409, "error during subscription create", detail)
        assert expected == flare.error(flare.ask("POST", f"/resources/{resource}/subscriptions", said))
    flare.subscription(resource, **endpoint(url="http://app.com/{id}/"))
    flare.subscription(other)


def test_unknown_ones(flare: Flare) -> None:
    """404 with the words of the original; the list of an unknown resource's subscriptions is empty."""
    resource, other = flare.resource(), flare.resource("http://b.org/{id}")
    id = flare.subscription(other)["id"]
    assert (404, "error during subscription create", "resource 'x' not found") == flare.error(
        flare.ask("POST", "/resources/x/subscriptions", SUBSCRIPTION)
    )
    detail = f"subscription '{id}' at resource '{resource}', not found"
    for method, path, title in [
        ("GET", "", "search"),
        ("DELETE", "", "delete"),
        ("POST", "/pause", "update"),
        ("POST", "/resume", "update"),
        ("POST", "/replay", "update"),
        ("POST", "/test", "update"),
    ]:
        answer = flare.ask(method, f"/resources/{resource}/subscriptions/{id}{path}", {"since": "beginning"})
        assert (404, f"error during subscription {title}", detail) == flare.error(answer)
    empty = {"pagination": {"limit": 30, "offset": 0, "total": 0}, "subscriptions": []}
    assert empty == flare.ask("GET", "/resources/x/subscriptions").json()


def test_pages(flare: Flare) -> None:
    """Oldest first."""
    resource = flare.resource()
    ids = [flare.subscription(resource, **endpoint(url=f"http://app.com/{n}"))["id"] for n in range(4)]
    said = flare.ask("GET", f"/resources/{resource}/subscriptions/?limit=2&offset=1").json()
    assert (ids[1:3], {"limit": 2, "offset": 1, "total": 4}) == ([each["id"] for each in said["subscriptions"]], said["pagination"])


def test_deleting(flare: Flare) -> None:
    """204 and gone; its URL is welcome again."""
    resource = flare.resource()
    path = f"/resources/{resource}/subscriptions/{flare.subscription(resource)['id']}"
    gone = flare.ask("DELETE", path)
    assert (204, b"", 404, 404) == (
        gone.status_code,
        gone.content,
        flare.ask("GET", path).status_code,
        flare.ask("DELETE", path).status_code,
    )
    flare.subscription(resource)


def test_everybody_has_their_own(flare: Flare) -> None:
    """Another owner neither sees nor changes a subscription."""
    resource = flare.resource()
    path = f"/resources/{resource}/subscriptions/{flare.subscription(resource)['id']}"
    other = somebody(flare)
    assert 404 == other.ask("GET", path).status_code
    assert 404 == other.ask("POST", f"{path}/pause").status_code
    assert 404 == other.ask("POST", f"/resources/{resource}/subscriptions", SUBSCRIPTION).status_code
    assert 0 == other.ask("GET", f"/resources/{resource}/subscriptions").json()["pagination"]["total"]


def test_pausing_and_resuming(flare: Flare) -> None:
    """The answer is the subscription as it is then; twice is once."""
    resource = flare.resource()
    path = f"/resources/{resource}/subscriptions/{flare.subscription(resource)['id']}"
    for call, status in (("pause", "paused"), ("pause", "paused"), ("resume", "active")):
        answer = flare.ask("POST", f"{path}/{call}")
        assert (200, status, status) == (answer.status_code, answer.json()["status"], flare.ask("GET", path).json()["status"])


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"since": "2026-11-22T08:00:00Z"}, 202),
        ({"since": "beginning"}, 202),
        ({"since": 17}, 202),
        ({"since": {"position": 17}, "pace": "original"}, 202),
        ({"since": {"time": "2026-11-22"}}, 202),
        ({}, 400),
        ({"since": None}, 400),
        ({"since": "now"}, 400),
        ({"since": "soon"}, 400),
        ({"since": True}, 400),
        ({"since": -1}, 400),
        ({"since": 17, "pace": "slow"}, 400),
    ],
    ids=str,
)
def test_asking_for_a_replay(flare: Flare, said: dict[str, Any], status: int) -> None:
    """202 and the id of the request, since a time or a position; anything else is 400."""
    resource = flare.resource()
    path = f"/resources/{resource}/subscriptions/{flare.subscription(resource)['id']}"
    answer = flare.ask("POST", f"{path}/replay", said)
    assert status == answer.status_code, answer.text
    assert {"request"} == answer.json().keys() if status == 202 else flare.error(answer)


@pytest.mark.parametrize("scopes", [{"write"}, {"write", "read:contact"}])
def test_who_may_not_read_cannot_subscribe(flare: Flare, scopes: set[str]) -> None:
    """Write does not imply read: a subscription from the beginning would tell everything to whoever may only put documents."""
    resource = flare.resource()
    tokens, path = flare.server.tokens, f"/resources/{resource}/subscriptions"
    writer = Flare(flare.server, "me", {"Authorization": f"Bearer {tokens.make('me', scopes)}"})
    answer = writer.ask("POST", path, {**SUBSCRIPTION, "from": "beginning"})
    assert 403 == answer.status_code
    assert "may not read documents" in answer.json()["error"]["detail"]
    assert 0 == flare.ask("GET", path).json()["pagination"]["total"]
    reader = Flare(flare.server, "me", {"Authorization": f"Bearer {tokens.make('me', {'write', 'read:document'})}"})
    assert 201 == reader.ask("POST", path, SUBSCRIPTION).status_code
