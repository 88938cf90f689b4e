"""
The data access API over HTTP: the three sample calls, every parameter, paging, and what apps write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from locker.locker import Locker
from tests.api_server import Server, fill, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The samples, served; no test here changes them."""
    with Locker(tmp_path_factory.mktemp("samples")) as locker:
        fill(locker)
        with served(locker) as running:
            yield running


@pytest.fixture
def own(tmp_path: Any) -> Iterator[Server]:
    """An empty locker, served, for tests that write."""
    with Locker(tmp_path) as locker, served(locker) as running:
        yield running


def ids(answer: requests.Response) -> list[str]:
    """The ids of an answer's objects."""
    assert 200 == answer.status_code, answer.text
    return [found["id"] for found in answer.json()]


def next_of(answer: requests.Response) -> str | None:
    """The address of the next page."""
    return answer.links["next"]["url"] if "next" in answer.links else None


# -- the three sample calls, as their document prints them ------------------------------------------------

SAMPLE_CALLS = {
    "/getMessages?subtypes=[IMAP]&terms=[to:'rand.fitzpatrick@gmail.com', (from:'jason@singly.com' OR from:'jasoncavnar@gmail.com'), tag:'singly']": {
        "Service types, first draft",
        "Slides for Saturday",
    },
    "/getPhotos?terms=[(tagged:'Jason Cavnar' OR tagged:'Jeremie Miller'), event:'Hashable Party']": {"Group, slightly out of focus"},
    "/getContacts?terms=[age:21+., address.state:'CA', bio:'node.js']&limit=30": set(),
}


@pytest.mark.parametrize("call", SAMPLE_CALLS)
def test_sample_calls_work_verbatim(server: Server, call: str) -> None:
    """The calls that the original's document prints answer what they say, sent as they stand."""
    answer = server.get(call)
    assert 200 == answer.status_code, answer.text
    bodies = [found["body"] for found in answer.json()]
    titles = {body.get("subject", body.get("title")) for body in bodies}
    assert SAMPLE_CALLS[call] <= titles
    if "Messages" in call:
        assert all("singly" in body["tag"] and body["from"] in ("jason@singly.com", "jasoncavnar@gmail.com") for body in bodies)
    if "Photos" in call:
        assert bodies
        assert all("Hashable Party" == body["event"] and {"Jason Cavnar", "Jeremie Miller"} & {*body["tagged"]} for body in bodies)


def test_the_third_sample_call_finds_people(own: Server) -> None:
    """Contacts of 21 and more in California with node.js in their bio are found, the others are not."""
    people = [
        ("a", 21, "CA", "I like Node.js"),
        ("b", 20, "CA", "node.js"),
        ("c", 40, "NY", "node.js"),
        ("d", 40, "CA", "nodes"),
        ("e", 99, "ca", "node.js!"),
    ]
    items = [
        {"type": "contact", "key": k, "body": {"name": k, "age": age, "address": [{"state": s}], "bio": bio}} for k, age, s, bio in people
    ]
    position = own.post("/connectors/mine/push", {"items": items}).headers["Locker-Position"]
    answer = own.get("/getContacts?terms=[age:21+., address.state:'CA', bio:'node.js']&limit=30", headers={"Locker-Position": position})
    assert ["a", "e"] == sorted(found["body"]["name"] for found in answer.json())


# -- what there is --------------------------------------------------------------------------------------


def test_list(server: Server) -> None:
    """Types with subtypes; the subtypes of a type, singular or plural; the types of a subtype, in any letter case."""
    everything = {each["type"]: each for each in server.get("/list").json()}
    assert {"contact", "link", "message", "photo"} == everything.keys()
    assert {"imap": 8, "mbox": 12} == {each["name"]: each["count"] for each in everything["message"]["subtypes"]}
    assert everything["message"]["subtypes"] == server.get("/list?type=message").json() == server.get("/list?type=Messages").json()
    assert [{"name": "message", "count": 8}] == server.get("/list?subtype=IMAP").json()
    assert [] == server.get("/list?subtype=nothing").json()


def test_fields(server: Server) -> None:
    """Fields with kind and count, of a type or a full type, named or bare."""
    found = {each["field"]: each for each in server.get("/fields?type=message").json()}
    assert ("keyword", 20) == (found["from"]["kind"], found["from"]["count"])
    assert "text" == found["subject"]["kind"]
    assert 8 == max(each["count"] for each in server.get("/fields?type=message/imap").json())
    assert server.get("/fields?type=message/imap").json() == server.get("/fields?message/imap").json()
    assert server.get("/fields?messages").json() == server.get("/fields?type='message'").json()


