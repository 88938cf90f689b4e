"""
What a resource and a subscription of the Flare dialect may say; each rule has its own words (``specs``: behaviour §1.3 and §1.7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from locker.error import Conflict, Invalid
from locker.notification import ACTIONS, METHODS, Call, Policy, Receiver, Start, Subscription
from locker.record import Body
from locker.resource import Change, Resource
from locker.wildcard import Pattern, check, names

DEFAULT_LIMIT = 30
DELIVERY = ("success", "discard", "retry", "state", "concurrency", "rate")


def checked_resource(said: Body) -> tuple[Pattern, Change]:
    """The pattern and the change field of a new resource.  Raises Invalid."""
    endpoint = said.get("endpoint")
    if not isinstance(endpoint, str) or not endpoint.strip():
        raise Invalid("missing endpoint; it is a text like http://api.company.com/users/{id}")
    try:
        pattern = Pattern.parse(endpoint)
    except Invalid as error:
        raise Invalid(f"invalid endpoint: {error}") from error
    return pattern, Change.of(said.get("change"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription that somebody asks for; *options* are what its notifications look like."""

    receiver: Receiver
    delivery: Policy
    options: Body
    terms: str
    start: Start
    secret: str | None

    def check_unlike(self, others: list[Subscription]) -> None:
        """Raise Conflict if another one of the same resource has one of its URLs."""
        mine = set(urls(self.receiver))
        for other in others:
            if shared := mine & set(urls(other.receiver)):
                raise Conflict(f"already exists a subscription '{other.id}' with the endpoint.URL '{min(shared)}'")


def checked_subscription(said: Body, resource: Resource) -> Wanted:
    """A new subscription.  Raises Invalid."""
    receiver = _endpoint(said.get("endpoint"), resource)
    terms, secret = said.get("terms", ""), said.get("secret")
    if not isinstance(terms, str):
        raise Invalid("terms is a text like [status:'active']; a document is told of only if they hold for it")
    if secret is not None and not isinstance(secret, str):
        raise Invalid("secret is whsec_ and base64; leave it out to get a new one")
    start = Start.of(said.get("from"))
    return Wanted(receiver, _delivery(said.get("delivery")), _options(said), terms, start, secret)


def urls(receiver: Receiver) -> Iterator[str]:
    """Every URL that a receiver names."""
    return (call.url for _, call in receiver.calls() if call.url)


# -- endpoint ----------------------------------------------------------------------------------------


def _endpoint(said: Any, resource: Resource) -> Receiver:
    if not isinstance(said, dict):
        raise Invalid("missing endpoint; it is an object with url and method")
    actions = said.get("actions") or {}
    if not isinstance(actions, dict):
        raise Invalid(f"endpoint.actions is an object of {', '.join(ACTIONS)}")
    base = _call("endpoint", said, resource)
    overrides: dict[str, Call] = {name: _call(f"endpoint.{name}", actions[name] or {}, resource) for name in ACTIONS if name in actions}
    for part in ("url", "method"):
        if not getattr(base, part):
            _check_covered(part, overrides)
    return Receiver(base.url, base.method, base.headers, overrides)


def _check_covered(part: str, overrides: Mapping[str, Call]) -> None:
    """Raise Invalid if an action lacks what the whole lacks too."""
    for name in ACTIONS:
        if name not in overrides or not getattr(overrides[name], part):
            raise Invalid(f"'endpoint.{part}' not found while the 'endpoint.actions.{name}.{part}' is not present")


def _call(where: str, said: Any, resource: Resource) -> Call:
    """How an action is told.  Names that we do not know are left out, as ever in this dialect."""
    if not isinstance(said, dict):
        raise Invalid(f"{where} is an object of url, method and headers")
    url, method, headers = said.get("url") or "", said.get("method") or "", said.get("headers") or {}
    if not isinstance(url, str) or not isinstance(method, str):
        raise Invalid(f"{where}.url and {where}.method are texts")
    method = method.strip().upper()
    if method and method not in METHODS:
        raise Invalid(f"{where}.method '{method[:20]}' is not one of {', '.join(METHODS)}")
    return Call(_url(where, url.strip(), resource), method, _headers(where, headers))


def _url(where: str, url: str, resource: Resource) -> str:
    try:
        url = check(url)
    except Invalid as error:
        raise Invalid(f"{where}.url: {error}") from error
    for name in names(url):
        if name not in resource.pattern.names:
            raise Invalid(f"{where}.url has a wildcard '{name[:60]}' that is not at the resource")
    return url


def _headers(where: str, said: Any) -> dict[str, tuple[str, ...]]:
    wrong = f"{where}.headers is an object of names with lists of texts"
    if not isinstance(said, dict):
        raise Invalid(wrong)
    headers = {name: [values] if isinstance(values, str) else values for name, values in said.items()}
    if not all(isinstance(values, list) and all(isinstance(value, str) for value in values) for values in headers.values()):
        raise Invalid(wrong)
    return {name: tuple(values) for name, values in headers.items()}


# -- delivery, content and data ------------------------------------------------------------------------


def _delivery(said: Any) -> Policy:
    said = {} if said is None else said
    if not isinstance(said, dict):
        raise Invalid("delivery is an object with success and discard, lists of statuses")
    for name in ("success", "discard"):
        if not said.get(name):
            raise Invalid(f"missing delivery.{name.capitalize()}; it is a list of statuses")
    return Policy.of({name: said[name] for name in DELIVERY if name in said})


def _options(said: Body) -> Body:
    """What notifications look like."""
    content = said.get("content") or {}
    if not isinstance(content, dict):
        raise Invalid("content is an object of document and envelope")
    options = {name: True if content.get(name) is None else content[name] for name in ("envelope", "document")}
    for name, value in options.items():
        if not isinstance(value, bool):
            raise Invalid(f"content.{name} is true or false")
    data = said.get("data") or {}
    if not isinstance(data, dict):
        raise Invalid("data is an object")
    if data and not options["envelope"]:
        raise Invalid("could not have data while content.envelope is false")
    for key, value in data.items():
        if not all(map(_is_plain, value if isinstance(value, list) else [value])):
            raise Invalid(f"invalid data content at key '{key[:100]}'; it is a text, a number, true or false, or a list of those")
    return options | ({"data": data} if data else {})


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


# -- paging ------------------------------------------------------------------------------------------


def paging(params: Mapping[str, str]) -> tuple[int, int]:
    """``limit`` and ``offset``, which may be negative.  Raises Invalid for what is no whole number."""
    return _page("limit", params, DEFAULT_LIMIT), _page("offset", params, 0)


def _page(name: str, params: Mapping[str, str], default: int) -> int:
    text = params.get(name, "").strip()
    digits = text.removeprefix("-").removeprefix("+")
    if text and not (digits.isascii() and digits.isdecimal()):
        raise Invalid(f"{name} is a whole number, not '{text[:40]}'")
    return int(text[:18]) if text else default


def checked_page(limit: int, offset: int) -> tuple[int, int]:
    """The same, if none is negative.  Raises Invalid."""
    for name, value in (("limit", limit), ("offset", offset)):
        if value < 0:
            raise Invalid(f"invalid {name} '{value}'")
    return limit, offset
