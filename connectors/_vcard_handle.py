"""
Names at other services (``twitter:jack``, ``xmpp:jack@example.org``) in the many ways that vCards have for them.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from locker.connector import Body

_OWN_PROPERTY = {
    "X-AIM": "aim",
    "X-ICQ": "icq",
    "X-JABBER": "xmpp",
    "X-MSN": "msn",
    "X-YAHOO": "yahoo",
    "X-SKYPE": "skype",
    "X-SKYPE-USERNAME": "skype",
    "X-GTALK": "gtalk",
    "X-GOOGLE-TALK": "gtalk",
    "X-GOOGLE TALK": "gtalk",
    "X-GADUGADU": "gadugadu",
    "X-GROUPWISE": "groupwise",
    "X-QQ": "qq",
    "X-TWITTER": "twitter",
    "X-FACEBOOK": "facebook",
    "X-MATRIX": "matrix",
    "X-TELEGRAM": "telegram",
    "X-MS-IMADDRESS": "im",
}
_SAME = {"jabber": "xmpp", "ymsgr": "yahoo", "google": "gtalk", "googletalk": "gtalk", "msnim": "msn", "x": "twitter"}
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_GENERIC = frozenset(("home", "work", "pref", "other", "internet", "personal", "cell", "mobile"))


def handle(one: Body, text: str) -> str | None:
    """``service:name`` of a property that holds one, else None; *text* is its unescaped value."""
    name = one["name"]
    if not text:
        return None
    if name in _OWN_PROPERTY:
        return f"{_OWN_PROPERTY[name]}:{text}"
    if name == "IMPP":
        return _instant(one, text)
    if name in ("X-SOCIALPROFILE", "SOCIALPROFILE"):
        return _profile(one, text)
    return None


def _instant(one: Body, text: str) -> str | None:
    """``IMPP:xmpp:jack@example.org``; Apple names the service beside the address (``X-SERVICE-TYPE=Skype:skype:jack``)."""
    scheme, _, rest = text.rpartition(":") if "://" not in text else text.partition("://")
    service = _param(one, "X-SERVICE-TYPE", "SERVICE-TYPE") or scheme
    return _joined(service, unquote(rest).split("?")[0])


def _profile(one: Body, text: str) -> str | None:
    """``X-SOCIALPROFILE;TYPE=twitter:http://twitter.com/jack``: the user's name is beside it, or at the end of the address."""
    params = one.get("params", {})
    types = [value for value in params.get("TYPE", ()) if value.lower() not in _GENERIC]
    service = _param(one, "SERVICE-TYPE", "X-SERVICE-TYPE") or next(iter(types), "")
    user = _param(one, "X-USER", "USERNAME", "X-USERNAME")
    if "://" in text:
        try:
            parts = urlsplit(text)
        except ValueError:
            return None
        host = (parts.hostname or "").removeprefix("www.")
        service = service or host.rsplit(".", 1)[0]
        user = user or unquote(parts.path.rstrip("/").rpartition("/")[2])
    return _joined(service, user or text.removeprefix("x-apple:"))


def _joined(service: str, user: str) -> str | None:
    service = re.sub(r"\s+", "", service.lower())
    service = _SAME.get(service, service)
    user = user.strip().removeprefix("@")
    return f"{service}:{user}" if user and _SERVICE.fullmatch(service) else None


def _param(one: Body, *names: str) -> str:
    params = one.get("params", {})
    return next((value for name in names for value in params.get(name, ()) if value), "")
