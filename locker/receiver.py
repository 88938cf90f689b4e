"""
Where notifications go: a URL, a method and headers, each perhaps another one for creates, updates and deletes.

Parts of a URL in braces are filled in from what the notification is about, percent-encoded: they can be a part of a path segment or of the query, never
of the host, and cannot add a segment.  Header values that may be secrets are not here but in the vault; ``***`` stands for them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self
from urllib.parse import quote

from .error import Invalid
from .guard import check_headers, check_url
from .record import Body
from .signature import HEADERS as SIGNED

Action = Literal["create", "update", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "delete")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MASK = "***"
MOST_HEADERS = 50
# What cannot be a secret; any other header's values are kept in the vault.
OPEN = frozenset(
    {"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-language", "content-type"}
    | {"from", "pragma", "prefer", "user-agent", "x-event", "x-requested-with", "x-source"}
)

Headers = Mapping[str, tuple[str, ...]]
_PLACE = re.compile(r"\{([^{}/?#]*)\}")
_SPLIT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)([^?#]*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Call:
    """How one action is told; empty parts are as for any other action."""

    url: str = ""
    method: str = ""
    headers: Headers = field(default_factory=dict)

    def body(self) -> Body:
        """As the log keeps it: what is not empty."""
        headers = {name: list(values) for name, values in self.headers.items()}
        return {name: value for name, value in (("url", self.url), ("method", self.method), ("headers", headers)) if value}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where notifications go; *actions* overrides parts of it.  Headers of an action replace all others."""

    url: str = ""
    method: str = "POST"
    headers: Headers = field(default_factory=dict)
    actions: Mapping[str, Call] = field(default_factory=dict)

    def call(self, action: Action) -> Call:
        """How an action is told."""
        own = self.actions.get(action)
        if own is None:
            return Call(self.url, self.method, self.headers)
        return Call(own.url or self.url, own.method or self.method, own.headers or self.headers)

    def calls(self) -> Iterator[tuple[str, Call]]:
        """The whole and each override, by name; the whole has an empty one."""
        yield "", Call(self.url, self.method, self.headers)
        yield from self.actions.items()

    def checked(self, known: Collection[str] | None = None) -> Receiver:
        """The receiver, if it may be called; *known* are the names that may stand in braces, None for any.  Raises Invalid."""
        for action in ACTIONS:
            call = self.call(action)
            if not call.url:
                raise Invalid(f"the receiver has no url for {action}; give it one, or one to each action")
            if call.method not in METHODS:
                raise Invalid(f"{call.method[:20]!r} is no method for notifications; there are {', '.join(METHODS)}")
        for name, call in self.calls():
            if call.url:
                _check_template(call.url, name, known)
            _check_headers(call.headers)
        return self

    def body(self) -> Body:
        """As the log keeps it."""
        said = Call(self.url, self.method, self.headers).body()
        return {**said, "actions": {name: call.body() for name, call in self.actions.items()}} if self.actions else said

    def parted(self) -> tuple[Receiver, Body]:
        """The receiver with every secret masked, and the secrets: ``{"" or an action: {header: [values]}}``."""
        secrets = {name: found for name, call in self.calls() if (found := _secrets(call.headers))}
        actions = {name: Call(call.url, call.method, _masked(call.headers)) for name, call in self.actions.items()}
        return Receiver(self.url, self.method, _masked(self.headers), actions), secrets

    @classmethod
    def of(cls, said: Any) -> Self:
        """A receiver as somebody wrote it: ``{"url", "method", "headers", "actions"}``.  Raises Invalid."""
        whole = _call(said, "receiver", {"actions"})
        actions = said.get("actions") or {}
        if not isinstance(actions, dict) or (actions.keys() - set(ACTIONS)):
            raise Invalid(f"actions is an object of {', '.join(ACTIONS)}")
        overrides = {name: _call(each, f"actions.{name}", set()) for name, each in actions.items()}
        return cls(whole.url, whole.method or "POST", whole.headers, overrides)


def places(url: str) -> list[str]:
    """The names that stand in braces."""
    return _PLACE.findall(url)


def filled(url: str, values: Mapping[str, str]) -> str:
    """The URL with every name in braces replaced by its value, percent-encoded.  Raises Invalid if a value would change its structure."""
    if "{" not in url:
        return url
    split = _SPLIT.fullmatch(url)
    assert split, "it was checked when it was given"
    base, path, rest = split.groups()
    segments = [_filled(segment, values) for segment in path.split("/")]
    for segment, template in zip(segments, path.split("/"), strict=True):
        if segment != template and segment in ("", ".", ".."):
            raise Invalid(f"{template} would be {segment!r} in {url}: that is another path; nothing was sent")
    return base + "/".join(segments) + _filled(rest, values)


def _filled(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if (known := values.get(found[1].strip())) is None:
            raise Invalid(f"there is nothing to put in the place of {{{found[1]}}}; nothing was sent")
        return quote(known, safe="")

    return _PLACE.sub(value, text)


def _check_template(url: str, name: str, known: Collection[str] | None) -> None:
    called = f"actions.{name}.url" if name else "url"
    if not (split := _SPLIT.fullmatch(url)):
        check_url(url)
        raise Invalid(f"{called} is not a URL")
    base, path, rest = split.groups()
    if "{" in base or "}" in base:
        raise Invalid(f"{called} has braces before its path; only parts of the path and the query can be filled in")
    if "#" in rest:
        raise Invalid(f"{called} has a fragment, which is never sent; leave it out")
    for each in places(path + rest):
        if known is not None and each.strip() not in known:
            raise Invalid(f"{called} has a place {each[:60]!r} that nothing fills; there are {', '.join(sorted(known)) or 'none'}")
    bare = base + _PLACE.sub("x", path + rest)
    if "{" in bare or "}" in bare:
        raise Invalid(f"the braces of {called} do not pair")
    check_url(bare)


def _check_headers(headers: Headers) -> None:
    if len(headers) > MOST_HEADERS:
        raise Invalid(f"a notification has at most {MOST_HEADERS} headers of your choice")
    for name, values in headers.items():
        if name.lower() in SIGNED:
            raise Invalid(f"the header {name} is the signature's; choose another name")
        if not values:
            raise Invalid(f"the header {name} has no value")
        for value in values:
            check_headers({name: value})


def _call(said: Any, what: str, more: set[str]) -> Call:
    if not isinstance(said, dict) or (said.keys() - {"url", "method", "headers"} - more):
        raise Invalid(f"{what} is an object of url, method and headers")
    url, method, headers = said.get("url") or "", said.get("method") or "", said.get("headers") or {}
    if not isinstance(url, str) or not isinstance(method, str) or not isinstance(headers, dict):
        raise Invalid(f"{what} has a url and a method that are texts, and headers that are an object")
    return Call(url, method.upper(), {name: _values(name, each) for name, each in headers.items()})


def _values(name: str, said: Any) -> tuple[str, ...]:
    values = [said] if isinstance(said, str) else said
    if not isinstance(values, list | tuple) or not all(isinstance(each, str) for each in values):
        raise Invalid(f"the header {name[:60]} is a text or a list of texts")
    return tuple(values)


def _secrets(headers: Headers) -> Body:
    return {name: list(values) for name, values in headers.items() if name.lower() not in OPEN}


def _masked(headers: Headers) -> Headers:
    return {name: values if name.lower() in OPEN else (MASK,) for name, values in headers.items()}
