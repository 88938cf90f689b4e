"""One address, one text: the parts of a URL that do not matter are made equal."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_PORTS = {"http": 80, "https": 443, "ftp": 21}


def normalised(url: str) -> str:
    """A URL as it is compared: scheme and host in lower case, no default port, ``/`` for an empty path, no fragment but ``#!``.

    Text that is no absolute URL is compared as it is, without surrounding blanks.  Source: RFC 3986 §6.2.2 and §6.2.3.

    >>> normalised("HTTP://Example.ORG:80#top")
    'http://example.org/'
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return url
    if not parts.scheme or not host:
        return url
    user, at, _ = parts.netloc.rpartition("@")
    shown = f"[{host}]" if ":" in host else host
    network = user + at + shown + ("" if port in (None, _PORTS.get(parts.scheme.lower())) else f":{port}")
    fragment = parts.fragment if parts.fragment.startswith("!") else ""
    return urlunsplit((parts.scheme.lower(), network, parts.path or "/", parts.query, fragment))


def of_url(body: dict[str, object]) -> list[str]:
    """``url:…`` of a body that has one."""
    url = body.get("url")
    return [f"url:{normalised(url)}"] if isinstance(url, str) and url.strip() else []
