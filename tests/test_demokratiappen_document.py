"""
The articles' document from top to bottom: with curl against ``locker serve``, and a table of which test holds which sentence.

The table quotes a few words of each sentence; where the document itself is at hand, a test finds every sentence of it in the table.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from .commands import ok
from .pages import page
from .shared import SHARED
from .test_api_articles import BASE, paper
from .test_command_serve import serving

CURL = shutil.which("curl")
HERE = "test_demokratiappen_document"
COVERED = (
    ("All requests are made against", "test_api_articles::test_a_body_is_json_whatever_its_type_says"),
    ("Responses are wrapped", "test_api_articles::test_errors_come_in_the_envelope_too"),
    ("status_code is the same", "test_api_articles::test_errors_come_in_the_envelope_too"),
    ("Demokratiappen supports a subset", "test_api_oauth::test_the_password_grant_as_documented"),
    ("A POST request is sent to", "test_api_oauth::test_the_password_grant_as_documented"),
    ("Where Authorization is mandatory", "test_api_oauth::test_a_client_proves_itself_in_the_header_or_in_the_body"),
    ("The response, if authorization", "test_api_oauth::test_the_password_grant_as_documented"),
    ("Alternatively, a curl request", f"{HERE}::test_the_document_is_played_with_curl"),
    ("Requires user authentication.", f"{HERE}::test_what_needs_a_person_is_401_without_one"),
    ("GET /users/me returns", "test_api_articles::test_users_me_is_the_user_object"),
    ("If not authenticated", f"{HERE}::test_what_needs_a_person_is_401_without_one"),
    ("POST /users/me where body", "test_api_articles::test_updating_a_user"),
    ("Return 405 Method Not Allowed", "test_api_articles::test_what_cannot_be_changed_is_405"),
    ("GET /users/me/tags returns", "test_api_articles::test_tags_by_user"),
    ("Possible optional parameters", f"{HERE}::test_the_document_is_played_with_curl"),
    ("GET /users/me/tags/:tagid to get", "test_api_articles::test_tags_by_user"),
    ("Returns 404 Not Found if user hasn't tagged", "test_api_articles::test_tags_by_user"),
    ("GET /users/me/articles returns", "test_api_articles::test_articles_by_user"),
    ("GET /users/me/articles/:articleid to get", "test_api_articles::test_articles_by_user"),
    ("Returns 404 Not Found if user hasn't saved", "test_api_articles::test_articles_by_user"),
    ("Make a GET /tags with", "test_api_articles::test_tags_page_to_the_end"),
    ("Returns 200 OK and", f"{HERE}::test_the_document_is_played_with_curl"),
    ("Make a GET /tags/:tagid", "test_api_articles::test_all_tags_and_one"),
    ("Make a GET /articles/ with", "test_api_articles::test_the_list_of_articles"),
    ("query=tag1,tag2", "test_api_articles::test_articles_by_tags"),
    ("and returns 200 OK and the following", "test_api_articles::test_the_list_of_articles"),
    ("Make a GET /articles/:articleid", "test_api_articles::test_a_single_article_has_its_full_text"),
    ("POST /articles/add returns 201", "test_api_articles::test_saving_an_article"),
    ("Request (all fields", "test_api_articles::test_what_is_no_article_is_400"),
    ("Once an article is created", "test_api_articles::test_a_correct_rating_is_200_with_an_empty_body_and_the_next_403"),
    ("To rate an article", "test_api_articles::test_a_correct_rating_is_200_with_an_empty_body_and_the_next_403"),
    ("Correct requests return 200", "test_api_articles::test_a_correct_rating_is_200_with_an_empty_body_and_the_next_403"),
    ("If a tagid is not included", f"{HERE}::test_a_tag_that_a_rating_leaves_out_is_unrated"),
)
"""The beginning of a paragraph, and the test that holds it to account; paragraphs of several sentences are held by the play as well."""

SILENT = ("Draft 1", "OAuth2 using username and password", "Inspiration gathered", "TODO", "OAuth2 ?", "TBD", "POST /oauth/access_token HTTP", "Host:", "Authorization: Basic", "Content-Type:", "curl -u")  # fmt: skip
"""What the document says without promising anything, and its examples."""

TAG = {"tagid", "name", "type", "ref"}
ARTICLE = {"articleid", "title", "url", "ref", "tagsInArticle"}
LISTED = {"limit", "offset"}


class Play:
    """A server that was started by hand, a site with pages, a client and a person."""

    def __init__(self, url: str, site: Any, client: tuple[str, str]) -> None:
        self.url, self.site, self.client, self.token = url, site, ":".join(client), ""

    def curl(self, path: str, *more: str, token: bool = True) -> tuple[int, Any]:
        """Status and body of a call, as curl has them."""
        given = ["-H", f"Authorization: Bearer {self.token}"] if token else []
        command = [str(CURL), "-s", "-g", "-w", "\n%{http_code}", *given, *more, f"{self.url}{BASE}{path}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body) if body else None

    def opened(self, path: str, *more: str, status: int = 200, token: bool = True) -> Any:
        """What is in the envelope, which must be right."""
        found, said = self.curl(path, *more, token=token)
        assert (status, {"status_code", "status_text", "response"}) == (found, said.keys() & {"status_code", "status_text", "response"}), (
            said
        )
        assert status == said["status_code"]
        return said["response"]

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """Without any Content-Type of JSON."""
        return self.opened(path, "-H", "Content-Type:", "-d", json.dumps(body), status=status)

    def sign_in(self) -> None:
        """By the document's call."""
        said = {"grant_type": "password", "username": "ada@example.org", "password": "correct-horse-1"}
        status, answer = self.curl("/oauth/access_token", "-u", self.client, "-H", "Content-Type: application/json", "-d", json.dumps(said), token=False)  # fmt: skip
        assert (200, str) == (status, type(answer["access_token"]))
        self.token = answer["access_token"]

    def page(self, name: str, keywords: str) -> str:
        """The address of a new page."""
        self.site.pages[f"/{name}"] = page(name.title(), head=f'<meta name="keywords" content="{keywords}">')
        return f"{self.site.url}/{name}"


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    if CURL is None:
        pytest.skip("there is no curl on this machine")
    data = tmp_path_factory.mktemp("document") / "locker"
    client = json.loads(ok("client", "add", "reader", "--json", data=data))
    ok("account", "add", "ada@example.org", "--password-stdin", data=data, stdin="correct-horse-1\n")
    with paper() as site, serving(data, "--allow-networks", "127.0.0.0/8") as (_, url, _line):
        made = Play(url, site, (client["client_id"], client["client_secret"]))
        made.sign_in()
        yield made


