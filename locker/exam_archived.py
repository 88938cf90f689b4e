"""
What the conformance kit holds a connector of files to: the same files read the same way, append nothing twice, and survive damage.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

from .archive import Archive
from .connector import Archived, Item, Problem, Scope
from .error import LockerError
from .exam import Exam, Failed, Skipped, coverage, keeps_the_contract, need, told
from .importer import Import
from .log import LOG_FILE, Logbook

_GARBAGE = 512


def reads_the_samples(exam: Exam) -> str:
    """Each sample is read, yields nothing but items, problems and scopes, and its items can be stored and mapped."""
    items, problems = [], []
    for path in _files(exam):
        for found in _read(exam, path):
            need(isinstance(found, Item | Problem | Scope), f"{path.name} yields {found!r}, which is no Item, Problem or Scope")
            items += [found] if isinstance(found, Item) else []
            problems += [found] if isinstance(found, Problem) else []
    need(all(one.reason for one in problems), "a problem says nothing; tell what to do about it")
    said = coverage(exam.connector, items, exam.schemas)
    return said + (f"; {len(problems)} problems: {told(problems)}" if problems else "")


def reads_the_same_again(exam: Exam) -> str:
    """A second reading of the same files yields the same items in the same order."""
    for path in _files(exam):
        first, second = ([one for one in _read(exam, path) if isinstance(one, Item)] for _ in range(2))
        need(first == second, f"{path.name} is read differently the second time; let nothing depend on time, chance or the order of a set")
    return "a second reading yields the same"


def imports_nothing_twice(exam: Exam) -> str:
    """Importing the same files again appends nothing."""
    connector = cast("Archived", exam.connector)
    with tempfile.TemporaryDirectory() as folder:
        logbook = Logbook(Path(folder) / LOG_FILE)
        try:
            for turn in (1, 2):
                for path in _files(exam):
                    with Archive(path) as archive:
                        report = Import(logbook, connector, "me", connector.name).run(archive)
                    appended = report.added + report.edited + report.deleted
                    need(
                        turn == 1 or not appended,
                        f"importing {path.name} again appends {appended} records; the same thing must have the same key and body",
                    )
        finally:
            logbook.close()
    return "importing again appends nothing"


def survives_damage(exam: Exam) -> str:
    """Files that are cut, empty, or have garbage in them are read as far as they go, and end in problems, not in a crash."""
    damaged = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in _files(exam):
            for file, content in _damaged(path):
                target = Path(folder) / path.name
                _copy(path, target)
                (target / file if path.is_dir() else target).write_bytes(content)
                _survives(exam, target, file or Path(path.name), len(content))
                damaged += 1
    return f"{damaged} damaged files are read as far as they go"


CHECKS = (keeps_the_contract, reads_the_samples, reads_the_same_again, imports_nothing_twice, survives_damage)


def _files(exam: Exam) -> tuple[Path, ...]:
    if not exam.samples.files:
        raise Skipped('the samples name no files; {"files": ["sample.json"]} does, with paths beside it')
    for path in exam.samples.files:
        need(path.exists(), f"there is no file {path}")
    return exam.samples.files


def _read(exam: Exam, path: Path) -> Iterator[object]:
    with Archive(path) as archive:
        yield from cast("Archived", exam.connector).read(archive)


def _damaged(path: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file under a path, by its place there, in several damaged forms; the same ones each time."""
    random = Random(7)  # noqa: S311 (what is random here need not be secret)
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    for file in files:
        whole, place = file.read_bytes(), file.relative_to(path) if path.is_dir() else Path()
        size = len(whole)
        yield place, b""
        yield place, random.randbytes(_GARBAGE)
        for part in (size // 3, size // 2, size - 1):
            yield place, whole[: max(part, 0)]
        middle = random.randrange(size) if size else 0
        yield place, whole[:middle] + random.randbytes(64) + whole[middle:]
        yield place, whole[:middle] + whole[middle + size // 10 :]


def _copy(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, target)


def _survives(exam: Exam, target: Path, file: Path, size: int) -> None:
    try:
        for found in _read(exam, target):
            if isinstance(found, Item) and found.body is not None:
                exam.connector.map(found.type.partition("/")[0], found.body)
    except LockerError:
        pass  # it says that this is no such archive at all
    except Exception as error:
        raise Failed(
            f"{file}, damaged ({size} bytes left), ends in {type(error).__name__}: {error}; yield a Problem or raise Fatal"
        ) from error
