"""Articles that people save, have tagged, and rate once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web

from locker.error import Forbidden, Invalid, NotFound
from locker.guard import Guard
from locker.locker import Locker
from locker.page import Address
from locker.reach import Reach
from locker.reading import AGAIN, LATER, WrongTags

from .pages import Site, page, site


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def locker(tmp_path: Path, clock: Clock) -> Iterator[Locker]:
    with Locker(tmp_path / "data", keys=tmp_path / "keys", clock=clock) as opened:
        opened.start()
        yield opened


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    async with Reach(Guard((ip_network("127.0.0.0/8"),))) as opened:
        yield opened


@pytest.fixture
async def paper() -> AsyncIterator[Site]:
    async with site(one=page("Bridge stays", head='<meta name="keywords" content="Bridge, Tolls">'), two=page("Two")) as made:
        yield made


async def test_saving_fetches_reads_and_tags_a_page(locker: Locker, reach: Reach, paper: Site) -> None:
    """The article is everyone's, its keywords are tags, and known names in its text are too."""
    town = locker.tags.adding("council of the town", "organization").result().n
    saving = await locker.reading.save(reach, "u1", f"{paper.url}/one#top", "u1", theme="traffic")
    assert ("Bridge stays", True, "commons") == (saving.article.body["title"], saving.is_new, saving.article.owner)
    names = [tag.name for tag in locker.tags.some(saving.article.mentions)]
    assert ["Bridge", "Tolls", "council of the town"] == names
    assert town in saving.article.mentions
    _, saved = locker.reading.saved("u1", saving.article)
    assert ("traffic", f"{paper.url}/one") == (saved["theme"], saved["url"])
    record = locker.logbook.records("commons", "web")[0]
    assert "<nav>Home</nav>" in record.body["page"]["raw"]


async def test_saving_again_is_the_same_article_and_asks_nobody(locker: Locker, reach: Reach, paper: Site) -> None:
    """Twice by one person, once by another: one article, one fetch; each has it saved once."""
    first = await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")
    again = await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1", theme="late")
    other = await locker.reading.save(reach, "u2", f"{paper.url}/one", "u2")
    assert [first.article.n] * 2 == [again.article.n, other.article.n]
    assert (False, True) == (again.is_new, other.is_new)
    assert ["/one"] == paper.asked
    assert "late" == locker.reading.saved("u1", first.article)[1]["theme"]


async def test_many_who_save_one_page_at_once_make_one_article(locker: Locker, reach: Reach, paper: Site) -> None:
    """Also those who are one person make one saved article, new for one of them."""
    savings = await asyncio.gather(*(locker.reading.save(reach, f"u{n % 2}", f"{paper.url}/one", f"u{n % 2}") for n in range(8)))
    assert 1 == len({saving.article.n for saving in savings})
    assert 2 == sum(saving.is_new for saving in savings)
    assert ["/one"] == paper.asked


async def test_a_page_is_fetched_for_the_others_when_one_goes_away(locker: Locker, reach: Reach, paper: Site) -> None:
    """Whoever asked first and hung up does not spoil it for whoever waits for the same page."""
    first = asyncio.create_task(locker.reading.save(reach, "u1", f"{paper.url}/one", "u1"))
    second = asyncio.create_task(locker.reading.save(reach, "u2", f"{paper.url}/one", "u2"))
    await asyncio.sleep(0)
    first.cancel()
    assert "Bridge stays" == (await second).article.body["title"]
    assert ["/one"] == paper.asked


async def test_a_page_that_changed_is_an_edit_of_the_article(locker: Locker, reach: Reach, paper: Site, clock: Clock) -> None:
    """Saved a day later, the page is fetched again; its history can be read."""
    first = await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")
    paper.pages["/one"] = page("Bridge goes")
    clock.now += AGAIN + timedelta(seconds=1)
    second = await locker.reading.save(reach, "u2", f"{paper.url}/one", "u2")
    assert (first.article.n, "Bridge goes") == (second.article.n, second.article.body["title"])
    assert ["add", "edit"] == [record.op for record in locker.logbook.history("commons", "web:1")]


async def test_two_addresses_of_one_canonical_page_are_one_article(locker: Locker, reach: Reach, paper: Site) -> None:
    """Whatever was saved under an address that turned out to be the other one stays saved."""
    paper.pages["/late"] = web.Response(status=500)
    early = await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")
    late = await locker.reading.save(reach, "u2", f"{paper.url}/late", "u2", title="Given")
    assert (early.article.n != late.article.n, "Given") == (True, late.article.body["title"])
    paper.pages["/late"] = page("Bridge stays", head='<link rel="canonical" href="/one">')
    merged = await locker.reading.save(reach, "u3", f"{paper.url}/late", "u3")
    assert early.article.n == merged.article.n
    assert locker.reading.saved("u2", locker.reading.article("commons", late.article.n))
    assert not (await locker.reading.save(reach, "u2", f"{paper.url}/one", "u2")).is_new


