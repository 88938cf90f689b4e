"""Signatures: ours are those of the standard, and what the standard refuses is refused."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from locker.error import Invalid, Unauthorized
from locker.signature import headers, key_of, new_secret, sign, verify

from .shared import DATA, needs_shared

VECTORS = DATA / "vectors-standard-webhooks" / "vectors.json"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def vectors(name: str) -> list[dict[str, Any]]:
    """The published cases, if they are here."""
    return json.loads(VECTORS.read_text())[name] if VECTORS.is_file() else []


@needs_shared
@pytest.mark.shared
def test_shared_vectors_are_signed_alike() -> None:
    """The published secret, id, timestamp and payload give the published signature."""
    for case in vectors("sign"):
        assert case["signature"] == sign([key_of(case["secret"])], case["id"], case["timestamp"], case["payload"].encode())


@needs_shared
@pytest.mark.shared
def test_shared_vectors_are_judged_alike() -> None:
    """Every published message is accepted or refused as the standard says, at its own time."""
    for case in vectors("verify"):
        try:
            verify(key_of(case["secret"]), case["headers"], case["payload"].encode(), case["now"])
            valid = True
        except Unauthorized:
            valid = False
        assert case["valid"] == valid, case["name"]


@given(st.text(max_size=100), st.text(alphabet="abc123_.-", min_size=1))
def test_others_verify_what_we_sign(payload: str, id: str) -> None:
    """The standard's own package accepts our headers and finds the payload unchanged."""
    secret, now = new_secret(os.urandom), int(datetime.now(UTC).timestamp())
    body = json.dumps({"payload": payload}).encode()
    assert {"payload": payload} == Webhook(secret).verify(body, headers([key_of(secret)], id, now, body))


def test_two_secrets_sign_side_by_side() -> None:
    """While a secret rotates a receiver may still hold the old one, or already the new one."""
    old, new = new_secret(os.urandom), new_secret(os.urandom)
    now = int(datetime.now(UTC).timestamp())
    said = headers([key_of(new), key_of(old)], "msg_1", now, b"{}")
    for secret in (old, new):
        assert {} == Webhook(secret).verify(b"{}", said)
        verify(key_of(secret), said, b"{}", now)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_????", "whsec_c2hvcnQ=", "whsec_" + "A" * 400])
def test_what_is_no_secret_is_refused_without_repeating_it(secret: str) -> None:
    """Empty, not base64, too short or too long."""
    with pytest.raises(Invalid) as told:
        key_of(secret)
    assert len(secret) < 8 or secret not in str(told.value)


@pytest.mark.parametrize(
    "change", [{"webhook-id": "other"}, {"webhook-timestamp": "1614265331"}, {"webhook-signature": "v1,AAAA v2,x v1,*"}]
)
def test_whatever_is_changed_the_signature_does_not_fit(change: dict[str, str]) -> None:
    """Id, time and body are signed together."""
    said = headers([key_of(SECRET)], "msg_1", 1614265330, b"{}")
    verify(key_of(SECRET), said, b"{}", 1614265330)
    with pytest.raises(Unauthorized):
        verify(key_of(SECRET), said | change, b"{}", 1614265330)
    with pytest.raises(Unauthorized):
        verify(key_of(SECRET), said, b"{ }", 1614265330)
