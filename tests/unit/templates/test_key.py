"""A key is found where it should be, shown nowhere, and refused where others could read it."""

from __future__ import annotations

import base64
import os
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

from livegate.errors import MissingExtraError, StoreError
from livegate.templates.key import Key

TEXT = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """An empty keyring in the place of the operating system's."""
    kept: dict[tuple[str, str], str] = {}
    module, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]
    module.get_password = lambda *place: kept.get(place)  # type: ignore[attr-defined]
    module.set_password = lambda *given: kept.update({given[:2]: given[2]})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    monkeypatch.delenv("LIVEGATE_KEY", raising=False)
    monkeypatch.delenv("LIVEGATE_KEY_FILE", raising=False)
    return kept


def test_a_key_shows_itself_nowhere(key: Key) -> None:
    """Neither repr, str nor id has a part of the secret."""
    shown = f"{key!r} {key!s} {key.id}"
    assert not any(part in shown for part in (TEXT, TEXT[:12], key.secret.hex()[:12], repr(key.secret)[2:14]))
    assert len(key.id) == 16
    assert key.id == Key.parse(TEXT).id
    assert key.id != Key.parse(OTHER).id


def test_new_keys_differ() -> None:
    """A hundred keys, a hundred ids."""
    assert len({Key.new().id for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text", ["", "short", TEXT[:-4], TEXT + TEXT, TEXT.replace("A", "*"), "é" * 44, base64.b64encode(bytes(31)).decode()]
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    """The message says where it was and how to make one; it does not print what could be nearly a key."""
    with pytest.raises(StoreError, match="new-key FILE") as caught:
        Key.parse(text, "LIVEGATE_KEY")
    assert "LIVEGATE_KEY" in str(caught.value)
    assert not text or text not in str(caught.value)


def test_a_key_file_is_its_owners_alone(tmp_path: Path, key: Key) -> None:
    """It is written with mode 0600, never over another, and read again."""
    path = tmp_path / "key"
    old = os.umask(0)
    try:
        key.write(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Key.read(path) == key
    with pytest.raises(StoreError, match="is there already"):
        Key.new().write(path)
    assert Key.read(path) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_key_that_others_can_read_or_write_is_refused(tmp_path: Path, key: Key, mode: int) -> None:
    """The message says the mode and what to do."""
    path = tmp_path / "key"
    key.write(path)
    path.chmod(mode)
    with pytest.raises(StoreError, match=f"mode {mode:04o}.*chmod 600"):
        Key.read(path)


def test_what_is_no_file_is_no_key(tmp_path: Path) -> None:
    """A folder, a file that is not there, a device, a pipe that nobody writes to, a large file: an error, at once."""
    os.mkfifo(tmp_path / "pipe")
    large = tmp_path / "large"
    large.write_bytes(b"A" * 10_000_000)
    large.chmod(0o600)
    for path in (tmp_path, tmp_path / "none", Path("/dev/zero"), tmp_path / "pipe", large):
        with pytest.raises(StoreError):
            Key.read(path)


def test_the_key_comes_from_the_nearest_place(
    tmp_path: Path, key: Key, keyring: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is named, then LIVEGATE_KEY, then the file of LIVEGATE_KEY_FILE, then the keyring."""
    places = [Key.new() for _ in range(3)]
    key.write(tmp_path / "named")
    places[1].write(tmp_path / "told")

    with pytest.raises(StoreError, match="livegate templates new-key FILE"):
        Key.find()
    places[2].keep()
    assert Key.find() == places[2]
    monkeypatch.setenv("LIVEGATE_KEY_FILE", str(tmp_path / "told"))
    assert Key.find() == places[1]
    monkeypatch.setenv("LIVEGATE_KEY", base64.b64encode(places[0].secret).decode())
    assert Key.find() == places[0]
    assert Key.find(tmp_path / "named") == key


def test_a_place_that_holds_no_key_is_an_error_and_the_next_is_not_tried(
    keyring: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped LIVEGATE_KEY must not make another key be used."""
    Key.new().keep()
    monkeypatch.setenv("LIVEGATE_KEY", "mistyped")
    with pytest.raises(StoreError, match="LIVEGATE_KEY"):
        Key.find()


def test_the_keyring_is_never_written_over(keyring: dict[tuple[str, str], str], key: Key) -> None:
    """A second key is refused, and the first stays."""
    key.keep()
    with pytest.raises(StoreError, match="holds a key already"):
        Key.new().keep()
    assert Key.find() == key


def test_without_keyring_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch, key: Key) -> None:
    """Where the package is missing, finding a key says that there is none, and keeping one what to install."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delenv("LIVEGATE_KEY", raising=False)
    monkeypatch.delenv("LIVEGATE_KEY_FILE", raising=False)
    with pytest.raises(StoreError, match="no key"):
        Key.find()
    with pytest.raises(MissingExtraError, match=r"\.\[templates\]"):
        key.keep()
