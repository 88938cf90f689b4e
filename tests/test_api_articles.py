"""The Demokratiappen dialect: each sentence of its document, over HTTP, against pages served on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web

from locker.account import KINDS
from locker.guard import Guard
from locker.locker import Locker
from locker.log import Draft

from .accounts import PASSWORD, cheap
from .api_server import Server, served
from .pages import Site, page, site

BASE = "/api/v1"


@contextmanager
def paper() -> Iterator[Site]:
    """A site in a thread of its own."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    made: list[Site] = []

    async def run() -> None:
        async with site() as found:
            made.append(found)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


class World:
    """A server, a site with pages, and people."""

    def __init__(self, server: Server, site: Site) -> None:
        self.server, self.site, self.pages = server, site, 0

    def person(self, role: str = "default") -> Person:
        """Somebody new."""
        email = f"p{len(self.server.locker.accounts.people())}@example.org"
        account = asyncio.run(self.server.locker.accounts.sign_up(email, PASSWORD, role=role))  # type: ignore[arg-type]
        return Person(self, account.owner, email)

    def page(self, title: str = "", keywords: str = "Bridge, Tolls", text: str = "", **more: str) -> str:
        """The address of a new page."""
        self.pages += 1
        name = f"/page{self.pages}"
        head = f'<meta name="keywords" content="{keywords}">'
        body = (
            text
            or f"The council of the town decided on day {self.pages} that the old house behind the church stays where it is, for good and all."
        )
        self.site.pages[name] = page(title or f"Page {self.pages}", body, head=head, **more)
        return self.site.url + name

    def get(self, path: str, token: str | None = None, status: int = 200) -> Any:
        """The response of a call, out of its envelope."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return opened(self.server.session.get(self.server.url + BASE + path, headers=headers, timeout=20), status)


class Person:
    """Somebody who calls."""

    def __init__(self, world: World, owner: str, email: str) -> None:
        self.world, self.owner, self.email = world, owner, email
        self.token = world.server.tokens.make(owner, KINDS)

    def get(self, path: str, status: int = 200) -> Any:
        return self.world.get(path, self.token, status)

    def send(self, method: str, path: str, body: Any, **headers: str) -> requests.Response:
        """Send JSON."""
        url, all_headers = self.world.server.url + BASE + path, {"Authorization": f"Bearer {self.token}", **headers}
        data: Any = {"data": body} if isinstance(body, str | bytes) else {"json": body}
        return self.world.server.session.request(method, url, headers=all_headers, timeout=20, **data)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        return opened(self.send("POST", path, body), status)

    def save(self, url: str, status: int = 201, **more: str) -> Any:
        """Save an article."""
        return self.post("/articles/add", {"url": url, **more}, status)["article"]

    def rate(self, article: Any, *ratings: tuple[str, str]) -> requests.Response:
        """Rate its tags."""
        said = {"ratings": [{"tagid": tag, "rating": rating} for tag, rating in ratings]}
        return self.send("POST", f"/articles/{article['articleid']}/rate", said)


def opened(answer: requests.Response, status: int) -> Any:
    """What is in an envelope, which must be right."""
    assert status == answer.status_code, answer.text
    said = answer.json()
    assert status == said["status_code"]
    assert isinstance(said["status_text"], str)
    assert said["status_text"]
    return said["response"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("articles")
    guard = Guard((ip_network("127.0.0.0/8"),))
    with Locker(folder / "data", keys=folder / "keys", guard=guard) as locker, paper() as made:
        locker.accounts.passwords = cheap()
        with served(locker, trust_loopback=False, login_limit=0, signup_limit=0) as server:
            yield World(server, made)


# -- users -------------------------------------------------------------------------------------------------


def test_users_me_is_the_user_object(world: World) -> None:
    """GET /users/me returns 200 OK and a user object; without a token 401, in the envelope too."""
    person = world.person()
    me = person.get("/users/me")
    base = world.server.url + BASE
    assert (person.email, person.email, {"tags": 0, "articles": 0}) == (me["email"], me["username"], me["summary"])
    assert (f"{base}/users/me/tags", f"{base}/users/me/articles") == (me["tags"], me["articles"])
    assert {"userid", "created", "updated"} <= me.keys()
    world.get("/users/me", status=401)


def test_updating_a_user(world: World) -> None:
    """POST /users/me with the fields to update; the new address is the one to sign in with."""
    person = world.person()
    email = f"new-{person.email}"
    assert email == person.post("/users/me", {"email": email.upper(), "username": f"Ada {person.owner}"})["email"]
    assert f"Ada {person.owner}" == person.get("/users/me")["username"]
    for name, status in ((email, 200), (f"ada {person.owner}", 200), (person.email, 401)):
        answer = requests.post(f"{world.server.url}{BASE}/users/login", json={"email": name, "password": PASSWORD}, timeout=20)
        assert status == answer.status_code, name


@pytest.mark.parametrize("field", ["userid", "created", "updated", "summary", "tags", "articles", "password", "colour"])
def test_what_cannot_be_changed_is_405(world: World, field: str) -> None:
    """Return 405 Method Not Allowed for a field that is not modifiable, naming it; nothing is changed."""
    person = world.person()
    answer = person.send("POST", "/users/me", {"email": "other@example.org", field: "x"})
    opened(answer, 405)
    assert field in answer.json()["status_text"]
    assert "Allow" in answer.headers
    assert person.email == person.get("/users/me")["email"]


def test_an_address_that_somebody_has_is_not_taken_twice(world: World) -> None:
    """409; also one that somebody had stays theirs."""
    first, second = world.person(), world.person()
    second.post("/users/me", {"email": first.email}, 409)
    first.post("/users/me", {"email": f"moved-{first.email}"})
    second.post("/users/me", {"email": first.email}, 409)
    first.post("/users/me", {"email": first.email})
    second.post("/users/me", {"email": "no address"}, 422)


def test_an_address_that_somebody_moved_to_or_from_is_not_signed_up_with(world: World) -> None:
    """Whoever tries is told that it is taken."""
    person = world.person()
    person.post("/users/me", {"email": f"moved-{person.email}"})
    for email in (person.email, f"moved-{person.email}"):
        url, body = f"{world.server.url}{BASE}/users/signup", {"email": email, "password": PASSWORD}
        answer = world.server.session.post(url, json=body, timeout=20)
        assert "Email has already been taken" in answer.text


def test_a_client_keeps_its_name(world: World) -> None:
    """A program's own token changes no address: it would lock the program out, and keep people from an address of theirs."""
    account, secret = asyncio.run(world.server.locker.accounts.add_client("keeper"))
    token, person = world.server.tokens.make(account.owner, KINDS), world.person()
    headers = {"Authorization": f"Bearer {token}"}
    answer = world.server.session.post(f"{world.server.url}{BASE}/users/me", json={"email": "v@example.org"}, headers=headers, timeout=20)
    opened(answer, 403)
    assert account.owner == asyncio.run(world.server.locker.accounts.authenticate("keeper", secret)).owner
    person.post("/users/me", {"email": "v@example.org"})


