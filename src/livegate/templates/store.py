"""The template store: enrol, look up, search, forget; one encrypted file, and nobody in it without consent and an end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from livegate.configuration import Configuration
from livegate.templates import record
from livegate.templates.audit import SUBJECT_BYTES, Action, Entry, Head
from livegate.templates.cipher import DamagedError
from livegate.templates.database import Database
from livegate.templates.index import Index
from livegate.templates.key import Key
from livegate.templates.record import Consent, Embeddings, Subject, Templates
from livegate.templates.vault import State, Vault

BATCH = 4096
"""Templates that are taken into the index at once."""


class TemplateStore:
    """The templates of one network, in one file. One store serves one thread; several processes may use the file.

    >>> with TemplateStore.open("templates.db", Key.find(), verifier.identity, create=True) as store:
    ...     store.enroll("Ada", embeddings, configuration, Consent("opens door 3, form of 2 May", when), keep_days=365)
    ...     store.identify(probe, threshold)

    Everything that says something of a person is encrypted: embeddings, name, consent, dates. It is bound to its subject, its network and this
    store, so that rows cannot be swapped. A row is written once and removed once; only another key writes it anew.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], float]) -> None:
        self._database, self._vault, self._clock = database, vault, clock
        self._index: Index | None = None
        self._indexed: Head | None = None

    @classmethod
    def open(
        cls,
        path: str | Path,
        key: Key,
        identity: str | None = None,
        *,
        create: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open a store and check the whole of it: every page, the log, and that those are in it whom the log left enrolled.

        Args:
            path: the file; it and its folder must be the user's own.
            key: what it is, or will be, sealed with.
            identity: the network whose embeddings are enrolled and compared, 64 hex characters. Without one the store can only be looked
                after: listed, swept, rotated, audited, and people forgotten.
            create: make it if it is not there.
            clock: seconds since 1970.

        Raises:
            MissingExtraError: if cryptography is not installed.
            StoreError: if there is no store; if it is damaged, of another version, of another network, or sealed with another key.
        """
        network = None if identity is None else record.checked_identity(identity)
        database = Database(path, create=create)
        vault = Vault(database, key, network)
        try:
            if create:
                with database.writing():
                    vault.make(int(clock()))
            with database.reading():
                vault.require_whole()
        except BaseException:
            database.close()
            raise
        return cls(database, vault, clock)

    def close(self) -> None:
        """Close the file and let go of the templates in memory."""
        self._index = None
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def enroll(self, name: str, embeddings: ArrayLike, configuration: Configuration, consent: Consent, keep_days: int) -> str:
        """Enrol a person: all of it is done, or nothing.

        Args:
            name: by which the person is found; nobody may be enrolled under it.
            embeddings: (K, D) float, one a picture, each of length 1.
            configuration: with which they were made.
            consent: what the person agreed to.
            keep_days: how long they are used; `sweep` then removes them.

        Returns:
            The random id of the subject, 32 hex characters.

        Raises:
            StoreError: if one of these is not as it must be, or the name is taken.
        """
        rows = record.checked_embeddings(embeddings)
        now = self._now()
        subject = Subject(
            secrets.token_hex(SUBJECT_BYTES),
            record.checked_name(name),
            consent,
            now,
            record.expiry(now, keep_days),
            str(configuration),
            len(rows),
        )
        with self._writing() as state:
            self._require_size(state, rows)
            self._vault.insert(state, subject, rows, self._moment())
        return subject.id

    def templates(self, name: str) -> Templates:
        """The templates of a person, to be compared with a probe one to one.

        Raises:
            StoreError: if nobody of that name is enrolled, or no longer.
        """
        with self._reading():
            row = self._vault.row(self._require_named(name))
            subject = self._vault.subject(row)
            if self._expired(subject):
                raise self._vault.fault(f"the templates of {name!r} have expired; enrol them anew")
            return Templates(subject.id, row.identity.hex(), subject.configuration, self._vault.embeddings(row))

    def search(self, probe: ArrayLike, count: int = 1) -> list[tuple[str, float]]:
        """Those who are most like a probe, the best first. It decides nothing: see `identify`.

        Args:
            probe: (D,) float, of length 1, of the store's network.
            count: how many people at most, 1 or more.

        Returns:
            Name and similarity: the cosine, -1..1, to the nearest of the person's templates. Who has expired is not among them.

        Raises:
            StoreError: if the probe is no embedding of this store's network, or the count is less than 1.
        """
        if count < 1:
            raise self._vault.fault(f"is asked for {count} people; ask for at least one")
        rows = record.checked_embeddings(np.asarray(probe)[None])
        with self._reading() as state:
            self._require_size(state, rows)
            if not state.size:
                return []
            index = self._refreshed(state)
            while True:  # more than once only where somebody's time has ended since the index was made
                hits = [
                    (self._vault.subject(self._vault.row(found)), similarity)
                    for found, similarity in index.search(rows[0], count)
                ]
                expired = [subject for subject, _ in hits if self._expired(subject)]
                if not expired:
                    return [(subject.name, similarity) for subject, similarity in hits]
                for subject in expired:
                    index.remove(bytes.fromhex(subject.id))

    def identify(self, probe: ArrayLike, threshold: float) -> tuple[str, float] | None:
        """Who this is, with the similarity; None where nobody reaches the threshold.

        Among N people somebody reaches a threshold by chance nearly N times as often as one person does.

        Takes and raises what `search` does.
        """
        best = self.search(probe)
        # Written so that a threshold that is no number admits nobody.
        return best[0] if best and best[0][1] >= threshold else None

    def forget(self, name: str) -> str:
        """Remove a person: what the file has of them is overwritten, and so is the copy in this memory.

        Returns:
            The id, under which the log goes on, and which now leads to nobody.

        Raises:
            StoreError: if nobody of that name is enrolled, or the file is damaged, so that it might be another.
        """
        with self._writing() as state:
            identifier = self._vault.named(record.checked_name(name))
            if identifier is None:
                self._require_readable()
                raise self._vault.fault(f"nobody named {name!r} is enrolled")
            self._vault.subject(self._vault.row(identifier))
            self._vault.remove(state, Action.FORGOTTEN, identifier, self._moment())
        self._drop(identifier)
        return identifier.hex()

    def sweep(self, now: datetime | None = None) -> tuple[str, ...]:
        """Remove everybody whose time is over.

        Args:
            now: the time that counts, with a zone; that of the clock if there is none.

        Returns:
            Their ids.
        """
        with self._writing() as found:
            state = found
            expired = [bytes.fromhex(subject.id) for subject in self._vault.everybody() if self._expired(subject, now)]
            for identifier in expired:
                state = self._vault.remove(state, Action.EXPIRED, identifier, self._moment())
        for identifier in expired:
            self._drop(identifier)
        return tuple(identifier.hex() for identifier in expired)

    def rotate(self, new_key: Key) -> None:
        """Seal everything anew with another key, in one transaction: a process that dies leaves all of it under the old one.

        Keep the old key until this has returned; from then on it opens nothing in the file.

        Raises:
            StoreError: if it is the key that is in use.
        """
        with self._writing() as state:
            self._vault.reseal(state, new_key, self._moment())
        self._vault.take(new_key)

    def subjects(self) -> list[Subject]:
        """Everybody who is in the file, also those whose time is over, sorted by name."""
        with self._reading():
            return sorted(self._vault.everybody(), key=lambda subject: subject.name)

    def names(self) -> list[str]:
        """The names of everybody who is in the file, sorted."""
        return [subject.name for subject in self.subjects()]

    def audit(self) -> tuple[Entry, ...]:
        """The log, after its chain, its end, everybody's enrolment in it and everybody's name were checked anew.

        Raises:
            StoreError: if one of them does not hold.
        """
        with self._database.reading():
            self._vault.require_whole()
            self._require_readable()
            return tuple(self._vault.entries())

    @contextmanager
    def _reading(self) -> Iterator[State]:
        """A transaction that begins with a look at the state: another process may have written since the last one."""
        with self._database.reading():
            yield self._vault.state()

    @contextmanager
    def _writing(self) -> Iterator[State]:
        with self._database.writing():
            yield self._vault.state()

    def _require_size(self, state: State, embeddings: Embeddings) -> None:
        self._vault.identity()
        if state.size not in {0, embeddings.shape[1]}:
            raise self._vault.fault(f"holds embeddings of {state.size} numbers, got {embeddings.shape[1]}")

    def _require_readable(self) -> None:
        """Open what is sealed of everybody under the tag that stands beside it."""
        for _ in self._vault.everybody():
            pass

    def _require_named(self, name: str) -> bytes:
        identifier = self._vault.named(record.checked_name(name))
        if identifier is None:
            raise self._vault.fault(f"nobody named {name!r} is enrolled")
        return identifier

    def _refreshed(self, state: State) -> Index:
        """The index, with what this and other processes have written since it was last used."""
        # Until it is whole again there is none: a fault halfway leaves nothing to go on with.
        index, self._index = self._index, None
        if index is None or self._indexed is None:
            index = self._loaded(state.size)
        elif self._indexed != state.head:
            entries = list(self._vault.entries(self._indexed.entries))
            if self._indexed.after(entries) != state.head:
                raise DamagedError
            for entry in entries:
                self._follow(index, entry)
        self._index, self._indexed = index, state.head
        return index

    def _loaded(self, size: int) -> Index:
        """The templates of all whose time is not over; `search` looks again at those whom it finds."""
        index = Index(size)
        owners: list[bytes] = []
        parts: list[Embeddings] = []
        for row in self._vault.rows():
            if self._expired(self._vault.subject(row)):
                continue
            parts.append(self._vault.embeddings(row))
            owners += [row.id] * len(parts[-1])
            if len(owners) >= BATCH:
                index.add(owners, np.concatenate(parts))
                owners, parts = [], []
        if parts:
            index.add(owners, np.concatenate(parts))
        return index

    def _follow(self, index: Index, entry: Entry) -> None:
        if entry.action.removes:
            index.remove(entry.subject)
        elif entry.action is Action.ENROLLED and self._vault.has(entry.subject):
            row = self._vault.row(entry.subject)
            if not self._expired(self._vault.subject(row)):
                embeddings = self._vault.embeddings(row)
                index.add([row.id] * len(embeddings), embeddings)

    def _drop(self, identifier: bytes) -> None:
        if self._index is not None:
            self._index.remove(identifier)

    def _expired(self, subject: Subject, now: datetime | None = None) -> bool:
        return subject.expires <= (now or self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _moment(self) -> int:
        return int(self._clock())
