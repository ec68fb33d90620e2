"""Parameters and multiply-adds of the networks for verification: Zhang 2019, Table 4 and 5 (to the digit after its author's code), Chen et al. 2018."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from livegate.configuration import Configuration
from livegate.models.counting import count
from livegate.models.registry import BACKBONES

# Name: parameters, multiply-adds of convolutions and linear layers at 112 x 112, and both as the paper prints them, in millions.
ROWS = {
    "seesaw-shuffle": (1_370_176, 145_762_816, "1.3", "146"),
    "seesaw-share": (1_370_176, 145_762_816, "1.3", "146"),
    "seesaw-shuffle-mobi": (2_864_704, 153_569_280, "2.8", "154"),
    "dw-seesaw-v1": (4_246_944, 526_478_592, "4.2", "526"),
    "dw-seesaw-v2": (4_246_944, 526_478_592, "4.2", "526"),
    "mobilefacenet-128": (1_003_136, 220_965_376, "1.0", "221"),
    "mobilefacenet-512": (1_200_512, 221_161_984, "1.2", "221"),
}
STAGES = [(20_416, 20_981_760), (81_664, 35_758_080), (67_456, 12_526_592), (466_176, 51_075_072), (220_672, 10_392_064)]
STAGES += [(155_392, 4_305_408)]
"""Seesaw-shuffle, line by line of its table: the block of stride 2, then those that keep the shape, at each of three resolutions."""
STEM, TAIL = (1_856 + 704, 5_419_008 + 1_806_336), (66_560 + 26_112 + 262_144 + 1_024, 3_211_264 + 25_088 + 262_144)


NAMES = {name for name, backbone in BACKBONES.items() if backbone.task == "verification"}
"""As they are before other tests give networks of their own a name."""


def test_there_are_seven_networks() -> None:
    """And no other for verification in the registry."""
    assert set(ROWS) == NAMES


@pytest.mark.parametrize("name", ROWS)
def test_counts_equal_the_papers(name: str) -> None:
    """Parameters are truncated in the paper, multiply-adds rounded but for the 526."""
    parameters, macs, in_millions, macs_in_millions = ROWS[name]
    cost = count(BACKBONES[name].network().fixed(Configuration(())), 112)
    assert (cost.parameters, cost.macs) == (parameters, macs)
    assert int(parameters / 1e5) / 10 == float(in_millions)
    assert abs(macs / 1e6 - float(macs_in_millions)) < 0.51


def test_every_line_of_seesaw_shuffle_costs_what_it_should() -> None:
    """Six lines of blocks, the stem and the tail; the sum is the whole."""
    backbone = BACKBONES["seesaw-shuffle"]
    sides, channels, found = iter((56, 28, 28, 14, 14, 7)), iter((64, 64, 64, 128, 128, 128)), []
    for stage in backbone.stages:
        for blocks in (stage[:1], stage[1:]):
            side, c_in = next(sides), next(channels)
            found.append(_cost(nn.Sequential(*(block.build() for block in blocks)), c_in, side))
    assert found == STAGES
    assert [sum(column) for column in zip(STEM, *STAGES, TAIL, strict=True)] == [1_370_176, 145_762_816]


def test_no_weight_is_dead() -> None:
    """The author's code makes mapping paths of 671,232 parameters that never run; here a step reaches every parameter."""
    for name in ("dw-seesaw-v1", "dw-seesaw-v2"):
        network = BACKBONES[name].network()
        (network(torch.randn(2, 3, 112, 112), Configuration(())) * torch.randn(2, 512)).sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


def _cost(module: nn.Module, c_in: int, side: int) -> tuple[int, int]:
    """Parameters and multiply-adds of a part, each convolution's counted from the shapes of what goes in and comes out."""
    macs = 0

    def hook(layer: nn.Conv2d, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal macs
        macs += output.numel() * layer.weight[0].numel()

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(hook)
    module.eval()(torch.zeros(1, c_in, side, side))
    return sum(parameter.numel() for parameter in module.parameters()), macs