async def test_two_articles_that_turn_out_to_be_one_are_rated_once(locker: Locker, reach: Reach, paper: Site, clock: Clock) -> None:
    """Whichever of the two a person had rated: the article that they became is rated."""
    for person, rated in (("u1", "one"), ("u2", "two")):
        paper.pages["/two"] = page("Two", head='<meta name="keywords" content="Bridge">')
        found = {name: (await locker.reading.save(reach, person, f"{paper.url}/{name}", person)).article for name in ("one", "two")}
        locker.reading.rating(person, found[rated], [(str(found[rated].mentions[0]), "positive")], person)
    paper.pages["/two"] = page("Two", head='<link rel="canonical" href="/one"><meta name="keywords" content="Bridge">')
    clock.now += AGAIN + timedelta(minutes=1)
    merged = (await locker.reading.save(reach, "u3", f"{paper.url}/two", "u3")).article
    assert found["one"].n == merged.n
    for person in ("u1", "u2"):
        for n in (found["one"].n, found["two"].n):
            with pytest.raises(Forbidden):
                locker.reading.rating(person, locker.reading.article("commons", n), [(str(merged.mentions[0]), "negative")], person)


async def test_a_page_that_does_not_answer_is_saved_and_tried_again(locker: Locker, reach: Reach, paper: Site, clock: Clock) -> None:
    """Later it is fetched, tagged, and the title that was given stays where the page has none of its own."""
    saving = await locker.reading.save(reach, "u1", f"{paper.url}/missing", "u1", title="Mine")
    assert ({"url": f"{paper.url}/missing", "title": "Mine"}, True) == (saving.article.body, saving.is_new)
    assert 0 == await locker.reading.try_again(reach)
    clock.now += LATER[0]
    assert 1 == await locker.reading.try_again(reach)
    paper.pages["/missing"] = page("Found", head='<meta name="keywords" content="Hope">')
    clock.now += LATER[1]
    assert 1 == await locker.reading.try_again(reach)
    assert "Found" == (article := locker.reading.article("commons", saving.article.n)).body["title"]
    assert ["Hope"] == [tag.name for tag in locker.tags.some(article.mentions)]
    clock.now += timedelta(days=30)
    assert 0 == await locker.reading.try_again(reach)


async def test_trying_ends_when_a_page_never_answers(locker: Locker, reach: Reach, paper: Site, clock: Clock) -> None:
    """Nobody is asked forever."""
    await locker.reading.save(reach, "u1", f"{paper.url}/missing", "u1")
    tries = 0
    for _ in range(20):
        clock.now += timedelta(days=8)
        tries += await locker.reading.try_again(reach)
    assert len(LATER) == tries


@pytest.mark.parametrize("secret", ["?token=abc", "?a=1&api_key=x", "?X-Amz-Signature=0123456789abcdef", "/x;jsessionid=1"])
async def test_an_address_that_may_be_a_secret_stays_its_owners(locker: Locker, reach: Reach, paper: Site, secret: str) -> None:
    """Nothing of it is in the commons, not even its keywords as tags."""
    paper.pages[secret if secret.startswith("/") else f"/{secret}"] = page("Secret", head='<meta name="keywords" content="Codename">')
    saving = await locker.reading.save(reach, "u1", f"{paper.url}{secret if secret.startswith('/') else '/' + secret}", "u1")
    assert ("u1", "Secret") == (saving.article.owner, saving.article.body["title"])
    assert (0, []) == (locker.logbook.count("commons", "web"), locker.tags.all())


async def test_user_and_password_of_an_address_are_used_and_not_kept(locker: Locker, reach: Reach, paper: Site) -> None:
    """They go to the server as HTTP Basic, and into no log."""
    url = paper.url.replace("http://", "http://ada:s3cr3t%21@")
    saving = await locker.reading.save(reach, "u1", f"{url}/one", "u1")
    assert ("u1", "Basic YWRhOnMzY3IzdCE=") == (saving.article.owner, paper.authorizations[0])
    assert b"s3cr3t" not in (locker.data / "log.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("type", "body"),
    [("application/pdf", b"%PDF"), ("image/png", b"\x89PNG"), ("text/html", b"<p>\0\0"), ("application/octet-stream", b"<html>")],
)
async def test_what_is_no_page_is_saved_without_one(locker: Locker, reach: Reach, paper: Site, type: str, body: bytes) -> None:
    """A file is no article to read; the address stays."""
    paper.pages["/file"], paper.types["/file"] = body, type
    saving = await locker.reading.save(reach, "u1", f"{paper.url}/file", "u1")
    assert {"url": f"{paper.url}/file"} == saving.article.body