def test_nobody_is_called_like_a_client(world: World) -> None:
    """What is granted to a client by its name must not reach a person who chose that name, before or after."""
    accounts, person = world.server.locker.accounts, world.person()
    asyncio.run(accounts.add_client("printer"))
    person.post("/users/me", {"username": "Printer"}, 409)
    person.post("/users/me", {"username": "printer~"}, 422)
    person.post("/users/me", {"username": "scanner"})
    asyncio.run(accounts.add_client("scanner"))
    assert "scanner~" == accounts.find("scanner").owner


# -- articles ----------------------------------------------------------------------------------------------


def test_saving_an_article(world: World) -> None:
    """POST /articles/add returns 201 Created and the new article object, with its tags."""
    person, url = world.person(), world.page("Bridge stays")
    article = person.save(url, theme="traffic")
    assert ("Bridge stays", url) == (article["title"], article["url"])
    assert ["Bridge", "Tolls"] == [tag["name"] for tag in article["tagsInArticle"]]
    assert all({"tagid", "name", "type", "ref"} == tag.keys() for tag in article["tagsInArticle"])
    assert f"{world.server.url}{BASE}/articles/{article['articleid']}" == article["ref"]


def test_saving_twice_is_200_and_the_same_article(world: World) -> None:
    """The same person gets the same article, 200; another one 201."""
    person, url = world.person(), world.page()
    article = person.save(url)
    assert article == person.save(url, 200)
    assert article["articleid"] == world.person().save(url)["articleid"]


