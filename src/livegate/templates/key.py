"""The one secret of a store: 32 random bytes, from a file, the environment or the keyring of the operating system."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from livegate.errors import MissingExtraError, StoreError

KEY_BYTES = 32
VARIABLE, FILE_VARIABLE = "LIVEGATE_KEY", "LIVEGATE_KEY_FILE"
SERVICE, ACCOUNT = "livegate", "templates"
"""Under which the keyring has the key."""
MAX_FILE_BYTES = 1024
MAKE_ONE = "make one with: livegate templates new-key FILE"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of 256 bits, which no message and no ``repr`` shows.

    Attributes:
        secret: 32 bytes.

    Raises:
        StoreError: if there are not 32.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise StoreError("the key", [f"has {len(self.secret)} bytes; it needs {KEY_BYTES}; {MAKE_ONE}"])

    @property
    def id(self) -> str:
        """16 hex characters that name the key and tell nothing of it: they are stored in the open beside what it seals."""
        return hashlib.blake2b(b"key id", key=self.secret, person=b"livegate").hexdigest()[:16]

    @classmethod
    def new(cls) -> Self:
        """A random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str, source: object = "the key") -> Self:
        """A key from Base64.

        Args:
            text: 44 characters; blanks around them do not count.
            source: where it is from, for the message; the text itself is never shown.

        Raises:
            StoreError: if it is no key.
        """
        try:
            return cls(base64.b64decode(text.strip().encode("ascii"), validate=True))
        except (binascii.Error, UnicodeEncodeError, StoreError):
            raise StoreError(source, [f"holds no key: {KEY_BYTES} bytes as Base64, 44 characters; {MAKE_ONE}"]) from None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A key from a file that only its owner can read.

        Raises:
            StoreError: if there is none, or others can read or write it.
        """
        path = Path(path)
        try:
            with open(path, "rb", opener=_at_once) as file:
                faults = mode_faults(os.fstat(file.fileno()))
                data = b"" if faults else file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise StoreError(path, [f"the key cannot be read ({error.strerror}); {MAKE_ONE}"]) from None
        if faults:
            raise StoreError(path, faults)
        return cls.parse(data[:MAX_FILE_BYTES].decode("ascii", errors="replace"), path)

    def write(self, path: str | Path) -> None:
        """Write the key to a new file that only its owner can read; never over another.

        Raises:
            StoreError: if there is something already, or the file cannot be written.
        """
        path = Path(path)
        try:
            with open(path, "xb", opener=_owner_only) as file:
                file.write(self._text().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise StoreError(path, ["is there already; a key that is written over is lost, and with it its store"]) from None
        except OSError as error:
            raise StoreError(path, [f"the key cannot be written ({error.strerror})"]) from None

    @classmethod
    def find(cls, path: str | Path | None = None) -> Self:
        """The key to use: of the file that is named, else LIVEGATE_KEY, else the file LIVEGATE_KEY_FILE, else the keyring's.

        Raises:
            StoreError: if there is none, or what there is is no key.
        """
        if path is not None:
            return cls.read(path)
        if text := os.environ.get(VARIABLE):
            return cls.parse(text, VARIABLE)
        if named := os.environ.get(FILE_VARIABLE):
            return cls.read(named)
        if kept := _from_keyring():
            return cls.parse(kept, "the keyring")
        raise StoreError("no key", [f"give --key-file FILE, {FILE_VARIABLE} or {VARIABLE}; {MAKE_ONE}"])

    def keep(self) -> None:
        """Put the key into the keyring of the operating system; never over another.

        Raises:
            MissingExtraError: if keyring is not installed.
            StoreError: if there is no keyring, or it holds a key already.
        """
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            raise MissingExtraError("the keyring of the operating system", "templates") from None
        try:
            if keyring.get_password(SERVICE, ACCOUNT):
                raise StoreError(
                    "the keyring", ["holds a key already; one that is written over is lost, and its store with it"]
                )
            keyring.set_password(SERVICE, ACCOUNT, self._text())
        except KeyringError as error:
            raise StoreError(
                "the keyring", [f"cannot be used ({' '.join(str(error).split())}); keep the key in a file"]
            ) from None

    def _text(self) -> str:
        return base64.b64encode(self.secret).decode()


def mode_faults(status: os.stat_result) -> list[str]:
    """What is wrong with a file that must be its owner's alone: its kind, its owner, its mode."""
    if not stat.S_ISREG(status.st_mode):
        return ["is no regular file"]
    if os.name != "posix":
        return []
    faults = [] if status.st_uid in {os.getuid(), 0} else ["belongs to another user"]
    if status.st_mode & 0o077:
        faults.append(f"has mode {stat.S_IMODE(status.st_mode):04o}, so that others can read or write it; chmod 600 it")
    return faults


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting for whoever writes to a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _from_keyring() -> str | None:
    """What the keyring has; None where there is no keyring, or nothing in it."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        return keyring.get_password(SERVICE, ACCOUNT)
    except KeyringError:
        return None
