"""
Reading Google's takeout: what other readers know (mail, contacts, bookmarks) and what only Google has (locations, activity, YouTube, Keep).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.connector import Item
from locker.error import Fatal
from tests.connectors import check_contract, connector, mapped, read, read_checked
from tests.exports import damaged, pack, unpack
from tests.shared import DATA, needs_shared

takeout = connector("takeout")

MAIL = (
    b"From 1844347@xxx Wed Nov 22 08:00:00 +0000 2017\nX-GM-THRID: 1844347\nX-Gmail-Labels: Inbox,singly\nMessage-ID: <a@singly.com>\n"
    b"From: Jason <jason@singly.com>\nTo: rand@example.org\nSubject: Hi\nDate: Wed, 22 Nov 2017 08:00:00 +0000\n\nhello\n\n"
)
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada L\r\nEMAIL;TYPE=INTERNET:Ada@Example.org\r\nEND:VCARD\r\n"
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Ada\r\nBEGIN:VEVENT\r\nUID:1@google.com\r\nDTSTART:20180501T100000Z\r\n"
    "SUMMARY:Hashable Party\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
BOOKMARKS = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<TITLE>Bookmarks</TITLE><H1>Bookmarks</H1>
<DL><p><DT><H3>Bar</H3><DL><p><DT><A HREF="https://example.org/a" ADD_DATE="1300000000">Ä a</A></DL><p></DL><p>
"""
POINT = {"timestampMs": "1437263846012", "latitudeE7": 376955289, "longitudeE7": -1219287261, "accuracy": 45}
VISIT = {
    "placeVisit": {
        "location": {
            "latitudeE7": 481000000,
            "longitudeE7": 115000000,
            "placeId": "ChIJ",
            "name": "Kunsthalle",
            "address": "Theatinerstr. 8",
        },
        "duration": {"startTimestamp": "2020-01-02T10:00:00.123Z", "endTimestamp": "2020-01-02T12:00:00Z"},
    }
}
ACTIVITY = {
    "header": "YouTube",
    "title": "Watched Ä film",
    "titleUrl": "https://www.youtube.com/watch?v=J1tF-DKKt7k",
    "subtitles": [{"name": "Ada's channel", "url": "https://www.youtube.com/channel/UC1"}],
    "time": "2021-12-13T03:04:05.007Z",
    "products": ["YouTube"],
}
LIKE = {
    "contentDetails": {"videoId": "J1tF-DKKt7k"},
    "kind": "youtube#playlistItem",
    "snippet": {"publishedAt": "2020-07-05T18:27:32.000Z", "resourceId": {"videoId": "J1tF-DKKt7k"}, "title": "ED", "description": "糖歌"},
}
SUBSCRIPTION = {"kind": "youtube#subscription", "snippet": {"resourceId": {"channelId": "UCabc"}, "title": "Numberphile"}}
NOTE = {
    "color": "DEFAULT",
    "isTrashed": True,
    "isPinned": False,
    "isArchived": False,
    "title": "Einkauf",
    "listContent": [{"text": "Käse", "isChecked": True}, {"text": "Brot", "isChecked": False}],
    "userEditedTimestampUsec": 1600000001000000,
    "createdTimestampUsec": 1600000000000000,
    "labels": [{"name": "Haus"}],
}
PLACE = {
    "type": "Feature",
    "geometry": {"coordinates": [11.5, 48.1], "type": "Point"},
    "properties": {
        "date": "2022-01-02T03:04:05Z",
        "google_maps_url": "http://maps.google.com/?cid=1",
        "location": {"name": "Café", "address": "Gasse 1"},
    },
}
PROFILE = {"name": {"givenName": "Ada", "familyName": "L"}, "displayName": "Ada L", "emails": [{"value": "Ada@Example.org"}]}