def test_a_body_is_json_whatever_its_type_says(world: World) -> None:
    """This applies even if the Content-Type: application/json is not set."""
    person, url = world.person(), world.page()
    for number, type in enumerate(("text/plain", "application/x-www-form-urlencoded", "nonsense")):
        assert (200 if number else 201) == person.send("POST", "/articles/add", f'{{"url": "{url}"}}', **{"Content-Type": type}).status_code


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"title": "no url"}', '{"url": 1}', '{"url": "ftp://example.org/"}', '{"url": "http://x y"}']
)
def test_what_is_no_article_is_400(world: World, body: str) -> None:
    """The text says what is wrong."""
    opened(world.person().send("POST", "/articles/add", body), 400)


def test_an_article_without_a_page_has_what_the_request_gave(world: World) -> None:
    """A page that cannot be fetched still saves."""
    person = world.person()
    url = f"{world.site.url}/missing-{person.owner}"
    article = person.save(url, title="Mine")
    assert ("Mine", url, []) == (article["title"], article["url"], article["tagsInArticle"])


def test_a_single_article_has_its_full_text(world: World) -> None:
    """GET /articles/:articleid: public, with fulltext; an unknown one is 404."""
    person, url = world.person(), world.page(text="Elephants walked through the town hall while the mayor was asleep in his old chair.")
    id = person.save(url)["articleid"]
    article = world.get(f"/articles/{id}")
    assert ("Elephants walked" in article["fulltext"], False) == (True, "extract" in article)
    assert {"tagid", "name", "type", "ref"} == article["tagsInArticle"][0].keys()
    for unknown in ("999999", "x", "-1", "%00"):
        world.get(f"/articles/{unknown}", status=404)


def test_the_list_of_articles(world: World) -> None:
    """GET /articles/ with limit and offset to the end by next; each has an extract of at most 300 characters, cut at a word."""
    person = world.person()
    ids = {person.save(world.page(text="word " * 200))["articleid"] for _ in range(5)}
    found, path, pages = [], "/articles/?limit=2", 0
    while path:
        answer = world.get(path)
        assert (2, pages * 2) == (answer["limit"], answer["offset"])
        found += answer["articles"]
        path = answer.get("next", "").removeprefix(world.server.url + BASE)
        pages += 1
    assert ids <= {article["articleid"] for article in found}
    assert len(found) == len({article["articleid"] for article in found})
    extracts = [article["extract"] for article in found if article["articleid"] in ids]
    assert all(250 < len(text) <= 300 and text.endswith("word") for text in extracts)
    assert all("matches" not in article and "fulltext" not in article for article in found)


def test_articles_by_tags(world: World) -> None:
    """query=tag1,tag2: any of them, by id or name, most matches first; matches names them."""
    person = world.person()
    both, one, none = (person.save(world.page(keywords=words)) for words in ("Xylophone, Yacht", "Yacht", "Zebra"))
    tags = {tag["name"]: tag["tagid"] for article in (both, one, none) for tag in article["tagsInArticle"]}
    found = world.get(f"/articles?query={tags['Xylophone']},yacht,unknown")["articles"]
    assert [both["articleid"], one["articleid"]] == [article["articleid"] for article in found]
    assert [{tags["Xylophone"], tags["Yacht"]}, {tags["Yacht"]}] == [{match["tagid"] for match in article["matches"]} for article in found]
    assert [] == world.get("/articles?query=unknown")["articles"]


