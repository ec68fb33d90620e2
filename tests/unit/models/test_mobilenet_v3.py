"""MobileNetV3 is built as the table of anti-spoof-mn3 says, line by line."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.models.mobilenet_v3 import LARGE, InvertedResidual, Residual, SqueezeExcite, divisible
from livegate.models.registry import BACKBONES, ModelSpec

# Expanded channels, channels behind, channels inside squeeze and excite, side of the output, shortcut: specs/anti-spoof-mn3.md, section 2.
TABLE = [
    (16, 16, None, 64, True),
    (64, 24, None, 32, False),
    (72, 24, None, 32, True),
    (72, 40, 24, 16, False),
    (120, 40, 32, 16, True),
    (120, 40, 32, 16, True),
    (240, 80, None, 8, False),
    (200, 80, None, 8, True),
    (184, 80, None, 8, True),
    (184, 80, None, 8, True),
    (480, 112, 120, 8, False),
    (672, 112, 168, 8, True),
    (672, 160, 168, 4, False),
    (960, 160, 240, 4, True),
    (960, 160, 240, 4, True),
]


def test_the_large_network_is_the_table() -> None:
    """Channels, squeezes, sizes and shortcuts of all fifteen blocks, then 1280 channels on 4 x 4 before the average."""
    network = BACKBONES["mobilenet-v3-large"].network().eval()
    stem, *blocks, tail, head = network.blocks
    x = stem(torch.zeros(1, 3, 128, 128))
    assert x.shape == (1, 16, 64, 64)
    found = []
    for block in blocks:
        x = block(x)
        squeezes = [layer.weigh[1].out_channels for layer in block if isinstance(layer, SqueezeExcite)]
        depthwise = next(layer for layer in block if isinstance(layer, nn.Conv2d) and layer.groups > 1)
        found.append((depthwise.out_channels, x.shape[1], squeezes[0] if squeezes else None, x.shape[2], block.shortcut))
    assert found == TABLE
    assert tail(x).shape == (1, 1280, 4, 4)
    assert head(tail(x)).shape == (1, 2)


def test_kernels_activations_and_strides_are_those_of_the_paper() -> None:
    """Howard et al. 2019, Table 1: h-swish from the seventh block on, squeeze and excite in eight blocks, five strides of two with the stem's."""
    assert [row.kernel for row in LARGE] == [3, 3, 3, 5, 5, 5, 3, 3, 3, 3, 3, 3, 5, 5, 5]
    assert [row.swish for row in LARGE] == [False] * 6 + [True] * 9
    assert sum(row.squeezes for row in LARGE) == 8
    assert [place for place, row in enumerate(LARGE, start=1) if row.stride == 2] == [2, 4, 7, 13]


@pytest.mark.parametrize(
    ("asked", "given"), [(60, 64), (59.9, 56), (16, 16), (3, 8), (10, 16), (18, 24), (45, 48), (184.0, 184)]
)
def test_channels_are_multiples_of_eight(asked: float, given: int) -> None:
    """The nearest, half up; never under eight, nor under nine tenths of what was asked for: 10 and 18 would lose more."""
    assert divisible(asked) == given


def test_squeeze_and_excite_weighs_channels() -> None:
    """By hand: one channel of four is kept, one halved, the others dropped."""
    block = SqueezeExcite(32).eval()
    last = block.weigh[3]
    nn.init.zeros_(last.weight)
    bias = torch.full((32,), -3.0)
    bias[0], bias[1] = 3.0, 0.0
    with torch.no_grad():
        last.bias.copy_(bias)
        y = block(torch.ones(1, 32, 2, 2))
    assert y[0, :, 0, 0].tolist() == [1.0, 0.5] + [0.0] * 30


def test_a_block_drops_whole_channels_of_what_it_adds() -> None:
    """In training a tenth of the channels stays as it came in; in evaluation none does."""
    torch.manual_seed(0)
    block = InvertedResidual(Residual(64, 64, 128, 3, 1, squeezes=True, swish=True))
    x = torch.randn(200, 64, 4, 4)
    untouched = (block.train()(x) == x).all(dim=(2, 3)).float().mean().item()
    assert 0.08 < untouched < 0.12
    assert not (block.eval()(x) == x).all(dim=(2, 3)).any()


def test_the_pairs_of_the_paper_stages_are_of_one_shape() -> None:
    """Stages 3, 4 and 6 of the large network end in the blocks 5-6, 9-10 and 14-15; the light branch costs as much as one of them."""
    network = ModelSpec("mobilenet-v3-large", (3, 4, 6)).build()
    plain = ModelSpec("mobilenet-v3-large", ()).build()
    counts = [sum(p.numel() for p in block.parameters()) for block in plain.blocks]
    for light, last in (("LHH", 6), ("HLH", 10), ("HHL", 15)):
        less = sum(p.numel() for p in plain.parameters()) - sum(
            p.numel() for p in network.fixed(Configuration.parse(light)).parameters()
        )
        assert less == counts[last]
    assert network.adaptive_blocks == len([Branch.HEAVY] * 3)
