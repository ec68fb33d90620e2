"""Parameters and multiply-adds of the networks of pseudo-depth, as specs/pseudo-depth-gan.md, sections 3.2 to 3.5, computed them."""

from __future__ import annotations

import torch
from torch import nn

from livegate.configuration import Configuration
from livegate.models.counting import count
from livegate.models.depth_generator import Discriminator
from livegate.models.registry import ModelSpec

PLAIN = Configuration(())


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_generator() -> None:
    """The encoder has 542,528 parameters and 68.53 M multiply-adds, the decoder 18,121 and 19.46 M."""
    network = ModelSpec("depth-generator", ()).build()
    *blocks, decoder = network.blocks
    whole, encoder = count(network.fixed(PLAIN)), count(nn.Sequential(*blocks))
    assert len(blocks) == 14
    assert (encoder.parameters, _parameters(decoder)) == (542_528, 18_121)
    assert (f"{encoder.macs / 1e6:.2f}", f"{(whole.macs - encoder.macs) / 1e6:.2f}") == ("68.53", "19.46")


def test_the_discriminator() -> None:
    """664,385 parameters; maps of 64 x 64 are judged in 14 x 14 patches."""
    discriminator = Discriminator()
    assert _parameters(discriminator) == 664_385
    assert discriminator(torch.zeros(1, 3, 128, 128), torch.zeros(1, 1, 64, 64)).shape == (1, 1, 14, 14)


def test_the_classifier() -> None:
    """708,930 parameters, AENet's 11,224,698 over 15.83, and 78.8 M multiply-adds."""
    cost = count(ModelSpec("pseudo-depth", ()).build().fixed(PLAIN))
    assert cost.parameters == 708_930 == 542_528 + 166_402
    assert f"{11_224_698 / cost.parameters:.2f}" == "15.83"
    assert f"{cost.macs / 1e6:.1f}" == "78.8"