def test_articles_by_words(world: World) -> None:
    """q= searches the text; with query both must hold."""
    person = world.person()
    id = person.save(
        world.page(
            keywords="Quokka", text="The rhododendron of the mayor was taller than the church, and nobody knew how it had come to be there."
        )
    )["articleid"]
    assert [id] == [article["articleid"] for article in world.get("/articles?q=rhododendron")["articles"]]
    assert [id] == [article["articleid"] for article in world.get("/articles?q=rhododendron&query=quokka")["articles"]]
    assert [] == world.get("/articles?q=rhododendron&query=bridge")["articles"]


def test_articles_by_user(world: World) -> None:
    """GET /users/me/articles: the caller's, the last saved first, with theme; one that was not saved is 404."""
    person, other = world.person(), world.person()
    first, second = person.save(world.page()), person.save(world.page(), theme="sea")
    foreign = other.save(world.page())
    answer = person.get("/users/me/articles")
    assert [second["articleid"], first["articleid"]] == [article["articleid"] for article in answer["articles"]]
    assert (person.get("/users/me")["userid"], "sea") == (answer["userid"], answer["articles"][0]["theme"])
    page = person.get("/users/me/articles?limit=1")
    assert [first["articleid"]] == [
        article["articleid"] for article in person.get(page["next"].removeprefix(world.server.url + BASE))["articles"]
    ]
    assert first["articleid"] == person.get(f"/users/me/articles/{first['articleid']}")["article"]["articleid"]
    person.get(f"/users/me/articles/{foreign['articleid']}", 404)
    assert 2 == person.get("/users/me")["summary"]["articles"]


def test_an_article_whose_body_was_erased_is_gone_and_spoils_nothing(world: World) -> None:
    """It answers 404; that it was saved stays, with its address, and lists go on."""
    person, url, other = world.person(), world.page(), world.page()
    article, _ = person.save(url), person.save(other)
    erase = "UPDATE stored_events SET body = NULL, salt = NULL WHERE originator_id IN ('commons/article', 'commons/web') AND json_extract(state, '$.key') IN (?, ?)"
    world.server.locker.logbook.transact(lambda connection: connection.execute(erase, (article["articleid"], url)) and None)
    for path in (f"/articles/{article['articleid']}", f"/articles/{article['articleid']}/history"):
        person.get(path, 404)
    assert {url, other} == {each["url"] for each in person.get("/users/me/articles")["articles"]}
    assert 404 == person.rate(article, ("1", "positive")).status_code
    person.post("/articles/add", {"url": url}, 404)


def test_an_address_that_may_be_a_secret_is_its_owners_alone(world: World) -> None:
    """Others do not find it, neither in lists nor by its id."""
    person = world.person()
    article = person.save(world.page("Hidden") + "?token=abc")
    id = article["articleid"]
    assert id.startswith(f"{person.owner}:")
    assert "Hidden" == person.get(f"/articles/{id}")["title"]
    assert id == person.get("/users/me/articles")["articles"][0]["articleid"]
    world.get(f"/articles/{id}", status=401)
    world.person().get(f"/articles/{id}", 404)
    assert id not in {each["articleid"] for each in world.get("/articles")["articles"]}


def test_the_history_of_an_article(world: World) -> None:
    """Later fetches that differ are edits, and all of them can be read."""
    person, url = world.person(), world.page("Once")
    id = person.save(url)["articleid"]
    history = world.get(f"/articles/{id}/history")["history"]
    assert ("add", "Once") == (history[0]["op"], history[0]["title"])


