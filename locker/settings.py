"""
What can be set when a locker starts: one table, read once, from ``LOCKER_<NAME>`` and from command line options.

To add a setting, add one line to ``Settings``: its type, its reader, its default and its help.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

import platformdirs

from .error import Invalid
from .record import check_owner

PREFIX = "LOCKER_"
LEVELS = ("debug", "info", "warning", "error")
SIGNUPS = ("open", "invite", "closed")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader(Generic[T]):
    """How a setting's text becomes its value: *read* raises ValueError or Invalid for all but what *accepts* describes."""

    read: Callable[[str], T]
    accepts: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as text: what it is called, what it is now, what it would be by default, and what it is for."""

    name: str
    variable: str
    value: str
    default: str
    help: str


def whole(least: int, most: int | None = None, unit: str = "") -> Reader[int]:
    """A whole number between two bounds, both included."""

    def read(text: str) -> int:
        number = int(text)
        if number < least or (most is not None and number > most):
            raise ValueError
        return number

    return Reader(read, f"a whole number {f'of {unit} ' if unit else ''}from {least}{'' if most is None else f' to {most}'}")


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~somebody who has no home here
        raise ValueError(text) from error


def _switch(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}[text.casefold()]


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part) for part in text.replace(",", " ").split())


def _level(text: str) -> str:
    return LEVELS[LEVELS.index(text.casefold())]


def _signup(text: str) -> str:
    return SIGNUPS[SIGNUPS.index(text.casefold())]


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(part) for part in text.replace(",", " ").split())


def _host(text: str) -> str:
    if not text.isascii() or any(character.isspace() or character in "/@" for character in text):
        raise ValueError
    return text


FOLDER = Reader(_folder, "a folder")
FILE: Reader[Path | None] = Reader(_folder, "a file")
URL: Reader[str | None] = Reader(_origin, "an address like https://locker.example, maybe with a path")
ORIGINS = Reader(_origins, "addresses with commas between them, like https://app.example")
OWNER = Reader(check_owner, "an owner's name: a to z, 0 to 9, _ ~ . and -, at most 64, starting with a letter or digit")
HOST = Reader(_host, "a host name or an address, without a port")
SWITCH = Reader(_switch, "true or false (also yes, no, on, off, 1, 0)")
NETWORKS = Reader(_networks, "networks with commas between them, like 127.0.0.0/8,fd00::/8")
SIGNUP = Reader(_signup, "one of " + ", ".join(SIGNUPS))
LEVEL = Reader(_level, "one of " + ", ".join(LEVELS))
TEXT: Reader[str | None] = Reader(str, "a text")


def data_folder(current: Path | None = None) -> Path:
    """Where a locker lives unless told otherwise: ``data`` in a checkout of this project, else the user's data folder."""
    here = current or Path.cwd()
    try:
        with (here / "pyproject.toml").open("rb") as file:
            is_checkout = tomllib.load(file).get("project", {}).get("name") == "locker" and (here / "locker").is_dir()
    except (OSError, ValueError):
        is_checkout = False
    return here / "data" if is_checkout else Path(platformdirs.user_data_dir("locker", appauthor=False))


def key_folder() -> Path:
    """Where the keys of lockers lie unless told otherwise: in the user's configuration, so that a copy of the data opens no secret."""
    return Path(platformdirs.user_config_dir("locker", appauthor=False)) / "keys"


