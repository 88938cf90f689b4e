"""
A secret must not be kept where a stranger repeats it: it is taken out of a text in every form in which others write one.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote

LEAST = 4
"""Characters; what is shorter stands in any text."""


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, as they are, percent-encoded, in base64 or in JSON."""
    for secret in sorted({each for each in secrets if len(each) >= LEAST}, key=len, reverse=True):
        encoded = b64encode(secret.encode()).decode()
        forms = (
            secret,
            quote(secret),
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            encoded,
            encoded.rstrip("="),
            quote(encoded, safe=""),
        )
        for form in forms:
            text = text.replace(form, "…")
    return text
