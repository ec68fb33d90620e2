"""What may be kept of a person is checked before it is kept, and comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import StoreError
from livegate.templates.cipher import DamagedError
from livegate.templates.record import (
    Consent,
    Subject,
    checked_embeddings,
    checked_identity,
    checked_name,
    expiry,
    pack_embeddings,
    pack_facts,
    unpack_embeddings,
    unpack_facts,
)

WHEN = datetime(2023, 11, 14, tzinfo=UTC)


def facts(name: str, consent: Consent) -> Subject:
    return Subject("01" * 16, name, consent, WHEN, expiry(WHEN, 30), "HHH", 2)


def test_a_name_is_kept_in_one_form() -> None:
    """Zoë is found however the letter was typed."""
    assert checked_name("Zoe\N{COMBINING DIAERESIS}") == checked_name("Zoë") == "Zoë"


@pytest.mark.parametrize(
    "name", ["", " ", " Ada", "Ada ", "A\nda", "Ada\0", "A\x1b[2Jda", "\N{ZERO WIDTH SPACE}", "x" * 201, "\udce9"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    """Nothing that does not print, nothing long."""
    with pytest.raises(StoreError, match="1 to 200 characters"):
        checked_name(name)


@pytest.mark.parametrize("what", ["", "  ", "x" * 1001, "form\0signed", "form \udce9"])
def test_consent_must_say_something(what: str) -> None:
    """What was agreed to, at a time that is one everywhere."""
    with pytest.raises(StoreError, match="agreed"):
        Consent(what, WHEN)
    with pytest.raises(StoreError, match="time zone"):
        Consent("form signed", datetime(2023, 11, 14))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize("days", [0, -1, 3661])
def test_nothing_is_kept_for_ever(days: int) -> None:
    """One day to ten years."""
    with pytest.raises(StoreError, match="1 to 3660"):
        expiry(WHEN, days)
    assert expiry(WHEN, 17) == datetime(2023, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("identity", ["", "ab", "AB" * 32, "ab" * 33, "zz" * 32])
def test_an_identity_is_64_hex_characters(identity: str) -> None:
    """In lower case, so that equal means equal."""
    with pytest.raises(StoreError, match="64 hex"):
        checked_identity(identity)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 64)),
        np.ones(64) / 8,
        np.ones((33, 64)) / 8,
        np.ones((1, 31)) / np.sqrt(31),
        np.ones((1, 1025)) / np.sqrt(1025),
        np.eye(64, dtype=int)[:2],
        np.ones((2, 64)),
        np.full((1, 64), np.nan),
        np.full((1, 64), np.inf),
        np.zeros((1, 64)),
        [["a"] * 64],
    ],
)
def test_what_is_no_embedding_is_refused(array: np.ndarray) -> None:
    """Shape, kind of number, and length 1."""
    with pytest.raises(StoreError, match="embedding"):
        checked_embeddings(array)


def test_what_is_nearly_of_unit_length_is_brought_to_it() -> None:
    """A hundredth is forgiven, more is not."""
    for length in (0.991, 1.009):
        assert np.linalg.norm(checked_embeddings(np.full((1, 64), length / 8))) == pytest.approx(1, abs=1e-7)
    for length in (0.989, 1.011):
        with pytest.raises(StoreError, match=f"row 0 has length {length}; an embedding has length 1"):
            checked_embeddings(np.full((1, 64), length / 8))


def test_embeddings_come_back_bit_for_bit() -> None:
    """From any float, as float32; a packed part that is cut is damage."""
    rows = np.eye(40, dtype=np.float16)[:3]
    packed = pack_embeddings(checked_embeddings(rows))
    back = unpack_embeddings(packed)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, rows)
    for wrong in (packed[:-1], packed[:-4], packed + b"\0\0\0\0", b"", b"\1"):
        with pytest.raises(DamagedError):
            unpack_embeddings(wrong)


@given(name=st.text(min_size=1, max_size=200), what=st.text(min_size=1, max_size=1000))
def test_facts_come_back_as_they_were(name: str, what: str) -> None:
    """Every name and consent that is accepted."""
    try:
        subject = facts(checked_name(name), Consent(what, WHEN))
    except StoreError:
        return
    assert unpack_facts(bytes.fromhex(subject.id), pack_facts(subject)) == subject


def test_the_length_of_a_name_does_not_show() -> None:
    """A short and a long one take the same room."""
    consent = Consent("form signed", WHEN)
    assert len(pack_facts(facts("A", consent))) == len(pack_facts(facts("A" * 200, consent))) == 512


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"name": "Ada"}', b"\xff" * 512, b"null"])
def test_what_are_no_facts_is_damage(data: bytes) -> None:
    """Whatever was sealed there."""
    with pytest.raises(DamagedError):
        unpack_facts(b"1" * 16, data)
