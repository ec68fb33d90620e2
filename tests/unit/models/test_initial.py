"""Starting from trained weights: the heavy branches compute what the trained network computed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from livegate.configuration import Branch, Configuration
from livegate.errors import CheckpointError
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.initial import start_from
from livegate.models.network import Network
from livegate.models.registry import BACKBONES, ModelSpec
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock

STAGES: Mapping[str, tuple[int, ...]] = {
    name: tuple(number for number, stage in enumerate(backbone.stages, start=1) if len(stage) > 1)
    for name, backbone in BACKBONES.items()
}


def trained(name: str, stages: tuple[int, ...] = ()) -> Checkpoint:
    """A checkpoint whose batch-norm statistics differ from those of a fresh network."""
    torch.manual_seed(3)
    spec = ModelSpec(name, stages)
    network = spec.build()
    for key, tensor in network.state_dict().items():
        if "running" in key:
            tensor.uniform_(0.5, 1.5)
    return Checkpoint(spec, Preprocessing(), as_weights(network), {}, {})


def logits(network: Network, branch: Branch, side: int = 64) -> torch.Tensor:
    """The network's output on fixed noise."""
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    output: torch.Tensor = network.eval()(x, Configuration.uniform(branch, network.adaptive_blocks))
    return output


@pytest.mark.parametrize("name", BACKBONES)
def test_with_all_blocks_heavy_the_network_is_the_trained_one(name: str) -> None:
    """Whatever stages are adaptive."""
    checkpoint = trained(name)
    network = ModelSpec(name, STAGES[name]).build()
    start_from(network, checkpoint)
    assert network.adaptive_blocks == len(STAGES[name]) > 0
    with torch.inference_mode():
        side = 112 if BACKBONES[name].task == "verification" else 64
        assert torch.equal(logits(network, Branch.HEAVY, side), logits(checkpoint.network(), Branch.HEAVY, side))


def test_the_light_branch_starts_as_the_first_of_the_two_blocks_that_it_replaces() -> None:
    """In MobileNetV2 the shapes always allow it."""
    network = ModelSpec().build()
    start_from(network, trained("mobilenet-v2"))
    blocks = [block for block in network.blocks if isinstance(block, PTABlock)]
    assert len(blocks) == 3
    for block in blocks:
        first = dict(block.heavy[0].state_dict())  # type: ignore[index]
        assert all(torch.equal(tensor, first[key]) for key, tensor in block.light.state_dict().items())


@pytest.mark.parametrize(
    ("checkpoint", "fault"),
    [
        (trained("mobilenet-v2", (4,)), "without adaptive blocks"),
        (trained("mobilenet-v3-large"), "'mobilenet-v3-large', whose blocks do not fit"),
        (trained("mobilenet-v3-small"), "'mobilenet-v3-small', whose blocks do not fit"),
    ],
)
def test_weights_that_do_not_fit_are_refused(checkpoint: Checkpoint, fault: str) -> None:
    """An adaptive network, and networks of other shapes and depths."""
    with pytest.raises(CheckpointError, match=fault):
        start_from(ModelSpec().build(), checkpoint)
