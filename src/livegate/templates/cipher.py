"""AES-256-GCM over each row, bound to where the row stands; names are looked up by a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from livegate.errors import MissingExtraError
from livegate.templates.key import Key

NONCE_BYTES, TAG_BYTES = 12, 16


class DamagedError(Exception):
    """Sealed bytes that are not what was sealed, or were sealed for another place or with another key."""


class Cipher:
    """Seals what a store holds.

    Each store has keys of its own (HKDF-SHA256 of the key and the store's random id), so that its random nonces of 96 bits are
    good for 2^32 messages (NIST SP 800-38D, 8.3): more than four thousand rewritings of a million rows.

    Args:
        key: the secret.
        store: 16 random bytes that name the store.

    Raises:
        MissingExtraError: if cryptography is not installed.
    """

    def __init__(self, key: Key, store: bytes) -> None:
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        except ImportError:
            raise MissingExtraError("the template store (with cryptography)", "templates") from None
        seal, self._names = (
            HKDF(SHA256(), length=32, salt=store, info=b"livegate templates " + use).derive(key.secret)
            for use in (b"seal", b"name")
        )
        self._aead, self._invalid, self._store = AESGCM(seal), InvalidTag, store

    def seal(self, data: bytes, *place: bytes) -> bytes:
        """Encrypt; the place is not stored and must be given again to open it.

        Args:
            data: what to hide.
            place: what it belongs to, such as a column and a subject.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, data, self._bound(place))

    def open(self, sealed: bytes, *place: bytes) -> bytes:
        """What was sealed for this place.

        Raises:
            DamagedError: if one bit of it or of the place is another.
        """
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise DamagedError
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound(place))
        except self._invalid:
            raise DamagedError from None

    def tag(self, name: str) -> bytes:
        """32 bytes under which a name is found: without the key, nobody can try names."""
        return hmac.digest(self._names, name.encode(), hashlib.sha256)

    def _bound(self, place: tuple[bytes, ...]) -> bytes:
        return b"".join(len(part).to_bytes(4, "big") + part for part in (self._store, *place))
