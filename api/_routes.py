"""
A route is one call of the interface: its path and method, who may call it, what answers it, and what its documentation says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from locker.account import Role

from ._errors import Shape, problem
from ._service import Handler

COMMON = frozenset({"owner"})
ANY = "*"
"""The type of a call that finds out itself which type it is about, and checks the token for that."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query string, as OpenAPI knows it."""

    name: str
    description: str
    schema: Json = field(default_factory=lambda: {"type": "string"}, hash=False)
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One call.  *scope*: what a token must be good for (None: no token is needed), at least for *type*; *role*: what role its account must
    have at least; *aliases*: other paths of the same call.

    *is_local*: the setting ``metrics_loopback`` opens it for this machine.  *is_open*: the last name in its path stands for all the rest, slashes too.  *shape*: how its dialect shows errors; *body*: JSON Schemas of the request's body by media type; *answers*: schemas of the successful answer by
    media type; *headers* and *statuses* of it.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: str | None = "read"
    type: str | None = None
    aliases: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    is_checked: bool = True
    body: Json | None = field(default=None, hash=False)
    answers: Json = field(default_factory=dict, hash=False)
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    role: Role = "default"
    statuses: tuple[int, ...] = (200,)
    shape: Shape = field(default=problem, hash=False)
    is_open: bool = False
    is_local: bool = False

    @property
    def known(self) -> frozenset[str] | None:
        """The parameters it may have; None if it looks at them itself."""
        return COMMON | {parameter.name for parameter in self.parameters} if self.is_checked else None
