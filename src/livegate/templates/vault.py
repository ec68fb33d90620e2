"""The sealed rows of a store: how they are written, opened and checked. Who may do what, and when, is the store's matter."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from livegate.errors import StoreError
from livegate.templates import record
from livegate.templates.audit import SUBJECT_BYTES, Action, Entry, Head, members
from livegate.templates.cipher import Cipher, DamagedError
from livegate.templates.database import Database
from livegate.templates.key import Key
from livegate.templates.record import Embeddings, Subject

SELECT = "SELECT id, tag, identity, facts, embeddings FROM subject"
STATE = struct.Struct("<32sHQ32s")


@dataclass(frozen=True, slots=True)
class State:
    """What a store says of itself, sealed, and sealed anew by everything that is written.

    Attributes:
        identity: the network of all templates, 32 bytes.
        size: numbers in an embedding; 0 until somebody is enrolled.
        head: where the log ends.
    """

    identity: bytes
    size: int
    head: Head

    def pack(self) -> bytes:
        """As bytes."""
        return STATE.pack(self.identity, self.size, self.head.entries, self.head.hash)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """From what was packed.

        Raises:
            DamagedError: if it is something else.
        """
        try:
            identity, size, entries, link = STATE.unpack(data)
        except struct.error:
            raise DamagedError from None
        return cls(identity, size, Head(entries, link))


@dataclass(frozen=True, slots=True)
class Row:
    """A subject as it stands in the file.

    Attributes:
        id: random, 16 bytes; the log knows it.
        tag: the keyed hash of the name.
        identity: the network that made the embeddings.
        facts: sealed.
        embeddings: sealed.
    """

    id: bytes
    tag: bytes
    identity: bytes
    facts: bytes
    embeddings: bytes

    @property
    def place(self) -> tuple[bytes, bytes, bytes]:
        """What its sealed parts are bound to."""
        return self.id, self.tag, self.identity


class Vault:
    """Everything runs in a transaction that the caller has begun, and after `state` has found the file to be the one that is meant.

    Args:
        database: the file.
        key: what it is sealed with.
        identity: the network whose templates may be written and compared; None for one that only looks after the file.
    """

    def __init__(self, database: Database, key: Key, identity: bytes | None) -> None:
        self._database, self._key, self._identity = database, key, identity
        self._cipher: Cipher | None = None

    def fault(self, text: str) -> StoreError:
        """An error of this file."""
        return StoreError(self._database.path, [text])

    def identity(self) -> bytes:
        """The network that the vault was opened for.

        Raises:
            StoreError: if it was opened without one.
        """
        if self._identity is None:
            raise self.fault("was opened without the identity of a network, which enrolling and comparing need")
        return self._identity

    def make(self, moment: int) -> None:
        """Write what a new store holds, unless it is there."""
        if self._database.one("SELECT 1 FROM store") is None:
            store = secrets.token_bytes(SUBJECT_BYTES)
            self._database.run("INSERT INTO store (id, key) VALUES (?, ?)", store, self._key.id.encode())
            self._append(State(self.identity(), 0, Head.of(store)), self._cipher_of(store), Action.CREATED, moment)

    def state(self) -> State:
        """What the store says of itself.

        Raises:
            StoreError: if it is sealed with another key, or of another network.
            DamagedError: if it cannot be opened.
        """
        store, key, sealed = self._sheet()
        if key != self._key.id.encode():
            raise self.fault(f"is sealed with key {key[:16].decode('ascii', 'replace')!r}, and this is key {self._key.id!r}")
        state = State.unpack(self._cipher_of(store).open(sealed, b"state", key))
        if self._identity not in {None, state.identity}:
            raise self.fault(
                f"holds templates of the network {state.identity.hex()[:16]}…, and this is {self.identity().hex()[:16]}…: "
                "templates of two networks cannot be compared; use another store and enrol anew"
            )
        return state

    def require_whole(self) -> None:
        """Check the log, its end, and that those are here whom it left enrolled, and nobody else.

        Raises:
            DamagedError: if it is not so.
        """
        state = self.state()
        if Head.of(self._sheet()[0]).after(self.entries()) != state.head:
            raise DamagedError
        if members(self.entries()) != set(self.ids()):
            raise DamagedError

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The log, or what follows entry number ``after``."""
        rows = self._database.run("SELECT number, time, action, subject, hash FROM log WHERE number > ? ORDER BY number", after)
        for number, moment, action, subject, link in rows:
            if not isinstance(moment, int) or action not in tuple(Action):
                raise DamagedError
            yield Entry(number, moment, Action(action), *_blobs(subject, link))

    def insert(self, state: State, subject: Subject, embeddings: Embeddings, moment: int) -> State:
        """Write a subject.

        Raises:
            StoreError: if the name is taken.
        """
        if self.named(subject.name):
            raise self.fault(f"{subject.name!r} is enrolled already; forget them first, or give another name")
        identifier = bytes.fromhex(subject.id)
        place = (identifier, self._own_cipher.tag(subject.name), self.identity())
        facts = self._own_cipher.seal(record.pack_facts(subject), b"facts", *place)
        sealed = self._own_cipher.seal(record.pack_embeddings(embeddings), b"embeddings", *place)
        self._database.run("INSERT INTO subject VALUES (?, ?, ?, ?, ?)", *place, facts, sealed)
        return self._append(replace(state, size=embeddings.shape[1]), self._own_cipher, Action.ENROLLED, moment, identifier)

    def remove(self, state: State, action: Action, identifier: bytes, moment: int) -> State:
        """Delete a subject."""
        self._database.run("DELETE FROM subject WHERE id = ?", identifier)
        return self._append(state, self._own_cipher, action, moment, identifier)

    def reseal(self, state: State, new_key: Key, moment: int) -> None:
        """Seal everything with another key; call `take` once that is committed.

        Raises:
            StoreError: if it is the key that is in use.
        """
        if new_key.id == self._key.id:
            raise self.fault("is sealed with that key already; give a new one")
        old, new = self._own_cipher, Cipher(new_key, self._sheet()[0])
        for identifier in list(self.ids()):
            row = self.row(identifier)
            tag = new.tag(self.subject(row).name)
            facts, embeddings = (
                new.seal(old.open(sealed, column, *row.place), column, row.id, tag, row.identity)
                for column, sealed in ((b"facts", row.facts), (b"embeddings", row.embeddings))
            )
            self._database.run(
                "UPDATE subject SET tag = ?, facts = ?, embeddings = ? WHERE id = ?", tag, facts, embeddings, row.id
            )
        self._database.run("UPDATE store SET key = ?", new_key.id.encode())
        self._append(state, new, Action.ROTATED, moment)

    def take(self, new_key: Key) -> None:
        """Go on with another key."""
        self._key, self._cipher = new_key, None

    def ids(self) -> Iterator[bytes]:
        """Of everybody."""
        return (identifier for (identifier,) in self._database.run("SELECT id FROM subject"))

    def named(self, name: str) -> bytes | None:
        """The id of the subject of that name, by a tag that stands in the open: `subject` tells whether it is the row's own; None where there is nobody."""
        found = self._database.one("SELECT id FROM subject WHERE tag = ?", self._own_cipher.tag(name))
        return None if found is None else _blobs(*found)[0]

    def has(self, identifier: bytes) -> bool:
        """Whether there is a subject of that id."""
        return self._database.one("SELECT 1 FROM subject WHERE id = ?", identifier) is not None

    def row(self, identifier: bytes) -> Row:
        """A subject that is there."""
        found = self._database.one(SELECT + " WHERE id = ?", identifier)
        if found is None:
            raise DamagedError
        return Row(*_blobs(*found))

    def subject(self, row: Row) -> Subject:
        """What is known of a subject."""
        return record.unpack_facts(row.id, self._own_cipher.open(row.facts, b"facts", *row.place))

    def embeddings(self, row: Row) -> Embeddings:
        """The templates of a subject."""
        if row.identity != self.identity():
            raise DamagedError
        return record.unpack_embeddings(self._own_cipher.open(row.embeddings, b"embeddings", *row.place))

    def everybody(self) -> Iterator[Subject]:
        """What is known of everybody."""
        return map(self.subject, self.rows())

    def rows(self) -> Iterator[Row]:
        """Everybody."""
        return (Row(*_blobs(*found)) for found in self._database.run(SELECT))

    @property
    def _own_cipher(self) -> Cipher:
        return self._cipher_of(self._sheet()[0]) if self._cipher is None else self._cipher

    def _cipher_of(self, store: bytes) -> Cipher:
        if self._cipher is None:
            self._cipher = Cipher(self._key, store)
        return self._cipher

    def _sheet(self) -> tuple[bytes, bytes, bytes]:
        """The one row of the store itself: its id, the id of its key, its sealed state."""
        rows = self._database.run("SELECT id, key, state FROM store").fetchall()
        if len(rows) != 1:
            raise DamagedError
        store, key, sealed = _blobs(*rows[0])
        return store, key, sealed

    def _append(self, state: State, cipher: Cipher, action: Action, moment: int, subject: bytes = b"") -> State:
        """Append to the log, and seal the state that says so."""
        entry = state.head.next(moment, action, subject)
        state = replace(state, head=Head(entry.number, entry.hash))
        row = (entry.number, entry.time, str(entry.action), entry.subject, entry.hash)
        self._database.run("INSERT INTO log VALUES (?, ?, ?, ?, ?)", *row)
        (key,) = self._database.one("SELECT key FROM store")
        self._database.run("UPDATE store SET state = ?", cipher.seal(state.pack(), b"state", key))
        return state


def _blobs(*values: object) -> tuple[bytes, ...]:
    """Values of columns that hold bytes.

    Raises:
        DamagedError: if one holds something else.
    """
    if not all(isinstance(value, bytes) for value in values):
        raise DamagedError
    return tuple(value for value in values if isinstance(value, bytes))