def test_via_walks_up_and_down(server: Server) -> None:
    """From a record to the objects composed of it, from an object to its records; ``/derived`` is the same call."""
    up = server.get("/via?id=vcard:1")
    (contact,) = up.json()
    assert "vcard:1" in contact["via"]
    assert up.json() == server.get("/derived?id='vcard:1'").json()
    down = server.get(f"/via?id={contact['id']}&direction=down").json()
    assert sorted(contact["via"]) == sorted(record["id"] for record in down)
    assert {"op", "digest", "body", "timestamp", "source", "key"} <= down[0].keys()
    assert [] == server.get(f"/via?id={contact['id']}").json()


def test_via_of_later_records(own: Server) -> None:
    """The record of an edit leads to the same object as the first one."""
    for name in ("Zoe", "Zoe Adams"):
        answer = own.post("/connectors/mine/push", [{"type": "contact", "key": "z", "body": {"name": name}}])
    wait = {"Locker-Position": answer.headers["Locker-Position"]}
    assert ["contact:1"] == ids(own.get("/via?id=mine:2", headers=wait))
    assert ["contact:1"] == ids(own.get("/getContact?id=mine:2", headers=wait))


def test_via_of_an_app_object(own: Server) -> None:
    """An object that an app added is its own source."""
    added = own.post("/addContact", {"name": "Zoe"})
    wait = {"Locker-Position": added.headers["Locker-Position"]}
    (record,) = own.get(f"/via?direction=down&id={added.json()['id']}", headers=wait).json()
    assert added.json()["id"] == record["id"]


# -- queries --------------------------------------------------------------------------------------------


def test_type_names_in_every_form(server: Server) -> None:
    """Singular and plural, in any letter case, are the same call."""
    expected = ids(server.get("/getContact?terms=[]"))
    assert 15 == len(expected)
    for name in ("getContacts", "getcontacts", "getcontact", "GETCONTACTS", "getCONTACT"):
        assert expected == ids(server.get(f"/{name}?terms=[]"))


def test_terms_are_required_unless(server: Server) -> None:
    """Without terms, id, time, subtypes or q the call is refused, and says so; each of those alone is enough."""
    answer = server.get("/getMessages?limit=3")
    assert (400, True) == (answer.status_code, "terms=[]" in answer.json()["detail"])
    assert 8 == len(ids(server.get("/getMessages?subtypes=[imap]")))
    assert ["message:3"] == ids(server.get("/getMessages?id=message:3"))
    assert ids(server.get("/getMessages?q=slides"))
    assert ids(server.get("/getMessages?time=[2011]"))


def test_by_id(server: Server) -> None:
    """An id is that of an object, or of a record that it was made of; an id of nothing is an empty list."""
    (contact,) = server.get("/getContact?id=contact:1").json()
    for record in contact["via"]:
        assert ["contact:1"] == ids(server.get(f"/getContact?id='{record}'"))
    assert [] == ids(server.get("/getContact?id=contact:999"))
    assert [] == ids(server.get("/getMessage?id=contact:1"))


def test_time(server: Server) -> None:
    """A period or a range selects by the objects' own time."""
    all_of = server.get("/getMessages?terms=[]&limit=100").json()
    for time, start, end in (
        ("[2011]", "2011", "2012"),
        ("[2011-05,2011-06]", "2011-05", "2011-07"),
        ("2011-05-11", "2011-05-11", "2011-05-12"),
    ):
        expected = [each["id"] for each in all_of if start <= each["time"] < end]
        assert expected == ids(server.get(f"/getMessages?time={time}&limit=100"))


def test_subtypes(server: Server) -> None:
    """Any of the subtypes, in any letter case, quoted or not."""
    assert 20 == len(ids(server.get("/getMessages?subtypes=[IMAP,'mbox']&limit=100")))
    assert [] == ids(server.get("/getMessages?subtypes=[nothing]"))


def test_limit_and_offset(server: Server) -> None:
    """20 by default; more than 1000 is clamped; the original's quoted numbers work; pages by offset do not overlap."""
    everything = ids(server.get("/getMessages?terms=[]&limit=99999999999"))
    assert 20 == len(everything)
    assert everything[3:8] == ids(server.get("/getMessages?terms=[]&limit='5'&offset='3'"))
    assert [] == ids(server.get("/getMessages?terms=[]&offset=100"))


