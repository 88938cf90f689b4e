"""
Turns bytes of doubtful origin into text: the declared character set first, then what people mostly meant.
"""

from __future__ import annotations

import codecs
import re

_NAMED = re.compile(rb"""charset\s*=\s*["']?([A-Za-z0-9][A-Za-z0-9._:-]*)""", re.IGNORECASE)

ALIASES = {
    "gb2312": "gb18030",  # senders of GB2312 use its supersets all the time
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-1": "cp1252",  # as browsers do: the C1 controls that differ mean quotes and dashes
    "latin1": "cp1252",
    "windows-874": "cp874",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "x-unknown": "utf-8",
    "unknown-8bit": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
}

NOTATIONS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""What Python can decode, and no sender means by a charset; some of them take hours over a few megabytes."""


def decode(content: bytes, charset: str | None = None) -> str:
    """The text of some bytes.  Never raises: a wrong or unknown charset falls back to UTF-8, then to Windows-1252 and Latin-1."""
    declared = (charset or "utf-8").strip("\"' ").partition("*")[0].lower()
    declared = _believed(ALIASES.get(declared, declared))
    for name, errors in ((declared, "strict"), ("utf-8", "strict"), (declared if declared != "utf-8" else "cp1252", "strict")):
        try:
            return mend(content.decode(name, errors))
        except (LookupError, ValueError):
            continue
    if declared.startswith(("iso-2022", "euc", "cp9", "gb", "big5", "utf-16")):
        # One bad byte among many good ones: lose that character, not the text.
        return mend(content.decode(declared, "replace"))
    return mend(content.decode("latin-1"))


def _believed(declared: str) -> str:
    """The charset, or UTF-8 for what is none."""
    try:
        return "utf-8" if codecs.lookup(declared).name in NOTATIONS else declared
    except (LookupError, ValueError):
        return "utf-8"


def decode_undeclared(content: bytes) -> str:
    """The text of bytes whose charset nobody told: UTF-8 if they are, else the one named inside (vCard's ``CHARSET=``, HTML's ``<meta charset=``)."""
    try:
        return mend(content.decode("utf-8"))
    except UnicodeDecodeError:
        named = _NAMED.search(content, 0, 1 << 16)
        return decode(content, named[1].decode() if named else None)


def mend(text: str) -> str:
    """The text without lone surrogates and NULs; bytes that a parser smuggled through as surrogates are decoded after all."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return decode(text.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
