"""Packaging: what is pinned, what the wheel carries, and that the Makefile names what exists and what is missing."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import locker

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = (ROOT / "constraints.txt").read_text().splitlines()
MAKEFILE = (ROOT / "Makefile").read_text()


def normal(requirement: str) -> str:
    """The name in a requirement, as package indexes compare names."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def imported(folder: Path) -> Iterator[str]:
    """Top names of what the files in a folder import absolutely."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the checkout, as if by hand: without what an outer make hands down."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key not in {"MFLAGS", "PYTHON", "PYTEST"}}
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_versions_are_plain_lines() -> None:
    """Every pin is name==version, once, in order: easy to read, to compare and to renew."""
    assert [] == [line for line in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*", line)]
    names = [normal(line) for line in PINS]
    assert sorted(set(names)) == sorted(names)


def test_every_dependency_is_pinned() -> None:
    """What pyproject.toml asks for has a version in constraints.txt."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)]
    assert set() == {normal(each) for each in wanted} - {normal(line) for line in PINS}


def test_everything_that_comes_along_is_pinned() -> None:
    """What the dependencies need themselves has a version in constraints.txt too, as far as it is installed here."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    ahead = [Requirement(each) for each in [*PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)]]
    seen = set[tuple[str, str]]()
    while ahead:
        wanted = ahead.pop()
        for extra in {"", *wanted.extras} - {extra for name, extra in seen if normal(wanted.name) == name}:
            seen.add((normal(wanted.name), extra))
            with suppress(PackageNotFoundError):
                needs = [Requirement(each) for each in requires(wanted.name) or ()]
                ahead += [each for each in needs if each.marker is None or each.marker.evaluate({"extra": extra})]
    assert set() == {name for name, _ in seen} - {normal(line) for line in PINS} - {"pip"}


def test_every_import_is_declared() -> None:
    """Each library that the program imports is named in pyproject.toml itself, and does not merely come along with another."""
    distributions = packages_distributions()
    modules = {module for top in ("locker", "connectors", "collections", "api") for module in imported(ROOT / top)}
    foreign = modules - sys.stdlib_module_names - {"locker"}
    used = {module: {normal(each) for each in distributions.get(module, [module])} for module in foreign}
    extras = PROJECT["project"]["optional-dependencies"]
    declared = {normal(each) for each in (*PROJECT["project"]["dependencies"], *extras["imap"])}
    assert {} == {module: names for module, names in used.items() if not names & declared}


def test_every_folder_is_in_the_wheel() -> None:
    """Setuptools is told of each folder that holds code or schemas; a new one that it is not told of would be missing from the wheel."""
    tops = ("locker", "connectors", "collections", "api", "schemas")
    folders = {
        path.parent.relative_to(ROOT).as_posix() for top in tops for path in (ROOT / top).rglob("*.*") if path.suffix in {".py", ".json"}
    }
    setuptools = PROJECT["tool"]["setuptools"]
    mapped = {setuptools["package-dir"].get(package, package.replace(".", "/")) for package in setuptools["packages"]}
    assert set() == folders - mapped


def test_every_data_file_is_in_the_wheel() -> None:
    """A file in the package that is not Python is matched by a pattern of package-data."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    rooms = {"locker": "locker", "locker.connectors": "connectors", "locker.schemas": "schemas"}
    carried = {path for package, folder in rooms.items() for pattern in patterns[package] for path in (ROOT / folder).glob(pattern)}
    files = {path for folder in rooms.values() for path in (ROOT / folder).glob("*") if path.is_file() and path.suffix != ".py"}
    assert set() == files - carried


def test_version_has_one_home() -> None:
    """The package says which version it is, and the changelog has an entry to fill."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", locker.__version__)
    assert {"attr": "locker.__version__"} == PROJECT["tool"]["setuptools"]["dynamic"]["version"]
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_make_lists_its_targets() -> None:
    """Plain make tells what there is, each target that a person would call."""
    listed = re.findall(r"^make (\w+)\t\S", make().stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)
    assert phony
    assert sorted(phony[1].split()) == sorted(listed)


def test_make_names_what_is_missing(tmp_path: Path) -> None:
    """A machine without Python, or with one that is too old or has no venv, is told which Debian package to install."""
    missing = make("machine", f"PYTHON={tmp_path / 'python3'}")
    assert missing.returncode
    assert "apt-get install python3 python3-venv" in missing.stderr
    python = tmp_path / "an old python"
    for refused, advice in (("version_info", "3.11 or newer is needed"), ("ensurepip", "apt-get install python3-venv")):
        python.write_text(f'#!/bin/sh\ncase "$2" in *{refused}*) exit 1 ;; esac\n')
        python.chmod(0o755)
        answer = make("machine", f"PYTHON={python}")
        assert answer.returncode
        assert advice in answer.stderr


def test_make_is_content_with_this_machine() -> None:
    """Where the tests run, everything is there."""
    assert (0, "") == ((answer := make("machine")).returncode, answer.stderr)


@pytest.mark.parametrize("name", re.findall(r"\$\(SAMPLE\)/([\w./-]+)", MAKEFILE))
def test_samples_of_the_tour_exist(name: str) -> None:
    """Each archive that make demo imports is there, and the samples' README says what it is."""
    assert (ROOT / "data/sample" / name).exists()
    assert name in (ROOT / "data/sample/README.md").read_text()


@pytest.mark.parametrize("name", [".ci/run", "tests/smoke_wheel.sh"])
def test_scripts_run_from_anywhere(name: str) -> None:
    """Scripts are executable, stop at the first failure and parse."""
    script = ROOT / name
    assert script.stat().st_mode & 0o111
    assert re.search(r"^set -eu", script.read_text(), re.MULTILINE)
    shell = script.read_text().splitlines()[0].removeprefix("#!").split()
    subprocess.run([*shell, "-n", script], check=True)
