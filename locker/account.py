"""
Who is asking, and what they may: the one door to accounts, tokens and grants for everybody else.
"""

from __future__ import annotations

from .grant import Grant
from .identity import LOCAL, ME, NOBODY, ROLES, Account, Identity, Role, check_role
from .token import DAY, Token, Tokens, check_scope

__all__ = [
    "DAY",
    "LOCAL",
    "ME",
    "NOBODY",
    "ROLES",
    "Account",
    "Grant",
    "Identity",
    "Role",
    "Token",
    "Tokens",
    "check_role",
    "check_scope",
    "identity_of",
]


def identity_of(token: Token) -> Identity:
    """Who bears a token that was verified."""
    return Identity(ME if token.owner == ME.owner else Account(0, token.owner, token.owner), token.owner, token)