FILES: dict[str, Any] = {
    "Takeout/archive_browser.html": "<html></html>",
    "Takeout/Profile/Profile.json": PROFILE,
    "Takeout/Mail/All mail Including Spam and Trash.mbox": MAIL,
    "Takeout/Contacts/My Contacts/My Contacts.vcf": CARD,
    "Takeout/Calendar/Ada.ics": CALENDAR,
    "Takeout/Chrome/Bookmarks.html": BOOKMARKS,
    "Takeout/Location History/Records.json": {"locations": [POINT]},
    "Takeout/Location History/Semantic Location History/2020/2020_JANUARY.json": {"timelineObjects": [VISIT, {"activitySegment": {}}]},
    "Takeout/Maps (your places)/Saved Places.json": {"type": "FeatureCollection", "features": [PLACE]},
    "Takeout/YouTube and YouTube Music/history/watch-history.json": [ACTIVITY],
    "Takeout/YouTube and YouTube Music/playlists/likes.json": [LIKE],
    "Takeout/YouTube and YouTube Music/subscriptions/subscriptions.csv": (
        "Channel Id,Channel Url,Channel Title\nUCabc,http://www.youtube.com/channel/UCabc,Numberphile\n"
    ),
    "Takeout/Keep/Einkauf.json": NOTE,
    "Takeout/Keep/Einkauf.html": "<html></html>",
    "Takeout/Saved/Want to go.csv": "Title,Note,URL,Comment\nCafé,gut,https://maps.google.com/?cid=1,\n",
    "Takeout/Fit/All Sessions/1.json": {"fitnessActivity": "walking"},
    "Takeout/Drive/Keep/mine.json": {"isTrashed": False},
}


def one(items: list[Item], type: str) -> dict[str, Any]:
    """The canonical body of the only item of a type."""
    (item,) = (item for item in items if type == item.type)
    return mapped(takeout, item)


def test_everything_in_a_takeout(tmp_path: Path) -> None:
    """Each product gives its type; what is not known is left alone; the profile's account is the scope."""
    items, problems, scopes = read_checked(takeout, unpack(tmp_path, FILES))
    assert [] == problems
    assert [("account:ada@example.org", False)] == [(scope.name, scope.complete) for scope in scopes]
    counts = {type: sum(type == item.type for item in items) for type in takeout.types}
    assert {"message": 1, "contact": 4, "event": 2, "link": 2, "favorite": 2, "place": 3, "document": 1} == counts


def test_zip_zips_and_folder_are_one(tmp_path: Path) -> None:
    """A folder, its zip, and a folder with the two zips it came in give the same items in the same order."""
    folder = unpack(tmp_path / "folder", FILES)
    pack(tmp_path / "zips" / "takeout-001.zip", folder, sorted(FILES)[::2])
    pack(tmp_path / "zips" / "takeout-002.zip", folder, sorted(FILES)[1::2])
    expected = read(takeout, folder)
    assert expected == read(takeout, pack(tmp_path / "all.zip", folder))
    assert expected == read(takeout, tmp_path / "zips")


@pytest.mark.parametrize("name", ["mbox", "vcard", "icalendar", "bookmarks"])
def test_mail_contacts_calendars_and_bookmarks_are_those_of_their_readers(tmp_path: Path, name: str) -> None:
    """A mailbox, address book, calendar or bookmark page in a takeout gives the items that its own reader gives."""
    file, content = {
        "mbox": ("Mail/All.mbox", MAIL),
        "vcard": ("Contacts/All.vcf", CARD),
        "icalendar": ("Calendar/Ada.ics", CALENDAR),
        "bookmarks": ("Chrome/Bookmarks.html", BOOKMARKS),
    }[name]
    folder = unpack(tmp_path, {file: content})
    theirs, _, _ = read(connector(name), folder)
    ours, _, _ = read(takeout, folder)
    assert theirs == ours
    assert [mapped(connector(name), item) for item in theirs] == [mapped(takeout, item) for item in ours]


def test_mail_has_gmails_labels(tmp_path: Path) -> None:
    """Labels are tags, the conversation's id is the thread."""
    message = one(read_checked(takeout, unpack(tmp_path, {"Mail/a.mbox": MAIL}))[0], "message")
    assert ("jason@singly.com", ["Inbox", "singly"], "1844347") == (message["from"], message["tag"], message["thread"])


def test_links(tmp_path: Path) -> None:
    """Bookmarks and saved lists are links, with their folder or list."""
    items, _, _ = read_checked(takeout, unpack(tmp_path, FILES))
    bookmark, saved = (mapped(takeout, item) for item in items if item.type == "link")
    assert {"url": "https://example.org/a", "title": "Ä a", "folder": "Bar", "created": "2011-03-13T07:06:40Z"} == bookmark
    assert {"url": "https://maps.google.com/?cid=1", "title": "Café", "description": "gut", "folder": "Want to go"} == saved


