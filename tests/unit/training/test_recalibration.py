"""Statistics of batch normalisation are the plain means over what is drawn, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from livegate.configuration import Configuration
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.training import liveness
from livegate.training.loop import train
from livegate.training.recalibration import recalibrate
from livegate.training.recipe import Recipe

HHH, LHH = Configuration.parse("HHH"), Configuration.parse("LHH")


@pytest.fixture
def network() -> Network:
    """The paper's network with weights by chance, which has seen one strange batch."""
    torch.manual_seed(0)
    network = ModelSpec("mobilenet-v2", (4, 5, 6)).build()
    network.train()(torch.full((4, 3, 32, 32), 50.0), HHH)
    return network.eval()


def statistics(network: Network) -> dict[str, Tensor]:
    """All running means and variances."""
    return {name: value.clone() for name, value in network.named_buffers() if not name.endswith("num_batches_tracked")}


def test_they_are_the_means_over_the_batches(network: Network) -> None:
    """Of the stem, whose input no branch changes: the mean of the batches' means and of their unbiased variances."""
    batches = [torch.randn(8, 3, 32, 32) + number for number in range(3)]
    recalibrate(network, ((x, HHH) for x in batches))
    stem = network.blocks[0]
    seen = [stem[0](x) for x in batches]
    assert torch.allclose(stem[1].running_mean, torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0), atol=1e-5)
    assert torch.allclose(stem[1].running_var, torch.stack([x.var((0, 2, 3)) for x in seen]).mean(0), atol=1e-4)


def test_what_no_batch_reaches_keeps_its_own(network: Network) -> None:
    """Light branches that are not drawn, the weights, the mode and the momentum stay; the heavy ones' statistics move."""
    before, weights = statistics(network), [parameter.clone() for parameter in network.parameters()]
    recalibrate(network, [(torch.randn(8, 3, 32, 32), LHH)])
    after = statistics(network)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    adaptive = [name for name, _ in network.named_modules() if name.endswith("light")]
    assert len(adaptive) == 3
    assert {name for name in moved if ".light." in name} == {name for name in before if name.startswith(adaptive[0])}
    assert {name for name in moved if ".heavy." in name} == {
        name for name in before if ".heavy." in name and not name.startswith(adaptive[0].replace("light", "heavy"))
    }
    assert not network.training
    assert {layer.momentum for layer in network.modules() if hasattr(layer, "momentum")} == {0.1}
    assert all(map(torch.equal, weights, network.parameters()))


def test_the_order_of_the_batches_does_not_matter(network: Network) -> None:
    """What was drawn last weighs no more than the rest."""
    batches = [(torch.randn(8, 3, 32, 32) * (1 + number), (HHH, LHH)[number % 2]) for number in range(6)]
    recalibrate(network, batches)
    forwards = statistics(network)
    recalibrate(network, batches[::-1])
    assert all(torch.allclose(value, forwards[name], rtol=1e-3, atol=1e-3) for name, value in statistics(network).items())


def test_a_training_keeps_what_was_measured(
    make_recipe: Callable[..., Recipe], generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statistics that dev is measured with are those of the checkpoint; as many batches are drawn as the recipe says, of the deployed size."""
    calls: list[list[tuple[Tensor, Configuration]]] = []

    def spied(network: Network, batches: Any) -> None:
        calls.append(list(batches))
        recalibrate(network, calls[-1])

    monkeypatch.setattr(liveness, "recalibrate", spied)
    recipe = make_recipe(
        data={"index": str(generated)},
        branches={"recalibrated": 3},
        crop={"small_size": 32, "small_share": 0.5},
        preprocessing={"size": 64},
        optimiser={"epochs": 2},
    )
    measured: list[dict[str, Tensor]] = []
    errors = liveness.Liveness.errors
    monkeypatch.setattr(liveness.Liveness, "errors", lambda self, net: (measured.append(statistics(net)), errors(self, net))[1])
    checkpoint = Checkpoint.load(train(recipe, tmp_path / "run", quiet=True))
    assert [len(call) for call in calls] == [3, 3]
    assert {x.shape[-1] for call in calls for x, _ in call} == {64}
    first, second = ([configuration for _, configuration in call] for call in calls)
    assert first == second
    kept = statistics(checkpoint.network())
    assert any(all(torch.equal(kept[name], one[name]) for name in kept) for one in measured)
    assert np.isfinite([value.numpy().sum() for value in kept.values()]).all()


def test_frozen_statistics_are_not_estimated_anew(make_recipe: Callable[..., Recipe]) -> None:
    """The recipe must choose."""
    with pytest.raises(Exception, match="trunk = 0 freezes the statistics"):
        make_recipe(trunk=0, branches={"recalibrated": 3})