def test_the_document_is_played_with_curl(play: Play) -> None:
    """Every call in the order of the document, with the shapes that it prints."""
    # OAuth2 using username and password: also its odd line, in which JSON is none.
    odd = '{"grant_type=password", "username=ada@example.org", "password=correct-horse-1" }'
    status, answer = play.curl("/oauth/access_token", "-u", play.client, "-H", "Content-Type: application/json", "-d", odd, token=False)
    assert (200, True) == (status, "access_token" in answer)
    assert "invalid_client" == play.curl("/oauth/access_token", "-u", "reader:wrong", "-d", odd, token=False)[1]["error"]

    saved = [
        play.post("/articles/add", {"url": play.page(f"played{n}", "Alder, Birch"), "theme": "trees"}, 201)["article"] for n in range(3)
    ]
    assert all((ARTICLE, TAG) == (article.keys(), article["tagsInArticle"][0].keys()) for article in saved)
    alder, birch = (tag["tagid"] for tag in saved[0]["tagsInArticle"])
    rate = f"/articles/{saved[0]['articleid']}/rate"
    assert ["nonsense"] == play.post(rate, {"ratings": [{"tagid": alder, "rating": "positive"}, {"tagid": "nonsense", "rating": "negative"}]}, 400)["failedTagids"]  # fmt: skip
    rated = json.dumps({"ratings": [{"tagid": alder, "rating": "positive"}, {"tagid": birch, "rating": "negative"}]})
    assert (200, None) == play.curl(rate, "-d", rated)
    play.opened(rate, "-d", rated, status=403)

    # Users
    me = play.opened("/users/me")
    assert me.keys() >= {"userid", "username", "email", "created", "updated", "summary", "tags", "articles"}
    assert ({"tags": 2, "articles": 3}, f"{play.url}{BASE}/users/me/tags") == (me["summary"], me["tags"])
    assert "eve@example.org" == play.post("/users/me", {"email": "eve@example.org"})["email"]
    play.post("/users/me", {"userid": "7"}, 405)
    play.post("/users/me", {"email": "ada@example.org"})
    tags = play.opened("/users/me/tags?limit=1&offset=1")
    assert {"userid", "tags", *LISTED} == tags.keys()
    assert [{"tagid": birch, "name": "Birch", "type": "topic", "counts": {"negative": 1, "positive": 0}, "ref": f"{play.url}{BASE}/tags/{birch}"}] == tags["tags"]  # fmt: skip
    assert {"userid": me["userid"], "tag": tags["tags"][0]} == play.opened(f"/users/me/tags/{birch}")
    play.opened("/users/me/tags/999999", status=404)
    mine = play.opened("/users/me/articles?limit=2")
    assert ({"userid", "articles", "next", *LISTED}, 2) == (mine.keys(), len(mine["articles"]))
    one = play.opened(f"/users/me/articles/{saved[0]['articleid']}")
    assert ({"userid", "article"}, {"theme", *ARTICLE}, {"counts", *TAG}) == (one.keys(), one["article"].keys(), one["article"]["tagsInArticle"][0].keys())  # fmt: skip
    play.opened("/users/me/articles/999999", status=404)

    # Tags and articles, which anybody may read
    listed = play.opened("/tags?limit=1", token=False)
    assert ({"tags", "next", *LISTED}, {"totalCounts", *TAG}) == (listed.keys(), listed["tags"][0].keys())
    assert f"{play.url}{BASE}/tags?offset=1&limit=1" == listed["next"]
    tag = play.opened(f"/tags/{alder}", token=False)
    assert ({"totalCounts", "inArticles", *TAG}, {"negative": 0, "positive": 1, "seen": 3}) == (tag.keys(), tag["totalCounts"])
    assert {"articleid", "ref"} == tag["inArticles"][0].keys()
    found = play.opened("/articles/?limit=1&query=alder", token=False)
    assert ({"articles", "next", *LISTED}, {"extract", "matches", *ARTICLE}) == (found.keys(), found["articles"][0].keys())
    assert [{"tagid": alder, "ref": f"{play.url}{BASE}/tags/{alder}"}] == found["articles"][0]["matches"]
    assert found["next"].startswith(f"{play.url}{BASE}/articles?")
    assert {"fulltext", *ARTICLE} == play.opened(f"/articles/{saved[0]['articleid']}", token=False).keys()
    play.opened("/articles/999999", token=False, status=404)


