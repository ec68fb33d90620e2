"""One export for all tests of exports: it takes longest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.data.index import Index
from livegate.export.exporter import Order, Papers, export
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.mobilenet_v2 import Classifier, InvertedResidual
from livegate.models.network import Network
from livegate.models.normalisation import normalise
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing, aligned
from livegate.pta import PTABlock

LICENCE = "SPDX-License-Identifier: CC0-1.0\n\nRandom numbers, free for\nany use.\n\nMore words.\n"


def random_checkpoint(spec: ModelSpec, least_variance: float = 0) -> Checkpoint:
    """A network with random weights, its statistics those of random pictures so that all layers matter; input 64 x 64.

    For verification it is that of aligned faces, 112 x 112. A channel that hardly varies blows rounding up, unless it is said to vary more.
    """
    torch.manual_seed(0)
    network = spec.build()
    preprocessing = aligned() if spec.backbone.task == "verification" else Preprocessing(size=64)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the statistics become those of the last batch
            nn.init.uniform_(layer.weight, 0.8, 1.2)
            nn.init.normal_(layer.bias, 0, 0.1)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.03)
    with torch.inference_mode():
        for branch in (Branch.LIGHT, Branch.HEAVY):
            pictures = torch.randn(16, 3, preprocessing.size, preprocessing.size)
            network.train()(pictures, Configuration.uniform(branch, network.adaptive_blocks))
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d) and layer.running_var is not None:
                layer.running_var.clamp_(min=least_variance)
    return Checkpoint(spec, preprocessing, as_weights(network), {"name": "random"}, {"epoch": 1})


@pytest.fixture(scope="session")
def checkpoint_of() -> Callable[[ModelSpec], Checkpoint]:
    """Makes the checkpoint of any network with random weights, of which no channel hardly varies."""
    return partial(random_checkpoint, least_variance=0.01)


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """The paper's network with random weights."""
    return random_checkpoint(ModelSpec())


@pytest.fixture(scope="session")
def network(checkpoint: Checkpoint) -> Network:
    """The network of the checkpoint, in evaluation mode; only to run."""
    return checkpoint.network()


@pytest.fixture(scope="session")
def dev(generated: Path) -> Index:
    """Twelve generated pictures of two subjects from two sources; four are bona fide."""
    return Index.read(generated).split("dev")


@pytest.fixture(scope="session")
def exported(checkpoint: Checkpoint, dev: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of the checkpoint, thresholds set on dev; only to read."""
    out = tmp_path_factory.mktemp("exported") / "deep" / "random"
    return export(checkpoint, out, name="random", papers=Papers(licence=LICENCE), order=Order(dev=dev))


@pytest.fixture
def quick(model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Exports take the ONNX model that is there already, and compare on two pictures."""
    monkeypatch.setattr("livegate.export.onnx.to_onnx", lambda *_: model)
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 2)
    return monkeypatch


@pytest.fixture(scope="session")
def model(exported: Path) -> onnx.ModelProto:
    """The ONNX model of the artifact; only to read."""
    return onnx.load(exported / "model.onnx")


@pytest.fixture(scope="session")
def small() -> Network:
    """Two adaptive blocks with random weights, for converters that take long; only to run. Its input is 32 x 32."""
    torch.manual_seed(0)

    def block() -> InvertedResidual:
        return InvertedResidual(48, 48, 1, 6)

    stem = nn.Sequential(nn.Conv2d(3, 48, 3, 4, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU6(inplace=True))
    adaptive = [PTABlock({Branch.HEAVY: nn.Sequential(block(), block()), Branch.LIGHT: block()}) for _ in range(2)]
    network = Network([stem, adaptive[0], block(), adaptive[1], Classifier(48, 2, 0.2)])
    nn.init.normal_(network.blocks[-1][-1].weight, std=0.3)
    return network.eval()


@pytest.fixture(scope="session")
def varied() -> NDArray[np.float32]:
    """Blurred noise of all brightnesses, (16, 3, 64, 64), 0..255; only to read."""
    noise = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    smooth = nn.functional.interpolate(nn.functional.avg_pool2d(noise, 8), scale_factor=8, mode="bilinear")
    spread = (smooth - smooth.mean()) / smooth.std() * torch.linspace(20, 60, 16).reshape(-1, 1, 1, 1) + 127
    return spread.clamp(0, 255).round().numpy()


@pytest.fixture(scope="session")
def mobilenet_v3(varied: NDArray[np.float32]) -> Network:
    """The small one, its last stage adaptive, with random weights; logits that differ much over the varied pictures. Only to run."""
    torch.manual_seed(0)
    network = ModelSpec("mobilenet-v3-small", (5,), dropout=0.0).build()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.momentum = 1.0  # the statistics become those of the pictures
        elif isinstance(layer, nn.Dropout2d):
            layer.p = 0.0
    nn.init.normal_(network.blocks[-1][-1].weight, std=0.1)
    x = normalise(torch.from_numpy(varied), Preprocessing(size=64))
    with torch.inference_mode():
        for branch in (Branch.LIGHT, Branch.HEAVY):
            network.train()(x, Configuration((branch,)))
    return network.eval()
