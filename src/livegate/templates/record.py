"""What a store knows of a person, and how it is written as bytes."""

from __future__ import annotations

import json
import math
import struct
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livegate.errors import StoreError
from livegate.metrics.similarities import of_unit_length
from livegate.templates.cipher import DamagedError

MAX_NAME, MAX_CONSENT = 200, 1000
"""Characters."""
MAX_TEMPLATES = 32
"""Of one subject."""
MIN_SIZE, MAX_SIZE = 32, 1024
"""Numbers in an embedding."""
MAX_DAYS = 3660
FACTS_STEP = 512
"""Facts are filled up to a multiple of so many bytes, so that the file does not tell how long a name is."""

Embeddings = NDArray[np.float32]
"""(K, D), one embedding a row, each of length 1."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to.

    Attributes:
        what: in words: the purpose, and the form or talk in which it was given.
        when: with a time zone.

    Raises:
        StoreError: if nothing is said, too much, or the time has no zone.
    """

    what: str
    when: datetime

    def __post_init__(self) -> None:
        if not self.what.strip() or not self.what.isprintable() or len(self.what) > MAX_CONSENT:
            raise StoreError("consent", [f"must say what was agreed to, in 1 to {MAX_CONSENT} characters that print"])
        if self.when.tzinfo is None:
            raise StoreError("consent", [f"was given at {self.when}, which has no time zone"])


@dataclass(frozen=True, slots=True)
class Subject:
    """A person who is enrolled.

    Attributes:
        id: 32 hex characters, drawn at random at enrolment; the log knows the person by them alone.
        name: as it was given, in Unicode's composed form.
        consent: what was agreed to, and when.
        enrolled: when.
        expires: from when on the templates are not used any more.
        configuration: with which they were made; empty for a network without adaptive blocks.
        templates: how many there are.
    """

    id: str
    name: str
    consent: Consent
    enrolled: datetime
    expires: datetime
    configuration: str
    templates: int


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """The templates of one subject.

    Attributes:
        subject: its id.
        identity: the network that made them, 64 hex characters.
        configuration: with which it was run.
        embeddings: (K, D) float32.
    """

    subject: str
    identity: str
    configuration: str
    embeddings: Embeddings


def checked_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        StoreError: if it is empty, too long, begins or ends with a blank, or holds a character that cannot be printed.
    """
    kept = unicodedata.normalize("NFC", name)
    if not kept or kept != kept.strip() or not kept.isprintable() or len(kept) > MAX_NAME:
        raise StoreError(f"name {name[:MAX_NAME]!r}", [f"must be 1 to {MAX_NAME} characters that print, no blank at its ends"])
    return kept


def checked_identity(identity: str) -> bytes:
    """The 32 bytes of a model's identity.

    Raises:
        StoreError: if it is none.
    """
    if len(identity) != 64 or set(identity) - set("0123456789abcdef"):
        raise StoreError("model identity", [f"must be 64 hex characters in lower case, got {identity[:70]!r}"])
    return bytes.fromhex(identity)


def checked_embeddings(embeddings: ArrayLike) -> Embeddings:
    """Embeddings as they are kept: float32, one a row, brought to the length 1 to the last digit.

    Args:
        embeddings: (K, D), each of length 1 within `UNIT_TOLERANCE`.

    Raises:
        StoreError: if they are not.
    """
    array = np.asarray(embeddings)
    if (
        array.ndim != 2
        or not 1 <= len(array) <= MAX_TEMPLATES
        or not MIN_SIZE <= array.shape[1] <= MAX_SIZE
        or array.dtype.kind != "f"
    ):
        raise StoreError(
            "embeddings",
            [f"must be 1 to {MAX_TEMPLATES} rows of {MIN_SIZE} to {MAX_SIZE} floats, got {array.shape} {array.dtype}"],
        )
    lengths = np.linalg.norm(array.astype(np.float64), axis=1)
    if faults := [
        f"row {row} has length {lengths[row]:.4g}; an embedding has length 1" for row in np.flatnonzero(~of_unit_length(array))
    ]:
        raise StoreError("embeddings", faults)
    return np.ascontiguousarray(array / lengths[:, None], dtype=np.float32)


def expiry(enrolled: datetime, keep_days: int) -> datetime:
    """When templates expire.

    Raises:
        StoreError: if they would be kept for no day, or for longer than ten years.
    """
    if not 1 <= keep_days <= MAX_DAYS:
        raise StoreError("keep days", [f"must be 1 to {MAX_DAYS}, got {keep_days}"])
    return enrolled + timedelta(days=keep_days)


def pack_facts(subject: Subject) -> bytes:
    """Everything about a subject but its embeddings, as JSON with blanks after it."""
    facts = {
        "name": subject.name,
        "consent": [subject.consent.what, subject.consent.when.isoformat()],
        "enrolled": subject.enrolled.timestamp(),
        "expires": subject.expires.timestamp(),
        "configuration": subject.configuration,
        "templates": subject.templates,
    }
    data = json.dumps(facts, ensure_ascii=False).encode()
    return data.ljust(math.ceil(len(data) / FACTS_STEP) * FACTS_STEP)


def unpack_facts(identifier: bytes, data: bytes) -> Subject:
    """A subject from what was packed.

    Raises:
        DamagedError: if it is something else.
    """
    try:
        facts = json.loads(data)
        what, when = facts["consent"]
        return Subject(
            identifier.hex(),
            checked_name(facts["name"]),
            Consent(what, datetime.fromisoformat(when)),
            datetime.fromtimestamp(facts["enrolled"], UTC),
            datetime.fromtimestamp(facts["expires"], UTC),
            facts["configuration"],
            facts["templates"],
        )
    except (ValueError, TypeError, LookupError, OverflowError, OSError):
        raise DamagedError from None


def pack_embeddings(embeddings: Embeddings) -> bytes:
    """Their shape and numbers."""
    return struct.pack("<HH", *embeddings.shape) + embeddings.astype("<f4").tobytes()


def unpack_embeddings(data: bytes) -> Embeddings:
    """Embeddings from what was packed.

    Raises:
        DamagedError: if it is something else.
    """
    try:
        shape = struct.unpack_from("<HH", data)
        return np.frombuffer(data, "<f4", offset=4).astype(np.float32).reshape(shape)
    except (ValueError, struct.error):
        raise DamagedError from None
