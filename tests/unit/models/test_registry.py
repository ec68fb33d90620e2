"""Every network of the registry: plain and adaptive, forward and backward, in every configuration."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.models.counting import count
from livegate.models.registry import BACKBONES, ModelSpec
from livegate.pta import PTABlock

ABLE = {
    "mobilenet-v2": (2, 3, 4, 5, 6),
    "mobilenet-v3-large": (2, 3, 4, 5, 6),
    "mobilenet-v3-large-0.75": (2, 3, 4, 5, 6),
    "mobilenet-v3-small": (2, 3, 4, 5),
    "mobilenet-v3-small-0.75": (2, 3, 4, 5),
    "seesaw-shuffle": (1, 2, 3),
    "seesaw-share": (1, 2, 3),
    "seesaw-shuffle-mobi": (1, 2, 3),
    "dw-seesaw-v1": (1, 2, 3),
    "dw-seesaw-v2": (1, 2, 3),
    "mobilefacenet-128": (1, 2, 3),
    "mobilefacenet-512": (1, 2, 3),
    "pseudo-depth": (2, 3, 4, 5),
    "depth-generator": (2, 3, 4, 5),
}
"""The stages of two or more blocks, counted in the papers' tables."""


NAMES = tuple(BACKBONES)
"""As they are before other tests give networks of their own a name."""


def test_there_are_fourteen_networks() -> None:
    """What follows is about all of them."""
    assert tuple(ABLE) == NAMES
    assert len(ABLE) == 14


def _pictures(name: str, number: int) -> torch.Tensor:
    """Pictures of a size that the network takes: those for verification end in a filter of 7 x 7, which fits 112 pixels alone."""
    side = 112 if BACKBONES[name].task == "verification" else 64
    return torch.randn(number, 3, side, side)


@pytest.mark.parametrize("name", ABLE)
def test_every_able_stage_can_be_adaptive(name: str) -> None:
    """All at once; each block is built of two blocks in a row, and the plain network has the parameters of all-heavy."""
    network = ModelSpec(name, ABLE[name]).build()
    assert network.adaptive_blocks == len(ABLE[name])
    heavy = network.fixed(Configuration.uniform(Branch.HEAVY, network.adaptive_blocks))
    plain = ModelSpec(name, ()).build()
    assert [tensor.shape for tensor in heavy.state_dict().values()] == [tensor.shape for tensor in plain.state_dict().values()]
    unable = 1 if 1 not in ABLE[name] else 4
    with pytest.raises(
        ValueError, match=rf"stage {unable} cannot be adaptive; stages with two or more blocks are \[{ABLE[name][0]}, "
    ):
        ModelSpec(name, (unable,))


@pytest.mark.parametrize("name", ABLE)
def test_every_configuration_runs_and_learns(name: str) -> None:
    """Two adaptive blocks, nine configurations: outputs, and gradients in the branches that were computed and in no others."""
    torch.manual_seed(0)
    network = ModelSpec(name, ABLE[name][-2:]).build()
    pictures = _pictures(name, 2)
    configurations = list(Configuration.enumerate(2))
    assert len(configurations) == 9
    for configuration in configurations:
        network.zero_grad()
        logits = network.train()(pictures, configuration)
        assert logits.shape == (2, BACKBONES[name].outputs, *((32, 32) if BACKBONES[name].task == "depth" else ()))
        logits[0].sum().backward()  # type: ignore[no-untyped-call]
        blocks = [block for block in network.blocks if isinstance(block, PTABlock)]
        for block, branch in zip(blocks, configuration, strict=True):
            for side, module in ((Branch.HEAVY, block.heavy), (Branch.LIGHT, block.light)):
                reached = [parameter.grad is not None for parameter in module.parameters()]
                assert all(reached) if branch in {side, Branch.BOTH} else not any(reached)


@pytest.mark.parametrize("name", ABLE)
def test_every_configuration_is_a_plain_network(name: str) -> None:
    """Fixed or chosen at run time: the same logits, bit for bit, and in each of the nine other ones."""
    torch.manual_seed(0)
    network = ModelSpec(name, ABLE[name][-2:]).build()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.momentum = None  # statistics of all that it has seen, so that no layer fades
    pictures = _pictures(name, 4)
    configurations = list(Configuration.enumerate(2))
    with torch.inference_mode():
        for configuration in configurations:
            network.train()(pictures, configuration)
        logits = [network.eval()(pictures, configuration) for configuration in configurations]
        fixed = [network.fixed(configuration)(pictures) for configuration in configurations]
    assert all(map(torch.equal, logits, fixed))
    assert len({tensor.numpy().tobytes() for tensor in logits}) == 9


@pytest.mark.parametrize("name", ABLE)
def test_counts_add_up(name: str) -> None:
    """All heavy costs what the plain network does, all both the light branches more, all light these instead of the heavy ones."""
    spec = ModelSpec(name, ABLE[name])
    network = spec.build()
    blocks = [block for block in network.blocks if isinstance(block, PTABlock)]
    light = sum(parameter.numel() for block in blocks for parameter in block.light.parameters())
    heavy = sum(parameter.numel() for block in blocks for parameter in block.heavy.parameters())
    side = _pictures(name, 1).shape[-1]
    plain = count(ModelSpec(name, ()).build().fixed(Configuration(())), side)
    costs = {
        branch: count(network.fixed(Configuration.uniform(branch, spec.backbone.adaptive_blocks)), side) for branch in Branch
    }
    assert costs[Branch.HEAVY] == plain
    assert costs[Branch.BOTH].parameters == plain.parameters + light
    assert costs[Branch.LIGHT].parameters == plain.parameters - heavy + light
    assert costs[Branch.LIGHT].macs < plain.macs < costs[Branch.BOTH].macs


@pytest.mark.parametrize(("wrong", "meant"), [("mobilenet-v3-larg", "mobilenet-v3-large"), ("mobilenetv2", "mobilenet-v2")])
def test_a_near_name_is_suggested(wrong: str, meant: str) -> None:
    """And all names are listed."""
    with pytest.raises(ValueError, match=f"unknown network '{wrong}', did you mean '{meant}'") as caught:
        ModelSpec(name=wrong)
    assert all(name in str(caught.value) for name in BACKBONES)