def test_links_lead_through_all_pages(server: Server) -> None:
    """Following the next links gives everything once, in order; the last page has none."""
    for query in ("terms=[]", "terms=[]&sort=subject", "terms=[]&sort=-from,id", "terms=[tag:'singly' OR from!='x y']&offset=2", "q=the"):
        everything = ids(server.get(f"/getMessages?{query}&limit=1000"))
        found, address = list[str](), f"/getMessages?{query}&limit=3"
        while address:
            answer = server.get(address)
            found += ids(answer)
            address = next_of(answer) or ""
            assert len(found) <= len(everything), query
        assert everything == found, query


def test_links_hold_no_token(server: Server) -> None:
    """A token in the address is not passed on to the next page's address."""
    token = server.tokens.make("me")
    answer = server.get(f"/getMessages?access_token={token}&terms=[]&limit=1")
    assert 200 == answer.status_code
    assert token not in (next_of(answer) or token)


def test_total_count(server: Server) -> None:
    """``count=1`` tells how many there are besides this page."""
    answer = server.get("/getMessages?terms=[]&limit=2&count=1")
    assert ("20", 2) == (answer.headers["X-Total-Count"], len(answer.json()))
    assert "X-Total-Count" not in server.get("/getMessages?terms=[]&limit=2").headers


def test_count_query(server: Server) -> None:
    """COUNT answers the number alone."""
    assert {"count": 20} == server.get("/getMessages?terms=COUNT()").json()
    assert {"count": len(server.get("/getMessages?terms=[tag:'singly']").json())} == server.get(
        "/getMessages?terms=[COUNT(tag:'singly')]"
    ).json()


def test_sort(server: Server) -> None:
    """By any field, up or down, in our writing and in the original's."""
    names = [each["body"]["name"].casefold() for each in server.get("/getContacts?terms=[]&sort=name").json()]
    assert sorted(names) == names
    down = ids(server.get("/getContacts?terms=[name!=null]&sort=-name"))
    assert down == ids(server.get('/getContacts?terms=[name!=null]&sort={"name":-1}'))
    assert ids(server.get("/getMessages?terms=[]")) == ids(server.get("/getMessages?terms=[]&sort=-time"))


def test_fields_select(server: Server) -> None:
    """Only the named fields of the body, dotted, in our writing and in the original's."""
    (contact,) = server.get("/getContact?id=contact:1&fields=name,address.state").json()
    assert {"name", "address"} == contact["body"].keys()
    assert [{"state": "CA"}] == contact["body"]["address"]
    assert [contact] == server.get("/getContact?id=contact:1&fields=['name','address.state']").json()


def test_full_text(server: Server) -> None:
    """``q`` finds words in the text fields, whatever is a blank in the address."""
    assert ids(server.get("/getMessages?q=service+types"))
    assert ids(server.get("/getMessages?q=service+types")) == ids(server.get("/getMessages?q=service%20types"))
    assert [] == ids(server.get("/getMessages?q=service+unheardof"))


def test_facets(server: Server) -> None:
    """Facets count values among all that match, not on this page only."""
    answer = server.get("/getMessages?terms=[]&limit=1&facets=from,tag").json()
    assert 1 == len(answer["objects"])
    assert {"from", "tag"} == answer["facets"].keys()
    assert 20 == sum(answer["facets"]["from"].values())


def test_post_takes_the_same(server: Server) -> None:
    """A JSON body and a form mean what the address means, JSON also with its own lists, numbers and objects."""
    query = {"terms": "[tag:'singly' OR from!='a b+c']", "limit": "5", "sort": "-subject", "fields": "subject,tag", "subtypes": "[imap]"}
    expected = server.get("/getMessages", params=query).json()
    assert 5 == len(expected)
    assert expected == server.post("/getMessages", query).json()
    assert expected == server.post("/getMessages", data=query).json()
    native = query | {"limit": 5, "sort": {"subject": -1}, "fields": ["subject", "tag"], "subtypes": ["IMAP"], "count": True}
    answer = server.post("/getMessages", native)
    assert (expected, "8") == (answer.json(), answer.headers["X-Total-Count"])
    assert next_of(answer)
    following = server.post(str(next_of(answer)), native)
    assert 3 == len(following.json())
    assert not {each["id"] for each in following.json()} & {each["id"] for each in expected}
    assert server.get("/getMessages?time=[2011]").json() == server.post("/getMessages", {"time": "2011"}).json()


def test_long_queries_by_post(server: Server) -> None:
    """A query of thousands of characters is answered by POST as by GET; one beyond the limit is refused by both."""
    long = " OR ".join(f"from:'person{n}@example.org'" for n in range(230))
    assert [] == ids(server.post("/getMessages", {"terms": long}))
    assert [] == ids(server.get("/getMessages", params={"terms": long}))
    assert 413 == server.post("/getMessages", {"terms": "x" * 8193}).status_code
    assert 414 == server.get("/getMessages?terms=" + "x" * 8193).status_code


