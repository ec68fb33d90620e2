"""What every backend of the ONNX file is run on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.runtime.artifact import Artifact
from livegate.runtime.backends.base import Model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache is in a folder of the test; gives where Livegate's files then are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "livegate" / "models"


@pytest.fixture(scope="session")
def model(artifact: Path) -> Model:
    """The ONNX file of the default model."""
    opened = Artifact.open(artifact)
    return opened.read(opened.manifest.variants["onnx"])


@pytest.fixture(scope="session")
def images() -> NDArray[np.float32]:
    """Two pictures of noise."""
    return np.random.default_rng(0).uniform(0, 255, (2, 3, 128, 128)).astype(np.float32)
