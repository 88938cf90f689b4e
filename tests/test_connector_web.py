"""Web pages as articles: what the page says of itself, and the text that a reader would read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker import plugin
from locker.schema import load

from .shared import DATA, needs_shared

WEB = plugin.connectors()["web"]
ARTICLE = load()["article"]
URL = "https://example.org/news/1?x=1"
PARAGRAPH = "The council of the town decided on Monday that the old bridge over the river stays where it is, for good and for all."
PAGE = """<html lang="en-GB"><head><title>Bridge stays - The Paper</title><meta property="og:title" content="Bridge stays">
<meta name="keywords" content="bridge, town council"><meta property="article:published_time" content="2026-05-01T10:00:00+02:00">
<link rel="canonical" href="{canonical}"><script type="application/ld+json">{data}</script></head>
<body><nav>Home Sport</nav><article><h1>Bridge stays</h1>{text}</article></body></html>"""


def page(canonical: str = "/news/1", data: Any = "", text: str = f"<p>{PARAGRAPH}</p>" * 3) -> dict[str, Any]:
    raw = PAGE.format(canonical=canonical, data=json.dumps(data), text=text)
    return {"url": URL, "page": {"url": URL, "media_type": "text/html", "charset": "utf-8", "raw": raw}}


def mapped(body: dict[str, Any]) -> dict[str, Any]:
    found = WEB.map("article", body)
    assert found is not None
    ARTICLE.check(found)
    return found


def test_a_page_becomes_an_article() -> None:
    """Title for others to show, text without navigation, date with its zone, language and canonical address."""
    found = mapped(page())
    assert ("Bridge stays", "en-GB", "https://example.org/news/1") == (found["title"], found["language"], found["url"])
    assert PARAGRAPH in found["text"]
    assert "Sport" not in found["text"]
    assert ["bridge", "town council"] == found["tag"]
    assert found["published"].startswith("2026-05-01T")


@pytest.mark.parametrize("canonical", ["https://elsewhere.example/1", "https://user:pw@example.org/1", "javascript:alert(1)", "//[", ""])
def test_a_canonical_address_counts_on_its_own_host_only(canonical: str) -> None:
    """Otherwise any page could pass for another one's."""
    assert URL == mapped(page(canonical))["url"]


def test_keywords_keep_what_the_page_says_they_are() -> None:
    """JSON-LD names persons, places and parties; plain keywords are topics; each name comes once."""
    about = [
        {"@type": "Person", "name": "Ada"},
        {"@type": ["PoliticalParty"], "name": "Bridge "},
        {"@type": "Spaceship", "name": "Nostromo"},
        "x",
    ]
    found = mapped(page(data={"@graph": [{"@type": "NewsArticle", "about": about, "keywords": "ada; Tolls"}]}))
    names = {keyword["name"]: keyword["type"] for keyword in found["keywords"]}
    assert {"Ada": "person", "Bridge": "party", "Nostromo": "spaceship", "town council": "topic", "Tolls": "topic"} == names


def test_what_was_not_fetched_is_what_the_request_gave() -> None:
    """Without a page there are the address and the given title."""
    assert {"url": URL, "title": "Mine"} == mapped({"url": URL, "title": "Mine"})


@pytest.mark.parametrize(
    "raw", ["", " ", "\x00", "<", "<html", "plain words", "<p>" * 5000, "%PDF-1.4 …", "<script type='application/ld+json'>[[[</script>"]
)
def test_pages_that_say_nothing_are_articles_with_an_address(raw: str) -> None:
    """Whatever a server sends, the map answers, and what it answers keeps the schema."""
    assert URL == mapped({"url": URL, "page": {"url": URL, "raw": raw}})["url"]


@given(
    st.dictionaries(
        st.sampled_from(["url", "title", "page"]),
        st.none() | st.integers() | st.text() | st.dictionaries(st.sampled_from(["url", "raw"]), st.none() | st.text()),
    )
)
def test_a_body_of_any_shape_is_read_or_is_no_object(body: dict[str, Any]) -> None:
    """The map never raises."""
    found = WEB.map("article", body)
    assert found is None or ARTICLE.is_valid(found)


def test_a_page_of_very_many_tags_keeps_its_text() -> None:
    """Inline tags cost the library the square of their number: where there are thousands, the text is read without them."""
    words = " ".join(f"<span class='w'>word{n}</span> <a href='/{n}'>link{n}</a>" for n in range(4_000))
    found = mapped(page(text=f"<p>{PARAGRAPH}</p><p>{words}</p>"))
    assert PARAGRAPH in found["text"]
    assert "word0 link0 word1" in " ".join(found["text"].split())
    assert "word3999 link3999" in " ".join(found["text"].split())


def test_a_page_without_end_is_read_from_its_beginning() -> None:
    """What comes after very many tags is left out; the article is there all the same."""
    found = mapped(page(text=f"<p>{PARAGRAPH}</p>" + "<p>more and more of it</p>" * 20_000 + "<p>the very end</p>"))
    assert "Bridge stays" == found["title"]
    assert PARAGRAPH in found["text"]
    assert "the very end" not in found["text"]


@needs_shared
@pytest.mark.shared
def test_shared_pages_give_their_text_and_not_their_frame() -> None:
    """Nearly every passage that must be there is there, and of those that must not nearly none."""
    folder = DATA / "articles-trafilatura"
    wanted = json.loads((folder / "evaldata.json").read_text())
    right = missing = wrong = 0
    for url, said in wanted.items():
        raw = (folder / "html" / said["file"]).read_text(errors="replace")
        text = mapped({"url": url, "page": {"url": url, "raw": raw}}).get("text", "")
        right += (found := sum(part in text for part in said["with"]))
        missing += len(said["with"]) - found
        wrong += sum(part in text for part in said["without"])
    f1 = 2 * right / (2 * right + missing + wrong)
    assert 0.9 <= f1
