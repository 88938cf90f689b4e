"""
The vault keeps secrets, each sealed with AES-256-GCM, in a file of its own: unlike the logs, it can forget.

The key lies outside the data folder, or is made of LOCKER_SECRET, so that a copy of the data alone opens nothing.  A log says at most what a secret
is called here.  A secret is sealed together with its name: one that is moved to another name does not open.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .database import connect, translated
from .error import Invalid, StorageError, Unavailable

VAULT_FILE = "vault.sqlite"
KEY_BYTES, NONCE_BYTES, SALT_BYTES, ID_BYTES = 32, 12, 16, 8
FILE, SECRET = "file", "secret"
TABLES = (
    "CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, key TEXT NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)
LOST = "the key of the vault is not here: set LOCKER_SECRET (or LOCKER_OLD_SECRET) to what it was, or bring back the file {path}"


class Vault:
    """The secrets of one locker, by name.

    *keys* is the folder of the key's file; with a *secret* the key is made of that, and *old_secret* is the one before, until ``rotate`` is done.
    Nothing is made on the disk before the first secret is put in.  Safe to use from any thread and any number of processes.
    """

    def __init__(
        self,
        data: Path | str,
        keys: Path | str,
        *,
        secret: str | None = None,
        old_secret: str | None = None,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.path, self._folder, self._randomness = Path(data) / VAULT_FILE, Path(keys), randomness
        self._secrets = tuple(each for each in (check_secret(secret), old_secret) if each)
        self._is_of_secret = bool(secret)
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None

    def put(self, name: str, secret: str) -> None:
        """Keep a secret under a name, in the place of the one before.  Durable when it returns."""
        self.put_all({name: secret})

    def put_all(self, secrets: Mapping[str, str | None]) -> None:
        """Keep secrets that belong together, all or none of them; None forgets one.  Durable when it returns."""
        gone = [(name,) for name, secret in secrets.items() if secret is None]
        with self._lock:
            with self._writing() as connection:
                key = self._current(connection)
                for name, secret in secrets.items():
                    if secret is not None:
                        self._seal(connection, name, secret.encode(), key)
                is_less = bool(gone) and connection.executemany("DELETE FROM secrets WHERE name = ?", gone).rowcount > 0
            if is_less:
                self._truncate()

    def get(self, name: str) -> str | None:
        """A secret, or None if there is none of this name.  Raises Unavailable if the vault's key is not here."""
        with self._lock:
            if not self._is_made():
                return None
            with translated(self.path):
                connection = self._opened()
                row = connection.execute("SELECT key, nonce, sealed FROM secrets WHERE name = ?", (name,)).fetchone()
                return None if row is None else self._unsealed(connection, name, *row).decode()

    def take(self, name: str) -> str | None:
        """A secret that serves once: of all who ask for it one gets it, and it is forgotten before it is answered."""
        with self._lock:
            if not self._is_made():
                return None
            with self._writing() as connection:
                row = connection.execute("SELECT key, nonce, sealed FROM secrets WHERE name = ?", (name,)).fetchone()
                secret = None if row is None else self._unsealed(connection, name, *row).decode()
                connection.execute("DELETE FROM secrets WHERE name = ?", (name,))
            if secret is not None:
                self._truncate()
        return secret

    def forget(self, *names: str) -> None:
        """Let go of secrets: also their sealed bytes leave the file."""
        with self._lock:
            if self._is_made():
                with self._writing() as connection:
                    connection.executemany("DELETE FROM secrets WHERE name = ?", [(name,) for name in names])
                self._truncate()

    def names(self, prefix: str = "") -> list[str]:
        """What it has secrets for, under a prefix."""
        statement = "SELECT name FROM secrets WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name"
        with self._lock:
            return [row[0] for row in self._opened().execute(statement, (prefix,))] if self._is_made() else []

    def rotate(self) -> int:
        """Seal every secret with a new key, then drop the old ones; the number of secrets.  Raises Unavailable if one of the old keys is not here.

        Killed at any point, the vault still opens: the new key is on the disk before it seals anything, the old one goes when nothing needs it.
        """
        with self._lock:
            with self._writing() as connection:
                fresh = self._new(connection)
                rows = connection.execute("SELECT name, key, nonce, sealed FROM secrets").fetchall()
                for name, *sealed in rows:
                    self._seal(connection, name, self._unsealed(connection, name, *sealed), fresh)
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('key', ?)", (fresh,))
            self._truncate()
            with self._writing() as connection:  # whoever rotates at the same time waits: the file has no key but theirs or ours
                self._keep(connection)
        return len(rows)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    # -- sealing -------------------------------------------------------------------------------------

    def _seal(self, connection: sqlite3.Connection, name: str, secret: bytes, key: str) -> None:
        nonce = self._randomness(NONCE_BYTES)
        sealed = AESGCM(self._keys_of(connection, key)[0]).encrypt(nonce, secret, _bound(name, key))
        connection.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?)", (name, key, nonce, sealed))

    def _unsealed(self, connection: sqlite3.Connection, name: str, key: str, nonce: bytes, sealed: bytes) -> bytes:
        for value in self._keys_of(connection, key):
            try:
                return AESGCM(value).decrypt(nonce, sealed, _bound(name, key))
            except InvalidTag:
                continue
        raise Unavailable(LOST.format(path=self._file(connection)))

    def _keys_of(self, connection: sqlite3.Connection, key: str) -> list[bytes]:
        """The keys that an id may mean.  Raises Unavailable if there is none."""
        kind, _, id = key.partition(":")
        if kind == SECRET:
            found = [_derived(secret, bytes.fromhex(id)) for secret in self._secrets]
        else:
            found = [bytes.fromhex(value) for known, value in self._stored(connection).items() if known == id]
        if not found:
            raise Unavailable(LOST.format(path=self._file(connection)))
        return found

    # -- keys ----------------------------------------------------------------------------------------

    def _current(self, connection: sqlite3.Connection) -> str:
        """The id of the key that seals now, which another process may have changed a moment ago."""
        row = connection.execute("SELECT value FROM facts WHERE name = 'key'").fetchone()
        if row is None:
            fresh = self._new(connection)
            connection.execute("INSERT INTO facts VALUES ('key', ?)", (fresh,))
            return fresh
        current = str(row[0])
        probe = connection.execute("SELECT name, key, nonce, sealed FROM secrets WHERE key = ? LIMIT 1", (current,)).fetchone()
        if probe:
            self._unsealed(connection, *probe)  # a wrong LOCKER_SECRET must not seal what the right one cannot open
        return current

    def _new(self, connection: sqlite3.Connection) -> str:
        """A new key: a salt for the secret, or a line in the file, which is on the disk then."""
        if self._is_of_secret:
            return f"{SECRET}:{self._randomness(SALT_BYTES).hex()}"
        id = self._randomness(ID_BYTES).hex()
        self._store(connection, {id: self._randomness(KEY_BYTES).hex(), **self._stored(connection)})
        return f"{FILE}:{id}"

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Drop every key but the one that seals now from the file."""
        id = self._current(connection).partition(":")[2]
        stored = self._stored(connection)
        if id in stored:
            self._store(connection, {id: stored[id]})
        elif stored:
            self._file(connection).unlink()

    def _file(self, connection: sqlite3.Connection) -> Path:
        (id,) = connection.execute("SELECT value FROM facts WHERE name = 'id'").fetchone()
        return self._folder / f"vault-{id}.json"

    def _stored(self, connection: sqlite3.Connection) -> dict[str, str]:
        path = self._file(connection)
        try:
            found: dict[str, str] = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StorageError(f"{path} cannot be read: {type(error).__name__}; bring it back from a copy") from None
        return found

    def _store(self, connection: sqlite3.Connection, keys: dict[str, str]) -> None:
        """The file is there whole or not at all, for its user only."""
        path = self._file(connection)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(keys, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}; the setting 'keys' names another folder") from error

    # -- the file ------------------------------------------------------------------------------------

    def _is_made(self) -> bool:
        return self._connection is not None or self.path.exists()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # SQLite tells it better
                self.path.touch(mode=0o600)  # before SQLite opens it: the files beside it get the same rights
            connection = connect(self.path, write=True, cache_mib=1)
            with translated(self.path):
                connection.execute("PRAGMA secure_delete = ON")
                for statement in TABLES:
                    connection.execute(statement)
                connection.execute("INSERT OR IGNORE INTO facts VALUES ('id', ?)", (self._randomness(ID_BYTES).hex(),))
            self.path.chmod(0o600)
            self._connection = connection
        return self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the file's write lock."""
        with self._lock, translated(self.path):
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _truncate(self) -> None:
        """Empty the write-ahead log, where old pages lie."""
        with translated(self.path):
            self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def check_secret(secret: str | None) -> str | None:
    """The secret of the settings as it is.  Raises Invalid for one that is too short to seal anything."""
    if secret is not None and len(secret) < 16:
        raise Invalid("the secret that seals the vault needs at least 16 characters; 'openssl rand -base64 32' makes a good one")
    return secret


def _bound(name: str, key: str) -> bytes:
    return f"{name}\0{key}".encode()


def _derived(secret: str, salt: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, b"locker vault").derive(secret.encode())
