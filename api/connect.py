"""
Connecting a network by its own site: ``GET /connect/{network}`` sends a person there, and its callback takes in what they come back with.

Whoever began must also finish, or one could have another's account put into the own locker.  A browser that began carries a cookie for that; a
program that began (it asked for JSON, with its token) finishes with the same token: its user comes back to its ``return_to`` with what the service
said, and it asks the callback itself.  What was begun serves once, for ten minutes, also across a restart.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from locker.connecting import way_back
from locker.connection import Connection
from locker.error import Forbidden, Invalid, LockerError, Unauthorized
from locker.flow import Flow
from locker.proposal import Proposal
from locker.record import Body

from ._connect_page import page, wants_page
from ._connections import SHOWN, owner_of, shown
from ._errors import STATUS
from ._pages import JSON, NEVER_KEPT, answer
from ._routes import Parameter, Route
from ._service import Call, Service, read_params

COOKIE = "locker_connect_"
_HERE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)
PASSED = frozenset({"code", "state", "iss", "error", "error_description", "oauth_token", "oauth_verifier", "denied"})
"""What a program is told of what the service said to its user's browser."""
TEXT = {"type": "string"}
BEGUN = {"type": "object", "required": ["url", "state", "expires_at"], "properties": {"url": TEXT, "state": TEXT, "expires_at": TEXT}}
DONE = {"type": "object", "required": ["connection"], "properties": {"connection": SHOWN}}
NOT_YOURS = "this is not the browser that began, nor the program: copy the address of this page to where you began (the command line asks for it), or begin again"
BEGINNING = (
    Parameter("as", "what to call it, for a second account: github.work"),
    Parameter("base_url", "the instance, where a network has many"),
    Parameter("options", "what the connector wants to be told, as a JSON object"),
    Parameter("return_to", "where the person goes afterwards: a path here, or an address that the setting return_to has"),
    Parameter("user", "for API clients: which of its users the connection is for"),
)


def routes(_: Service) -> Iterator[Route]:
    """The way there, and the way back."""
    yield Route(
        "GET", "/connect/{network}", begin, "Send a person to a network, to connect it", "write", parameters=BEGINNING,
        answers={JSON: BEGUN}, statuses=(200, 302), errors=(404, 502, 503),
    )  # fmt: skip
    yield Route(
        "GET", "/connect/{network}/callback", back, "The way back: keep the tokens and make the connection", None, is_checked=False,
        answers={JSON: DONE, "text/html": TEXT}, statuses=(201, 200, 302), errors=(403, 502, 503),
    )  # fmt: skip


async def begin(call: Call) -> web.StreamResponse:
    """``GET /connect/{network}``: an address to go to, as JSON or at once."""
    params, network = call.params(), call.request.match_info["network"]
    is_person, public_url = wants_page(call.request), _public_url(call)
    if is_person and call.service.settings.public_url is None and f"http://{call.request.host}" != public_url:
        # Opened as localhost, come back to as 127.0.0.1: a browser has other cookies there.
        return web.Response(status=302, headers={**NEVER_KEPT, "Location": f"{public_url}{call.request.raw_path}"})
    proof = secrets.token_urlsafe(32) if is_person else ""
    options = _options(params.get("options", ""))
    asked = Proposal(
        source=params.get("as") or network, owner=await owner_of(call, params.get("user")), by=call.caller.by, base_url=params.get("base_url", ""),
        options=options,
    )  # fmt: skip
    if asked.network != network:
        raise Invalid(f"as={asked.source[:60]} is no name for {network}; it is {network} or begins with '{network}.'")
    begun = await call.locker.connecting.begin(
        asked, way_back(network, public_url), session=call.caller.token.session, return_to=_return_to(call, params.get("return_to", "")), proof=proof,
    )  # fmt: skip
    if not is_person:
        return answer({"url": begun.url, "state": begun.state, "expires_at": begun.expires.isoformat()}, headers=NEVER_KEPT)
    response = web.Response(status=302, headers={**NEVER_KEPT, "Location": begun.url})
    response.set_cookie(
        _cookie(begun.state), proof, max_age=600, path=_cookie_path(call), httponly=True, samesite="Lax", secure=public_url.startswith("https:")
    )  # fmt: skip
    return response


