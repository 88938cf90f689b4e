"""
The schema files say what a body must look like, how each field is compared, and when an object happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locker.error import Invalid, NotFound
from locker.schema import Schema, load, make, named, written
from tests.strategies import bodies

SCHEMAS = load()
TYPES = ["article", "contact", "document", "event", "favorite", "link", "message", "photo", "place", "post"]


def fields(document: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of a schema, nested ones too."""
    for name, inner in document.get("properties", {}).items():
        yield f"{path}{name}", inner
        yield from fields(inner.get("items", inner), f"{path}{name}.")


def test_there_is_a_schema_for_every_type() -> None:
    """These are the kinds of things that a locker holds."""
    assert set(TYPES) <= set(SCHEMAS)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.type)
def test_a_schema_file_is_json_schema_with_a_description_and_kind_for_each_field(schema: Schema) -> None:
    """Each file keeps the 2020-12 metaschema, and no field goes unexplained or unindexed."""
    jsonschema.Draft202012Validator.check_schema(schema.document)

    assert "https://json-schema.org/draft/2020-12/schema" == schema.document["$schema"]
    for name, field in fields(schema.document):
        assert field["description"].endswith("."), name
        holders = any(known.startswith(f"{name}.") for known in schema.kinds)
        assert name in schema.kinds or holders, name


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=lambda schema: schema.type)
@given(st.data())
def test_both_validators_agree(schema: Schema, data: st.DataObject) -> None:
    """The quick validator and the one that explains are of one opinion about bodies, right and wrong."""
    body = data.draw(bodies(schema))
    assert schema.is_valid(body)
    schema.check(body)

    name = data.draw(st.sampled_from([field.path[0] for field in schema.fields]))
    with pytest.raises(Invalid, match=f"at /{name}"):
        schema.check(body | {name: {"wrong": 1} if name != "address" else 1})


def test_a_mistake_is_named_with_its_place() -> None:
    """The message has the JSON pointer and says what is wrong there."""
    with pytest.raises(Invalid, match=r"contact at /address/1/state: 3 is not of type 'string'"):
        SCHEMAS["contact"].check({"address": [{"state": "CA"}, {"state": 3}]})


def test_an_integer_beyond_64_bits_is_a_number() -> None:
    """A body may say how old the universe is in nanoseconds."""
    SCHEMAS["contact"].check({"age": 2**70})


@pytest.mark.parametrize(
    ("type", "body", "time"),
    [
        ("message", {"sent": "2011-05-18T12:00:00+02:00"}, "2011-05-18T10:00:00.000000Z"),
        ("message", {"sent": "2011-05-18"}, "2011-05-18T00:00:00.000000Z"),
        ("message", {"sent": "last Tuesday"}, None),
        ("message", {}, None),
        ("photo", {"taken": "0800-12-25"}, "1000-01-01T00:00:00.000000Z"),
        ("contact", {"updated": "2011-05-18"}, None),
    ],
)
def test_the_time_of_an_object(type: str, body: dict[str, Any], time: str | None) -> None:
    """The x-time field's moment as the log writes moments; a text that is no date is no time, and no mistake either."""
    SCHEMAS[type].check(body)

    assert time == SCHEMAS[type].time_of(body)


@given(st.integers(-(2**70), 2**70))
def test_written_moments_are_always_27_characters_long(microseconds: int) -> None:
    """Text order is time order, whatever the time."""
    assert 27 == len(written(microseconds))


def test_a_type_is_named_in_any_case_singular_or_plural() -> None:
    """getContacts, getcontact and getContact mean the same; an unknown type is told which there are."""
    assert SCHEMAS["contact"] is named(SCHEMAS, "Contacts") is named(SCHEMAS, "contact")
    with pytest.raises(NotFound, match=r"contact, document"):
        named(SCHEMAS, "unicorn")


@pytest.mark.parametrize(
    ("document", "mistake"),
    [
        ({"type": "objekt"}, "thing.json is not a JSON Schema"),
        ({"properties": {"a": {"x-index": "word"}}}, "a: x-index is 'word'"),
        ({"x-time": "a", "properties": {"a": {"x-index": "text"}}}, "x-time names 'a'"),
    ],
)
def test_a_broken_schema_says_what_is_wrong(document: dict[str, Any], mistake: str) -> None:
    """Whoever writes a schema is told about the mistake when it is read."""
    with pytest.raises(Invalid, match=mistake):
        make("thing", document)


def test_schemas_of_request_bodies_are_no_types(tmp_path: Path) -> None:
    """A file without an indexed field describes something else than objects."""
    (tmp_path / "resource.json").write_text('{"type": "object"}')
    (tmp_path / "thing.json").write_text('{"properties": {"a": {"x-index": "text"}}, "x-plural": "thingies"}')

    assert ["thingies"] == [schema.plural for schema in load(tmp_path).values()]
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(Invalid, match=r"broken\.json"):
        load(tmp_path)