def test_articles_that_were_merged_one_after_the_other_answer_for_the_last(world: World) -> None:
    """Three addresses turn out to be one page, each by way of the next: whoever saved any of them has the article that is left."""
    person, other = world.person(), world.person()
    urls = [world.page(f"Chained {n}") for n in range(3)]
    ids = [person.save(url)["articleid"] for url in urls]
    locker = world.server.locker
    for moved, target in ((2, 1), (0, 1)):
        raw = page("Chained", head=f'<link rel="canonical" href="{urls[target]}">')
        body = {"url": urls[moved], "page": {"url": urls[moved], "media_type": "text/html", "charset": "utf-8", "raw": raw}}
        locker.logbook.append("commons", "web", [Draft.of("article/web", urls[moved], body, by="system")])
        locker.catch_up()
    assert {ids[0]} == {world.get(f"/articles/{id}")["ref"].rpartition("/")[2] for id in ids}
    assert 1 == len({other.save(url, 200 if n else 201)["articleid"] for n, url in enumerate(urls)})


def test_an_address_with_a_key_that_a_redirect_leads_to_is_not_told(world: World) -> None:
    """The article keeps the address that was asked for; the page is read all the same."""
    person = world.person()
    world.page("Behind the door")
    world.site.pages["/door"] = web.Response(status=302, headers={"Location": f"/page{world.pages}?token=s3same"})
    article = person.save(world.site.url + "/door")
    assert ("Behind the door", world.site.url + "/door") == (article["title"], article["url"])
    assert "s3same" not in world.server.session.get(world.server.url + BASE + "/articles?limit=1000", timeout=20).text


def test_addresses_in_answers_have_the_scheme_of_a_trusted_proxy_alone(world: World) -> None:
    """Anybody else could write what others are shown."""
    headers = {"X-Forwarded-Proto": "https", "Host": "news.example"}
    world.person().save(world.page())
    answer = world.server.session.get(world.server.url + BASE + "/tags?limit=1", headers=headers, timeout=20).json()
    assert answer["response"]["tags"][0]["ref"].startswith(f"http://news.example{BASE}/tags/")


def test_a_private_article_counts_nowhere_in_public(world: World) -> None:
    """What a person alone sees adds nothing to the tag's "seen", nor to its articles."""
    person = world.person()
    (tag,) = person.save(world.page(keywords="Narwhal"))["tagsInArticle"]
    hidden = person.save(world.page(keywords="Narwhal") + "?token=x")
    assert [tag] == hidden["tagsInArticle"]
    found = world.get(f"/tags/{tag['tagid']}")
    assert (1, 1) == (found["totalCounts"]["seen"], len(found["inArticles"]))


def test_the_articles_of_a_tag_come_in_parts_if_asked_for(world: World) -> None:
    """limit, offset and next as in every list."""
    person = world.person()
    ids = {person.save(world.page(keywords="Okapi"))["articleid"] for _ in range(3)}
    tag = world.get("/tags?name=okapi")["tags"][0]["tagid"]
    assert {"limit", "offset", "next"}.isdisjoint(world.get(f"/tags/{tag}"))
    found, path = list[str](), f"/tags/{tag}?limit=2"
    while path:
        answer = world.get(path)
        found += [each["articleid"] for each in answer["inArticles"]]
        path = answer.get("next", "").removeprefix(world.server.url + BASE)
    assert (3, ids) == (len(found), set(found))


def test_no_other_door_shows_a_private_article(world: World) -> None:
    """Neither the data access API, nor where things came from, nor the saved articles, nor a history; no door writes ratings beside the one."""
    person, other = world.person(), world.person()
    number = person.save(world.page("Hidden") + "?token=abc")["articleid"].partition(":")[2]
    server, bearer = world.server, {"Authorization": f"Bearer {other.token}"}
    for path in (f"/getArticle?id=article:{number}", "/getArticles?terms=[]", "/getSaved?terms=[]", f"/via?id=article:{number}", "/list"):
        asked = f"{path}{'&' if '?' in path else '?'}owner={person.owner}"
        assert 403 == server.get(asked, headers=bearer).status_code, asked
    for path in (
        f"/articles/{person.owner}:{number}",
        f"/articles/{person.owner}:{number}/history",
        f"/users/me/articles/{person.owner}:{number}",
    ):
        other.get(path, 404)
    opened(other.send("GET", f"/users/me/articles?owner={person.owner}", None), 403)
    opened(other.send("POST", f"/articles/{person.owner}:{number}/rate", {"ratings": [{"tagid": "1", "rating": "positive"}]}), 404)
    forged = {"items": [{"type": "saved/mine", "key": "1", "body": {"article": "1", "positive": ["1"]}}]}
    pushed = server.post("/connectors/mine/push", forged, headers=bearer)
    assert (200, 0, 1) == (pushed.status_code, pushed.json()["added"], pushed.json()["rejected"]), pushed.text
    assert server.post("/addSaved", {"article": "1", "positive": ["1"]}, headers=bearer).status_code in (403, 404, 405)