async def test_a_page_is_read_in_the_charset_it_says(locker: Locker, reach: Reach, paper: Site) -> None:
    """The header's charset wins, then the page's own, then UTF-8."""
    paper.pages["/sv"], paper.types["/sv"] = page("Är på ön").encode("latin-1"), "text/html; charset=ISO-8859-1"
    paper.pages["/ja"], paper.types["/ja"] = page("橋は残る", head='<meta charset="shift_jis">').encode("shift_jis"), "text/html"
    for path, title in (("/sv", "Är på ön"), ("/ja", "橋は残る")):
        assert title == (await locker.reading.save(reach, "u1", f"{paper.url}{path}", "u1")).article.body["title"]


@pytest.mark.parametrize("url", ["", "x", "ftp://example.org/", "http://", "http://127.1/", "http://[::1", "javascript:alert(1)"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """The sentence says why."""
    with pytest.raises(Invalid):
        Address.of(url)


async def test_addresses_inside_are_not_fetched_and_stay_their_owners(locker: Locker, paper: Site) -> None:
    """The guard refuses them; the article is saved without a page, and nobody else hears of the address."""
    async with Reach(Guard()) as guarded:
        saving = await locker.reading.save(guarded, "u1", f"{paper.url}/one", "u1")
    assert ("u1", 0) == (saving.article.owner, locker.logbook.count("commons", "web"))
    assert ([], {"url": f"{paper.url}/one"}) == (paper.asked, saving.article.body)


# -- rating ------------------------------------------------------------------------------------------------


async def test_an_article_is_rated_once(locker: Locker, reach: Reach, paper: Site) -> None:
    """All of it is applied, later requests are refused, and both counts follow."""
    article = (await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")).article
    bridge, tolls = (str(n) for n in article.mentions)
    locker.reading.rating("u1", article, [(bridge, "positive")], "u1")
    with pytest.raises(Forbidden, match="rated once"):
        locker.reading.rating("u1", article, [(tolls, "negative")], "u1")
    locker.catch_up()
    assert {bridge: 1, tolls: 0} == locker.reader.totals("saved", "positive", [bridge, tolls])
    assert ({bridge: 1}, {}) == (locker.reader.tally("u1", "saved", "positive"), locker.reader.tally("u2", "saved", "positive"))
    assert {bridge: 1, tolls: 1} == locker.reader.totals("article", "mentions", [bridge, tolls])


@pytest.mark.parametrize(
    ("ratings", "wrong"),
    [
        ([("1", "positive"), ("99", "negative")], ("99",)),
        ([("1", "good")], ("1",)),
        ([("1", "positive"), ("1", "negative")], ("1",)),
        ([("x", "positive"), ("y", "positive")], ("x", "y")),
    ],
)
async def test_a_wrong_rating_applies_nothing(
    locker: Locker, reach: Reach, paper: Site, ratings: list[tuple[str, str]], wrong: tuple[str, ...]
) -> None:
    """The wrong tags are named, and the article can still be rated."""
    article = (await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")).article
    with pytest.raises(WrongTags) as raised:
        locker.reading.rating("u1", article, ratings, "u1")
    assert wrong == raised.value.ids
    locker.reading.rating("u1", article, [("1", "positive")], "u1")


async def test_of_ratings_that_race_one_counts(locker: Locker, reach: Reach, paper: Site) -> None:
    """The decision is made inside the write lock."""
    article = (await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")).article

    def rate(n: int) -> bool:
        try:
            locker.reading.rating("u1", article, [("1", "positive" if n % 2 else "negative")], "u1")
        except Forbidden:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert 1 == sum(threads.map(rate, range(16)))
    locker.catch_up()
    assert 1 == sum(locker.reader.totals("saved", name, ["1"])["1"] for name in ("positive", "negative"))


async def test_only_who_saved_an_article_rates_it(locker: Locker, reach: Reach, paper: Site) -> None:
    """For others there is nothing to rate."""
    article = (await locker.reading.save(reach, "u1", f"{paper.url}/one", "u1")).article
    with pytest.raises(NotFound, match="save it first"):
        locker.reading.rating("u2", article, [("1", "positive")], "u2")
