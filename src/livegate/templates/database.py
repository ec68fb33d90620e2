"""One SQLite file that only its owner can read, and transactions whose failures are told in words.

It keeps a rollback journal rather than a write-ahead log: at the end of a transaction the journal is gone, and what was deleted is in no
file of the store any more (`secure_delete` overwrites it with zeros). In a write-ahead log the old pages would stay in the database until
a checkpoint, which any reader can hold up.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from livegate.errors import StoreError
from livegate.templates.cipher import DamagedError
from livegate.templates.key import mode_faults

APPLICATION = 0x4C475453
"""In the header of the file: LGTS."""
SCHEMA = 1
TABLES = {
    "store": "CREATE TABLE store (id BLOB, key BLOB, state BLOB)",
    "subject": "CREATE TABLE subject (id BLOB PRIMARY KEY, tag BLOB UNIQUE, identity BLOB, facts BLOB, embeddings BLOB)",
    "log": "CREATE TABLE log (number INTEGER PRIMARY KEY, time INTEGER, action TEXT, subject BLOB, hash BLOB)",
}
PATIENCE_S = 30.0
"""How long a process waits for another one's transaction."""
MAX_VALUE_BYTES = 1 << 20
"""No value in the file is larger, whatever its header says."""
DAMAGED = "is damaged, or was changed by something without its key; restore it from a copy"
PRAGMAS = {
    "trusted_schema": ("OFF", 0),
    "cell_size_check": ("ON", 1),
    "secure_delete": ("ON", 1),
    "temp_store": ("MEMORY", 2),
    "journal_mode": ("DELETE", "delete"),
    # EXTRA also syncs the folder once the journal is gone: a power cut brings nobody back who was forgotten.
    "synchronous": ("EXTRA", 3),
}
"""What is set on every connection, and what must then be read back."""


class Database:
    """A connection to the file. It serves one thread.

    Args:
        path: the file.
        create: whether to make it where it is not there; its folder then, too.

    Raises:
        StoreError: if there is none, it is not its owner's alone, or it is no store of this version.
    """

    def __init__(self, path: str | Path, *, create: bool) -> None:
        self.path = Path(path)
        _require_private(self.path, create=create)
        with self._told():
            uri = f"{self.path.resolve().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE_S, isolation_level=None)
        try:
            with self._told():
                self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
                self._set_pragmas()
            self._require_sound(create=create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def run(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Run a statement."""
        return self._connection.execute(statement, values)

    def one(self, statement: str, *values: object) -> Any:  # noqa: ANN401 - what a column holds is checked by who reads it
        """The first row of a query; None where there is none."""
        return self.run(statement, *values).fetchone()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction that sees one state of the file throughout.

        Raises:
            StoreError: if the file cannot be read, or is damaged.
        """
        with self._told(), self._transaction("BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that no other process writes beside; all of it is done, or nothing.

        Raises:
            StoreError: if the file cannot be written, is damaged, or another process does not let go of it.
        """
        with self._told(), self._transaction("BEGIN IMMEDIATE"):
            if self._is_empty():
                self._make()
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.run(begin)
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.run("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DamagedError:
            raise StoreError(self.path, [DAMAGED]) from None
        except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise StoreError(
                    self.path, [f"another process has been writing to it for {PATIENCE_S:.0f} s; try again"]
                ) from None
            raise StoreError(self.path, [f"cannot be used ({error})"]) from None
        except (sqlite3.Error, UnicodeDecodeError, OverflowError):
            raise StoreError(self.path, [DAMAGED]) from None

    def _set_pragmas(self) -> None:
        for name, (value, _) in PRAGMAS.items():
            self.run(f"PRAGMA {name} = {value}")
        found = {name: self.one(f"PRAGMA {name}")[0] for name in PRAGMAS}
        if found != {name: value for name, (_, value) in PRAGMAS.items()}:
            raise StoreError(self.path, [f"this SQLite {sqlite3.sqlite_version} does not delete as the store needs it to"])

    def _is_empty(self) -> bool:
        return bool(self.one("SELECT count(*) FROM sqlite_schema")[0] == 0 and self.one("PRAGMA application_id")[0] == 0)

    def _make(self) -> None:
        for statement in (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {SCHEMA}", *TABLES.values()):
            self.run(statement)

    def _require_sound(self, *, create: bool) -> None:
        """Check the file's kind, version, tables, and that SQLite finds every page and index of it as it should be."""
        with self.reading():
            if self._is_empty():
                if create:
                    return
                raise StoreError(self.path, ["is no template store yet; enrol somebody first"])
            if self.one("PRAGMA application_id")[0] != APPLICATION:
                raise StoreError(self.path, ["is no template store"])
            version = self.one("PRAGMA user_version")[0]
            if version != SCHEMA:
                raise StoreError(self.path, [f"has schema {version}; this Livegate reads {SCHEMA}: use the one that wrote it"])
            made = self.run("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
            if (
                dict(made) != TABLES
                or len(made) != len(TABLES)
                or self.run("PRAGMA integrity_check(1)").fetchall() != [("ok",)]
            ):
                raise DamagedError


def _require_private(path: Path, *, create: bool) -> None:
    """Check that file and folder are the user's own; make them where they are to be made."""
    try:
        if create and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_own_folder(path)
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600))
        _require_own_folder(path)
        faults = mode_faults(path.lstat())
    except FileNotFoundError:
        raise StoreError(path, ["there is no template store; enrol somebody first"]) from None
    except OSError as error:
        raise StoreError(path, [f"cannot be opened ({error.strerror})"]) from None
    if faults:
        raise StoreError(path, faults)


def _require_own_folder(path: Path) -> None:
    """Whoever can write to the folder can put another store, or a journal, in the place of this one."""
    folder = path.parent.resolve()
    status = folder.stat()
    if os.name == "posix" and (status.st_uid not in {os.getuid(), 0} or status.st_mode & 0o022):
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        raise StoreError(path, [f"others can write to its folder {folder} (mode {mode}); use one of your own, chmod 700"])
