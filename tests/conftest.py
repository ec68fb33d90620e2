"""Fixtures for all tests: a real face in the public domain, a small generated set, the shipped model and a copy to tamper with."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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

if TYPE_CHECKING:
    from torch import nn


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


class FaceBlock(NamedTuple):
    """A block of the small network for verification."""

    c_in: int
    c_out: int
    stride: int

    def build(self) -> nn.Module:
        """The block with fresh weights."""
        from torch import nn

        from livegate.models.backbone import convolution

        return nn.Sequential(*convolution(self.c_in, self.c_out, nn.ReLU(), kernel=3, stride=self.stride))


@pytest.fixture(scope="session")
def face_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Path]]:
    """Makes the checkpoint of a small network for verification with random weights, by seed: two adaptive blocks, 32 numbers.

    Its recipe puts two people of the source ``generated-phone`` aside for dev. Where torch is missing, the test is skipped.
    """
    torch = pytest.importorskip("torch")
    from livegate.models import registry
    from livegate.models.backbone import Backbone, adapt
    from livegate.models.checkpoint import Checkpoint, as_weights
    from livegate.models.embedding import Embedding
    from livegate.preprocessing import aligned
    from livegate.training.verification.recipe import VerificationRecipe

    stages = [[FaceBlock(8, 16, 2), FaceBlock(16, 16, 1)], [FaceBlock(16, 32, 2), FaceBlock(32, 32, 1)]]
    plain = Backbone(FaceBlock(3, 8, 4).build, stages, lambda numbers, _: [Embedding(32, numbers)], 32, "verification")
    small = adapt(plain, (1, 2), light=lambda first, second: FaceBlock(first.c_in, second.c_out, first.stride))

    def made(seed: int) -> Path:
        recipe = VerificationRecipe(
            name="small-face",
            task="verification",
            model=registry.ModelSpec("small-face", ()),
            data={"dev_source": "generated-phone", "dev_subjects": 2},
            sampling={"configurations": {"HH": 0.5, "LL": 0.5}},
        )
        torch.manual_seed(seed)
        network = recipe.model.build()
        with torch.inference_mode():
            for text in ("LL", "HH"):
                for layer in network.modules():
                    if hasattr(layer, "momentum"):
                        layer.momentum = 1.0  # the statistics become those of the last batch
                network.train()(torch.rand(16, 3, 112, 112) * 2 - 1, Configuration.parse(text))
        path = tmp_path_factory.mktemp("small-face") / "model.safetensors"
        Checkpoint(recipe.model, aligned(), as_weights(network), recipe.model_dump(mode="json"), {"epoch": 1}).save(path)
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.BACKBONES, "small-face", small)
        yield made


@pytest.fixture(scope="session")
def face_artifact(face_checkpoint: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of that network in fp32 and fp16, whose thresholds nobody has measured; only to read."""
    pytest.importorskip("onnxscript")
    from livegate.export import onnx
    from livegate.export.exporter import Order, Papers, export
    from livegate.export.targets import TARGETS
    from livegate.models.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(face_checkpoint(0))
    model = onnx.to_onnx(checkpoint.network(), checkpoint.preprocessing)  # takes longest, and both files are made of it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("livegate.export.onnx.to_onnx", lambda *_: deepcopy(model))
        patch.setattr("livegate.export.source.PARITY_PICTURES", 4)
        order = Order([TARGETS["onnx"], TARGETS["onnx-fp16"]])
        return export(checkpoint, tmp_path_factory.mktemp("faces") / "small", name="small", papers=Papers(), order=order)


class PixelEmbedder:
    """What a verification network is to whoever compares: unit vectors that are alike where pictures are. Heavy sees finer than light."""

    size, side = 75, 112

    def align(self, picture: Pixels, landmarks: Landmarks) -> Pixels:
        """The picture, resized; the points are taken on trust."""
        assert len(landmarks) == 5
        return np.asarray(cv2.resize(picture, (self.side, self.side), interpolation=cv2.INTER_AREA))

    def embed(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float32]:
        """The coarse pixels of each crop, brought to unit length."""
        assert all(crop.shape == (self.side, self.side, 3) and crop.dtype == np.uint8 for crop in crops)
        coarse = 3 if str(configuration) == "L" else 5
        small = [cv2.resize(cv2.resize(crop, (coarse, coarse), interpolation=cv2.INTER_AREA), (5, 5)) for crop in crops]
        vectors = np.stack(small).reshape(len(crops), -1).astype(np.float32)
        vectors -= vectors.mean(axis=1, keepdims=True)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def embedder() -> PixelEmbedder:
    """A stand-in for a verification network."""
    return PixelEmbedder()
