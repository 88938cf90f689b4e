"""
How accounts are called: e-mail addresses, names of API clients, and the owners of a client's users.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from urllib.parse import urlsplit

from .error import BrokenSchema, Invalid
from .identity import CLIENT_MARK, COMMONS, OPERATOR, SYSTEM
from .password import LEAST, MOST

LONGEST_EMAIL, LONGEST_USERNAME = 254, 60
_EMAIL = re.compile(r"[^@\s\x00-\x20\x7f]+@[^@\s\x00-\x20\x7f.]+(\.[^@\s\x00-\x20\x7f.]+)*")
_CLIENT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,19}")
_OTHERS = re.compile(r"[^a-z0-9_.-]+")
SLUG = 24
ALIAS = 1024


def fold(email: str) -> str:
    """An e-mail address as it is kept: in lower case, its letters composed."""
    return unicodedata.normalize("NFC", email.strip()).lower()


def check_signup(email: str, password: str) -> str:
    """The address of somebody who signs up.  Raises BrokenSchema that names everything that is wrong."""
    folded, problems = fold(email), list[str]()
    if not folded:
        problems.append("Email can't be blank")
    elif not _EMAIL.fullmatch(folded) or len(folded) > LONGEST_EMAIL or not _is_text(folded):
        problems.append("Email is invalid")
    if not password:
        problems.append("Password can't be blank")
    elif len(password) < LEAST:
        problems.append(f"Password is too short (minimum is {LEAST} characters)")
    elif len(password) > MOST:
        problems.append(f"Password is too long (maximum is {MOST} characters)")
    if problems:
        raise BrokenSchema(", ".join(problems))
    return folded


def check_email(email: str) -> str:
    """The address that an account changes to, or BrokenSchema."""
    folded = fold(email)
    if not _EMAIL.fullmatch(folded) or len(folded) > LONGEST_EMAIL or not _is_text(folded):
        raise BrokenSchema("Email is invalid")
    return folded


def check_username(name: str) -> str:
    """The name that a person chose, or BrokenSchema: no address, so that it cannot pass for somebody else's."""
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(plain) <= LONGEST_USERNAME or "@" in plain or CLIENT_MARK in plain or not plain.isprintable() or not _is_text(plain):
        raise BrokenSchema(f"Username has 1 to {LONGEST_USERNAME} printable characters, without @ and ~")
    return plain


def check_client(name: str) -> str:
    """A client's name as it is, or Invalid: it begins the owners of the client's users."""
    if not _CLIENT.fullmatch(name) or name in (OPERATOR, SYSTEM, COMMONS):
        raise Invalid(f"{name[:40]!r} is not a client's name; use a to z, 0 to 9, _ . and -, at most 20, starting with a letter or digit")
    return name


def check_redirect(uri: str) -> str:
    """A redirect URI as it is, or Invalid: https, or http on this machine (RFC 8252), or a scheme of an app's own, without fragment."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    is_app = "." in parts.scheme and not host
    is_web = parts.scheme == "https" and bool(host)
    if (
        not (is_app or is_web or (parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost")))
        or "#" in uri
        or not uri.isprintable()
    ):
        raise Invalid(
            f"{uri[:80]!r} is no redirect URI: use https, http on 127.0.0.1, or a scheme of the app's own like com.example.app:/callback"
        )
    return uri


def owner_of(client: str, text: str) -> str:
    """The owner of a client's (``acme~``) user: ``acme~bob``; a text that is no slug is told apart by its digest, so no two texts meet."""
    if not text or len(text) > ALIAS or not _is_text(text):
        raise Invalid(f"a user's name has 1 to {ALIAS} characters")
    slug = _OTHERS.sub("-", unicodedata.normalize("NFKD", text).lower()).strip("-")[:SLUG]
    return f"{client}{slug}" if slug == text else f"{client}{slug}{CLIENT_MARK}{sha256(text.encode()).hexdigest()[:16]}"


def _is_text(text: str) -> bool:
    """Whether it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
