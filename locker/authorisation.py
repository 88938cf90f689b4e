"""
How a service wants to be asked: what a connector declares of its authorisation, as data.

``oauth.py`` plays the protocols and keeps the tokens; a connector over HTTP never sees one.  A token that a person has already
(``locker connect github --token …``) is sent the way that the first declared method which takes a token says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A token made by hand at the service, sent in a header: ``Authorization: Bearer …`` unless told otherwise.

    *help* tells in one sentence where a person gets one.
    """

    header: str = "Authorization"
    prefix: str = "Bearer "
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key sent as the query parameter *param*."""

    param: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A user name and a password: HTTP Basic, or what the protocol has for it (IMAP)."""

    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user name and a password that are exchanged for a token which ends soon, and for another one which renews it (AT Protocol's sessions).

    *create* and *refresh* are URLs, whole or paths at the connection's base URL.  The first is sent the pair as JSON, under the names *username* and
    *password*; the second the renewing token, as a bearer.  *token* and *refresh_token* are JMESPaths in what both answer; a token that is a JWT
    says itself when it ends.
    """

    create: str
    refresh: str
    username: str = "username"
    password: str = "password"  # noqa: S105 (a member's name)
    token: str = "access_token"  # noqa: S105
    refresh_token: str = "refresh_token"  # noqa: S105
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), refresh, and the device flow (RFC 8628) where *device* is given.

    The URLs are whole, or paths at the connection's base URL (``/oauth/token``) for services of many instances.  *params* go into the authorisation
    request (``access_type=offline``); *client_auth* says how the client proves itself at the token endpoint; *register* is the endpoint where a
    client is made on the fly (Mastodon's ``/api/v1/apps``); *prefix* is what stands before the token in the *header*.
    """

    authorize: str
    token: str
    scopes: tuple[str, ...] = ()
    separator: str = " "
    device: str = ""
    register: str = ""
    pkce: bool = True
    client_auth: str = "client_secret_post"
    params: Mapping[str, str] = field(default_factory=dict)
    header: str = "Authorization"
    prefix: str = "Bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth1:
    """OAuth 1.0a (RFC 5849), HMAC-SHA1: every request is signed with the client's and the token's secrets."""

    request: str
    authorize: str
    access: str
    params: Mapping[str, str] = field(default_factory=dict)


Authorisation = Bearer | ApiKey | Basic | Login | OAuth2 | OAuth1
