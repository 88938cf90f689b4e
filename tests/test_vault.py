"""The vault: what it keeps it gives back, to whoever has the key; what it forgets is gone; and keys change without losing anything."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locker.error import StorageError, Unavailable
from locker.vault import VAULT_FILE, Vault

OLD, NEW = "an old secret of some length", "a new secret of some length"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def vault(folder: Path, **more: str) -> Vault:
    """The vault of a folder, its keys beside the data."""
    return Vault(folder / "data", folder / "keys", **more)  # type: ignore[arg-type]


def bytes_below(folder: Path) -> bytes:
    """Everything that the files of a folder hold."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_it_keeps_and_gives_back(tmp_path: Path) -> None:
    """A secret comes back under its name, the newest one, also after opening again; a name without a secret has none."""
    kept = vault(tmp_path)
    kept.put("a", "first")
    kept.put("a", "second")
    kept.close()
    again = vault(tmp_path)
    assert "second" == again.get("a")
    assert again.get("b") is None
    assert ["a"] == again.names()


def test_nothing_is_made_before_the_first_secret(tmp_path: Path) -> None:
    """Asking an empty vault leaves no file."""
    empty = vault(tmp_path)
    assert empty.get("a") is None
    assert [] == empty.names()
    empty.forget("a")
    assert not any(tmp_path.iterdir())


@settings(max_examples=25)
@given(secrets=st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=6), rotations=st.integers(0, 2))
def test_any_secret_survives_any_rotation(tmp_path_factory: pytest.TempPathFactory, secrets: dict[str, str], rotations: int) -> None:
    """Whatever is put in comes out the same after any number of new keys."""
    kept = vault(tmp_path_factory.mktemp("vault"))
    for name, secret in secrets.items():
        kept.put(name, secret)
    for _ in range(rotations):
        assert len(secrets) == kept.rotate()
    assert secrets == {name: kept.get(name) for name in kept.names()}
    kept.close()


def test_secret_and_key_are_not_in_the_data(tmp_path: Path) -> None:
    """The data folder has neither the secret nor the key; both files are for their user only."""
    kept = vault(tmp_path)
    kept.put("a", "planted-secret")
    kept.close()
    (key_file,) = (tmp_path / "keys").iterdir()
    (key,) = json.loads(key_file.read_text()).values()
    found = bytes_below(tmp_path / "data")
    assert b"planted-secret" not in found
    assert key.encode() not in found
    assert bytes.fromhex(key) not in found
    assert {0o600} == {path.stat().st_mode & 0o777 for path in (key_file, tmp_path / "data" / VAULT_FILE)}


def test_the_files_beside_it_are_its_users_only_too(tmp_path: Path) -> None:
    """Whoever may not read the vault may not read its write-ahead log either, from the first moment on."""
    kept = vault(tmp_path)
    kept.put("a", "first")
    files = sorted((tmp_path / "data").glob(f"{VAULT_FILE}*"))
    assert {0o600} == {path.stat().st_mode & 0o777 for path in files}
    assert f"{VAULT_FILE}-wal" in [path.name for path in files]
    kept.close()


def test_what_is_forgotten_leaves_the_file(tmp_path: Path) -> None:
    """Not even the sealed bytes of a forgotten secret stay on the disk."""
    kept = vault(tmp_path)
    kept.put("a", "planted" * 50)
    with sqlite3.connect(tmp_path / "data" / VAULT_FILE) as connection:
        (sealed,) = connection.execute("SELECT sealed FROM secrets").fetchone()
    connection.close()
    assert sealed in bytes_below(tmp_path / "data")
    kept.forget("a")
    assert sealed not in bytes_below(tmp_path / "data")
    assert kept.get("a") is None


def test_without_its_key_it_does_not_open(tmp_path: Path) -> None:
    """A copy of the data alone is no use; the error says which file is missing, and nothing of the secret."""
    vault(tmp_path).put("a", "planted-secret")
    for path in (tmp_path / "keys").iterdir():
        path.unlink()
    with pytest.raises(Unavailable, match=r"the key of the vault is not here.*vault-[0-9a-f]{16}\.json") as told:
        vault(tmp_path).get("a")
    assert "planted-secret" not in str(told.value)
    with pytest.raises(Unavailable):
        vault(tmp_path).put("b", "another")
    assert ["a"] == vault(tmp_path).names()


def test_a_broken_key_file_is_told(tmp_path: Path) -> None:
    """A key file that is no JSON is named, and what it says is not."""
    vault(tmp_path).put("a", "secret")
    (path,) = (tmp_path / "keys").iterdir()
    path.write_text("planted{")
    with pytest.raises(StorageError, match=path.name) as told:
        vault(tmp_path).get("a")
    assert "planted{" not in str(told.value)
    assert told.value.__suppress_context__