@pytest.mark.parametrize("path", ["/users/me", "/users/me/tags", "/users/me/articles", "/users/me/tags/1", "/users/me/articles/1"])
def test_what_needs_a_person_is_401_without_one(play: Play, path: str) -> None:
    """In the envelope; saving and rating too."""
    play.opened(path, token=False, status=401)
    for post in ("/users/me", "/articles/add", "/articles/1/rate"):
        play.opened(post, "-d", "{}", token=False, status=401)


def test_a_tag_that_a_rating_leaves_out_is_unrated(play: Play) -> None:
    """It counts for nobody."""
    article = play.post("/articles/add", {"url": play.page("partly", "Cedar, Dogwood")}, 201)["article"]
    cedar, dogwood = (tag["tagid"] for tag in article["tagsInArticle"])
    play.curl(f"/articles/{article['articleid']}/rate", "-d", json.dumps({"ratings": [{"tagid": cedar, "rating": "positive"}]}))
    play.opened(f"/users/me/tags/{dogwood}", status=404)
    assert {"negative": 0, "positive": 0, "seen": 1} == play.opened(f"/tags/{dogwood}")["totalCounts"]


def test_guessing_passwords_is_limited(tmp_path: Path) -> None:
    """429 in the shape of the token call, saying when to come again; by person and by address, as everywhere one signs in."""
    client = json.loads(ok("client", "add", "reader", "--json", data=tmp_path / "locker"))
    with serving(tmp_path / "locker", "--login-limit", "2") as (_, url, _line):
        play = Play(url, None, (client["client_id"], client["client_secret"]))
        call = ("/oauth/access_token", "-u", play.client, "-d", "grant_type=password&username=ada&password=x")
        assert [400, 400, 429] == [play.curl(*call, token=False)[0] for _ in range(3)]
        head = subprocess.run([str(CURL), "-s", "-i", *call[1:], url + BASE + call[0]], capture_output=True, text=True, timeout=20).stdout
        assert re.search(r"(?i)^retry-after: \d+", head, re.MULTILINE)
        assert {"error", "error_description"} == json.loads(head.split("\n\n" if "\r" not in head else "\r\n\r\n", 1)[-1]).keys()


def test_every_sentence_has_its_test() -> None:
    """The tests that the table names are there."""
    for gist, test in COVERED:
        module, _, name = test.partition("::")
        assert hasattr(import_module(f"tests.{module}"), name), gist


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "specs").is_dir(), reason="the document is not beside the checkout")
def test_shared_document_says_nothing_that_the_table_leaves_out() -> None:
    """Each paragraph of its prose begins like one of the table; headings, JSON and lists of parameters aside."""
    text = re.sub(
        r"^\{.*?^\}", "", (SHARED / "specs" / "demokratiappen-api.md").read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    known = tuple(gist for gist, _ in COVERED) + SILENT
    lines = [line.strip(" •\t") for line in text.splitlines() if len(line.split()) > 4 or line.startswith((" ", "•"))]
    assert [] == [
        line
        for line in lines
        if line and not line.startswith(known) and not re.fullmatch(r"(limit|offset)=int", line) and line[0] not in '{}"'
    ]
    assert [] == [gist for gist, _ in COVERED if gist not in text]