# -- tags --------------------------------------------------------------------------------------------------


def test_all_tags_and_one(world: World) -> None:
    """GET /tags lists tags with everybody's counts; GET /tags/:tagid adds the articles that carry it."""
    person, other = world.person(), world.person()
    url = world.page(keywords="Ocelot")
    article = person.save(url)
    other.save(url)
    (tag,) = article["tagsInArticle"]
    assert 200 == person.rate(article, (tag["tagid"], "positive")).status_code
    assert 200 == other.rate(article, (tag["tagid"], "negative")).status_code
    found = next(each for each in world.get("/tags?limit=1000")["tags"] if each["tagid"] == tag["tagid"])
    assert ({"negative": 1, "positive": 1, "seen": 1}, "topic") == (found["totalCounts"], found["type"])
    one = world.get(f"/tags/{tag['tagid']}")
    assert [{"articleid": article["articleid"], "ref": article["ref"]}] == one.pop("inArticles")
    assert found == one
    world.get("/tags/999999", status=404)


def test_tags_page_to_the_end(world: World) -> None:
    """limit, offset and next, which is there only while there is more."""
    world.person().save(world.page(keywords=", ".join(f"cormorant {n}" for n in range(7))))
    whole = [tag["tagid"] for tag in world.get("/tags")["tags"]]
    found, path = list[str](), "/tags?limit=3"
    while path:
        answer = world.get(path)
        found += [tag["tagid"] for tag in answer["tags"]]
        path = answer.get("next", "").removeprefix(world.server.url + BASE)
    assert whole == found
    for wrong in ("limit=x", "offset=-1", "limit=1.5"):
        world.get(f"/tags?{wrong}", status=400)


def test_tags_by_user(world: World) -> None:
    """GET /users/me/tags: those that the person rated, with their own counts; others are 404."""
    person, other = world.person(), world.person()
    first, second = person.save(world.page(keywords="Lynx, Marten")), person.save(world.page(keywords="Lynx"))
    lynx, marten = (tag["tagid"] for tag in first["tagsInArticle"])
    person.rate(first, (lynx, "positive"))
    person.rate(second, (lynx, "negative"))
    answer = person.get("/users/me/tags")
    assert [(lynx, {"negative": 1, "positive": 1})] == [(tag["tagid"], tag["counts"]) for tag in answer["tags"]]
    assert lynx == person.get(f"/users/me/tags/{lynx}")["tag"]["tagid"]
    person.get(f"/users/me/tags/{marten}", 404)
    other.get(f"/users/me/tags/{lynx}", 404)
    assert 1 == person.get("/users/me")["summary"]["tags"]


def test_admins_make_and_change_tags(world: World) -> None:
    """Types and aliases; others may not."""
    admin, person = world.person("admin"), world.person()
    tag = admin.post("/tags", {"name": "Centerpartiet", "type": "party", "aliases": ["Centern"]}, 201)
    assert tag["tagid"] == admin.post("/tags", {"name": "centerpartiet", "type": "Party"})["tagid"]
    article = person.save(
        world.page(
            keywords="", text="Centerns ledare talade länge om bron över älven och om allt som skulle hända sedan i hela landet.", lang="sv"
        )
    )
    assert [tag["tagid"]] == [each["tagid"] for each in article["tagsInArticle"]]
    changed = opened(admin.send("PATCH", f"/tags/{tag['tagid']}", {"type": "organization"}), 200)
    assert ("organization", ["Centern"]) == (changed["type"], changed["aliases"])
    opened(admin.send("PATCH", "/tags/999999", {"type": "x"}), 404)
    opened(admin.send("PATCH", f"/tags/{tag['tagid']}", {"colour": "x"}), 400)
    opened(person.send("PATCH", f"/tags/{tag['tagid']}", {"type": "x"}), 403)


