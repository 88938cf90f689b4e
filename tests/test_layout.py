"""Layouts of moments: Go's examples and strptime's directives, to the nanosecond, by example and against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.datepart import SECOND
from locker.error import Invalid
from locker.layout import Layout, rfc3339

RFC = "2006-01-02T15:04:05Z07:00"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GO = {
    RFC: "%Y-%m-%dT%H:%M:%S%:z",
    "2006-01-02T15:04:05.000000Z07:00": "%Y-%m-%dT%H:%M:%S.%f%:z",
    "2006-01-02T15:04:05.999999999Z07:00": "%Y-%m-%dT%H:%M:%S.%f%:z",
    "2006-01-02T15:04:05,999-07:00": "%Y-%m-%dT%H:%M:%S,%f%:z",
    "Mon Jan _2 15:04:05 2006": "%a %b %e %H:%M:%S %Y",
    "Mon Jan 02 15:04:05 -0700 2006": "%a %b %d %H:%M:%S %z %Y",
    "Mon, 02 Jan 2006 15:04:05 MST": "%a, %d %b %Y %H:%M:%S UTC",
    "Monday, 02-Jan-06 15:04:05 MST": "%A, %d-%b-%y %H:%M:%S GMT",
    "January 2, 2006 at 3:04:05pm (MST)": None,
    "02/01/2006 03:04:05 PM": "%d/%m/%Y %I:%M:%S %p",
    "2006-002 15:04:05": "%Y-%j %H:%M:%S",
    "20060102150405": "%Y%m%d%H%M%S",
}
"""Go layouts, and how the standard library writes the same."""

MOMENTS = st.integers(0, 99 * 365 * 86_400_000_000).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def exact(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def written(moment: datetime, format: str) -> str:
    """A moment by the standard library, which has no ``%:z`` yet."""
    offset = moment.strftime("%z")
    return moment.strftime(format.replace("%:z", f"{offset[:3]}:{offset[3:]}"))


@pytest.mark.parametrize(
    ("layout", "text", "expected"),
    [
        (RFC, "2010-12-10T08:35:08.008Z", 1291970108008000000),
        (RFC, "2010-12-10T08:35:08Z", 1291970108 * SECOND),
        (RFC, "2010-12-10T10:05:08+01:30", 1291970108 * SECOND),
        (RFC, "2010-12-10T08:35:08,123456789Z", 1291970108123456789),
        (RFC, "2010-12-10T08:35:08.1234567899Z", 1291970108123456789),
        ("2006-01-02T15:04:05.999-07:00", "2010-12-10T08:35:08-00:00", 1291970108 * SECOND),
        ("2006-01-02T15:04:05.999-07:00", "2010-12-10T08:35:08.123456+00:00", 1291970108123456000),
        ("2006-01-02T15:04:05.000Z", "2010-12-10T08:35:08.120Z", 1291970108120000000),
        ("2006-01-02 15:04:05 -0700 MST", "2010-12-10 10:35:08 +0200 CEST", 1291970108 * SECOND),
        ("January 2, 2006 at 3:04pm (MST)", "february 3, 2013 at 7:54pm (PST)", 1359921240 * SECOND),
        ("2006-01-02 MST", "1970-01-01 GMT-3", 3 * 3600 * SECOND),
        ("3:04PM", "12:00AM", -62167219200 * SECOND),
        ("06-1-2", "69-1-1", -365 * 86400 * SECOND),
        ("06-1-2", "68-12-31", exact(datetime(2068, 12, 31, tzinfo=UTC))),
        ("2006 __2", "1972  60", 789 * 86400 * SECOND),
        ("2006-01-02  15h", "1970-01-01 1h", 3600 * SECOND),
        ("_2006-01-02", "_1970-01-02", 86400 * SECOND),
        ("2006-01-02", "0000-02-29", -62162121600 * SECOND),
        ("Z07", "Z", -62167219200 * SECOND),
        ("2006-01-02T15:04:05Z070000", "1970-01-01T00:00:00-000001", SECOND),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2010-12-10T08:35:08.123456789+0000", 1291970108123456789),
        ("%Y-%m-%dT%H:%M:%S%z", "2010-12-10T08:35:08Z", 1291970108 * SECOND),
        ("%F %T", "2010-12-10 08:35:08", 1291970108 * SECOND),
        ("%s", "1291970108", 1291970108 * SECOND),
        ("%d %B %Y 100%%", "1 jan 1970 100%", 0),
        ("%D %R %p %A %e %j %y %Z %h %n%t", "01/02/70 08:00 am FRIDAY  2 002 70 UTC Jan ", (86400 + 8 * 3600) * SECOND),
    ],
)  # fmt: skip
def test_moments(layout: str, text: str, expected: int) -> None:
    """What a text says is exact, and in UTC."""
    assert expected == Layout.parse(layout).nanoseconds(text)


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (RFC, "2010-12-10T08:35:08"),
        (RFC, "2010-12-10 08:35:08Z"),
        (RFC, "2010-12-10T08:35:08Z and more"),
        (RFC, "2010-13-10T08:35:08Z"),
        (RFC, "2010-02-29T08:35:08Z"),
        (RFC, "2010-12-10T24:00:00Z"),
        (RFC, "2010-12-10T08:35:60Z"),
        (RFC, "2010-12-10T08:35:08+0100"),
        (RFC, "2010-12-10T08:35:08.Z"),
        (RFC, "２０１０-12-10T08:35:08Z"),
        (RFC, ""),
        ("2006-01-02T15:04:05.000Z", "2010-12-10T08:35:08.1Z"),
        ("2006-01-02T15:04:05.000Z", "2010-12-10T08:35:08Z"),
        ("2006-002", "2010-366"),
        ("2006-002 01", "2010-032 01"),
        ("02 Jan", "02 Foo"),
        ("15:04:05 MST", "08:00:00 Europe/Oslo"),
        ("3:04PM", "13:00PM"),
        ("3:04PM", "1:00pm"),
        ("2006-01-02 15h", "1970-01-011h"),
        ("-07:00", "+25:00"),
        ("%Y-%m-%d", "2010-12-32"),
        ("%Y-%m-%d", "2010/12/31"),
        ("%H:%M:%S", "08:35:08.5"),
    ],
)
def test_texts_that_do_not_fit(layout: str, text: str) -> None:
    """Each is refused, and the error names the text and the layout."""
    with pytest.raises(Invalid, match="is not a moment as"):
        Layout.parse(layout).nanoseconds(text)


@pytest.mark.parametrize("layout", ["", "abc", "Monk", "%%", "%Q", "%Y-%", "2006" * 60])
def test_layouts_that_are_none(layout: str) -> None:
    """A layout that names no part of a moment, or a directive that there is not, is refused when it is read."""
    with pytest.raises(Invalid):
        Layout.parse(layout)


@given(moment=MOMENTS, zone=OFFSETS)
def test_go_layouts_and_the_standard_library_agree(moment: datetime, zone: timezone) -> None:
    """Whatever Python writes in a form that Go's layout describes, the layout reads as the same moment."""
    for layout, format in GO.items():
        if format is None:
            continue
        local = moment.astimezone(zone) if "%z" in format or "%:z" in format else moment
        expected = moment if "%f" in format else moment.replace(microsecond=0)
        assert exact(expected) == Layout.parse(layout).nanoseconds(written(local, format)), layout


