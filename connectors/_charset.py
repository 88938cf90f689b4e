"""
Turns bytes of doubtful origin into text: the door's own ways, and the encoded words of mail headers.
"""

from __future__ import annotations

from email.errors import HeaderParseError
from email.header import decode_header

from locker.connector import decode, decode_undeclared, mend

__all__ = ["decode", "decode_undeclared", "mend", "words"]

_LONGEST_HEADER = 1 << 15


def words(text: str) -> str:
    """A header's text with its encoded words (RFC 2047) decoded.  Never raises."""
    text = mend(text)
    if "=?" not in text or len(text) > _LONGEST_HEADER:
        return text
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    # Unencoded pieces come back as raw-unicode-escape bytes beside encoded ones, or as str alone.
    return mend("".join(p if isinstance(p, str) else decode(p, c) if c else _plain(p) for p, c in pieces))


def _plain(piece: bytes) -> str:
    try:
        return piece.decode("raw-unicode-escape")
    except ValueError:
        return decode(piece)
