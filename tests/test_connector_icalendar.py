"""
Calendars: events, tasks and journals, their times and zones, and files that are broken.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Blob, Body, Item
from tests.connectors import connector, mapped, read_checked
from tests.shared import DATA, needs_shared

ICALENDAR = connector("icalendar")

ZONE = """\
BEGIN:VTIMEZONE
TZID:Our Own
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0330
TZOFFSETTO:+0230
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0230
TZOFFSETTO:+0330
END:DAYLIGHT
END:VTIMEZONE
"""


def events(folder: Path, text: str | bytes) -> list[Item]:
    """What is read from a file without problems."""
    path = folder / "a.ics"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found, problems, scopes = read_checked(ICALENDAR, path)
    assert ([], []) == (problems, scopes)
    return found


def event(*lines: str, kind: str = "VEVENT") -> str:
    """A component's text."""
    return "\n".join((f"BEGIN:{kind}", *lines, f"END:{kind}", ""))


def fields(folder: Path, *lines: str, zones: str = "", kind: str = "VEVENT") -> Body:
    """The canonical fields of one component in a calendar."""
    return mapped(ICALENDAR, events(folder, f"BEGIN:VCALENDAR\n{zones}{event(*lines, kind=kind)}END:VCALENDAR\n")[0])


def test_an_event_is_mapped(tmp_path: Path) -> None:
    """Texts, people, tags, recurrence; what belongs to an alarm does not belong to the event."""
    found = events(
        tmp_path,
        "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Work\\, mostly\r\n"
        + event(
            "UID:1@example.org",
            "SUMMARY:Lunch\\, late",
            "DESCRIPTION:With",
            "  Jane\\nand Joe",
            "DTSTART;TZID=Europe/Paris:20110518T120000",
            "DURATION:PT1H30M",
            "LOCATION:Chez Max",
            'ORGANIZER;CN="Doe, Jane":MAILTO:Jane@Example.org',
            "ATTENDEE;CN=Joe;PARTSTAT=ACCEPTED:mailto:joe@example.org",
            "STATUS:CONFIRMED",
            "RRULE:FREQ=WEEKLY;COUNT=3",
            "URL:http://example.org/lunch",
            "CATEGORIES:Food,Fun",
            "LAST-MODIFIED:20110501T000000Z",
            "BEGIN:VALARM",
            "DESCRIPTION:Alarm!",
            "END:VALARM",
        ).replace("\n", "\r\n")
        + "END:VCALENDAR\r\n",
    )
    assert ["1@example.org"] == [item.key for item in found]
    assert {
        "uid": "1@example.org",
        "kind": "event",
        "title": "Lunch, late",
        "description": "With Jane\nand Joe",
        "start": "2011-05-18T10:00:00Z",
        "end": "2011-05-18T11:30:00Z",
        "all_day": False,
        "timezone": "Europe/Paris",
        "location": "Chez Max",
        "organizer": "jane@example.org",
        "attendees": ["joe@example.org"],
        "status": "confirmed",
        "recurrence": "FREQ=WEEKLY;COUNT=3",
        "url": "http://example.org/lunch",
        "calendar": "Work, mostly",
        "tag": ["Food", "Fun"],
        "updated": "2011-05-01T00:00:00Z",
    } == mapped(ICALENDAR, found[0])


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("DTSTART:20110518T100000Z", "2011-05-18T10:00:00Z"),
        ("DTSTART:20110518T100000", "2011-05-18T10:00:00"),
        ("DTSTART;VALUE=DATE:20110518", "2011-05-18"),
        ("DTSTART:20110518", "2011-05-18"),
        ("DTSTART;TZID=America/New_York:20110518T100000", "2011-05-18T14:00:00Z"),
        ('DTSTART;TZID="America/New_York":20110118T100000', "2011-01-18T15:00:00Z"),
        ("DTSTART;TZID=Eastern Standard Time:20110518T100000", "2011-05-18T14:00:00Z"),
        ("DTSTART;TZID=/example.org/Tzfile/Europe/Paris:20110518T100000", "2011-05-18T08:00:00Z"),
        ("DTSTART;TZID=Our Own:20110518T100000", "2011-05-18T06:30:00Z"),
        ("DTSTART;TZID=Our Own:20110118T100000", "2011-01-18T07:30:00Z"),
        ("DTSTART;TZID=Nowhere/Land:20110518T100000", "2011-05-18T10:00:00"),
        ("DTSTART:20110230T100000", None),
        ("DTSTART:soon", None),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_times(tmp_path: Path, line: str, start: str | None, is_first: bool) -> None:
    """Times are in UTC where the zone is known, wherever the calendar defines it; else they stay local, and the zone is told."""
    parts = (ZONE, event("SUMMARY:x", line)) if is_first else (event("SUMMARY:x", line), ZONE)
    found = mapped(ICALENDAR, events(tmp_path, "BEGIN:VCALENDAR\n" + "".join(parts) + "END:VCALENDAR\n")[0])
    assert start == found.get("start")
    if start and not start.endswith("Z") and "TZID" in line:
        assert "Nowhere/Land" == found["timezone"]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("(UTC+01:00) Amsterdam, Berlin, Bern", "2011-05-18T10:00:00Z"),
        ('"(GMT-05:00) Eastern Time (US & Canada)"', "2011-05-18T16:00:00Z"),
        ("GMT+0530", "2011-05-18T06:30:00Z"),
        ("UTC-03:00", "2011-05-18T15:00:00Z"),
        ("(UTC+01:00) Nowhere", "2011-05-18T12:00:00"),
        ("GMT+9999", "2011-05-18T12:00:00"),
    ],
)
def test_zones_named_by_their_distance(tmp_path: Path, zone: str, start: str) -> None:
    """Exchange's names are read by their cities, colons and all; a bare distance is one; what says too little stays local."""
    assert start == fields(tmp_path, "UID:1", f"DTSTART;TZID={zone}:20110518T120000")["start"]


