"""Fixtures for all tests: a real face in the public domain, a small generated set, the shipped model and a copy to tamper with."""

from __future__ import annotations

import shutil
import warnings
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from livegate.data.generated import generated_set
from livegate.runtime.artifact import Artifact
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