@given(moment=MOMENTS, format=st.sampled_from(["%Y-%m-%d %H:%M:%S.%f%z", "%d.%m.%y %I:%M:%S %p", "%a, %d %b %Y %H:%M:%S %z", "%Y%j%H%M%S"]))
def test_strptime_and_the_standard_library_agree(moment: datetime, format: str) -> None:
    """What strftime writes is read as strptime reads it."""
    text = moment.strftime(format)
    expected = datetime.strptime(text, format).replace(tzinfo=UTC)
    assert exact(expected) == Layout.parse(format).nanoseconds(text)


@given(a=MOMENTS, b=MOMENTS)
def test_later_moments_are_greater(a: datetime, b: datetime) -> None:
    """Results of one layout compare as their moments do."""
    first, second = (Layout.parse(RFC).nanoseconds(each.isoformat(timespec="microseconds")) for each in (a, b))
    assert (a < b, a == b) == (first < second, first == second)


@given(moment=MOMENTS, digits=st.text("0123456789", min_size=1, max_size=12))
def test_fractions_are_exact_to_the_nanosecond(moment: datetime, digits: str) -> None:
    """However many digits a fraction has, nine of them count, and none is rounded."""
    whole = moment.replace(microsecond=0)
    assert exact(whole) + int(digits[:9].ljust(9, "0")) == Layout.parse(RFC).nanoseconds(f"{whole:%Y-%m-%dT%H:%M:%S}.{digits}Z")


@pytest.mark.parametrize("text", ["2026-11-22T08:00:00Z", "2026-11-22t08:00:00z", "2026-11-22 10:00:00+02:00", "2026-11-22T08:00:00.000Z"])
def test_rfc3339(text: str) -> None:
    """A full date-time with its zone, as the RFC lets one write it."""
    assert exact(datetime(2026, 11, 22, 8, tzinfo=UTC)) == rfc3339(text)


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T08:00:00", "2026-11-22T08:00Z", "20261122T080000Z", "17", ""])
def test_texts_that_are_no_rfc3339(text: str) -> None:
    """A bare date, one without a zone, and a number in a text are refused."""
    with pytest.raises(Invalid):
        rfc3339(text)
