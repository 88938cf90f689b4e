"""Connectors of the tests' network, as a plugin would bring them: each is let in another way."""

from __future__ import annotations

from typing import ClassVar

from locker.connector import ApiKey, Basic, Bearer, Body, Fetching, OAuth1, OAuth2, Option, PageNumber, Stream, Who

ME = Who(path="/me", facts={"id": "id", "username": "login"})
CODE = OAuth2(authorize="/authorize", token="/token", scopes=("read",))
STREAM = Stream(name="likes", type="favorite", path="/likes", paging=PageNumber(size=10))


class _Common:
    who: ClassVar[Who | None] = ME
    types: ClassVar[tuple[str, ...]] = ("favorite",)
    streams: ClassVar[tuple[Stream, ...]] = (STREAM,)

    def map(self, type: str, body: Body) -> Body | None:
        """Nothing of interest."""
        return {"url": f"http://fake.example/{body['id']}"}


class Fake(_Common, Fetching):
    """By a browser, or with a token from the settings page."""

    name, title = "fake", "Fake"
    auth = (CODE, Bearer(help="fake.example/settings"))


class Screen(_Common, Fetching):
    """By a code that is typed elsewhere."""

    name, title = "screen", "Screen"
    auth = (OAuth2(authorize="/authorize", token="/token", device="/device"),)


class Many(_Common, Fetching):
    """Of many instances, where a client is made on the fly."""

    name, title = "many", "Many"
    auth = (OAuth2(authorize="/authorize", token="/token", register="/register"),)


class Old(_Common, Fetching):
    """OAuth 1.0a."""

    name, title = "old", "Old"
    auth = (OAuth1(request="/initiate", authorize="/authorize1", access="/access"),)
    who = Who(path="/signed", params={"verify": "{flag}"})
    asks = (Option(name="flag", help="what is verified"),)


class Key(_Common, Fetching):
    """With a key and a secret option."""

    name, title = "key", "Key"
    auth = (ApiKey(param="key", help="fake.example/keys"),)
    who = None
    asks = (
        Option(name="username", help="whose favorites", required=True),
        Option(name="pin", help="the PIN of the account", secret=True),
    )


class Mail(_Common, Fetching):
    """With a name and a password."""

    name, title = "mail", "Mail"
    base_url = "https://mail.example"
    auth = (Basic(help="an app password"),)
    who = None


class Open(_Common, Fetching):
    """Asks for nothing."""

    name, title = "open", "Open"
    base_url = "https://open.example"
    who = None
    asks = (Option(name="username", help="whose favorites", required=True),)


CONNECTORS = {each.name: each() for each in (Fake, Screen, Many, Old, Key, Mail, Open)}
