"""Charsets: what a stranger declares is believed only if it is one."""

from __future__ import annotations

import pytest

from locker.charset import NOTATIONS, decode


@pytest.mark.parametrize("declared", [*sorted(NOTATIONS), "PunyCode", "unicode_escape", "no-such-charset", "hex", "", "\0"])
def test_a_notation_that_is_no_charset_is_not_believed(declared: str) -> None:
    """Python decodes punycode in quadratic time, and escapes into what nobody wrote: such text is read as UTF-8."""
    assert "räksmörgås \\u0041 xn-z9" == decode("räksmörgås \\u0041 xn-z9".encode(), declared)


def test_a_charset_is_believed() -> None:
    """One that is declared and fits wins."""
    assert "räv" == decode("räv".encode("mac_roman"), "macintosh")
    assert "Ж" == decode("Ж".encode("koi8-r"), "KOI8-R")


def test_what_does_not_fit_its_charset_is_read_as_most_meant_it() -> None:
    """A page that lies about UTF-8 is Windows-1252; long text of any kind takes no longer than its length."""
    assert "räv" == decode("räv".encode("cp1252"), "utf-8")
    assert 1_000_000 == len(decode(b"a-z9" * 250_000, "punycode"))