# -- ratings -----------------------------------------------------------------------------------------------


def test_a_correct_rating_is_200_with_an_empty_body_and_the_next_403(world: World) -> None:
    """Only one rate request is allowed."""
    person = world.person()
    article = person.save(world.page())
    tag = article["tagsInArticle"][0]["tagid"]
    answer = person.rate(article, (tag, "positive"))
    assert (200, b"") == (answer.status_code, answer.content)
    opened(person.rate(article, (tag, "positive")), 403)


def test_a_wrong_tag_fails_all_and_rating_can_be_redone(world: World) -> None:
    """400 details which tagid is failing."""
    person = world.person()
    article, foreign = person.save(world.page()), person.save(world.page(keywords="Pelican"))
    mine, other = article["tagsInArticle"][0]["tagid"], foreign["tagsInArticle"][0]["tagid"]
    assert [other] == opened(person.rate(article, (mine, "positive"), (other, "negative")), 400)["failedTagids"]
    assert [mine] == opened(person.rate(article, (mine, "good")), 400)["failedTagids"]
    assert [] == person.get("/users/me/tags")["tags"]
    assert 200 == person.rate(article, (mine, "negative")).status_code


@pytest.mark.parametrize("body", [{}, {"ratings": []}, {"ratings": "x"}, {"ratings": [1]}, []])
def test_what_is_no_rating_is_400(world: World, body: Any) -> None:
    """And leaves the article unrated."""
    person = world.person()
    article = person.save(world.page())
    opened(person.send("POST", f"/articles/{article['articleid']}/rate", body), 400)
    assert 200 == person.rate(article, (article["tagsInArticle"][0]["tagid"], "positive")).status_code


def test_an_article_that_was_not_saved_cannot_be_rated(world: World) -> None:
    """404, also for one that there is not."""
    article = world.person().save(world.page())
    other = world.person()
    opened(other.rate(article, (article["tagsInArticle"][0]["tagid"], "positive")), 404)
    opened(other.rate({"articleid": "999999"}, ("1", "positive")), 404)


def test_of_two_ratings_that_race_one_is_refused(world: World) -> None:
    """Also when they come at the same moment."""
    person = world.person()
    article = person.save(world.page())
    tag = article["tagsInArticle"][0]["tagid"]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: person.rate(article, (tag, ("positive", "negative")[n % 2])).status_code, range(8)))
    assert [200, *[403] * 7] == sorted(found)


# -- the envelope ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/articles", 405),
        ("DELETE", "/tags/1", 405),
        ("POST", "/articles/add", 401),
        ("GET", "/users/me/tags", 401),
        ("GET", "/articles/1/no/such", 404),
        ("GET", "/tags/1/2", 404),
        ("GET", "/users/me/friends", 404),
    ],
)
def test_errors_come_in_the_envelope_too(world: World, method: str, path: str, status: int) -> None:
    """Also those that no call of the dialect made itself."""
    opened(requests.request(method, world.server.url + BASE + path, json={}, timeout=20), status)


def test_public_reading_can_be_switched_off(tmp_path: Path) -> None:
    """With public_commons off, tags and articles need a token."""
    with Locker(tmp_path / "data", keys=tmp_path / "keys") as locker, served(locker, trust_loopback=False, public_commons=False) as server:
        for path in ("/tags", "/articles", "/tags/1", "/articles/1"):
            opened(server.get(BASE + path), 401)
