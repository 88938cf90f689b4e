"""
A proposal is a connection that somebody wants: for whom, where, with which options and secrets, held against what its connector says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from .connector import Fetching, Option
from .credential import GIVEN, Credential
from .error import Invalid, Unauthorized
from .fetching import told_by
from .guard import check_url
from .trial import help_of


class Known(Protocol):
    """What is asked of a connection that is there already."""

    @property
    def base_url(self) -> str: ...
    @property
    def trusted(self) -> bool: ...
    @property
    def options(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A connection that somebody wants: *source* is ``<connector>`` or ``<connector>.<account>``; *trusted*: the operator named the base URL."""

    source: str
    owner: str = "me"
    by: str = "me"
    base_url: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False

    @property
    def network(self) -> str:
        return self.source.partition(".")[0]

    def held_against(self, connector: Fetching, known: Known | None) -> Proposal:
        """The same with what is known of the connection already, and with its base URL whole.  Raises Invalid for a base URL that cannot be."""
        made = replace(self, options={**told_by(connector.asks, self.source), **self.options})
        if known:
            # What the operator trusted was an address; what a program is told must be the operator's word each time.
            trusted = self.trusted if self.base_url or connector.runs_programs else known.trusted
            made = replace(self, base_url=self.base_url or known.base_url, trusted=trusted, options={**known.options, **made.options})
        base_url = (made.base_url or connector.base_url).rstrip("/")
        if "?" in base_url or "#" in base_url:
            raise Invalid("a base URL is an address without ? and #, like https://social.example")
        if not base_url and connector.who is not None:
            raise Invalid(f"{self.network} has many instances: name yours as the base URL, like https://social.example")
        if base_url.partition("://")[0].lower() in ("http", "https") or (base_url and connector.who is not None):
            base_url = check_url(base_url).url.rstrip("/")
        return replace(made, base_url=base_url)


def sorted_options(connector: Fetching, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The plain and the secret options.  Raises Invalid for unknown or missing ones, telling what each is for."""
    known: dict[str, Option] = {option.name: option for option in connector.asks}
    if unknown := sorted(given.keys() - known.keys()):
        there = "; there are " + ", ".join(f"{each.name} ({each.help})" for each in known.values()) if known else ""
        raise Invalid(f"{connector.name} has no option {unknown[0][:40]!r}{there}")
    for option in known.values():
        if option.required and not option.secret and not given.get(option.name):
            raise Invalid(f"{connector.name} must be told {option.name} ({option.help}): --option {option.name}=…")
    plain = {name: value for name, value in given.items() if not known[name].secret}
    return plain, {name: value for name, value in given.items() if known[name].secret}


def check_secrets(connector: Fetching, given: Mapping[str, str]) -> None:
    """Raise Invalid for secrets that the connector cannot use, or that are missing."""
    known = {*GIVEN, "client_id", "client_secret", "expires", *(option.name for option in connector.asks if option.secret)}
    if unknown := sorted(given.keys() - known):
        raise Invalid(f"there is no secret called {unknown[0][:40]!r}")
    for option in connector.asks:
        if option.required and option.secret and not given.get(option.name):
            raise Invalid(f"{connector.name} must be told {option.name} ({option.help}): --option {option.name}=…")
    if not connector.auth:
        if any(name in given for name in GIVEN):
            raise Invalid(f"{connector.name} asks for no credential; it only has options")
        return
    way = Credential(given).way(connector.auth)
    if way is None:
        raise Unauthorized(f"{connector.name} wants to know who asks: {help_of(connector)}")
