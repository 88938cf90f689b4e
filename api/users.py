"""
Accounts over HTTP, in the StreamSource style: sign up, log in, renew and end a session, application tokens, grants, and what admins may do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from locker.account import DAY, KINDS, Account, check_role
from locker.error import BrokenSchema, Conflict, Forbidden, Invalid
from locker.record import Body

from ._articles import person
from ._body import read_object
from ._envelope import enveloped
from ._pages import HEADERS, answer
from ._query_string import whole_number
from ._routes import Route
from ._service import Call, Service
from ._stream_list import fresh
from ._users_routes import routes_of

NEVER_STORED = {"Cache-Control": "no-store"}
CLOSED = "nobody can sign up here by themselves; ask whoever runs this locker for an account"
INVITED = "signing up here needs an invitation; send its code as 'code'"
YEARS = timedelta(days=36500)


def routes(_: Service) -> Iterator[Route]:
    """The calls of this dialect."""
    return routes_of(
        {
            "signup": sign_up, "login": log_in, "refresh": refresh, "logout": log_out, "me": me,
            "tokens": tokens, "make_token": make_token, "revoke": revoke,
            "grants": grants, "grant": grant, "ungrant": ungrant,
            "users": users, "user": user, "change": change, "invite": invite,
        }
    )  # fmt: skip


# -- sessions -----------------------------------------------------------------------------------------


async def sign_up(call: Call) -> web.StreamResponse:
    """``POST /users/signup``: a new account and a token.  A ``role`` in the body says nothing."""
    call.service.limits.signup(call.service.place(call.request))
    mode, body = call.service.settings.signup, await _user_object(call)
    code = body.get("code")
    if mode == "closed":
        raise Forbidden(CLOSED)
    if mode == "invite" and not isinstance(code, str):
        raise Forbidden(INVITED)
    try:
        account = await call.locker.accounts.sign_up(_text(body, "email"), _text(body, "password"), code=code if mode == "invite" else None)
    except Conflict as error:
        raise BrokenSchema(str(error)) from error
    return _session(call, account, 201)


async def log_in(call: Call) -> web.StreamResponse:
    """``POST /users/login``: a token of 24 hours.  Whatever is wrong, the answer and its time are the same."""
    body = await _user_object(call)
    email = _text(body, "email")
    call.service.limits.login(call.service.place(call.request), email.strip().lower())
    return _session(call, await call.locker.accounts.log_in(email, _text(body, "password")))


async def refresh(call: Call) -> web.StreamResponse:
    """``POST /users/refresh``: a fresh token of the same session, good for the same."""
    call.params()
    token = call.caller.token
    if token.session in call.locker.accounts.picture.tokens:
        raise Forbidden("an application token lives as long as it was made for; make a new one when it ends")
    made = call.service.tokens.make(token.owner, token.scopes, session=token.session)
    return answer({"user": call.caller.account.as_user(), "token": made}, headers=NEVER_STORED)


async def log_out(call: Call) -> web.StreamResponse:
    """``POST /users/logout``: the token and every other one of its session end."""
    call.params()
    if call.caller.token.id:
        await asyncio.to_thread(call.locker.accounts.end, call.caller.token, call.caller.by)
    return web.Response(status=204, headers=HEADERS)


async def me(call: Call) -> web.StreamResponse:
    """``GET /users/me``: who is calling, for both dialects that have this address: ``user``, and the envelope of the other."""
    said: Body = {"user": call.caller.account.as_user(), "owner": call.caller.owner, "scopes": sorted(call.caller.scopes)}
    await fresh(call)
    return enveloped(await call.service.in_thread(person, call), **said)


def _session(call: Call, account: Account, status: int = 200) -> web.Response:
    token = call.service.tokens.make(account.owner, KINDS)
    return answer({"user": account.as_user(), "token": token}, status, NEVER_STORED)


async def _user_object(call: Call) -> Body:
    """``{"email", "password"}``, also wrapped: ``{"user": {…}}``."""
    call.params()
    body = await read_object(call)
    wrapped = body.get("user")
    return wrapped if isinstance(wrapped, dict) else body


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


# -- application tokens -------------------------------------------------------------------------------


async def tokens(call: Call) -> web.StreamResponse:
    """``GET /users/tokens``: the caller's application tokens, without the tokens themselves."""
    call.params()
    return answer({"tokens": [each.as_dict() for each in call.locker.accounts.tokens(call.caller.owner)]})


async def make_token(call: Call) -> web.StreamResponse:
    """``POST /users/tokens``: a token for a program; nobody can read it again."""
    call.params()
    accounts, caller, body = call.locker.accounts, call.caller, await read_object(call)
    _check_person(call)
    scopes = _texts(body, "scopes", ["read"])
    for scope in scopes:
        kind, _, type = scope.partition(":")
        if not (caller.may(kind, type or None)):
            raise Forbidden(f"you may not {scope[:60]} yourself")
    try:
        text, made = await asyncio.to_thread(
            accounts.make_token, call.service.tokens, caller.owner, _text(body, "name"), scopes, _lifetime(call, body), caller.by
        )
    except Invalid as error:
        raise BrokenSchema(str(error)) from error
    return answer({**made.as_dict(), "token": text}, 201, NEVER_STORED)


async def revoke(call: Call) -> web.StreamResponse:
    """``DELETE /users/tokens/{id}``: the token is good for nothing from the next request on."""
    call.params()
    if call.request.match_info["id"] != call.caller.token.session:  # any may end itself
        _check_person(call)
    await asyncio.to_thread(call.locker.accounts.revoke, call.caller.owner, call.request.match_info["id"], call.caller.by)
    return web.Response(status=204, headers=HEADERS)


