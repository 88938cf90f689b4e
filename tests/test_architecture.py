"""Guards the layout: who may import whom, that no folder hides the standard library, and what every file owes its reader."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ("api", "collections", "connectors")
ALLOWED = {
    "collections": {"locker.collection", "locker.record", "locker.error"},
    "connectors": {"locker.connector", "locker.record", "locker.error"},
    "api": {
        "locker.locker",
        "locker.query",
        "locker.term",
        "locker.record",
        "locker.account",
        "locker.connecting",
        "locker.connection",
        "locker.entitlement",
        "locker.flow",
        "locker.hook",
        "locker.limit",
        "locker.live",
        "locker.proposal",
        "locker.notification",
        "locker.resource",
        "locker.wildcard",
        "locker.error",
        "locker.settings",
        "locker.__version__",
    },
}
LONG, TOO_LONG = 400, 600
# The brackets keep this list from finding itself.
FORBIDDEN = {
    "a registry's host name": r"p[y]pi\.org|p[y]thonhosted|npm[j]s\.|deb\.[d]ebian",
    "a path of one machine": r"(?<![\w.-])/(w[o]rk|f[a]rm|ro[o]t)/|/t[m]p/w/|/User[s]/\w+/",
    "a private key": r"-----BEG[I]N [A-Z ]*PRIVATE KEY",
    "a token": r"\b(AKI[A][0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|xox[abpr]-[0-9]{8,}|eyJhbG[c]iOi[\w-]+\.[\w-]{20,}\.[\w-]{20,})",
}


def tracked() -> list[Path]:
    """The files under version control, and those that would be if they were added; without git, those that look like ours."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        names = (path for folder in ("locker", *PLUGINS, "schemas", "tests", "docs") for path in (ROOT / folder).rglob("*"))
        return sorted(path for path in names if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path for name in set(done.stdout.split("\0")) if name and (path := ROOT / name).is_file())


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py" and ROOT / "data" not in path.parents]
CORE = [path for path in PYTHON if ROOT / "locker" in path.parents]
PLUGGED = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in PLUGINS]


def name(path: Path) -> str:
    """What a test case about a file is called."""
    return path.relative_to(ROOT).as_posix()


def package(path: Path) -> str:
    """The package that a file belongs to once the plugin folders are mounted."""
    folders = path.relative_to(ROOT).parts[:-1]
    return ".".join(("locker", *folders) if folders[0] in PLUGINS else folders)


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, also those it names relatively."""
    return set(imported(path.read_text(encoding="utf-8"), package(path)))


def imported(code: str, home: str) -> Iterator[str]:
    """Full names of the modules that code in the package *home* imports; ``from locker import x`` counts as ``locker.x``."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = home.split(".")
            above = parts[: len(parts) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            is_folder = module == "locker" or module in {f"locker.{folder}" for folder in PLUGINS}
            yield from (f"{module}.{alias.name}" for alias in node.names) if is_folder else [module]


def documented(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, bool]]:
    """The functions and classes at the top of a file, and whether they have a docstring."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node, bool(ast.get_docstring(node))


@pytest.mark.parametrize(
    ("code", "home", "expected"),
    [
        ("import json, locker.log", "locker", {"json", "locker.log"}),
        ("from locker import log, query", "tests", {"locker.log", "locker.query"}),
        ("from .log import Log", "locker", {"locker.log"}),
        ("from . import _json", "locker.connectors", {"locker.connectors._json"}),
        ("from ._json import rows", "locker.connectors", {"locker.connectors._json"}),
        ("def f():\n    from ..log import Log", "locker.connectors", {"locker.log"}),
        ("from ..api.app import serve", "locker.client", {"locker.api.app"}),
    ],
)
def test_imports_are_resolved(code: str, home: str, expected: set[str]) -> None:
    """However an import is written, the guards below see the module it means."""
    assert expected == set(imported(code, home))


@pytest.mark.parametrize("path", CORE, ids=name)
def test_core_imports_no_plugin(path: Path) -> None:
    """The core never names a connector, a collection or a route."""
    barred = (*(f"locker.{folder}" for folder in PLUGINS), "api", "connectors")
    assert not [module for module in imports(path) if any(module == each or module.startswith(f"{each}.") for each in barred)]


@pytest.mark.parametrize("path", PLUGGED, ids=name)
def test_plugins_use_only_their_door(path: Path) -> None:
    """A plugin sees the contract and the private helpers beside it, not the machinery."""
    folder = path.relative_to(ROOT).parts[0]
    ours = {module for module in imports(path) if module.split(".")[0] in {"locker", "connectors", "api"}}
    helpers = {module for module in ours if re.match(rf"locker\.{folder}\._", module)}
    assert set() == ours - helpers - ALLOWED[folder]


@pytest.mark.parametrize("folder", PLUGINS)
def test_plugin_folders_are_not_packages(folder: str) -> None:
    """An __init__.py would make ``collections/`` hide the standard library's."""
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize("folder", PLUGINS)
def test_plugins_avoid_stdlib_names(folder: str) -> None:
    """``python collections/calendar.py`` would put the folder first on the path."""
    assert set() == {path.stem for path in PLUGGED if path.parent.name == folder} & sys.stdlib_module_names


def test_stdlib_collections_is_visible_from_the_root() -> None:
    """Python started in the repository root finds the standard library's."""
    code = "import collections; print(collections.deque.__module__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "collections" == done.stdout.strip()


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_every_file_opens_with_a_sentence(path: Path) -> None:
    """The first thing in a file tells a newcomer what it is."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = docstring.split("\n\n")[0].strip()
    assert re.search(r"^\S.*[.:?!]$", first, re.DOTALL), f"{name(path)} opens with {first!r}"


@pytest.mark.parametrize("path", [*CORE, *PLUGGED], ids=name)
def test_public_things_are_documented(path: Path) -> None:
    """Every public function and class at the top of a file says what it is."""
    assert [] == [node.name for node, has in documented(path) if not has and not node.name.startswith("_")]


@pytest.mark.parametrize("path", [path for path in PYTHON if path.name.startswith("test_")], ids=name)
def test_every_test_states_a_behaviour(path: Path) -> None:
    """A test's docstring says what holds; its name alone is not enough."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")]
    assert [] == [node.name for node in tests if not ast.get_docstring(node)]


def test_files_stay_short() -> None:
    """A file tells one story: a long one is told so, and a very long one is refused."""
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PYTHON}
    for path, length in lengths.items():
        if length > LONG:
            warnings.warn(f"{path} has {length} lines; does it still tell one story?", stacklevel=1)
    assert {} == {path: length for path, length in lengths.items() if length > TOO_LONG}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_tracked_files_hold_nothing_foreign(what: str) -> None:
    """No registry's host name, no path of one machine and no secret is ever committed."""
    pattern = re.compile(FORBIDDEN[what])
    texts = ((path, path.read_bytes().decode("utf-8", "replace")) for path in FILES)
    assert [] == [f"{name(path)}: {found[0]}" for path, text in texts if (found := pattern.search(text))]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a registry's host name", "https://p" + "ypi.org/simple"),
        ("a path of one machine", "open('/ro" + "ot/x')"),
        ("a private key", "-----BEG" + "IN RSA PRIVATE KEY-----"),
        ("a token", "ghp_" + "a" * 36),
    ],
)
def test_foreign_things_would_be_found(what: str, text: str) -> None:
    """The patterns above find what they are for."""
    assert re.search(FORBIDDEN[what], text)