def test_a_definition_of_a_zone_is_kept(tmp_path: Path) -> None:
    """An event in a zone that only its calendar knows carries the definition: nobody could tell its time otherwise."""
    body = events(tmp_path, f"BEGIN:VCALENDAR\n{ZONE}{event('SUMMARY:x', 'DTSTART;TZID=Our Own:20110518T100000')}END:VCALENDAR\n")[0].body
    assert {"Our Own": ZONE} == (body or {})["timezones"]


def test_zones_do_not_leak(tmp_path: Path) -> None:
    """What one calendar defines is unknown to the next, also in the same file."""
    one = event("SUMMARY:x", "DTSTART;TZID=Our Own:20110518T100000")
    found = events(tmp_path, f"BEGIN:VCALENDAR\n{ZONE}{one}END:VCALENDAR\nBEGIN:VCALENDAR\n{one}END:VCALENDAR\n")
    assert ["2011-05-18T06:30:00Z", "2011-05-18T10:00:00"] == [mapped(ICALENDAR, item)["start"] for item in found]


def test_all_day(tmp_path: Path) -> None:
    """Dates stay dates, whole days are added as such."""
    found = fields(tmp_path, "SUMMARY:x", "DTSTART;VALUE=DATE:20110518", "DURATION:P2D")
    assert ("2011-05-18", "2011-05-20", True) == (found["start"], found["end"], found["all_day"])


def test_tasks_and_journals(tmp_path: Path) -> None:
    """Their kind tells them from events; a task ends when it is due."""
    task = fields(tmp_path, "UID:1", "SUMMARY:x", "DUE:20110518T100000Z", "COMPLETED:20110517T100000Z", "STATUS:COMPLETED", kind="VTODO")
    assert ("todo", "2011-05-18T10:00:00Z", "2011-05-17T10:00:00Z", "completed") == (
        task["kind"],
        task["end"],
        task["completed"],
        task["status"],
    )
    journal = fields(tmp_path, "UID:2", "DESCRIPTION:one", "DESCRIPTION:two", kind="VJOURNAL")
    assert ("journal", "one\ntwo") == (journal["kind"], journal["description"])


def test_keys(tmp_path: Path) -> None:
    """An exception of a series has a key of its own; without a UID, what happens when is the key."""
    lines = ("SUMMARY:x", "DTSTART:20110518T100000Z")
    moved = "RECURRENCE-ID;TZID=Europe/Paris:20110518T120000"
    components = (
        event("UID:1", *lines),
        event("UID:1", *lines, moved),
        event(*lines, "DTSTAMP:20200101T000000Z"),
        event(*lines, "DTSTAMP:20210101T000000Z"),
    )
    keys = [item.key for item in events(tmp_path, "BEGIN:VCALENDAR\n" + "".join(components) + "END:VCALENDAR\n")]
    assert ["1", "1 2011-05-18T10:00:00Z"] == keys[:2]
    assert keys[2] == keys[3]


