"""
The trial of a credential: one request that tells whose account it opens, before anything is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote, urlencode

from .application import Applications
from .authorisation import Basic, Login, OAuth1, OAuth2
from .clock import Clock
from .connector import Answer, Fetching
from .credential import Credential
from .error import Fatal, Retriable, Unauthorized
from .fetching import named
from .login import LoginClient
from .oauth import AGENT, Application, Asks, Client2
from .path import search, text
from .signer import Kept, Renews, Signer, Turn


class Held:
    """A credential in the hand, not kept anywhere yet."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.secrets = dict(secrets)

    def load(self) -> Credential:
        """As it is now."""
        return Credential(dict(self.secrets))

    def store(self, changed: Mapping[str, str]) -> None:
        """Take in what was renewed."""
        self.secrets |= changed


async def learn(connector: Fetching, base_url: str, options: Mapping[str, str], signer: Signer, asks: Asks) -> dict[str, str]:
    """The facts of the account that a credential opens; none of a mirror that knows lists and no accounts (404).

    Raises Unauthorized if the service refuses it, Fatal if it does not answer as it should.
    """
    assert connector.who is not None
    if facts := named(connector.asks, options):
        return facts
    who, told = connector.who, _Told(options)
    query = urlencode({name: value.format_map(told) for name, value in who.params.items()})
    url = f"{base_url}{who.path.format_map(_Told({name: quote(value, safe='') for name, value in options.items()}))}"
    url = f"{url}{'&' if '?' in url else '?'}{query}" if query else url
    answer = await _asked(url, who.headers, signer, asks)
    if answer.status == 401 and await signer.renew():
        answer = await _asked(url, who.headers, signer, asks)
    if answer.status == 404 and base_url != connector.base_url:
        return {}
    _judge(connector, answer)
    found = {name: text(search(path, answer.json())) or "" for name, path in who.facts.items()}
    if not found.get("id"):
        raise Fatal(f"{connector.name}: {_plain(url)} does not say whose account it is; look at the base URL")
    return {name: value for name, value in found.items() if value}


async def _asked(url: str, headers: Mapping[str, str], signer: Signer, asks: Asks) -> Answer:
    signed, sent = await signer.sign("GET", url, {"Accept": "application/json", "User-Agent": AGENT, **headers})
    reply = await asks.request("GET", signed, headers=sent)
    return Answer(reply.status, reply.headers, reply.body, url)


def _judge(connector: Fetching, answer: Answer) -> None:
    if error := connector.judge(answer):
        raise error
    where = _plain(answer.url)
    if answer.status in (401, 403):
        raise Unauthorized(f"{connector.name} refuses this credential ({where} answers {answer.status}); {again(connector)}")
    if answer.status == 429 or answer.status >= 500:
        raise Retriable(f"{where} answers {answer.status}; try again later")
    if not 200 <= answer.status < 300:
        raise Fatal(f"{where} answers {answer.status}; look at the base URL")


def signer_of(
    connector: Fetching,
    base_url: str,
    credential: Credential,
    applications: Applications,
    asks: Asks,
    kept: Kept,
    clock: Clock,
    turn: Callable[[], Turn] | None = None,
    source: str = "",
) -> Signer:
    """The signer of a credential; *turn* is the lease under which it is renewed, where others may do the same."""
    way = credential.way(connector.auth)
    own = Application(credential.get("client_id"), credential.get("client_secret")) if credential.get("client_id") else None
    configured = applications.find(connector.name, base_url, connector.base_url)
    application = replace(own, endpoints=configured.endpoints) if own and configured else own or configured
    client: Renews | None = Client2(way, application, base_url, asks, clock) if isinstance(way, OAuth2) and application else None
    if isinstance(way, Login):
        client = LoginClient(way, base_url, asks)
    return Signer(way, kept, clock=clock, client=client, application=application, turn=turn, again=again(connector, source))


def again(connector: Fetching, source: str = "") -> str:
    """What to do when a credential is refused."""
    return f"connect again with 'locker connect {source or connector.name}', or {help_of(connector)}"


def help_of(connector: Fetching) -> str:
    """How to connect with what one has, in a few words."""
    way = next((way for way in connector.auth if not isinstance(way, OAuth1 | OAuth2)), None)
    if way is None:
        return "pass a token that you have with --token-stdin" if connector.auth else "it needs no token"
    passed = "--username and --password-stdin" if isinstance(way, Basic | Login) else "--token-stdin"
    return f"pass {passed}{f' ({way.help})' if way.help else ''}"


class _Told(dict[str, str]):
    """What a path may name; what is missing stays empty."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__(known)

    def __missing__(self, name: str) -> str:
        return ""


def _plain(url: str) -> str:
    return url.partition("?")[0]