def test_places(tmp_path: Path) -> None:
    """Points, visits and saved places are in degrees, with their time."""
    items, _, _ = read_checked(takeout, unpack(tmp_path, FILES))
    point, visit, saved = (mapped(takeout, item) for item in items if item.type == "place")
    assert {"lat": 37.6955289, "lng": -121.9287261, "at": "2015-07-18T23:57:26.012000Z", "accuracy": 45} == point
    assert {
        "lat": 48.1,
        "lng": 11.5,
        "name": "Kunsthalle",
        "address": "Theatinerstr. 8",
        "at": "2020-01-02T10:00:00.123000Z",
        "until": "2020-01-02T12:00:00Z",
    } == visit
    assert ("Café", "http://maps.google.com/?cid=1", 48.1) == (saved["name"], saved["url"], saved["lat"])


def test_a_point_keeps_its_key_in_the_new_format(tmp_path: Path) -> None:
    """``timestampMs`` became ``timestamp`` in 2022; the points are the same."""
    new = {"latitudeE7": 376955289, "longitudeE7": -1219287261, "timestamp": "2015-07-18T23:57:26.012Z", "source": "WIFI"}
    old_items, _, _ = read(takeout, unpack(tmp_path / "a", {"Location History/Location History.json": {"locations": [POINT]}}))
    new_items, _, _ = read(takeout, unpack(tmp_path / "b", {"Location History (Timeline)/Records.json": {"locations": [new]}}))
    assert [item.key for item in old_items] == [item.key for item in new_items]


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        (
            "location-history.json",
            [{"startTime": "2024-01-02T10:00:00.000+01:00", "endTime": "2024-01-02T11:00:00.000+01:00", "visit": {"topCandidate": {
                "placeID": "Ch", "semanticType": "Home", "placeLocation": "geo:48.100000,11.500000"}}}],
            {"lat": 48.1, "lng": 11.5, "at": "2024-01-02T09:00:00Z", "until": "2024-01-02T10:00:00Z", "category": "Home"},
        ),
        (
            "location-history.json",
            [{"startTime": "2024-01-02T10:00:00.000+01:00", "timelinePath": [{"point": "geo:48.1,11.5", "durationMinutesOffsetFromStartTime": "12"}]}],
            {"lat": 48.1, "lng": 11.5, "at": "2024-01-02T09:12:00Z"},
        ),
        (
            "Timeline.json",
            {"semanticSegments": [{"startTime": "2024-01-02T10:00:00.000+01:00", "timelinePath": [{"point": "48.1°, -11.5°", "time": "2024-01-02T10:05:00Z"}]}]},
            {"lat": 48.1, "lng": -11.5, "at": "2024-01-02T10:05:00Z"},
        ),
        (
            "Timeline.json",
            {"rawSignals": [{"position": {"LatLng": "48.1°, 11.5°", "accuracyMeters": 13, "timestamp": "2024-01-02T10:05:00Z"}}, {"wifiScan": {}}]},
            {"lat": 48.1, "lng": 11.5, "at": "2024-01-02T10:05:00Z", "accuracy": 13},
        ),
        (
            "Timeline Edits.json",
            {"timelineEdits": [{"rawSignal": {"signal": {"position": {"point": {"latE7": 481000000, "lngE7": 115000000}, "accuracyMm": 13500,
                "timestamp": "2024-01-02T10:05:00Z"}}}}, {"placeAggregates": {}}]},
            {"lat": 48.1, "lng": 11.5, "at": "2024-01-02T10:05:00Z", "accuracy": 13.5},
        ),
        (
            "Records.json",
            {"locations": [{"latitudeE7": 481000000 + (1 << 32), "longitudeE7": 115000000, "timestamp": "2024-01-02T10:05:00Z"}, {"timestamp": "x"}]},
            {"lat": 48.1, "lng": 11.5, "at": "2024-01-02T10:05:00Z"},
        ),
    ],
)  # fmt: skip
def test_timelines_of_phones(tmp_path: Path, file: str, content: Any, expected: dict[str, Any]) -> None:
    """The exports that phones write, corrections of the timeline and numbers that overflowed are places, too."""
    items, problems, _ = read_checked(takeout, unpack(tmp_path, {file: content}))
    assert ([], expected) == (problems, one(items, "place"))


