"""
What services know this locker as: the clients that its operator made there, by network, read from the file that the setting ``oauth_clients`` names.

The file is TOML: a table for each network, and below it one for each instance of its own that a connection may name::

    [github]
    client_id = "Iv1.0123456789abcdef"
    client_secret = "…"

    [mastodon."social.example"]
    client_id = "…"
    client_secret = "…"

A client is used at the very host that it was made for and nowhere else, so that a base URL which somebody names never receives its secret.
"""

from __future__ import annotations

import logging
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .error import Invalid
from .oauth import Application

logger = logging.getLogger("locker")

ENDPOINTS = frozenset({"authorize", "token", "device", "register", "request", "access"})
KNOWN = ENDPOINTS | {"client_id", "client_secret"}


class Applications:
    """The clients of one file.  Raises Invalid, naming the place, for a file that is not as it should be; no value is ever shown."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[tuple[str, str], Application] = dict(_read(path)) if path else {}

    def find(self, network: str, base_url: str, own_url: str) -> Application | None:
        """The client for a network at a base URL; *own_url* is the connector's own, which needs no table of its instance."""
        if (found := self._known.get((network, host_of(base_url)))) or base_url != own_url:
            return found
        return self._known.get((network, ""))

    def missing(self, network: str, base_url: str, own_url: str) -> str:
        """What to do where there is none."""
        table = network if base_url == own_url else f'{network}."{host_of(base_url)}"'
        where = self._path or "the file that the setting oauth_clients names"
        return (
            f"there is no client for {network} at {host_of(base_url)}: make one there, and write its client_id under [{table}] in {where}"
        )


def host_of(url: str) -> str:
    """The host of a URL, with its port if that is an unusual one; in lower case."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _read(path: Path) -> dict[tuple[str, str], Application]:
    try:
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            logger.warning("%s can be read by other users of this machine; chmod 600 keeps its secrets", path)
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is no TOML: look at {_place(error)}") from None  # its message may hold a secret
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the setting oauth_clients: {path} cannot be read: {type(error).__name__}") from error
    made = {}
    for network, table in found.items():
        if not isinstance(table, dict):
            raise Invalid(f"{path}: {network} is to be a table, [{network}]")
        own = {name: value for name, value in table.items() if not isinstance(value, dict)}
        if own:
            made[network, ""] = _application(own, f"{path}, [{network}]")
        for host, instance in table.items():
            if isinstance(instance, dict):
                made[network, host.lower()] = _application(instance, f'{path}, [{network}."{host}"]')
    return made


def _application(table: Mapping[str, Any], place: str) -> Application:
    if unknown := sorted(table.keys() - KNOWN):
        raise Invalid(f"{place}: there is no {unknown[0][:40]!r}; there are {', '.join(sorted(KNOWN))}")
    if wrong := sorted(name for name, value in table.items() if not isinstance(value, str) or not value):
        raise Invalid(f"{place}: {wrong[0]} is to be a text")
    if "client_id" not in table:
        raise Invalid(f"{place}: client_id is missing")
    endpoints = {name: value for name, value in table.items() if name in ENDPOINTS}
    return Application(table["client_id"], table.get("client_secret", ""), endpoints)


def _place(error: tomllib.TOMLDecodeError) -> str:
    return str(error).rpartition("(at ")[2].rstrip(")") or "its end"
