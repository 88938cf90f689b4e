"""Sources and apps speak in turn, and every object, merged id and hidden object is what a model of ids and patches says."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from locker.error import NotFound
from locker.patch import merge_patch
from locker.query import Reader
from locker.readmodel import ReadModel
from locker.record import Body, canonical, loads
from tests.composing import EMAILS, KEYS, SCHEMAS, SOURCES, Said, Store, Thing, bodies, components, composed, order

PATCHES = st.fixed_dictionaries(
    {},
    optional={"name": st.sampled_from(["Cleo", None]), "bio": st.just("edited"), "emails": st.lists(st.sampled_from(EMAILS), max_size=2)},
)


class Model:
    """What should stand, computed anew after every change: only the ids' anchors and the apps' wishes are remembered."""

    def __init__(self) -> None:
        self.things: dict[Thing, Body] = {}
        self.anchors: dict[int, Thing] = {}
        self.wishes: list[tuple[int, Body | None]] = []
        self.parts: list[list[Thing]] = []

    def change(self, thing: Thing, body: Body | None) -> None:
        """Something is said of a thing (None: it is gone); ids whose anchor goes move to the next of its object."""
        if body is None:
            mine = next((part for part in self.parts if thing in part), [thing])
            self.things.pop(thing, None)
            heirs = sorted((heir for heir in mine if heir in self.things), key=lambda heir: order(heir, self.things[heir]))
            if heirs:
                self.anchors = {n: heirs[0] if anchor == thing else anchor for n, anchor in self.anchors.items()}
        else:
            self.things[thing] = body
        self.parts = list(components(self.things))

    def ids(self, part: list[Thing]) -> list[int]:
        """The ids anchored in a component; the lowest is the object."""
        return sorted(n for n, anchor in self.anchors.items() if anchor in part)

    def body(self, part: list[Thing]) -> Body | None:
        """The composed body with the patches of its ids laid over it; None if an app deleted it last."""
        body, hidden = composed(self.things, part), False
        for n, patch in self.wishes:
            if n in self.ids(part):
                hidden = patch is None
                body = body if patch is None else merge_patch(body, patch)
        return None if hidden else body


class Composing(RuleBasedStateMachine):
    """One composer that is up to date after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store, self.model, self.owner = Store(self.folder), Model(), "me"
        self.view = ReadModel(self.folder / "views.sqlite", SCHEMAS)
        self.reader = Reader(self.folder / "views.sqlite", SCHEMAS)

    @rule(source=st.sampled_from(SOURCES), key=st.sampled_from(KEYS), body=bodies())
    def say(self, source: str, key: str, body: Body) -> None:
        """A thing comes, changes or returns."""
        self.store.play([Said(source, key, body)], owner=self.owner)
        self.model.change((source, key), body)

    @precondition(lambda self: self.model.things)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A thing goes; what an app added has no source that could lose it."""
        if theirs := sorted(thing for thing in self.model.things if thing[0] != "contact"):
            source, key = data.draw(st.sampled_from(theirs))
            self.store.play([Said(source, key, None)], owner=self.owner)
            self.model.change((source, key), None)

    @rule(body=bodies())
    def add(self, body: Body) -> None:
        """An app adds an object of its own, which may merge at once."""
        n = self.store.logbook.count(self.owner, "contact") + 1
        id, position = self.store.composer.add(self.owner, "contact", body, "app")
        self.model.anchors[n] = ("contact", str(n))
        self.model.change(("contact", str(n)), body)
        mine = next(part for part in self.model.parts if ("contact", str(n)) in part)
        assert f"contact:{min(self.model.ids(mine))}" == id
        assert position == self.store.logbook.position

    @precondition(lambda self: self.model.parts)
    @rule(data=st.data(), patch=st.none() | PATCHES | PATCHES)
    def edit(self, data: st.DataObject, patch: Body | None) -> None:
        """An app edits or deletes an object, by any id that it ever had."""
        part = data.draw(st.sampled_from(self.model.parts))
        ids = self.model.ids(part)
        n = data.draw(st.sampled_from(ids))
        if patch is None and self.model.body(part) is None:
            with pytest.raises(NotFound):
                self.store.composer.edit(self.owner, "contact", f"contact:{n}", None, "app")
            return
        id, position = self.store.composer.edit(self.owner, "contact", f"contact:{n}", patch, "app")
        self.model.wishes.append((ids[0], patch))
        assert f"contact:{ids[0]}" == id
        assert position == self.store.logbook.position

    @rule()
    def recompose(self) -> None:
        """Running the same maps again appends nothing."""
        position = self.store.logbook.position
        self.store.composer.recompose("contact")
        assert position == self.store.logbook.position

    @invariant()
    def objects_are_what_the_model_says(self) -> None:
        """Every component is one object with its id, body and members; hidden ones are deleted; nothing else stands."""
        standing = self.store.living(self.owner)
        for part in self.model.parts:
            if not self.model.ids(part):  # a new object: its number is its record's
                (n,) = (n for n, made in standing.items() if frozenset(part) == self.store.things(self.owner, made["via"]))
                assert n not in self.model.anchors
                self.model.anchors[n] = part[0]
        wanted = {
            self.model.ids(part)[0]: (canonical(body), frozenset(part))
            for part in self.model.parts
            if (body := self.model.body(part)) is not None
        }
        found = {n: (canonical(made["body"]), self.store.things(self.owner, made["via"])) for n, made in standing.items()}
        assert wanted == found

    @invariant()
    def merged_ids_answer_for_their_survivor(self) -> None:
        """Every id that was ever given finds the object that it belongs to now, or nothing if that is gone or hidden."""
        records = self.store.logbook.since(self.view.position, limit=100_000, only=("contact",))
        self.view.apply(records, self.store.logbook.position)
        for n, anchor in self.model.anchors.items():
            part: list[Thing] = next((part for part in self.model.parts if anchor in part), [])
            body = self.model.body(part) if part else None
            if body is None:
                with pytest.raises(NotFound):
                    self.reader.get(self.owner, f"contact:{n}")
            else:
                shown: Any = loads(self.reader.get(self.owner, f"contact:{n}"))
                assert (f"contact:{self.model.ids(part)[0]}", body) == (shown["id"], shown["body"])

    def teardown(self) -> None:
        self.view.close()
        self.store.logbook.close()
        shutil.rmtree(self.folder)


TestComposing = Composing.TestCase
TestComposing.settings = settings(max_examples=40, stateful_step_count=20)
