"""Fixtures for all tests: a real face in the public domain, a small generated set, the shipped model and a copy to tamper with."""

from __future__ import annotations

import shutil
import warnings
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from livegate.configuration import Configuration
from livegate.data.generated import generated_set
from livegate.preprocessing import Pixels
from livegate.runtime.artifact import Artifact
from livegate.sample import Landmarks
from livegate.weights import locate


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--require M,M``: tests that skip where one of these modules is missing must run here."""
    parser.addoption("--require", metavar="M,M", default="", help="stop unless these modules can be imported")


def pytest_configure(config: pytest.Config) -> None:
    """Stop when a module that is required cannot be imported, so that an environment that lost it is not taken for a sound one."""
    for name in filter(None, config.getoption("--require").split(",")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import_module(name)
        except ImportError as error:
            raise pytest.UsageError(f"--require {name}: {error}") from error


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG of 512 x 512 pixels with one large face (NASA, public domain)."""
    from skimage.data import astronaut as pixels

    path = tmp_path_factory.mktemp("astronaut") / "astronaut.jpg"
    Image.fromarray(pixels()).save(path, quality=95)
    return path


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index.csv of a small generated set: 8 subjects, 6 pictures of each; only to read."""
    return generated_set(tmp_path_factory.mktemp("generated"), subjects=8, pictures=6, size=96)


@pytest.fixture(scope="session")
def artifact() -> Path:
    """The folder of the shipped default model; only to read."""
    return locate("default")


@pytest.fixture
def tampered(artifact: Path, tmp_path: Path) -> Path:
    """A copy of the shipped default model, its manifest of the newest schema version, for one test to damage."""
    folder = Path(shutil.copytree(artifact, tmp_path / "tampered"))
    (folder / "manifest.json").write_text(Artifact.open(folder).manifest.model_dump_json(), "utf-8")
    return folder


class PixelEmbedder:
    """What a verification network is to whoever compares: unit vectors that are alike where pictures are. Heavy sees finer than light."""

    size = 75

    def align(self, picture: Pixels, landmarks: Landmarks) -> Pixels:
        """The picture, resized; the points are taken on trust."""
        assert len(landmarks) == 5
        return np.asarray(cv2.resize(picture, (112, 112), interpolation=cv2.INTER_AREA))

    def embed(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float32]:
        """The coarse pixels of each crop, brought to unit length."""
        assert all(crop.shape == (112, 112, 3) and crop.dtype == np.uint8 for crop in crops)
        coarse = 3 if str(configuration) == "L" else 5
        small = [cv2.resize(cv2.resize(crop, (coarse, coarse), interpolation=cv2.INTER_AREA), (5, 5)) for crop in crops]
        vectors = np.stack(small).reshape(len(crops), -1).astype(np.float32)
        vectors -= vectors.mean(axis=1, keepdims=True)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def embedder() -> PixelEmbedder:
    """A stand-in for a verification network."""
    return PixelEmbedder()
