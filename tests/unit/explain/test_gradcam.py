"""Grad-CAM is the paper's, on every network and configuration, and leaves the network as it was."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.explain.gradcam import gradcam
from livegate.explain.heat import evidence, spread
from livegate.models.mobilenet_v2 import Classifier
from livegate.models.mobilenet_v3 import Head
from livegate.models.network import Network
from livegate.models.normalisation import normalise
from livegate.models.registry import BACKBONES, ModelSpec
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, Preprocessing, to_input


def as_map(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """A map of 64 x 64 pixels, its 16 x 16 places on every fourth pixel."""
    return spread(grid, np.arange(16) * 4 + 0.5, 64)


def features(scorer: TorchScorer, crop: Pixels) -> torch.Tensor:
    """What the last block of a network without adaptive blocks reads: (C, n, n)."""
    x = normalise(torch.from_numpy(to_input([crop])), scorer.preprocessing)
    with torch.no_grad():
        for block in scorer.network.blocks[:-1]:
            x = block(x)
    return x[0]


def test_it_is_the_class_activation_map_of_a_linear_head(small: TorchScorer, crop: Pixels, plain: Configuration) -> None:
    """Selvaraju et al. 2017, section 3.1: a mean over places and a linear layer weigh each feature by the layer's own numbers."""
    last = small.network.blocks[-1][-1]
    expected = torch.einsum("c,chw->hw", last.weight[0] - last.weight[1], features(small, crop)) / 16**2
    found = gradcam(small, crop, plain)
    values = found.values
    np.testing.assert_allclose(values, as_map(expected.detach().numpy()), atol=1e-6)
    (whole,) = evidence(small, to_input([crop]), plain)
    assert found.whole == pytest.approx(whole, abs=1e-5)
    assert values[::4, ::4].sum() + (last.bias[0] - last.bias[1]).item() == pytest.approx(whole, abs=1e-5)


def test_the_weight_of_a_feature_is_its_mean_gradient(crop: Pixels, plain: Configuration) -> None:
    """Equation 1, of a head that is not linear: the gradient by finite differences in double precision."""
    torch.manual_seed(0)
    head = Head(8, 2, 0.2)
    nn.init.normal_(head[3].running_mean)
    nn.init.normal_(head[-1].weight)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 4, padding=1), nn.Hardswish())
    scorer = TorchScorer(Network([body, head]).eval(), Preprocessing(size=64))
    found = features(scorer, crop).double()
    exact = deepcopy(head).double().eval()

    def difference(x: torch.Tensor) -> float:
        with torch.inference_mode():
            return float(exact(x[None])[0] @ torch.tensor([1.0, -1.0], dtype=torch.double))

    weights = []
    for channel in range(8):
        step = torch.zeros_like(found)
        step[channel] = 1e-5
        weights.append((difference(found + step) - difference(found - step)) / 2e-5 / 16**2)
    expected = np.einsum("c,chw->hw", weights, found.numpy())
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(gradcam(scorer, crop, plain).values, as_map(expected), atol=1e-6, rtol=1e-3)


def test_only_what_is_looked_at_lights_up(quarter: TorchScorer, crop: Pixels, plain: Configuration) -> None:
    """A network that is blind but for one quarter: outside of it there is nothing."""
    values = gradcam(quarter, crop, plain).values
    assert np.abs(values[:32, :32]).max() > 1e-3
    outside = np.ones_like(values, bool)
    outside[:32, :32] = False
    assert (values[outside] == 0).all()


class OnePlace(nn.Module):
    """Lets nothing pass but one place, three down and three across."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, C, H, W) to the same shape."""
        mask = torch.zeros_like(x)
        mask[..., 3, 3] = 1
        return x * mask


