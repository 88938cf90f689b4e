"""
OAuth2 for programs (RFC 6749): ``/api/v1/oauth/access_token``, and the page on which a person lets a program in.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from aiohttp import web

from locker.account import Account
from locker.error import Invalid, TooMany, Unauthorized
from locker.record import parse

from ._body import content_type
from ._envelope import BASE
from ._errors import oauth_error
from ._pages import HEADERS, JSON, answer
from ._query_string import last_of_each, parse_query_string
from ._routes import Route
from ._service import Call, Service

NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
FORM, HTML = "application/x-www-form-urlencoded", "text/html"
TEXT = {"type": "string"}
TOKEN = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {"access_token": TEXT, "token_type": TEXT, "expires_in": {"type": "integer"}, "scope": TEXT, "refresh_token": TEXT},
}
ASKED = {
    "type": "object",
    "required": ["grant_type"],
    "properties": dict.fromkeys(("grant_type", "username", "password", "refresh_token", "code", "redirect_uri", "code_verifier", "scope", "client_id", "client_secret"), TEXT),
}  # fmt: skip
_PAIR = re.compile(r'"([a-z_]+)=((?:[^"\\]|\\.)*)"')
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Let {client} in?</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}}label{{display:block;margin:1rem 0}}
input{{display:block;width:100%;font:inherit;padding:.4rem;box-sizing:border-box}}button{{font:inherit;padding:.4rem 1rem;margin-right:1rem}}.wrong{{color:#a00}}</style>
</head><body><h1>Let {client} in?</h1><p>The program <strong>{client}</strong> asks to <strong>{scope}</strong> in your locker.</p>{wrong}
<form method="post"><label>E-mail <input name="username" type="email" autocomplete="username" value="{username}"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="answer" value="allow">Let it in</button><button name="answer" value="deny">No</button></form></body></html>
"""


def routes(service: Service) -> Iterator[Route]:
    """The calls of the authorisation server; a client proves itself in them, no token is needed."""
    del service
    yield Route(
        "POST", f"{BASE}/oauth/access_token", access_token, "A token for a program", scope=None, is_checked=False, shape=oauth_error,
        body={JSON: ASKED, FORM: ASKED}, answers={JSON: TOKEN}, errors=(400, 401, 413),
    )  # fmt: skip
    path, aliases = f"{BASE}/oauth/authorize", ("/oauth/authorize",)
    page = {"answers": {HTML: TEXT}, "scope": None, "is_checked": False, "shape": oauth_error, "aliases": aliases}
    yield Route("GET", path, ask, "The page on which a person lets a program in", errors=(400,), **page)  # type: ignore[arg-type]
    yield Route("POST", path, decide, "What the person answered", body={FORM: {"type": "object"}}, errors=(400, 413), **page)  # type: ignore[arg-type]


async def access_token(call: Call) -> web.StreamResponse:
    """``POST /oauth/access_token``: the body is a form, or JSON whatever its Content-Type says."""
    form = parameters_of((await call.request.read()).decode("utf-8", "replace"))
    if not form.get("grant_type"):
        raise Invalid("grant_type is required: password, refresh_token, client_credentials or authorization_code")
    place = call.service.place(call.request)
    # Not by client_id: its secret cannot be guessed, and whoever knows the id could keep the client out.
    call.service.limits.login(place, *([form["username"].strip().lower()[:320]] if "username" in form else []))
    return _answer(await call.service.authority.token(form, _credentials(call.request.headers.get("Authorization", ""))))


def _credentials(said: str) -> dict[str, str]:
    """The header that proves a client, unless it holds what is no text: then nothing is proven."""
    try:
        b64decode(said.partition(" ")[2]).decode()
    except ValueError:
        return {}
    return {"Authorization": said} if said else {}


def _once(raw: str) -> dict[str, str]:
    """The parameters of a form or an address.  Raises Invalid if one comes twice (RFC 6749 §3.1): two readers might take different ones."""
    pairs = parse_query_string(raw)
    if len(found := last_of_each(pairs)) < len(pairs):
        raise Invalid("a parameter may come only once")
    return found


def parameters_of(text: str) -> dict[str, str]:
    """The parameters of a token request: a form, a JSON object, or the list of ``"name=value"`` that the document's curl line sends.

    Raises Invalid for what begins like JSON and is none of these.
    """
    plain = text.strip()
    if not plain.startswith("{"):
        return _once(plain)
    try:
        found = parse(plain.encode())
    except Invalid:
        pairs = _PAIR.findall(plain)
        if not pairs or _PAIR.sub("", plain.removeprefix("{").removesuffix("}")).strip(", \t\r\n"):
            raise
        return {name: value.replace('\\"', '"').replace("\\\\", "\\") for name, value in pairs}
    if not isinstance(found, dict):
        raise Invalid("the parameters of a token request are a JSON object or a form")
    return {name: value for name, value in found.items() if isinstance(value, str)}


async def ask(call: Call) -> web.StreamResponse:
    """``GET /oauth/authorize``: whether the person wants this program in."""
    asked = _once(call.raw)
    consent = await call.service.authority.consent(asked)
    return _page(*consent) if len(consent) == 2 else _answer(consent)


async def decide(call: Call) -> web.StreamResponse:
    """``POST /oauth/authorize``: back to the program with a code, or with a no."""
    asked = _once(call.raw)
    consent = await call.service.authority.consent(asked)
    if len(consent) != 2:
        return _answer(consent)
    if content_type(call.request) != FORM:
        raise Invalid("the answer comes from the page's form")
    said = last_of_each(parse_query_string((await call.request.read()).decode("utf-8", "replace")))
    person: Account | None = None
    if said.get("answer") == "allow":
        email = said.get("username", "")
        try:
            call.service.limits.login(call.service.place(call.request), email.strip().lower()[:320])
            person = await call.locker.accounts.log_in(email, said.get("password", ""))
        except Unauthorized as error:
            return _page(*consent, wrong=str(error), username=email)
        except TooMany as error:
            return _page(*consent, wrong=f"Too many attempts; try again in {error.after} seconds.", username=email, status=429)
    return _answer(await call.service.authority.grant(asked, person))


def _page(client: str, scope: str, *, wrong: str = "", username: str = "", status: int = 200) -> web.Response:
    told = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    text = PAGE.format(client=escape(client), scope=escape(scope.replace(" ", " and ")), wrong=told, username=escape(username, quote=True))
    headers = {**HEADERS, **NEVER_STORED, "Content-Security-Policy": POLICY, "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type=HTML, charset="utf-8", status=status, headers=headers)


def _answer(said: tuple[Any, ...]) -> web.Response:
    """What authlib says, as a response."""
    status, body, given = said
    headers = {**NEVER_STORED, **{name: _one_line(value) for name, value in given if name.lower() not in ("content-type", "cache-control")}}
    if headers.get("WWW-Authenticate", "").startswith("Basic "):  # whose realm RFC 7617 requires
        headers["WWW-Authenticate"] = f'Basic realm="locker", {headers["WWW-Authenticate"].removeprefix("Basic ")}'
    if isinstance(body, Mapping | list):
        return answer(dict(body), status, headers)
    return web.Response(status=status, headers={**HEADERS, **headers, "Referrer-Policy": "no-referrer"})


def _one_line(value: str) -> str:
    return value if value.isprintable() and value.isascii() else quote(value, safe="%/:?#[]@!$&'()*+,;=~-._ \"=")