def test_the_moment_of_the_export_changes_nothing(tmp_path: Path) -> None:
    """Google writes a new DTSTAMP into every export; beside LAST-MODIFIED it means nothing."""
    first, second = (
        events(tmp_path, event("UID:1", f"DTSTAMP:{year}0101T000000Z", "LAST-MODIFIED:20110501T000000Z")) for year in (2020, 2021)
    )
    assert first == second


def test_vcalendar_of_old_phones(tmp_path: Path) -> None:
    """Quoted-printable over several lines, and bytes that are no UTF-8."""
    found = events(
        tmp_path,
        b"BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nSUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Gr=C3=BC=\n=C3=9Fe\n"
        b"LOCATION:K\xf6ln\nEND:VEVENT\nEND:VCALENDAR\n",
    )
    assert ("Grüße", "Köln") == (mapped(ICALENDAR, found[0])["title"], mapped(ICALENDAR, found[0])["location"])
    assert isinstance((found[0].body or {})["raw"], Blob)


def test_a_broken_component_spoils_only_itself(tmp_path: Path) -> None:
    """Problems name the line; the components around are read."""
    good = event("UID:1", "SUMMARY:x")
    (tmp_path / "a.ics").write_text(
        f"BEGIN:VCALENDAR\n{good}BEGIN:VEVENT\nUID:lost\n{good}{event()}BEGIN:VTODO\nEND:VCALENDAR\n{good}BEGIN:VEVENT\n"
    )
    (tmp_path / "b.ics").write_text("nothing of the kind")
    found, problems, _ = read_checked(ICALENDAR, tmp_path)
    assert 3 == len(found)
    assert [("a.ics", f"line {line}") for line in (6, 12, 14, 20)] + [("b.ics", "line 1")] == [(one.file, one.place) for one in problems]


texts = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=60).map(str.strip).filter(bool)
days = st.dates(date(1990, 1, 1), date(2037, 1, 1))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, texts, texts, days | moments, st.integers(1, 50)), min_size=1, max_size=4))
def test_any_event_comes_back(
    tmp_path_factory: pytest.TempPathFactory, given_events: list[tuple[str, str, str, date | datetime, int]]
) -> None:
    """What the icalendar library writes is read as it was meant, whatever is in the texts."""
    calendar = icalendar.Calendar()
    expected = []
    for uid, summary, description, start, length in given_events:
        component = icalendar.Event()
        end = start + timedelta(days=length)
        for name, value in {"uid": uid, "summary": summary, "description": description, "dtstart": start, "dtend": end}.items():
            component.add(name, value)
        calendar.add_component(component)
        expected.append((uid, summary, description, *(moment.isoformat().replace("+00:00", "Z") for moment in (start, end))))
    found = [mapped(ICALENDAR, item) for item in events(tmp_path_factory.getbasetemp(), calendar.to_ical())]
    assert expected == [(one["uid"], one["title"], one["description"], one["start"], one["end"]) for one in found]


JUNK = [
    b"BEGIN:VCALENDAR",
    b"END:VCALENDAR",
    b"BEGIN:VEVENT",
    b"END:VEVENT",
    b"BEGIN:VTIMEZONE",
    b"END:VTIMEZONE",
    b"TZID:x",
    b"DTSTART;TZID=x:20110518T100000",
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*JUNK, b"DURATION:P", b"SUMMARY:x", b"RRULE:", b" fold"]) | st.binary(max_size=30)))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Whatever stands in a file, it gives items and problems, never an error."""
    path = tmp_path_factory.getbasetemp() / "junk.ics"
    path.write_bytes(b"\n".join(lines))
    found, problems, _ = read_checked(ICALENDAR, path)
    assert found or problems or b"BEGIN:" in path.read_bytes()


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "count"), [("ical-ical4j", 332), ("ical-icalendar", 72), ("ical-node-ical", 115), ("ical-radicale", 30)]
)
def test_shared_calendars(folder: str, count: int) -> None:
    """Items and problems add up to the components in the files beside the checkout; only empty components are problems."""
    found, problems, _ = read_checked(ICALENDAR, DATA / folder)
    begun = sum(
        len(re.findall(rb"^BEGIN:V(?:EVENT|TODO|JOURNAL)\b", path.read_bytes(), re.MULTILINE)) for path in (DATA / folder).rglob("*.ics")
    )
    empty = [problem for problem in problems if problem.reason.endswith("is empty or unreadable")]
    assert count == begun == len(found) + len(empty)
    assert {"calendars/big_bad_calendar.ics"} >= {problem.file for problem in empty}
