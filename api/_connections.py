"""
What the calls about connections share: who a connection is for, what a body may say of one, and what is shown of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from locker.connection import Connection
from locker.error import BrokenSchema, Forbidden, Invalid, Unauthorized
from locker.proposal import Proposal
from locker.record import Body

from ._service import Call

SECRETS = ("token", "token_secret", "refresh_token", "username", "password", "client_id", "client_secret")
TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"]}
TEXTS = {"type": "object", "additionalProperties": TEXT}
SAID = {
    "type": "object",
    "required": ["connector"],
    "additionalProperties": False,
    "properties": {
        "connector": TEXT, "source": TEXT, "base_url": TEXT, "options": TEXTS, **dict.fromkeys(SECRETS, TEXT),
    },
}  # fmt: skip
SHOWN = {
    "type": "object",
    "required": ["source", "connector", "mode", "base_url", "options", "account"],
    "properties": {
        "source": TEXT, "connector": TEXT, "owner": TEXT, "base_url": TEXT, "options": TEXTS, "account": TEXTS, "records": {"type": "integer"},
        "mode": {"enum": ["initial", "normal", "rate-limited", "unauthorized", "disabled"]}, "ran": MAYBE, "succeeded": MAYBE, "due": MAYBE,
        "errors": {"type": "integer"}, "code": MAYBE, "error": MAYBE,
    },
}  # fmt: skip


async def owner_of(call: Call, user: str | None) -> str:
    """Whose connection it is to be: the owner of the call, or what an API client calls its user.  Raises Forbidden or Invalid."""
    if user is None:
        return call.owner
    caller = call.caller
    if not caller.account.is_client or caller.owner != caller.account.owner:
        raise Forbidden("only API clients name a user; your connections are your own")
    return await asyncio.to_thread(call.locker.accounts.owner_for, caller.account, user)


async def connect(
    call: Call, owner: str, source: str, secrets: Mapping[str, str], *, base_url: str = "", options: Mapping[str, str] | None = None
) -> Connection:
    """Connect an account with what somebody has of it, for any dialect.  Raises what ``Connecting.by_hand`` does."""
    asked = Proposal(source=source, owner=owner, by=call.caller.by, base_url=base_url, options=options or {})
    return await call.locker.connecting.by_hand(asked, {name: value for name, value in secrets.items() if value})


async def connect_as_dialect(
    call: Call, owner: str, network: str, *, token: str = "", token_secret: str = "", refresh_token: str = "", username: str = "",
    base_url: str = "", options: Mapping[str, str] | None = None,
) -> Connection:  # fmt: skip
    """Connect as the Likeastore dialect says it: *username* is who somebody is there, whatever the connector needs that for."""
    told, secrets = dict(options or {}), {"token": token, "token_secret": token_secret, "refresh_token": refresh_token}
    asks = {option.name for option in call.locker.connecting.connector(network.partition(".")[0]).asks}
    if username and "username" in asks:
        told.setdefault("username", username)
    elif username and not token:
        secrets["username"] = username
    return await connect(call, owner, network, secrets, base_url=base_url, options=told)


async def connect_as_said(call: Call, owner: str, said: Body) -> Connection:
    """Connect as a body says: ``connector``, ``source``, ``base_url``, ``options``, and the secrets.  Raises BrokenSchema for anything else."""
    if unknown := sorted(said.keys() - SAID["properties"].keys()):  # type: ignore[attr-defined]
        raise BrokenSchema(f"a connection has no {unknown[0][:40]!r}; it has connector, source, base_url, options, {', '.join(SECRETS)}")
    texts = {name: _text(said, name) for name in ("connector", "source", "base_url", *SECRETS)}
    if not texts["connector"]:
        raise BrokenSchema("connector says which network it is", "/connector")
    source = texts["source"] or texts["connector"]
    if source.partition(".")[0] != texts["connector"].partition(".")[0]:
        raise BrokenSchema(f"source is {texts['connector'][:60]}, or begins with it and a dot", "/source")
    options = said.get("options") or {}
    if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
        raise BrokenSchema('options are texts by name, like {"username": "ada"}', "/options")
    try:
        return await connect(call, owner, source, {name: texts[name] for name in SECRETS}, base_url=texts["base_url"], options=options)
    except Unauthorized as error:  # the service's word; a 401 of ours would say that the caller's own token is no good
        raise BrokenSchema(str(error)) from error
    except Invalid as error:
        raise error if isinstance(error, BrokenSchema) else BrokenSchema(str(error)) from error


def shown(connection: Connection, records: int | None = None) -> dict[str, Any]:
    """A connection as everybody sees it; its secrets are nowhere."""
    return {**connection.as_dict(), **({} if records is None else {"records": records})}


def _text(said: Body, name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BrokenSchema(f"{name} is a text", f"/{name}")
    return value