def test_activity(tmp_path: Path) -> None:
    """An entry of My Activity is an event of its product."""
    items, _, _ = read_checked(takeout, unpack(tmp_path, {"My Activity/YouTube/My Activity.json": [ACTIVITY]}))
    assert {
        "title": "Watched Ä film",
        "description": "Ada's channel",
        "start": "2021-12-13T03:04:05.007000Z",
        "url": "https://www.youtube.com/watch?v=J1tF-DKKt7k",
        "kind": "YouTube",
        "tag": ["YouTube"],
    } == one(items, "event")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("YouTube/playlists/Liked videos.csv", "Playlist Id,Channel Id,Title\nLL1,UC1,Liked\n\nVideo Id,Time Added\nJ1tF-DKKt7k,2020-07-05 18:27:32 UTC\n"),
        ("YouTube and YouTube Music/playlists/Liked videos.csv", "Video ID,Playlist Video Creation Timestamp\nJ1tF-DKKt7k,2020-07-05T18:27:32+00:00\n"),
        ("YouTube und YouTube Music/Playlists/Videos zu „Mag ich“.csv", "Video-ID,Zeitstempel\nJ1tF-DKKt7k,2020-07-05T18:27:32+00:00\n"),
        ("YouTube et YouTube Music/playlists/Vidéos \"J'aime\".csv", "ID,Horodatage\nJ1tF-DKKt7k,2020-07-05T18:27:32+00:00\n"),
        ("YouTube/playlists/likes.json", [LIKE]),
    ],
)  # fmt: skip
def test_liked_videos(tmp_path: Path, file: str, content: Any) -> None:
    """A liked video has the same key in each of the three formats, its address and when it was liked."""
    items, problems, _ = read_checked(takeout, unpack(tmp_path, {file: content}))
    assert ([], ["video:J1tF-DKKt7k"]) == (problems, [item.key for item in items])
    liked = one(items, "favorite")
    assert ("https://www.youtube.com/watch?v=J1tF-DKKt7k", "2020-07-05T18:27:32Z", "video") == (
        liked["url"],
        liked["created"],
        liked["kind"],
    )


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("YouTube und YouTube Music/Abos/Abos.csv", "Kanal-ID,Kanal-URL,Kanaltitel\nUCabc,http://www.youtube.com/channel/UCabc,Numberphile\n"),
        ("YouTube/subscriptions/subscriptions.json", [SUBSCRIPTION]),
        ("YouTube/Abos/Abos.json", [SUBSCRIPTION]),
    ],
)  # fmt: skip
def test_subscriptions(tmp_path: Path, file: str, content: Any) -> None:
    """A subscription is a favorite channel, in any language and format."""
    items, problems, _ = read_checked(takeout, unpack(tmp_path, {file: content}))
    assert ([], ["channel:UCabc"]) == (problems, [item.key for item in items])
    assert ("Numberphile", "channel") == (one(items, "favorite")["title"], one(items, "favorite")["kind"])


def test_notes(tmp_path: Path) -> None:
    """A list has a line per item; labels and states are tags."""
    items, _, _ = read_checked(takeout, unpack(tmp_path, {"Keep/Einkauf.json": NOTE}))
    assert {
        "title": "Einkauf",
        "text": "[x] Käse\n[ ] Brot",
        "tag": ["Haus", "trashed"],
        "folder": "Keep",
        "created": "2020-09-13T12:26:40Z",
        "updated": "2020-09-13T12:26:41Z",
    } == one(items, "document")


def test_localised_names(tmp_path: Path) -> None:
    """Where the names are in another language, the content tells."""
    files = {
        "Takeout/Meine Aktivitäten/YouTube/MeineAktivitäten.json": [ACTIVITY],
        "Takeout/Standortverlauf/Standortverlauf.json": {"locations": [POINT]},
        "Takeout/Notizen/Einkauf.json": NOTE,
        "Takeout/Kontakte/Alle Kontakte/Alle Kontakte.vcf": CARD,
    }
    items, problems, _ = read_checked(takeout, unpack(tmp_path, files))
    assert ([], ["contact", "event", "document", "place"]) == (problems, [item.type for item in items])


def test_saved_lists_in_other_languages(tmp_path: Path) -> None:
    """The folder and the columns of a saved list are translated; title and notes are found all the same."""
    table = "Titel,Notiz,URL,Tags,Kommentar\nCafé,gut,https://maps.google.com/?cid=1,,laut\n"
    items, _, _ = read_checked(takeout, unpack(tmp_path, {"Takeout/Gespeichert/Lieblingsorte.csv": table}))
    assert {
        "url": "https://maps.google.com/?cid=1",
        "title": "Café",
        "description": "gut\nlaut",
        "folder": "Lieblingsorte",
    } == one(items, "link")