@pytest.mark.parametrize("size", [64, 61, 50])
def test_a_place_is_drawn_where_the_network_looks(size: int, plain: Configuration) -> None:
    """The middle of the input gradient of one place, weights and biases all alike, is the pixel where the map of it is strongest.

    Also where the strides do not divide the size: 61 pixels have 8 places, 50 have 7.
    """
    body = nn.Sequential(*(nn.Conv2d(1 if number else 3, 1, 3, 2, padding=1) for number in range(3)))
    scorer = TorchScorer(Network([*body, OnePlace(), Classifier(1, 2, 0.2)]).eval(), Preprocessing(size=size))
    for parameter in body.parameters():
        nn.init.constant_(parameter, 0.1)
    nn.init.constant_(scorer.network.blocks[-1][-1].weight, 1)
    with torch.no_grad():
        scorer.network.blocks[-1][-1].weight[1] = -1
    x = torch.zeros(1, 3, size, size, requires_grad=True)
    (gradient,) = torch.autograd.grad(body(x)[0, 0, 3, 3], x)
    rows = gradient[0].sum((0, 2)).numpy()
    middle = rows @ np.arange(size) / rows.sum()
    found = gradcam(scorer, np.zeros((size, size, 3), np.uint8), plain)
    values = np.abs(found.values)
    assert np.unravel_index(values.argmax(), values.shape) == (round(middle), round(middle)) == (24, 24)
    assert middle == pytest.approx(24, abs=1e-4)
    assert found.grain == 8


def test_every_network_is_centred_as_the_map_takes_it() -> None:
    """All kernels of all networks for liveness are odd and padded by half, whatever their stride."""
    names = [name for name, backbone in BACKBONES.items() if backbone.task == "liveness"]
    layers = [layer for name in names for layer in ModelSpec(name, ()).build().modules() if isinstance(layer, nn.Conv2d)]
    assert {layer.kernel_size[0] for layer in layers} == {1, 3, 5}
    assert sum(layer.stride == (2, 2) for layer in layers) == 5 * (len(names) - 1) + 4
    for layer in layers:
        assert layer.kernel_size[0] % 2 == 1
        assert layer.kernel_size == tuple(2 * padding + 1 for padding in layer.padding)


def test_what_speaks_for_one_speaks_against_the_other(
    small: TorchScorer, swapped: TorchScorer, crop: Pixels, plain: Configuration
) -> None:
    """With the two outputs exchanged every sign turns round."""
    values = gradcam(small, crop, plain).values
    assert values.min() < 0 < values.max()
    np.testing.assert_allclose(gradcam(swapped, crop, plain).values, -values, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, backbone in BACKBONES.items() if backbone.task == "liveness"])
def test_every_network_and_every_branch(name: str, crop: Pixels) -> None:
    """All that are registered, heavy, light and both: two places across for 64 pixels, in one network four, the same again, each branch another map."""
    torch.manual_seed(0)
    able = [number for number, stage in enumerate(BACKBONES[name].stages, start=1) if len(stage) > 1]
    network = ModelSpec(name, (able[-1],)).build().eval()
    scorer = TorchScorer(network, Preprocessing(size=64))
    maps = [gradcam(scorer, crop, Configuration((branch,))) for branch in Branch]
    assert len(maps) == 3
    for one in maps:
        assert one.grain == (16 if name == "pseudo-depth" else 32)
        assert np.isfinite(one.values).all()
        assert np.ptp(one.values) > 0
    assert (gradcam(scorer, crop, Configuration((Branch.BOTH,))).values == maps[-1].values).all()
    assert not any((one.values == other.values).all() for one, other in pairwise(maps))


@pytest.mark.parametrize("training", [False, True])
def test_the_network_stays_as_it_is(small: TorchScorer, crop: Pixels, plain: Configuration, *, training: bool) -> None:
    """No gradient, hook, mode or statistic is left behind, and the map is that of evaluation."""
    expected = gradcam(small, crop, plain).values
    network = small.network.train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        assert (gradcam(small, crop, plain).values == expected).all()
    assert all(module.training == training for module in network.modules())
    assert all((tensor == before[name]).all() for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
