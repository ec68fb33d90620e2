"""A small network that is known to look at one quarter of its input only, and a crop of noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.models.mobilenet_v2 import Classifier
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, Preprocessing

SIZE = 64
PREPROCESSING = Preprocessing(size=SIZE, mean=(0, 0, 0), std=(255, 255, 255))


class UpperLeft(nn.Module):
    """Lets nothing pass but the left upper quarter."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        mask = torch.zeros_like(x)
        mask[..., : x.shape[2] // 2, : x.shape[3] // 2] = 1
        return x * mask


def convolution(c_in: int, c_out: int) -> nn.Sequential:
    """Half as many places; without a bias, so that nothing comes of nothing."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, 2, padding=1, bias=False), nn.ReLU())


def chained(*blocks: nn.Module) -> TorchScorer:
    """A network of these blocks and a classifier of eight channels, with seeded weights, in evaluation mode."""
    torch.manual_seed(0)
    network = Network([*blocks, Classifier(8, 2, 0.2)])
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.5)
    return TorchScorer(network.eval(), PREPROCESSING)


@pytest.fixture
def plain() -> Configuration:
    """The configuration of a network without adaptive blocks."""
    return Configuration(())


@pytest.fixture
def small() -> TorchScorer:
    """Two convolutions and a classifier: 16 x 16 places."""
    return chained(convolution(3, 8), convolution(8, 8))


@pytest.fixture
def quarter() -> TorchScorer:
    """The same, blind but for the left upper quarter."""
    return chained(UpperLeft(), convolution(3, 8), convolution(8, 8), UpperLeft())


@pytest.fixture
def swapped() -> TorchScorer:
    """The small network with bona fide and attack exchanged."""
    scorer = chained(convolution(3, 8), convolution(8, 8))
    last = scorer.network.blocks[-1][-1]
    with torch.no_grad():
        last.weight.copy_(last.weight.flip(0))
        last.bias.copy_(last.bias.flip(0))
    return scorer


@pytest.fixture
def crop() -> Pixels:
    """Noise of 64 x 64 pixels."""
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
