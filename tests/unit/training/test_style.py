"""Styles change hands, and nothing else: what is left of a picture without its style stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.models.heads import PooledHead
from livegate.models.network import Network
from livegate.training.learner import Learner
from livegate.training.recipe import Recipe
from livegate.training.style import mixed_style


def style(features: Tensor) -> Tensor:
    """Mean and deviation of each channel of each picture: (N, C, 2)."""
    return torch.stack([features.mean((2, 3)), features.std((2, 3), correction=0)], dim=2)


def test_the_style_lies_between_two_pictures_and_the_rest_stays() -> None:
    """Of a batch with flat styles 0..7: each new style is a mixture of its own with one other, the pattern is the same."""
    torch.manual_seed(0)
    pattern = torch.randn(8, 3, 6, 6)
    pattern = (pattern - pattern.mean((2, 3), keepdim=True)) / pattern.std((2, 3), keepdim=True, correction=0)
    number = torch.arange(8.0).view(8, 1, 1, 1)
    mixed = mixed_style(pattern * (1 + number) + 10 * number)
    mean, deviation = style(mixed).unbind(2)
    assert torch.allclose((mixed - mean[..., None, None]) / deviation[..., None, None], pattern, atol=1e-4)
    assert torch.allclose(mean, 10 * (deviation - 1), atol=1e-3)  # of a mixture: both or neither
    assert torch.allclose(mean[:, :1].expand(8, 3), mean, atol=1e-3)  # one share for all channels
    assert (mean >= -1e-3).all()
    assert (mean <= 70.001).all()
    assert (mean[:, 0] - 10 * number.flatten()).abs().max() > 5


def test_no_gradient_goes_through_a_style() -> None:
    """Means and deviations count as constants, so a pixel's derivative is the new deviation over the old one."""
    torch.manual_seed(1)
    features = torch.randn(4, 2, 5, 5, requires_grad=True)
    mixed = mixed_style(features)
    (gradient,) = torch.autograd.grad(mixed.sum(), features)
    ratio = style(mixed.detach())[..., 1] / style(features.detach())[..., 1]
    assert torch.allclose(gradient, ratio[..., None, None].expand_as(gradient), atol=1e-4)
    assert (ratio - 1).abs().max() > 0.05


@pytest.mark.parametrize(("probability", "training", "mixes"), [(1.0, True, True), (0.0, True, False), (1.0, False, False)])
def test_styles_are_mixed_in_training_alone_and_only_where_asked(
    *, probability: float, training: bool, mixes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once at a quarter and once at an eighth of the input's side, whatever blocks lie between."""
    sides: list[int] = []

    def seen(features: Tensor) -> Tensor:
        sides.append(features.shape[-1])
        return features

    monkeypatch.setattr("livegate.training.learner.mixed_style", seen)
    halve = [nn.Conv2d(3, 3, 3, stride=2, padding=1) for _ in range(4)]
    blocks = [halve[0], halve[1], nn.Identity(), halve[2], nn.Identity(), halve[3], PooledHead(3, nn.Linear(3, 2))]
    sampling = {"configurations": {"": 1.0}}
    model = {"name": "mobilenet-v3-small", "adaptive_stages": []}
    recipe = Recipe.from_plain({"name": "r", "model": model, "sampling": sampling, "mix": {"style": probability}}, "r")
    learner = Learner(Network(blocks), recipe).train(training)
    learner(torch.randn(2, 3, 32, 32), Configuration(()), torch.tensor([0, 1]))
    assert sides == ([8, 4] if mixes else [])