def test_pages_of_activity_are_known_by_their_look(tmp_path: Path) -> None:
    """History as HTML, under a name in another language, is told and not passed over; other pages are no problem."""
    page = "<html><style>" + "x{}" * 30_000 + '</style><body><div class="mdl-grid"><div class="outer-cell mdl-cell mdl-cell--12-col">'
    files = {"Takeout/YouTube/Verlauf/Wiedergabeverlauf.html": page, "Takeout/Archiv_Übersicht.html": "<html>", "Takeout/a.vcf": CARD}
    items, problems, _ = read_checked(takeout, unpack(tmp_path, files))
    assert 1 == len(items)
    assert ["Takeout/YouTube/Verlauf/Wiedergabeverlauf.html"] == [problem.file for problem in problems]


def test_names_from_a_mac(tmp_path: Path) -> None:
    """A Mac unpacks ä as a and a combining mark; the name is the same."""
    items, problems, _ = read(takeout, unpack(tmp_path, {"Takeout/Meine Aktivita\u0308ten/Maps/MeineAktivita\u0308ten.html": "<html>"}))
    assert [] == items
    assert "JSON" in problems[0].reason


def test_what_is_broken_stops_nothing(tmp_path: Path) -> None:
    """Cut files, wrong types and HTML activity are told; all the rest is read."""
    broken = {
        "Takeout/Location History/Location History.json": json.dumps({"locations": [POINT, POINT]})[:-40],
        "Takeout/My Activity/Search/My Activity.json": [ACTIVITY, 5, {}],
        "Takeout/My Activity/Maps/MyActivity.html": "<html>",
        "Takeout/Keep/cut.json": '{"title": "x"',
        "Takeout/Keep/list.json": [1],
        "Takeout/YouTube/subscriptions/subscriptions.json": [{}],
        "Takeout/Mail/empty.mbox": "",
    }
    items, problems, _ = read_checked(takeout, unpack(tmp_path, {**FILES, **broken}))
    assert set(broken) == {problem.file for problem in problems}
    whole, _, _ = read(takeout, unpack(tmp_path / "whole", FILES))
    assert {item.key for item in whole} <= {item.key for item in items}


@settings(max_examples=40)
@given(files=damaged(FILES))
def test_any_value_may_be_anything(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any]) -> None:
    """Whatever stands in place of a value, the export is read to its end and every item keeps the contract."""
    items, _, _ = read(takeout, unpack(tmp_path_factory.mktemp("damaged"), files))
    assert items
    check_contract(takeout, items)


def test_something_else_is_refused(tmp_path: Path) -> None:
    """What is no takeout at all is an error."""
    with pytest.raises(Fatal, match="no Google Takeout"):
        read(takeout, unpack(tmp_path, {"holiday/readme.txt": "x"}))


@given(lat=st.integers(-900000000, 900000000), lng=st.integers(-1800000000, 1800000000), wrapped=st.booleans())
def test_degrees(lat: int, lng: int, wrapped: bool) -> None:
    """E7 numbers are degrees to seven places, also those that were written as unsigned 32-bit numbers."""
    given_lat = lat + (1 << 32) if wrapped and lat < 0 else lat
    place = takeout.map("place", {"latitudeE7": given_lat, "longitudeE7": lng, "timestampMs": "1437263846012"})
    assert place is not None
    assert (lat, lng) == (round(place["lat"] * 10**7), round(place["lng"] * 10**7))


NAMES = [
    *(
        "latitudeE7",
        "longitudeE7",
        "timestamp",
        "placeVisit",
        "location",
        "duration",
        "visit",
        "topCandidate",
        "placeLocation",
        "timelinePath",
    ),
    *(
        "point",
        "position",
        "geometry",
        "coordinates",
        "properties",
        "snippet",
        "resourceId",
        "videoId",
        "thumbnails",
        "products",
        "subtitles",
    ),
    *("title", "time", "listContent", "text", "labels", "name", "annotations", "row", "list", "emails", "value", "startTime", "LatLng"),
]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just("geo:1,2"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


@given(body=st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=6))
def test_map_takes_anything(body: dict[str, Any]) -> None:
    """However strange an entry of Google's own formats is, mapping does not raise."""
    for type in ("event", "link", "favorite", "place", "document"):
        takeout.map(type, body)


@needs_shared
@pytest.mark.shared
def test_shared_takeout() -> None:
    """The recorded takeout: two points, five things done."""
    items, problems, _ = read_checked(takeout, DATA / "google-takeout")
    assert [] == problems
    assert {"place": 2, "event": 5} == {type: sum(type == item.type for item in items) for type in ("place", "event")}
    titles = [mapped(takeout, item).get("title") for item in items if item.type == "event"]
    assert "Searched for Oktibbeha County Lake, Mississippi, USA" in titles
