"""Networks whose pictures are standardised, in every runtime: the file does it, so that whoever runs it need not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.export.targets import TARGETS, Target
from livegate.models.mobilenet_v2 import Classifier, InvertedResidual
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock
from livegate.runtime.backends.base import Model, Options, load

PREPROCESSING = Preprocessing(size=32, standardised=True)
CONFIGURATIONS = [Configuration.parse("L"), Configuration.parse("B")]
TOLERANCES = {"fp32": 1e-4, "fp16": 0.02, "int8": 0.2}


@pytest.fixture(scope="module")
def network() -> Network:
    """One adaptive block with random weights; some converters take seconds for each layer."""
    torch.manual_seed(0)
    heavy, light = (InvertedResidual(24, 24, 1, 4) for _ in range(2))
    stem = nn.Sequential(nn.Conv2d(3, 24, 3, 4, padding=1), nn.BatchNorm2d(24), nn.ReLU6())
    block = PTABlock({Branch.HEAVY: nn.Sequential(heavy), Branch.LIGHT: light})
    last = nn.Sequential(nn.Conv2d(24, 64, 1), nn.BatchNorm2d(64), nn.ReLU6())
    built = Network([stem, block, last, Classifier(64, 2, 0.2)])
    nn.init.normal_(built.blocks[-1][-1].weight, std=1)
    return built.eval()


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    """Soft pictures of all brightnesses, (16, 3, 32, 32), 0..255."""
    rng = torch.Generator().manual_seed(1)
    soft = torch.nn.functional.interpolate(torch.rand(16, 3, 4, 4, generator=rng), scale_factor=8, mode="bilinear")
    return (soft * torch.linspace(40, 255, 16).reshape(-1, 1, 1, 1)).round().numpy()


@pytest.mark.parametrize("target", [target for target in TARGETS.values() if target.proven], ids=lambda target: target.name)
def test_the_file_gives_the_logits_of_the_network(
    target: Target, network: Network, images: NDArray[np.float32], tmp_path: Path
) -> None:
    """Of raw pixels; and they are not those of the same network without it."""
    if target.missing:
        pytest.skip(f"{target.missing} is not installed")
    written = target.write(network, PREPROCESSING, CONFIGURATIONS, tmp_path, *([images] if target.calibrated else []))
    files = {name: (tmp_path / name).read_bytes() for name in written.files}
    backend = load(target.runtime, Model(files, written.entry, target.precision), Options())
    for configuration in CONFIGURATIONS:
        expected = TorchScorer(network, PREPROCESSING).run(images, configuration)
        got = np.concatenate([backend.run(image[np.newaxis], configuration) for image in images])
        np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCES[target.precision])
        assert np.abs(TorchScorer(network, Preprocessing(size=32)).run(images, configuration) - expected).max() > 0.5
