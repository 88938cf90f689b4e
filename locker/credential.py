"""
A credential is what opens an account at a service: the secrets of one connection, as the vault keeps them.

Their names are ``connection/<owner>/<source>/<name>``.  Beside what a connector or a person gives (``token, token_secret, refresh_token, username,
password``, secret options) there are ``expires``, ``method`` (which kind of authorisation gave the token) and, for a client that was made on the fly
or that belongs to whoever gave the token, ``client_id`` and ``client_secret``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .authorisation import ApiKey, Authorisation, Basic, Bearer, Login, OAuth1, OAuth2
from .secret import hidden
from .vault import Vault

GIVEN = ("token", "token_secret", "refresh_token", "username", "password")
PLAIN = ("expires", "method", "username", "client_id")
"""What is kept with the secrets and is none."""
OWN = ("expires", "method", "client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class Credential:
    """The secrets of one connection, by name.  No repr shows them."""

    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Credential({', '.join(sorted(self.secrets))})"

    def get(self, name: str) -> str:
        """A secret, or an empty text."""
        return self.secrets.get(name, "")

    def hide(self, text: str) -> str:
        """A text without these secrets: some services repeat in an error what they were sent, as it is or as it was written."""
        secrets = {secret for name, secret in self.secrets.items() if name not in PLAIN}
        if self.get("password"):
            secrets.add(f"{self.get('username')}:{self.get('password')}")
        return hidden(text, secrets)

    @property
    def expires(self) -> datetime | None:
        """When the token ends; None if nobody said."""
        try:
            return datetime.fromisoformat(self.get("expires"))
        except ValueError:
            return None

    def way(self, auth: Sequence[Authorisation]) -> Authorisation | None:
        """Which of a connector's ways to be let in these secrets are for; None if there is none."""
        if self.get("password") and (login := next((each for each in auth if isinstance(each, Login)), None)):
            return login
        kinds = {"oauth2": OAuth2, "oauth1": OAuth1}
        if (kind := kinds.get(self.get("method"))) or (kind := OAuth1 if self.get("token_secret") else None):
            return next((each for each in auth if isinstance(each, kind)), None)
        if self.get("refresh_token") and (found := next((each for each in auth if isinstance(each, OAuth2)), None)):
            return found
        if self.get("token"):
            return next((each for each in auth if isinstance(each, Bearer | ApiKey | OAuth2)), None)
        return next((each for each in auth if isinstance(each, Basic)), None) if self.get("username") or self.get("password") else None


def prefix_of(owner: str, source: str) -> str:
    """What the names of a connection's secrets begin with."""
    return f"connection/{owner}/{source}/"


def load(vault: Vault, owner: str, source: str) -> Credential:
    """The credential of a connection as it is at this moment.  Raises Unavailable if the vault's key is not here."""
    prefix = prefix_of(owner, source)
    found = {name.removeprefix(prefix): vault.get(name) for name in vault.names(prefix)}
    return Credential({name: secret for name, secret in found.items() if secret is not None})


def store(vault: Vault, owner: str, source: str, secrets: Mapping[str, str]) -> None:
    """Keep secrets of a connection, all of them or none; an empty one is forgotten."""
    prefix = prefix_of(owner, source)
    vault.put_all({f"{prefix}{name}": secret or None for name, secret in secrets.items()})