def _check_person(call: Call) -> None:
    """Raise Forbidden for an application token: whoever finds one must not be able to make its powers last."""
    if call.caller.token.session in call.locker.accounts.picture.tokens and not call.caller.may("admin"):
        raise Forbidden("an application token cannot do this; log in and use that token")


def _lifetime(call: Call, body: Body) -> timedelta:
    """``expires_in`` (seconds) or ``expires_at`` (ISO 8601, or seconds since 1970); a day if neither is given."""
    within, at = body.get("expires_in"), body.get("expires_at")
    try:
        if isinstance(at, str):
            moment = datetime.fromisoformat(at)
            lifetime = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - call.locker.clock()
        elif at is not None:
            lifetime = timedelta(seconds=_number(at) - call.locker.clock().timestamp())
        else:
            lifetime = DAY if within is None else timedelta(seconds=_number(within))
    except (ValueError, OverflowError) as error:
        raise BrokenSchema("expires_in is a number of seconds; expires_at a moment like 2027-01-01T00:00:00Z") from error
    if not timedelta(0) < lifetime <= YEARS:
        raise BrokenSchema("a token expires in the future, within a hundred years")
    return lifetime


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)  # noqa: TRY004 - what somebody sent, not what we passed
    return float(value)


def _texts(body: Body, name: str, default: list[str] | None) -> list[str]:
    """A list of texts; one alone is welcome too."""
    value = body.get(name, default)
    value = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BrokenSchema(f"{name} is a list of texts")
    return value


# -- grants -------------------------------------------------------------------------------------------


async def grants(call: Call) -> web.StreamResponse:
    """``GET /users/grants``: whom the caller let into the own locker, and whose lockers the caller may enter."""
    call.params()
    accounts, owner = call.locker.accounts, call.caller.owner
    given, received = accounts.grants(owner=owner), accounts.grants(to=owner)
    return answer({"given": [each.as_dict() for each in given], "received": [each.as_dict() for each in received]})


async def grant(call: Call) -> web.StreamResponse:
    """``POST /users/grants``: let somebody read or write the caller's own locker, or some types of things in it."""
    call.params()
    _check_person(call)
    body = await read_object(call)
    types = None if body.get("types") is None else _texts(body, "types", None)
    try:
        made = await asyncio.to_thread(
            call.locker.accounts.grant, call.caller.owner, _text(body, "to"), _texts(body, "access", ["read"]), types, call.caller.by
        )
    except Invalid as error:
        raise BrokenSchema(str(error)) from error
    return answer(made.as_dict(), 201)


async def ungrant(call: Call) -> web.StreamResponse:
    """``DELETE /users/grants/{to}``: take a grant back."""
    call.params()
    _check_person(call)
    await asyncio.to_thread(call.locker.accounts.ungrant, call.caller.owner, call.request.match_info["to"], call.caller.by)
    return web.Response(status=204, headers=HEADERS)


# -- for admins ---------------------------------------------------------------------------------------


async def users(call: Call) -> web.StreamResponse:
    """``GET /users``: everyone who signed up."""
    params = call.params()
    page = max(1, whole_number("page", params.get("page", "1")))
    size = min(max(1, whole_number("per_page", params.get("per_page", "25"))), 100)
    people = call.locker.accounts.people()
    shown = [each.as_dict() for each in people[(page - 1) * size : page * size]]
    meta = {"current_page": page, "total_pages": -(-len(people) // size), "total_count": len(people), "per_page": size}
    return answer({"users": shown, "meta": meta})


async def user(call: Call) -> web.StreamResponse:
    """``GET /users/{id}``."""
    call.params()
    return answer({"user": call.locker.accounts.find(call.request.match_info["id"]).as_dict()})


async def change(call: Call) -> web.StreamResponse:
    """``PATCH /users/{id}``: another role, or disabled; both hold from the next request on."""
    call.params()
    accounts, who, body = call.locker.accounts, call.request.match_info["id"], await read_object(call)
    if not body or (unknown := body.keys() - {"role", "disabled"}):
        raise BrokenSchema(f"there is nothing to change but role and disabled{f', not {min(unknown)[:40]}' if body else ''}")
    if not isinstance(body.get("disabled", False), bool):
        raise BrokenSchema("disabled is true or false")
    try:
        if "role" in body:
            role = check_role(_text(body, "role"))
            await asyncio.to_thread(accounts.set_role, who, role, call.caller.by)
        if "disabled" in body:
            await asyncio.to_thread(lambda: accounts.disable(who, call.caller.by, disabled=body["disabled"]))
    except Invalid as error:
        raise BrokenSchema(str(error)) from error
    return answer({"user": accounts.find(who).as_dict()})


async def invite(call: Call) -> web.StreamResponse:
    """``POST /users/invitations``: a code that lets one person sign up."""
    call.params()
    body = await read_object(call)
    days = body.get("days", 7)
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= 3650:
        raise BrokenSchema("days is how long the invitation is good, at most 3650")
    email = body.get("email")
    if email is not None and not (isinstance(email, str) and email.strip()):
        raise BrokenSchema("email is the address of whoever may sign up")
    try:
        role = check_role(str(body.get("role", "default")))
    except Invalid as error:
        raise BrokenSchema(str(error)) from error
    code = await asyncio.to_thread(
        lambda: call.locker.accounts.invite(role=role, email=email, lifetime=timedelta(days=days), by=call.caller.by)
    )
    return answer({"code": code, "role": role}, 201, NEVER_STORED)