async def back(call: Call) -> web.StreamResponse:
    """``GET /connect/{network}/callback``: for a browser a page or the way on, for a program JSON."""
    said, is_person = read_params(call.raw), wants_page(call.request)
    came: list[Flow] = []

    def check(flow: Flow) -> None:
        came.append(flow)
        _check_same(call, flow, said)

    try:
        flow, made = await _finished(call, said, check)
    except _Elsewhere as error:
        return _onward(error.to, {name: value for name, value in said.items() if name in PASSED})
    except LockerError as error:
        if is_person and came and came[0].return_to and came[0].proof and not isinstance(error, _Stranger):
            return _onward(came[0].return_to, {"error": said.get("error") or error.code, "network": came[0].network})
        if is_person and STATUS.get(error.code, 500) != 500:
            return page("Not connected", str(error), STATUS[error.code])
        raise
    if not is_person:
        return answer({"connection": shown(made)}, 201, NEVER_KEPT)
    who = made.account.get("username") or made.account.get("id") or ""
    told = page(f"{made.source} is connected", f"{f'It is the account {who}. ' if who else ''}You can close this page.")
    response = _onward(flow.return_to, {"connected": made.source}) if flow.return_to else told
    response.del_cookie(_cookie(said.get("state") or said.get("oauth_token") or ""), path=_cookie_path(call))
    return response


async def _finished(call: Call, said: Mapping[str, str], check: Callable[[Flow], None]) -> tuple[Flow, Connection]:
    try:
        return await call.locker.connecting.finish(call.request.match_info["network"], said, check)
    except Unauthorized as error:  # the service's word; a 401 of ours would say that the caller's own token is no good
        raise Invalid(str(error)) from error


class _Elsewhere(Forbidden):
    """A program began, and its user's browser came: it goes on to the program."""

    def __init__(self, to: str) -> None:
        super().__init__(NOT_YOURS)
        self.to = to


class _Stranger(Forbidden):
    """Not the one who began."""


def _check_same(call: Call, flow: Flow, said: Body) -> None:
    """Raise if this is not who began, or if they may not any more."""
    state = str(said.get("state") or said.get("oauth_token") or said.get("denied") or "")
    if flow.proof:
        if not flow.is_proven(call.request.cookies.get(_cookie(state), "")):
            raise _Stranger(NOT_YOURS)
    else:
        _check_program(call, flow)
    accounts = call.locker.accounts
    account = accounts.picture.accounts.get(flow.by)
    if (flow.session and accounts.is_revoked(flow.session)) or (account is not None and account.is_disabled):
        raise _Stranger("whoever began has logged out meanwhile; log in and begin again")


def _check_program(call: Call, flow: Flow) -> None:
    try:
        caller = call.service.caller(call.request, call.raw)
    except Unauthorized:
        if flow.return_to:
            raise _Elsewhere(flow.return_to) from None
        raise _Stranger(NOT_YOURS) from None
    if caller.by != flow.by or caller.token.session != flow.session or not caller.may("write", None, flow.owner):
        raise _Stranger("another token began this; finish with the same one, or begin again")


def _onward(to: str, more: dict[str, str]) -> web.Response:
    return web.Response(status=302, headers={**NEVER_KEPT, "Location": f"{to}{'&' if '?' in to else '?'}{urlencode(more)}"})


def _return_to(call: Call, text: str) -> str:
    """Where somebody may be sent back to.  Raises Invalid for any other place: a link of ours must not lead just anywhere."""
    if not text:
        return ""
    is_plain = text.isprintable() and text.isascii() and not any(each in text for each in '\\#"<> ')
    if is_plain and text.startswith("/") and not text.startswith("//"):
        return text
    try:
        parts = urlsplit(text if is_plain else "")
    except ValueError:
        parts = urlsplit("")
    for allowed in call.service.settings.return_to:
        known = urlsplit(allowed)
        if (parts.scheme, parts.netloc) == (known.scheme, known.netloc) and f"{parts.path}/".startswith(f"{known.path}/"):
            return text
    raise Invalid("return_to is a path of this server, like /done, or an address that the setting return_to has")


def _public_url(call: Call) -> str:
    """The address that people reach this server at: as the settings say, else where this request came in, if that is this very machine."""
    if (known := call.service.settings.public_url) is not None:
        return known
    name = call.request.transport.get_extra_info("sockname") if call.request.transport else None
    is_here = _HERE.fullmatch(call.request.host)
    if not name or str(name[0]) not in ("127.0.0.1", "::1") or not is_here:
        raise Invalid("this server does not know the address that people reach it at: set LOCKER_PUBLIC_URL, like https://locker.example")
    return f"http://{f'[{name[0]}]' if ':' in str(name[0]) else name[0]}:{name[1]}"


def _options(text: str) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise Invalid(f"options is a JSON object: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid('options is a JSON object of texts, like {"username": "ada"}')
    return found


def _cookie(state: str) -> str:
    """The name of the cookie of one flow: two at a time do not disturb each other."""
    return f"{COOKIE}{Flow.name_of(state)}"


def _cookie_path(call: Call) -> str:
    return f"{urlsplit(_public_url(call)).path}/connect"
