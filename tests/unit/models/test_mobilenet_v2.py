"""MobileNetV2, plain and with adaptive blocks at any stage that can have one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.models.mobilenet_v2 import STAGES, mobilenet_v2
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.pta import PTABlock

ABLE = (2, 3, 4, 5, 6)
"""The rows of Sandler et al. 2018, Table 2, with n >= 2."""


def _uniform(network: Network, branch: Branch) -> Configuration:
    return Configuration.uniform(branch, network.adaptive_blocks)


def _shapes(network: Network, size: int) -> list[tuple[int, ...]]:
    """The shape after each block of the heavy chain."""
    x, shapes = torch.zeros(1, 3, size, size), []
    with torch.inference_mode():
        for block in network.eval().blocks:
            x = block(x, Branch.HEAVY) if isinstance(block, PTABlock) else block(x)
            shapes.append(tuple(x.shape[1:]))
    return shapes


def test_the_shapes_are_those_of_table_1() -> None:
    """Channels and sizes at 128 x 128 follow the paper's table, row by row (spec, section 3)."""
    rows = [(32, 64), (16, 64), *[(24, 32)] * 2, *[(32, 16)] * 3, *[(64, 8)] * 2, (64, 8)]
    rows += [(96, 8), (96, 8), (160, 4), (160, 4), (320, 4), (1280, 4)]
    shapes = _shapes(mobilenet_v2(), 128)
    assert shapes == [*((channels, side, side) for channels, side in rows), (2,)]


def test_the_adaptive_blocks_stand_where_table_1_has_them() -> None:
    """The paper's three blocks follow two rows of 64, one of 96 and one of 160 channels."""
    places = [place for place, block in enumerate(mobilenet_v2().blocks) if isinstance(block, PTABlock)]
    # Stem 0, 16: 1, 24: 2-3, 32: 4-6, 64: 7-8, then PTA, 96, PTA, 160, PTA.
    assert places == [9, 11, 13]


def test_the_stages_are_those_of_the_mobilenet_v2_paper() -> None:
    """Sandler et al. 2018, Table 2: t, c, n, s."""
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    assert [(s.expansion, s.channels, s.repeats, s.stride) for s in STAGES] == rows


@pytest.mark.parametrize("stages", [*((stage,) for stage in ABLE), ABLE, (2, 6), ()])
def test_any_stage_of_two_or_more_repeats_can_be_adaptive(stages: tuple[int, ...]) -> None:
    """Blocks at any of the stages 2 to 6, also where the stride is 2 and the channels change, map pictures to logits."""
    network = mobilenet_v2(stages).eval()
    assert network.adaptive_blocks == len(stages)
    with torch.inference_mode():
        for branch in Branch:
            assert network(torch.zeros(2, 3, 64, 64), _uniform(network, branch)).shape == (2, 2)


@pytest.mark.parametrize("stage", [-1, 0, 1, 7, 8])
def test_a_stage_that_cannot_be_adaptive_is_refused_with_those_that_can(stage: int) -> None:
    """Stages of one inverted residual and stages that do not exist are named, and the able ones listed."""
    with pytest.raises(ValueError, match=rf"stage {stage} cannot be adaptive; .* are \[2, 3, 4, 5, 6\]$"):
        mobilenet_v2((4, stage))


def test_a_stage_named_twice_is_refused() -> None:
    """A stage ends in one adaptive block; two of them would be a slip."""
    with pytest.raises(ValueError, match=r"\[4, 5, 5\] name a stage twice"):
        mobilenet_v2((4, 5, 5))


@pytest.mark.parametrize("stages", [(4, 5, 6), (2,), ABLE])
def test_all_heavy_is_plain_mobilenet_v2(stages: tuple[int, ...]) -> None:
    """The weights of the all-heavy network, taken in order, make the plain network compute the same bits."""
    torch.manual_seed(0)
    network = mobilenet_v2(stages)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    heavy = network.eval().fixed(_uniform(network, Branch.HEAVY)).state_dict()
    plain = mobilenet_v2(()).eval()
    own = plain.state_dict()
    assert [tensor.shape for tensor in heavy.values()] == [tensor.shape for tensor in own.values()]
    plain.load_state_dict(dict(zip(own, heavy.values(), strict=True)))
    pictures = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(plain(pictures, Configuration(())), network(pictures, _uniform(network, Branch.HEAVY)))


def test_no_convolution_has_a_bias_and_the_classifier_has_one() -> None:
    """Batch normalisation follows each convolution, so that a bias would be idle (spec, section 2)."""
    layers = list(mobilenet_v2().modules())
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    # MobileNetV2 has 52 convolutions, three light residuals have three each.
    assert len(convolutions) == 52 + 9
    assert all(layer.bias is None for layer in convolutions)
    assert [layer.bias.shape for layer in layers if isinstance(layer, nn.Linear)] == [(2,)]


def test_the_specification_builds_what_it_says() -> None:
    """A specification gives the network of its stages and dropout; an unknown name is refused with the known ones."""
    network = ModelSpec(adaptive_stages=(3, 6), dropout=0.5).build()
    assert network.adaptive_blocks == 2
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.5]
    with pytest.raises(ValueError, match="unknown network 'resnet'; networks are mobilenet-v2"):
        ModelSpec(name="resnet")