@pytest.mark.parametrize("change", ["name", "key", "nonce", "sealed"])
def test_a_sealed_secret_cannot_be_altered(tmp_path: Path, change: str) -> None:
    """Whoever writes the file can move a secret to another name as little as change it."""
    kept = vault(tmp_path)
    kept.put("mine", "secret")
    kept.put("yours", "other")
    kept.close()
    path = tmp_path / "data" / VAULT_FILE
    with sqlite3.connect(path) as connection:
        if change == "name":
            connection.execute("DELETE FROM secrets WHERE name = 'mine'")
            connection.execute("UPDATE secrets SET name = 'mine' WHERE name = 'yours'")
        elif change == "key":
            connection.execute("UPDATE secrets SET key = 'file:0000' WHERE name = 'mine'")
        else:
            (value,) = connection.execute(f"SELECT {change} FROM secrets WHERE name = 'mine'").fetchone()
            connection.execute(f"UPDATE secrets SET {change} = ? WHERE name = 'mine'", (bytes([value[0] ^ 1]) + value[1:],))
    connection.close()
    with pytest.raises(Unavailable):
        vault(tmp_path).get("mine")


def test_rotation_drops_the_old_key(tmp_path: Path) -> None:
    """After a rotation the file has one key, another one, and old sealed bytes are gone; a vault that was open meanwhile goes on."""
    open_meanwhile = vault(tmp_path)
    open_meanwhile.put("a", "secret")
    (path,) = (tmp_path / "keys").iterdir()
    before = json.loads(path.read_text())
    assert 1 == vault(tmp_path).rotate()
    after = json.loads(path.read_text())
    assert 1 == len(after)
    assert before.keys().isdisjoint(after)
    assert "secret" == open_meanwhile.get("a")
    open_meanwhile.put("b", "another")
    assert ("secret", "another") == (vault(tmp_path).get("a"), vault(tmp_path).get("b"))


def test_a_rotation_that_dies_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the new key was written, or after it sealed everything, the vault opens, and the next rotation cleans up."""
    kept = vault(tmp_path)
    kept.put("a", "secret")
    for step in ("_unsealed", "_truncate"):
        dying = vault(tmp_path)

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(dying, step, die)
        with pytest.raises(KeyboardInterrupt):
            dying.rotate()
        dying.close()
        (path,) = (tmp_path / "keys").iterdir()
        assert 2 <= len(json.loads(path.read_text()))
        assert "secret" == vault(tmp_path).get("a")
    assert 1 == vault(tmp_path).rotate()
    (path,) = (tmp_path / "keys").iterdir()
    assert 1 == len(json.loads(path.read_text()))
    assert "secret" == kept.get("a")


def test_a_secret_of_the_settings_makes_the_key(tmp_path: Path) -> None:
    """With LOCKER_SECRET there is no key file; another secret opens nothing and seals nothing beside."""
    vault(tmp_path, secret=OLD).put("a", "kept")
    assert not (tmp_path / "keys").exists()
    assert "kept" == vault(tmp_path, secret=OLD).get("a")
    with pytest.raises(Unavailable, match="LOCKER_SECRET"):
        vault(tmp_path, secret=NEW).get("a")
    with pytest.raises(Unavailable, match="LOCKER_OLD_SECRET"):
        vault(tmp_path, secret=NEW).put("b", "not sealed")


@pytest.mark.parametrize(("before", "after"), [(None, NEW), (OLD, NEW), (OLD, None), (OLD, OLD)])
def test_keys_change_between_file_and_secret(tmp_path: Path, before: str | None, after: str | None) -> None:
    """From a file to a secret, from one secret to the next and back again: 'rotate' with both given is all it takes."""
    given = {"secret": before} if before else {}
    vault(tmp_path, **given).put("a", "kept")
    wanted = {"secret": after} if after else {}
    assert 1 == vault(tmp_path, **wanted, **({"old_secret": before} if before else {})).rotate()
    assert "kept" == vault(tmp_path, **wanted).get("a")
    assert (after is None) == any((tmp_path / "keys").glob("*.json"))


def test_it_shows_nothing_of_itself(tmp_path: Path) -> None:
    """No repr says a secret or a key."""
    kept = vault(tmp_path, secret=OLD)
    kept.put("a", "planted-secret")
    assert "planted-secret" not in repr(kept)
    assert OLD not in repr(kept)


def test_many_rotate_and_write_at_once(tmp_path: Path) -> None:
    """Several processes that rotate and write at the same time, each with a vault of its own, lose nothing."""

    def work(number: int) -> None:
        own = vault(tmp_path)
        for turn in range(3):
            own.put(f"{number}-{turn}", f"secret {number} {turn}")
            own.rotate()
        own.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    kept = vault(tmp_path)
    assert {f"{n}-{t}": f"secret {n} {t}" for n in range(4) for t in range(3)} == {name: kept.get(name) for name in kept.names()}
    (path,) = (tmp_path / "keys").iterdir()
    assert 1 == len(json.loads(path.read_text()))


def test_secrets_that_belong_together_change_together(tmp_path: Path) -> None:
    """All or none: what is None is forgotten, and its bytes leave the file."""
    with closing(vault(tmp_path)) as kept:
        kept.put_all({"a": "one", "b": "two"})
        kept.put_all({"a": "three", "b": None})
        assert (["a"], "three", None) == (kept.names(), kept.get("a"), kept.get("b"))


def test_a_secret_that_serves_once(tmp_path: Path) -> None:
    """Of all who take it one gets it."""
    with closing(vault(tmp_path)) as kept:
        assert kept.take("state") is None
        kept.put("state", "verifier")
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _: kept.take("state"), range(8)))
        assert ["verifier"] == [each for each in found if each]
        assert [] == kept.names("sta")