# -- writing --------------------------------------------------------------------------------------------


def test_add_edit_delete(own: Server) -> None:
    """What an app adds, changes and deletes is answered as it is now, and can be read at its position at once."""
    added = own.post("/addContact", {"name": "Zoe", "emails": ["zoe@x.org"]})
    assert 200 == added.status_code
    object = added.json()
    assert ("contact", ["app"], {"name": "Zoe", "emails": ["zoe@x.org"]}) == (object["type"], object["subtypes"], object["body"])

    def read(answer: requests.Response) -> Any:
        return own.get(f"/getContact?id={object['id']}", headers={"Locker-Position": answer.headers["Locker-Position"]}).json()

    assert [object] == read(added)
    edited = own.post(f"/editContact?id={object['id']}", {"name": None, "bio": "new"})
    assert {"emails": ["zoe@x.org"], "bio": "new"} == edited.json()["body"]
    assert [edited.json()] == read(edited)
    deleted = own.post(f"/deleteContact?id={object['id']}")
    assert (True, None) == (deleted.json()["deleted"], deleted.json()["body"])
    assert [] == read(deleted)
    assert 404 == own.post(f"/deleteContact?id={object['id']}").status_code
    back = own.post(f"/editContact?id={object['id']}", {"name": "Zoe again"})
    assert [back.json()] == read(back)


def test_large_numbers_in_what_apps_write(own: Server) -> None:
    """Integers beyond 64 bits are answered digit by digit."""
    answer = own.post("/addMessage", data=b'{"n": 3366147771824801851858632137760571392}', headers={"Content-Type": "application/json"})
    assert 3366147771824801851858632137760571392 == answer.json()["body"]["n"]


def test_writes_are_records(own: Server) -> None:
    """Each write is one record of the collection's log, which names the account."""
    id = own.post("/addLink", {"url": "https://x.org"}).json()["id"]
    own.post(f"/editLinks?id='{id}'", {"title": "X"})
    own.post(f"/deletelink?id={id}")
    found = own.locker.logbook.records("me", "link")
    assert [("add", "me", None), ("edit", "me", '{"title":"X"}'), ("delete", "me", None)] == [(r.op, r.by, r.patch) for r in found]


def test_an_added_place_that_is_nowhere(own: Server) -> None:
    """Degrees beyond any number name no place, and harm nobody."""
    answer = own.post("/addPlace", data=b'{"lat": 1' + b"0" * 400 + b', "lng": 1, "at": "2011-05-18"}')
    assert (200, "place:1") == (answer.status_code, answer.json().get("id")), answer.text


def test_an_added_object_is_known_by_odd_names_too(own: Server) -> None:
    """An app's address with a NUL in it ties objects together like any other."""
    ids = [own.post("/addContact", {"emails": ["a\0b@x.org"]}).json()["id"] for _ in range(2)]
    assert ["contact:1", "contact:1"] == ids


def test_an_added_object_may_merge(own: Server) -> None:
    """An app's contact that shares an address with a known one is that contact."""
    first = own.post("/addContact", {"name": "Zoe", "emails": ["zoe@x.org"]}).json()
    second = own.post("/addContact", {"phones": ["1"], "emails": ["Zoe@x.org"]}).json()
    assert first["id"] == second["id"]
    assert {"Zoe", "1"} <= {second["body"]["name"], *second["body"]["phones"]}


def test_a_body_that_breaks_its_schema(own: Server) -> None:
    """422 with a pointer to the place, when adding and when a patch would break it; nothing is written."""
    answer = own.post("/addContact", {"name": "Zoe", "address": [{"state": 5}]})
    assert (422, "/address/0/state") == (answer.status_code, answer.json()["pointer"])
    id = own.post("/addContact", {"name": "Zoe"}).json()["id"]
    answer = own.post(f"/editContact?id={id}", {"emails": "no list"})
    assert (422, "/emails") == (answer.status_code, answer.json()["pointer"])
    assert 1 == len(own.locker.logbook.records("me", "contact"))
    assert 422 == own.post("/addContact", ["a list"]).status_code


def test_waiting_for_a_position(own: Server) -> None:
    """A read waits for the position it names; one that does not come in time is 503 with Retry-After."""
    answer = own.get("/getContacts?terms=[]", headers={"Locker-Position": "999999"})
    assert 503 == answer.status_code
    assert answer.headers["Retry-After"].isdigit()
    assert 400 == own.get("/getContacts?terms=[]", headers={"Locker-Position": "soon"}).status_code
