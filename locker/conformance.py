"""
The conformance kit: what any connector must do, whoever wrote it.  ``locker connector test PATH`` runs it, and so does a test of two lines::

    from pathlib import Path

    from locker.conformance import ConnectorContract


    class TestBookshelf(ConnectorContract):
        path = Path(__file__).with_name("bookshelf.py")

The author gives samples beside the connector (``locker/sample.py`` says how); the kit plays a service with them, well and misbehaving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from . import exam_archived, exam_fetching, plugin
from .connector import Archived, Connector, Fetching
from .error import NotFound
from .exam import Exam, Mark, examine
from .sample import Samples, beside

Check = Callable[[Exam], str]


class ConnectorContract:
    """Every check as a test of pytest: name the connector's file as *path*, and its *samples* if they lie elsewhere."""

    path: ClassVar[Path]
    samples: ClassVar[Path | None] = None

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test for each check."""
        if "check" in metafunc.fixturenames:
            exams = [Exam(connector, samples_of(self.path, self.samples)) for connector in plugin.at(self.path)]
            found = [(exam, check) for exam in exams for check in checks(exam.connector)]
            metafunc.parametrize(("exam", "check"), found, ids=[f"{exam.connector.name}-{check.__name__}" for exam, check in found])

    def test_contract(self, exam: Exam, check: Check) -> None:
        """The connector does what every connector must do."""
        check(exam)


def checks(connector: Connector) -> tuple[Check, ...]:
    """What a connector is held to, each check once."""
    found: tuple[Check, ...] = ()
    if isinstance(connector, Archived):
        found += exam_archived.CHECKS
    if isinstance(connector, Fetching):
        found += exam_fetching.CHECKS
    return tuple(dict.fromkeys(found))


def samples_of(path: Path, samples: Path | None = None) -> Samples:
    """The samples in a file, else those beside a connector's file, else none."""
    found = samples or beside(path)
    return Samples.load(found) if found else Samples()


def run(connector: Connector, samples: Samples) -> Iterator[Mark]:
    """Every check of one connector, one after the other."""
    return examine(Exam(connector, samples), checks(connector))


def located(target: str, dropped: Path | None) -> Path:
    """The file of a connector, by its path or its name.  Raises NotFound."""
    path = Path(target)
    if path.suffix in (".py", ".toml") and path.is_file():
        return path
    rooms = [plugin.folder("connectors"), *([dropped] if dropped else [])]
    stem = target.replace("-", "_")
    for room in rooms:
        for name in (f"{stem}.py", f"{stem}.toml", f"{target}.toml"):
            if (room / name).is_file():
                return room / name
    raise NotFound(f"there is no connector {target!r}; name the path of its .py or .toml file, or one that 'locker connectors' lists")
