"""The log of what was done to a store: it only grows, each entry holds the hash of the one before, and no person is in it.

An entry names a subject by a random number. Which name that number stood for is told by the subject's sealed row alone, and goes with it.
The last hash and the number of entries are sealed with the store's state. So whoever lacks the key cannot change, cut out or cut off an
entry unseen. What the log cannot show: that the whole file was put back to an older copy, or that someone who has the key wrote another
log. For that the newest hash must be noted somewhere else; `since` finds it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from livegate.templates.cipher import DamagedError

SUBJECT_BYTES = 16


class Action(StrEnum):
    """What was done."""

    CREATED = "created"
    ENROLLED = "enrolled"
    FORGOTTEN = "forgotten"
    EXPIRED = "expired"
    ROTATED = "rotated"

    @property
    def removes(self) -> bool:
        """Whether it ends an enrolment."""
        return self in {Action.FORGOTTEN, Action.EXPIRED}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Attributes:
        number: 1 for the first.
        time: seconds since 1970, UTC.
        action: what was done.
        subject: the random id of the subject, 16 bytes; empty where it was done to the store.
        hash: 32 bytes, SHA-256 of the hash before and of what stands above.
    """

    number: int
    time: int
    action: Action
    subject: bytes
    hash: bytes

    @property
    def when(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.time, UTC)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends.

    Attributes:
        entries: how many there are.
        hash: that of the last one; of an empty log one of the store.
    """

    entries: int
    hash: bytes

    @classmethod
    def of(cls, store: bytes) -> Head:
        """Where the empty log of a store ends."""
        return cls(0, hashlib.sha256(b"livegate audit 1" + store).digest())

    def next(self, time: int, action: Action, subject: bytes = b"") -> Entry:
        """The entry that follows."""
        number = self.entries + 1
        told = number.to_bytes(8, "big") + time.to_bytes(8, "big", signed=True) + action.encode().ljust(16, b"\0") + subject
        return Entry(number, time, action, subject, hashlib.sha256(self.hash + told).digest())

    def after(self, entries: Iterable[Entry]) -> Head:
        """Where the log ends after these entries.

        Raises:
            DamagedError: if one of them does not follow the one before.
        """
        head = self
        for entry in entries:
            if entry != head.next(entry.time, entry.action, entry.subject):
                raise DamagedError
            head = Head(entry.number, entry.hash)
        return head


def members(entries: Iterable[Entry]) -> set[bytes]:
    """The subjects that a log leaves enrolled.

    Raises:
        DamagedError: if somebody is enrolled twice, or removed who was not there.
    """
    found: set[bytes] = set()
    for entry in entries:
        if entry.action is Action.ENROLLED and entry.subject not in found:
            found.add(entry.subject)
        elif entry.action.removes and entry.subject in found:
            found.remove(entry.subject)
        elif entry.subject:
            raise DamagedError
    return found


def since(entries: Sequence[Entry], noted: str) -> int | None:
    """How many entries follow the one whose hash was noted, in hex; None where the log does not hold it."""
    return next((len(entries) - entry.number for entry in entries if entry.hash.hex() == noted.strip().lower()), None)
