"""
What a person sees who comes back from a service: a page of a few words, without scripts, that is kept nowhere.
"""

from __future__ import annotations

from html import escape

from aiohttp import web

from ._pages import HEADERS, NEVER_KEPT

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 18px/1.5 sans-serif; max-width: 32em; margin: 15vh auto; padding: 0 1em }}</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
</body>
</html>
"""


def page(title: str, text: str, status: int = 200) -> web.Response:
    """A page; both texts may hold anything."""
    shown = PAGE.format(title=escape(title), text=escape(text))
    return web.Response(
        text=shown, status=status, content_type="text/html", headers={**HEADERS, **NEVER_KEPT, "Content-Security-Policy": POLICY}
    )


def wants_page(request: web.Request) -> bool:
    """Whether somebody looks at the answer: a browser that goes to an address, not a program."""
    return "text/html" in request.headers.get("Accept", "")
