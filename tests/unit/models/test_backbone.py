"""A backbone of one's own becomes adaptive, under the same rules as those of the registry, and gets a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.errors import CheckpointError
from livegate.models import registry
from livegate.models.backbone import Backbone, adapt
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.registry import ModelSpec, register
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock


class Plain(NamedTuple):
    """A convolution that can say nothing of another one."""

    c_in: int
    c_out: int
    stride: int = 1

    def build(self) -> nn.Module:
        """With fresh weights."""
        return nn.Sequential(nn.Conv2d(self.c_in, self.c_out, 3, self.stride, padding=1), nn.ReLU())


class Held(NamedTuple):
    """A block that breaks the rule: it hands out one module again and again."""

    module: nn.Module

    def build(self) -> nn.Module:
        """The same one."""
        return self.module


def tail(classes: int, dropout: float) -> list[nn.Module]:
    """A linear layer without bias on the means of the channels."""
    return [nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(8, classes, bias=False))]


OWN = Backbone(
    lambda: nn.Conv2d(3, 4, 3), [[Plain(4, 4)], [Plain(4, 8, 2), Plain(8, 8)], [Plain(8, 8), Plain(8, 8), Plain(8, 8)]], tail
)


def narrow(first: Plain, second: Plain) -> Plain:
    """A light branch with no other facts than the shapes."""
    return Plain(first.c_in, second.c_out, first.stride)


@pytest.fixture
def named() -> Iterator[str]:
    """A network by a name of its own, for one test."""
    register("own", adapt(OWN, (2, 3), light=narrow))
    yield "own"
    del registry.BACKBONES["own"]


def test_the_last_two_blocks_of_the_stages_become_one() -> None:
    """Stem, one block, one adaptive block, one and one adaptive block, tail; the light branch is what was asked for."""
    backbone = adapt(OWN, (2, 3), light=narrow)
    network = backbone.network()
    assert [type(block) is PTABlock for block in network.blocks] == [False, False, True, False, True, False]
    assert network.adaptive_blocks == backbone.adaptive_blocks == 2
    light = network.blocks[2].light[0]
    assert (light.in_channels, light.out_channels, light.stride) == (4, 8, (2, 2))
    assert (OWN.adaptive_blocks, [len(stage) for stage in OWN.stages]) == (0, [1, 2, 3])


def test_all_heavy_is_the_network_that_it_was() -> None:
    """With its weights the plain network computes the same, bit for bit."""
    adaptive = adapt(OWN, (3,), light=narrow).network().eval()
    plain = OWN.network().eval()
    heavy = adaptive.fixed(Configuration((Branch.HEAVY,)))
    for parameter, value in zip(plain.parameters(), heavy.parameters(), strict=True):
        parameter.data.copy_(value)
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(plain(x, Configuration(())), adaptive(x, Configuration((Branch.HEAVY,))))


def test_stages_can_follow_one_after_the_other() -> None:
    """Each with a light branch of its own kind, but none twice."""
    once = adapt(OWN, (2,), light=narrow)
    assert adapt(once, (3,), light=narrow).adaptive_blocks == 2
    with pytest.raises(ValueError, match=r"stage 2 cannot be adaptive; stages with two or more blocks are \[3\]"):
        adapt(once, (2,), light=narrow)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ((1,), r"stage 1 cannot be adaptive; stages with two or more blocks are \[2, 3\]"),
        ((4,), "stage 4 cannot be adaptive"),
        ((2, 2), r"adaptive_stages \[2, 2\] name a stage twice"),
    ],
)
def test_what_cannot_be_adaptive_is_refused(stages: tuple[int, ...], words: str) -> None:
    """With what could be."""
    with pytest.raises(ValueError, match=words):
        adapt(OWN, stages, light=narrow)


def test_branches_that_share_weights_are_refused() -> None:
    """A block that is built once for both would be trained for two places at a time."""
    block = Held(nn.Conv2d(8, 8, 1))
    backbone = Backbone(OWN.stem, [[Plain(4, 8), block, Plain(8, 8)]], tail)
    with pytest.raises(ValueError, match=r"share weights; build\(\) must make new ones each time"):
        adapt(backbone, (1,), light=lambda first, _: first).network()


def test_a_registered_network_is_found_by_name(named: str) -> None:
    """Whole, in near names, and in the number of letters that a recipe may give a configuration."""
    assert ModelSpec(named, ()).build().adaptive_blocks == ModelSpec(named, ()).backbone.adaptive_blocks == 2
    with pytest.raises(ValueError, match="did you mean 'own'"):
        ModelSpec("owm", ())
    with pytest.raises(ValueError, match=r"stage 3 cannot be adaptive; stages with two or more blocks are \[\]"):
        ModelSpec(named, (3,))


def test_a_name_is_given_once(named: str) -> None:
    """To another network it is refused; to the same one it may be given again."""
    register(named, registry.BACKBONES[named])
    for taken in (named, "mobilenet-v2"):
        with pytest.raises(ValueError, match=f"there is a network '{taken}' already; choose another name"):
            register(taken, OWN)


def test_a_checkpoint_needs_the_name(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not registered it says which networks it knows."""
    spec = ModelSpec(named, ())
    Checkpoint(spec, Preprocessing(), as_weights(spec.build()), {}, {}).save(tmp_path / "own.safetensors")
    assert Checkpoint.load(tmp_path / "own.safetensors").network().adaptive_blocks == 2
    monkeypatch.delitem(registry.BACKBONES, named)
    with pytest.raises(CheckpointError, match="unknown network 'own'; networks are mobilenet-v2, "):
        Checkpoint.load(tmp_path / "own.safetensors")
