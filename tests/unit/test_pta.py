"""The adaptive block: one branch, the other, or the mean of both."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from livegate.configuration import Branch
from livegate.models.mobilenet_v2 import InvertedResidual
from livegate.pta import PTABlock

SHAPES = [(8, 8, 1), (8, 12, 1), (8, 8, 2), (6, 10, 2)]
"""Channels in and out, stride."""


def _by_hand(x: Tensor, residual: InvertedResidual, stride: int) -> Tensor:
    """An inverted residual of expansion 6 in evaluation mode, written out after Sandler et al. 2018, Table 1."""
    expand, filtering, project, norm = residual
    y = x
    for (kernel, scale), options in (
        ((expand[0], expand[1]), {}),
        ((filtering[0], filtering[1]), {"stride": stride, "padding": 1, "groups": filtering[0].weight.shape[0]}),
        ((project, norm), {}),
    ):
        y = torch.conv2d(y, kernel.weight, **options)
        shape = (1, -1, 1, 1)
        y = (y - scale.running_mean.view(shape)) / torch.sqrt(scale.running_var.view(shape) + scale.eps)
        y = y * scale.weight.view(shape) + scale.bias.view(shape)
        if scale is not norm:
            y = y.clamp(0, 6)
    return x + y if y.shape == x.shape else y


@pytest.fixture(params=SHAPES, ids=lambda shape: "{}to{}stride{}".format(*shape))
def case(request: pytest.FixtureRequest) -> tuple[PTABlock, int, Tensor]:
    """A block with random statistics, its stride and an input."""
    channels_in, channels_out, stride = request.param
    torch.manual_seed(0)
    first, light = (InvertedResidual(channels_in, channels_out, stride, 6) for _ in range(2))
    second = InvertedResidual(channels_out, channels_out, 1, 6)
    block = PTABlock({Branch.HEAVY: nn.Sequential(first, second), Branch.LIGHT: light}).eval()
    for layer in block.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias.data):
                values.normal_(0, 0.2)
            for values in (layer.running_var, layer.weight.data):
                values.uniform_(0.5, 1.5)
    return block, stride, torch.randn(3, channels_in, 8, 8)


@torch.inference_mode()
def test_each_branch_computes_what_its_inverted_residuals_compute_by_hand(case: tuple[PTABlock, int, Tensor]) -> None:
    """H is two inverted residuals in a row, L is one, from the same input to the same shape."""
    block, stride, x = case
    heavy = _by_hand(_by_hand(x, block.heavy[0], stride), block.heavy[1], 1)
    light = _by_hand(x, block.light, stride)
    assert heavy.shape == light.shape
    torch.testing.assert_close(block(x, Branch.HEAVY), heavy, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(block(x, Branch.LIGHT), light, rtol=1e-4, atol=1e-4)
    assert (heavy - light).abs().max() > 0.01


@torch.inference_mode()
def test_both_is_the_element_wise_mean_of_the_branches(case: tuple[PTABlock, int, Tensor]) -> None:
    """B is (H + L) / 2, so the scale of the output stays (paper, section 3.1)."""
    block, stride, x = case
    heavy = _by_hand(_by_hand(x, block.heavy[0], stride), block.heavy[1], 1)
    torch.testing.assert_close(block(x, Branch.BOTH), (heavy + _by_hand(x, block.light, stride)) / 2, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("branch", Branch)
def test_the_fixed_branch_is_the_block_under_that_branch_bit_for_bit(
    case: tuple[PTABlock, int, Tensor], branch: Branch
) -> None:
    """What is taken out of the block computes the same bits and shares its weights."""
    block, _, x = case
    fixed = block.fixed(branch)
    assert torch.equal(fixed(x), block(x, branch))
    own = {id(parameter) for parameter in block.parameters()}
    assert {id(parameter) for parameter in fixed.parameters()} <= own


def test_the_branches_share_no_weights(case: tuple[PTABlock, int, Tensor]) -> None:
    """Each branch owns its parameters, and together they are all that the block has."""
    block = case[0]
    heavy, light = ({id(parameter) for parameter in part.parameters()} for part in (block.heavy, block.light))
    assert heavy
    assert light
    assert not heavy & light
    assert heavy | light == {id(parameter) for parameter in block.parameters()}


@pytest.mark.parametrize(
    ("branch", "heavy", "light"), [(Branch.HEAVY, True, False), (Branch.LIGHT, False, True), (Branch.BOTH, True, True)]
)
def test_only_the_chosen_branch_gets_a_gradient(
    case: tuple[PTABlock, int, Tensor], branch: Branch, *, heavy: bool, light: bool
) -> None:
    """A branch that is not computed has no gradient at all, not a zero one: Adam skips it (spec, section 4)."""
    block, _, x = case
    block(x, branch).square().sum().backward()
    for part, computed in ((block.heavy, heavy), (block.light, light)):
        assert [parameter.grad is not None for parameter in part.parameters()] == [computed] * len(list(part.parameters()))


@pytest.mark.parametrize("missing", [Branch.HEAVY, Branch.LIGHT])
def test_a_block_needs_both_branches(missing: Branch) -> None:
    """A block without one of its branches is refused when it is built."""
    branches = {branch: nn.Identity() for branch in (Branch.HEAVY, Branch.LIGHT) if branch is not missing}
    with pytest.raises(KeyError):
        PTABlock(branches)
