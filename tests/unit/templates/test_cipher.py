"""What is sealed opens in its place, with its key, in its store, and nowhere else."""

from __future__ import annotations

import sys

import pytest

from livegate.errors import MissingExtraError
from livegate.templates.cipher import Cipher, DamagedError
from livegate.templates.key import Key


@pytest.fixture
def cipher(key: Key) -> Cipher:
    return Cipher(key, b"s" * 16)


def test_sealed_bytes_open_in_their_place(cipher: Cipher) -> None:
    """Empty and long ones, too; sealing twice gives two texts."""
    for data in (b"", b"Ada", bytes(100_000)):
        assert cipher.open(cipher.seal(data, b"facts", b"1"), b"facts", b"1") == data
    assert cipher.seal(b"Ada", b"facts") != cipher.seal(b"Ada", b"facts")


@pytest.mark.parametrize(
    "place", [(), (b"facts",), (b"facts", b"2"), (b"embeddings", b"1"), (b"fact", b"s1"), (b"facts", b"1", b"")]
)
def test_another_place_does_not_open(cipher: Cipher, place: tuple[bytes, ...]) -> None:
    """Another column or subject, and parts that only together are the same bytes."""
    with pytest.raises(DamagedError):
        cipher.open(cipher.seal(b"Ada", b"facts", b"1"), *place)


def test_another_key_or_store_does_not_open(cipher: Cipher, key: Key) -> None:
    """Each store has keys of its own."""
    sealed = cipher.seal(b"Ada", b"facts")
    for other in (Cipher(Key.new(), b"s" * 16), Cipher(key, b"t" * 16)):
        with pytest.raises(DamagedError):
            other.open(sealed, b"facts")
        assert other.tag("Ada") != cipher.tag("Ada")


def test_every_bit_counts(cipher: Cipher) -> None:
    """Flip one bit of the nonce, the text or the tag, or cut a byte off."""
    sealed = cipher.seal(b"Ada", b"facts")
    for place in range(len(sealed)):
        with pytest.raises(DamagedError):
            cipher.open(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :], b"facts")
        with pytest.raises(DamagedError):
            cipher.open(sealed[:place], b"facts")


def test_a_name_has_one_tag(cipher: Cipher, key: Key) -> None:
    """The same in every process, another for another name."""
    assert cipher.tag("Ada") == Cipher(key, b"s" * 16).tag("Ada")
    assert cipher.tag("Ada") != cipher.tag("ada")


def test_without_cryptography_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch, key: Key) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[templates\]'"):
        Cipher(key, b"s" * 16)
