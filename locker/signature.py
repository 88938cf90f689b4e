"""
Signs what we send, so that its receiver knows that it came from here, unchanged and lately: Standard Webhooks, version 1.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from .error import Invalid, Unauthorized

PREFIX = "whsec_"
SECRET_BYTES = 24
LEAST_BYTES, MOST_BYTES = 24, 64
TOLERANCE_SECONDS = 300
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
HEADERS = frozenset({ID, TIMESTAMP, SIGNATURE})


def new_secret(randomness: Callable[[int], bytes]) -> str:
    """A new secret, ``whsec_…``."""
    return PREFIX + b64encode(randomness(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for.  Raises Invalid if it is none, without repeating it."""
    text = secret.removeprefix(PREFIX)
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (NotBase64, ValueError):
        raise Invalid("a signing secret is whsec_ and base64; leave it out to get a new one") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise Invalid(f"a signing secret has {LEAST_BYTES} to {MOST_BYTES} bytes in base64; leave it out to get a new one")
    return key


def sign(keys: Sequence[bytes], id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one signature for each key, with blanks between them."""
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join(["v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode() for key in keys])


def headers(keys: Sequence[bytes], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: sign(keys, id, timestamp, body)}


def verify(key: bytes, said: Mapping[str, str], body: bytes, now: float) -> None:
    """Raise Unauthorized unless the headers *said* (in any letter case) sign this body, with this key, within five minutes of *now*."""
    found = {name.lower(): value for name, value in said.items()}
    if missing := HEADERS - {name for name, value in found.items() if value}:
        raise Unauthorized(f"the header {min(missing)} is missing")
    if not found[TIMESTAMP].isascii() or not found[TIMESTAMP].isdecimal():
        raise Unauthorized(f"{TIMESTAMP} is not a number of seconds since 1970")
    if abs(now - int(found[TIMESTAMP])) > TOLERANCE_SECONDS:
        raise Unauthorized(f"{TIMESTAMP} is more than five minutes away from now")
    signed = f"{found[ID]}.{found[TIMESTAMP]}.".encode() + body
    expected = hmac.new(key, signed, sha256).digest()
    for each in found[SIGNATURE].split(" "):
        version, _, text = each.partition(",")
        try:
            if version == "v1" and hmac.compare_digest(b64decode(text, validate=True), expected):
                return
        except (NotBase64, ValueError):
            continue
    raise Unauthorized("no signature fits this body and this secret")
