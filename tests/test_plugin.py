"""
Plugins: how connectors and collections are found in their folders, in installed packages and beside the data.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from locker import plugin
from locker.connector import Connector
from locker.error import Invalid

ROOT = Path(__file__).resolve().parents[1]
CONNECTOR = '''"""Reads nothing."""
from collections.abc import Iterator
from locker.connector import Archive, Archived, Body, Found

class Nothing(Archived):
    """Finds nothing in anything."""
    name = "{name}"
    types = ("link",)
    title = "Nothing at all"

    def read(self, archive: Archive) -> Iterator[Found]:
        return iter(())

    def map(self, type: str, body: Body) -> Body | None:
        return None
'''
COLLECTION = '''"""Collects nothing."""
from collections.abc import Iterable
from locker.collection import Collection
from locker.record import Body

class Nothing(Collection):
    """Knows nothing by any name."""
    type = "nothing"

    def identities(self, body: Body) -> Iterable[str]:
        return ()
'''


@pytest.fixture(autouse=True)
def _forget_modules() -> Iterator[None]:
    """What a test loads is unloaded after it."""
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if name.startswith(("locker.", "locker_plugin_", "stranger")):
            del sys.modules[name]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with plugin folders of its own, as in a wheel, in place of the real one."""
    home = tmp_path / "site" / "locker"
    for folder in ("connectors", "collections"):
        (home / folder).mkdir(parents=True)
        monkeypatch.delitem(sys.modules, f"locker.{folder}", raising=False)
    monkeypatch.setattr(plugin, "PACKAGE", home)
    return home


def write(path: Path, text: str) -> Path:
    """A plugin file, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_folders_in_a_checkout() -> None:
    """In a checkout, the folders lie beside the package."""
    assert ROOT / "connectors" == plugin.folder("connectors")


def test_folders_in_a_wheel(package: Path) -> None:
    """In a wheel, the folders lie in the package; those beside it belong to somebody else."""
    write(package.parent / "connectors" / "other.py", CONNECTOR.format(name="other"))
    assert package / "connectors" == plugin.folder("connectors")
    assert {} == plugin.connectors()


def test_a_file_is_all_it_takes(package: Path) -> None:
    """A connector and a collection are found by being there, under the names of the mounted folders."""
    write(package / "connectors" / "zilch.py", CONNECTOR.format(name="zilch"))
    write(package / "collections" / "nothing.py", COLLECTION)
    assert ["zilch"] == list(plugin.connectors())
    assert "locker.connectors.zilch" == type(plugin.connectors()["zilch"]).__module__
    assert ["nothing"] == list(plugin.collections())


def test_helpers_are_shared_and_no_plugins(package: Path) -> None:
    """A file that starts with _ is loaded only by the plugins that import it, and classes that a plugin imports are not its own."""
    write(package / "connectors" / "_base.py", CONNECTOR.format(name="base"))
    write(package / "connectors" / "zilch.py", '"""One more."""\nfrom ._base import Nothing\n\nclass Zilch(Nothing):\n    name = "zilch"\n')
    assert ["zilch"] == list(plugin.connectors())


def test_mounting_hides_nothing() -> None:
    """After mounting, ``collections`` is still the standard library's, and ``locker.collections`` is ours."""
    mounted = plugin.mount("collections")
    import collections

    assert "deque" in vars(collections)
    assert [str(ROOT / "collections")] == list(mounted.__path__)
    assert mounted is sys.modules["locker.collections"]


def test_built_ins_come_through_the_same_door() -> None:
    """Every built-in connector and collection is found, is named by its key and says what it gives."""
    connectors = plugin.connectors()
    for name, connector in connectors.items():
        assert name == connector.name
        assert connector.types
        assert connector.title
        assert isinstance(connector, Connector)
    assert all(type == collection.type for type, collection in plugin.collections().items())


def test_dropped_files(package: Path, tmp_path: Path) -> None:
    """Files beside the data are read only when that folder is given, and anew each time."""
    dropped = write(tmp_path / "plugins" / "mine.py", CONNECTOR.format(name="mine")).parent
    assert {} == plugin.connectors()
    assert {} == plugin.connectors(tmp_path / "no such folder")
    assert ["mine"] == list(plugin.connectors(dropped))
    write(dropped / "mine.py", CONNECTOR.format(name="changed"))
    assert ["changed"] == list(plugin.connectors(dropped))


def test_a_broken_file_is_named(package: Path, tmp_path: Path) -> None:
    """A dropped file that cannot be loaded is named with its reason, and is not a traceback."""
    broken = write(tmp_path / "plugins" / "broken.py", "import no_such_module\n")
    with pytest.raises(Invalid, match=r"broken\.py cannot be loaded: ModuleNotFoundError: .*no_such_module"):
        plugin.connectors(broken.parent)


def test_two_of_one_name_are_refused(package: Path, tmp_path: Path) -> None:
    """Nobody takes another connector's place unnoticed."""
    write(package / "connectors" / "zilch.py", CONNECTOR.format(name="zilch"))
    dropped = write(tmp_path / "plugins" / "usurper.py", CONNECTOR.format(name="zilch")).parent
    with pytest.raises(Invalid, match=r"two plugins are called 'zilch'.*usurper"):
        plugin.connectors(dropped)


@pytest.mark.parametrize("target", ["stranger", "stranger:Nothing"])
def test_entry_points(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """An installed package brings a connector by naming its module or its class as an entry point."""
    write(tmp_path / "installed" / "stranger.py", CONNECTOR.format(name="stranger"))
    info = tmp_path / "installed" / "stranger-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    write(info / "entry_points.txt", f"[locker.connectors]\nstranger = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    assert ["stranger"] == list(plugin.connectors())
