"""What a generator sees of a face, in the place and at the scale of its own preprocessing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from livegate.configuration import Configuration
from livegate.errors import CheckpointError
from livegate.explain.depth import DepthEye
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing
from livegate.sample import Box


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    """A generator without adaptive blocks."""
    return ModelSpec("depth-generator", ())


def saved(spec: ModelSpec, path: Path, change: float = 1.0) -> Path:
    """Seeded weights, those of the last layer times a number."""
    torch.manual_seed(0)
    network = spec.build()
    with torch.no_grad():
        network.blocks[-1].last.weight.mul_(change)
    Checkpoint(spec, Preprocessing(size=64, margin=1.2), as_weights(network), {}, {}).save(path)
    return path


def test_the_map_is_that_of_the_network_on_the_crop(spec: ModelSpec, tmp_path: Path) -> None:
    """Cut out and normalised as the checkpoint says; half as large, 0..1, and not the same everywhere."""
    path = saved(spec, tmp_path / "generator.safetensors")
    picture = np.random.default_rng(0).integers(0, 256, (120, 150, 3), np.uint8)
    crop, depth = DepthEye(path).see(picture, Box(40, 30, 50, 60))
    preprocessing = Preprocessing(size=64, margin=1.2)
    assert np.array_equal(crop, preprocessing.crop(picture, Box(40, 30, 50, 60)))
    network = Checkpoint.load(path).network()
    x = (torch.from_numpy(crop.transpose(2, 0, 1)).float() - torch.tensor(preprocessing.mean).view(3, 1, 1)) / torch.tensor(
        preprocessing.std
    ).view(3, 1, 1)
    with torch.inference_mode():
        expected = network(x[None], Configuration(()))[0, 0].numpy()
    assert depth.shape == (32, 32)
    assert np.abs(depth - expected).max() < 1e-6
    assert 0 <= depth.min() < depth.max() <= 1


def test_damaged_weights_are_told(spec: ModelSpec, tmp_path: Path) -> None:
    """A map that is no numbers is not shown."""
    eye = DepthEye(saved(spec, tmp_path / "generator.safetensors", float("nan")))
    with pytest.raises(CheckpointError, match="depths that are no finite numbers; its weights are damaged"):
        eye.see(np.zeros((100, 100, 3), np.uint8), Box(10, 10, 80, 80))