def _setting(reader: Reader[T], default: T, help: str, *, secret: bool = False) -> T:
    made: T = field(default=default, repr=not secret, metadata={"reader": reader, "help": help, "secret": secret})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set.  The values of secrets are in no repr, no error and no table."""

    data: Path = field(
        default_factory=data_folder, metadata={"reader": FOLDER, "help": "the folder that the locker lives in", "secret": False}
    )
    owner: str = _setting(OWNER, "me", "whose data it is")
    host: str = _setting(HOST, "127.0.0.1", "the address to listen at")
    port: int = _setting(whole(0, 65535), 8042, "the port to listen at; 0 takes any free one")
    trust_loopback: bool = _setting(SWITCH, False, "let requests from this machine act as owner me without a token")
    public_commons: bool = _setting(SWITCH, True, "let anyone read the shared tags and articles")
    secret: str | None = _setting(TEXT, None, "signs the tokens and seals the vault; needed to listen at a public address", secret=True)
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = _setting(NETWORKS, (), "private networks that the server may call all the same")
    collect: bool = _setting(SWITCH, True, "while serving, ask connected services for what is new")
    collect_concurrency: int = _setting(whole(1, 64), 4, "how many connected services are asked at a time")
    rate_limit: int = _setting(whole(0), 1000, "requests a minute that one account or address may make; 0 is no limit")
    max_body: int = _setting(whole(1, unit="bytes"), 16 * 1024 * 1024, "the longest request body, in bytes")
    login_limit: int = _setting(whole(0), 500, "attempts to sign in within 20 minutes from one address or to one account; 0 is no limit")
    signup_limit: int = _setting(whole(0), 300, "attempts to sign up within an hour from one address; 0 is no limit")
    live_limit: int = _setting(whole(0), 5000, "how many live streams may be open at once; 0 is none")
    live_heartbeat: int = _setting(whole(1, 3600, "seconds"), 15, "after how many quiet seconds a live stream says that it is still there")
    metrics_loopback: bool = _setting(SWITCH, False, "let requests from this machine read /metrics without a token")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting(
        NETWORKS, (), "networks of proxies whose X-Forwarded-For says who is calling"
    )
    signup: str = _setting(SIGNUP, "open", "who may sign up: " + ", ".join(SIGNUPS))
    keys: Path = field(
        default_factory=key_folder, metadata={"reader": FOLDER, "help": "the folder of the vault's key, outside of data", "secret": False}
    )
    public_url: str | None = _setting(URL, None, "the address that people reach the server at, like https://locker.example")
    oauth_clients: Path | None = _setting(FILE, None, "the TOML file with the client ids and secrets that networks know this locker by")  # noqa: RUF009 - a field
    return_to: tuple[str, ...] = _setting(ORIGINS, (), "other sites that people may be sent back to after connecting a network")
    old_secret: str | None = _setting(TEXT, None, "the secret before, until 'locker vault rotate' is done", secret=True)
    plugins: bool = _setting(SWITCH, False, "use the files in <data>/plugins as connectors and collections: Python, which runs, and TOML")
    singer: bool = _setting(SWITCH, False, "install and run Singer taps: programs of others, which fetch from a service with your rights")
    log_level: str = _setting(LEVEL, "info", "how much the program tells: " + ", ".join(LEVELS))

    @classmethod
    def read(cls, environ: Mapping[str, str], **overrides: object) -> Self:
        """The settings of this start: *overrides* (None: not given), else ``LOCKER_<NAME>`` (empty: not given), else the default.

        Raises Invalid, which names the setting and says what it accepts.
        """
        known = {each.name for each in fields(cls)}
        if unknown := sorted(overrides.keys() - known):
            raise Invalid(f"there is no setting called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        given: dict[str, Any] = {}
        for each in fields(cls):
            variable = PREFIX + each.name.upper()
            override = overrides.get(each.name)
            text = environ.get(variable, "").strip() if override is None else _text(override)
            if text or override is not None:
                given[each.name] = _value(each.metadata, variable if override is None else f"the setting {each.name}", text)
        return cls(**given)

    def rows(self) -> Iterator[Row]:
        """The table, in order; of a secret only whether it is set."""
        defaults = type(self)()
        for each in fields(self):
            show = _hidden if each.metadata["secret"] else _text
            value, default = show(getattr(self, each.name)), show(getattr(defaults, each.name))
            yield Row(each.name, PREFIX + each.name.upper(), value, default, each.metadata["help"])


def _value(metadata: Mapping[str, Any], name: str, text: str) -> object:
    reader: Reader[object] = metadata["reader"]
    try:
        return reader.read(text)
    except (ValueError, KeyError, Invalid):
        shown = "its value" if metadata["secret"] else repr(text)
        raise Invalid(f"{name}: {shown} does not do; it takes {reader.accepts}") from None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _hidden(value: object) -> str:
    return "not set" if value is None else "set"
