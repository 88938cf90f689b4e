"""
Last.fm: what its documents become in either format, and what its numbers mean.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from locker.connector import Answer
from locker.error import Fatal, LimitReached, Retriable, Skippable, Unauthorized
from tests.fetching import FakeService, synced
from tests.mapping import fetching, made
from tests.sampled import first, judged, keys


def test_lastfm() -> None:
    """A play is an event of its second, a loved track a favorite; what is playing right now waits until it has a time."""
    assert {
        "title": "Lo – Oar 3",
        "description": "Boats",
        "start": "2020-01-26T00:53:23Z",
        "url": "https://www.last.fm/music/Lo/_/Oar+3",
        "kind": "listen",
    } == first("lastfm", "scrobbles")
    assert ("Oar 3", "Lo", "https://lastfm.example/3.jpg") == tuple(
        first("lastfm", "loved")[field] for field in ("title", "author", "thumbnail")
    )
    assert "1580000003 Lo Oar 3" == keys("lastfm", "scrobbles")[0]
    lastfm = fetching("lastfm")
    assert lastfm.item(lastfm.streams[0], {"name": "Now", "@attr": {"nowplaying": "true"}}) is None


LFM = """<?xml version="1.0" encoding="UTF-8"?>
<lfm status="ok"><recenttracks user="ann" page="1" totalPages="1"><track><artist mbid="">Lo &amp; Fi</artist><name>Oar</name>
<date uts="1580000003">26 Jan 2020, 00:53</date><image size="small"></image><image size="large">https://l.example</image></track></recenttracks></lfm>"""


def test_lastfms_two_formats_are_one() -> None:
    """XML becomes what the JSON says, so that the keys are the same whichever a server speaks."""
    lastfm = fetching("lastfm")
    document = lastfm.document(Answer(200, {}, LFM.encode(), "x"))
    (item,) = made(lastfm, "scrobbles", [document["recenttracks"]["track"]])
    assert "1580000003 Lo & Fi Oar" == item.key
    assert {
        "artist": {"mbid": "", "#text": "Lo & Fi"},
        "name": "Oar",
        "date": {"uts": "1580000003", "#text": "26 Jan 2020, 00:53"},
        "image": [{"size": "small", "#text": ""}, {"size": "large", "#text": "https://l.example"}],
    } == item.body
    assert {"user": "ann", "page": "1", "totalPages": "1"} == document["recenttracks"]["@attr"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, b'{"error":10,"message":"Invalid API key"}', Unauthorized),
        (403, b'<?xml version="1.0"?><lfm status="failed"><error code="10">Invalid API key</error></lfm>', Unauthorized),
        (200, b'{"error":29,"message":"Rate limit exceeded"}', LimitReached),
        (500, b'{"error":8,"message":"Operation failed"}', Retriable),
        (403, b'{"error":17,"message":"Login required"}', Skippable),
        (404, b'{"error":6,"message":"User not found"}', Fatal),
        (404, b'{"error":"not recorded"}', type(None)),
        (200, LFM.encode(), type(None)),
        (200, b'<lfm status="failed"><err', type(None)),
    ],
)
def test_lastfms_errors_stand_in_the_body(status: int, body: bytes, expected: type) -> None:
    """Whatever the status is, the number in the body says what to do."""
    assert expected is type(judged("lastfm", status, body))


@pytest.mark.parametrize("body", [b"<lfm", b"<!DOCTYPE lfm [<!ENTITY a 'b'>]><lfm>&a;</lfm>", b"<a>" * 100, b"\xff<"])
def test_what_is_neither_json_nor_xml_is_asked_for_again(body: bytes) -> None:
    """A cut-off answer is no list that ends."""
    with pytest.raises(Retriable):
        fetching("lastfm").document(Answer(200, {}, body, "x"))


async def test_a_server_that_takes_no_form_is_asked(tmp_path: Path) -> None:
    """Last.fm takes a form, as its clients send; others that speak like it may not."""
    page = {"recenttracks": {"track": [], "@attr": {"totalPages": "0"}}}

    def answer(request: web.Request) -> web.Response:
        return web.json_response(page) if request.method == "GET" else web.json_response({"message": "no"}, status=405)

    service = FakeService(token=None, cues=[answer])
    async with service.open() as base:
        (report,) = await synced(tmp_path, fetching("lastfm"), base, options={"username": "ann"}, streams=["scrobbles"], times=1)
    assert ("done", None) == (report.streams[0].outcome, report.error)
    assert ["", "ann"] == [parse_qs(asked.partition("?")[2]).get("user", [""])[0] for asked in service.asked]
