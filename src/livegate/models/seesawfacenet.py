"""SeesawFaceNets (Zhang 2019, arXiv 1908.09124; layers as in the author's code, cvtower/seesawfacenet_pytorch).

A pointwise convolution is split unevenly: a quarter of the channels and three quarters, each into as large a share of the output. What mixes
the two parts tells the networks apart: *shuffle* and the DW networks permute the channels in the middle of a block, *share* changes the
sides of the split instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from livegate.models.backbone import Backbone, convolution
from livegate.models.embedding import Embedding

Mixing = Literal["shuffle", "share"]
Mapping = Literal["none", "convolution", "pooling"]
QUARTER, REST = 1, 3
"""How many quarters of the channels the first part of a split has."""
SQUEEZE = 4
"""How many times fewer numbers weigh the channels than there are channels."""
QUIET = 0.1
"""What the last normalisation of a block that adds its input starts with, so that a long chain of them starts near the identity (the author
starts with 1, the re-implementation by pshashk with 0)."""
TAIL_CHANNELS = NUMBERS = 512


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table of a network.

    Attributes:
        expansion: how many times the channels of a block's input grow inside it.
        channels: behind each block.
        repeats: number of blocks.
        stride: of the first block.
    """

    expansion: int
    channels: int
    repeats: int
    stride: int


SMALL = (
    (Line(2, 64, 1, 2), Line(2, 64, 4, 1)),
    (Line(4, 128, 1, 2), Line(2, 128, 6, 1)),
    (Line(4, 128, 1, 2), Line(2, 128, 2, 1)),
)
"""Seesaw-shuffleFaceNet and Seesaw-shareFaceNet; lines of one resolution are a stage."""
DEEP_WIDE = (
    (Line(2, 96, 1, 2), Line(2, 96, 8, 1)),
    (Line(4, 192, 1, 2), Line(2, 192, 12, 1)),
    (Line(4, 192, 1, 2), Line(2, 192, 4, 1)),
)
"""DW-seesawFaceNet V1 and V2."""
MOBI = (
    (Line(2, 64, 3, 2),),
    (Line(4, 128, 1, 2), Line(2, 128, 3, 1)),
    (Line(4, 256, 1, 2), Line(2, 256, 6, 1)),
)
"""Seesaw-shuffleFaceNet(mobi), which was not published: reconstructed from its parameters and multiply-adds."""


def seesawfacenet(
    plan: Sequence[Sequence[Line]], stem: int = 64, *, mixing: Mixing = "shuffle", mapping: Mapping = "none"
) -> Backbone:
    """A SeesawFaceNet.

    Args:
        plan: `SMALL`, `DEEP_WIDE` or `MOBI`.
        stem: channels before the first block: 96 with `DEEP_WIDE`.
        mixing: what mixes the two parts of a split.
        mapping: what stands in the place of the shortcut where the stride is 2: nothing, a ``convolution`` of that stride (V1), or
            ``pooling`` and a convolution (V2).
    """

    def first() -> nn.Module:
        swish = nn.SiLU
        before = convolution(3, stem, swish(), kernel=3, stride=2)
        return nn.Sequential(*before, *convolution(stem, stem, swish(), kernel=3, groups=stem))

    def tail(numbers: int, _: float) -> list[nn.Module]:
        last = convolution(plan[-1][-1].channels, TAIL_CHANNELS, nn.SiLU(), kernel=1)
        return [nn.Sequential(*last), Embedding(TAIL_CHANNELS, numbers)]

    stages = tuple(_stages(plan, stem, mixing, mapping))
    return Backbone(first, stages, tail, outputs=NUMBERS, task="verification")


@dataclass(frozen=True, slots=True)
class Seesaw:
    """A `SeesawBlock` before it is built."""

    c_in: int
    c_out: int
    hidden: int
    stride: int
    mixing: Mixing
    mapping: Mapping

    def build(self) -> SeesawBlock:
        """The block with fresh weights."""
        return SeesawBlock(self)

    def joined(self, following: Seesaw) -> Seesaw:
        """The first of the two, with the channels of the second behind it."""
        return replace(self, c_out=following.c_out)


class SeesawBlock(nn.Module):
    """Expand, mix, filter each channel, weigh the channels, project.

    Maps (N, c_in, H, W) to (N, c_out, H / stride, W / stride). A block that keeps the shape adds its input; where the stride is 2, that of
    a DW network adds its input on a path of its own.
    """

    def __init__(self, facts: Seesaw) -> None:
        super().__init__()
        hidden, shares = facts.hidden, facts.mixing == "share"
        project = Uneven(hidden, facts.c_out, REST if shares else QUARTER, nn.Identity)
        self.layers = nn.Sequential(
            Uneven(facts.c_in, hidden, QUARTER, nn.SiLU),
            nn.Identity() if shares else nn.ChannelShuffle(2),
            *convolution(hidden, hidden, nn.SiLU(), kernel=3, stride=facts.stride, groups=hidden),
            SqueezeExcite(hidden),
            project,
        )
        self.beside = _beside(facts)
        if isinstance(self.beside, nn.Identity):
            for part in project.parts:
                nn.init.constant_(part.get_parameter("1.weight"), QUIET)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return y if self.beside is None else y + self.beside(x)


class Uneven(nn.Module):
    """Two pointwise convolutions side by side, each with batch normalisation and an activation: the seesaw.

    Maps (N, c_in, H, W) to (N, c_out, H, W).

    Args:
        c_in: channels of the input.
        c_out: channels of the output.
        first: how many quarters of both belong to the first part: 1 or 3.
        activation: makes the activation of a part.
    """

    def __init__(self, c_in: int, c_out: int, first: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.split = [c_in * first // 4, c_in - c_in * first // 4]
        outputs = c_out * first // 4, c_out - c_out * first // 4
        self.parts = nn.ModuleList(
            nn.Sequential(*convolution(c, out, activation(), kernel=1)) for c, out in zip(self.split, outputs, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H, W)."""
        return torch.cat(
            [part(share) for part, share in zip(self.parts, torch.split(x, self.split, dim=1), strict=True)], dim=1
        )


class SqueezeExcite(nn.Module):
    """Each channel times a weight of 0..1 that follows from the means of all channels; a quarter as many numbers in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // SQUEEZE
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.PReLU(hidden),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = x * self.weigh(x)
        return y


def _beside(facts: Seesaw) -> nn.Module | None:
    """What is added to a block; None for nothing. Only where it is used: the author's code makes it, unused, in every block."""
    if facts.stride == 1 and facts.c_in == facts.c_out:
        return nn.Identity()
    match facts.mapping:
        case "convolution":
            return nn.Sequential(*convolution(facts.c_in, facts.c_out, nn.SiLU(), kernel=1, stride=facts.stride))
        case "pooling":
            pool = nn.MaxPool2d(facts.stride)
            return nn.Sequential(pool, *convolution(facts.c_in, facts.c_out, nn.SiLU(), kernel=1))
        case "none":
            return None


def _stages(plan: Sequence[Sequence[Line]], c_in: int, mixing: Mixing, mapping: Mapping) -> Iterator[list[Seesaw]]:
    for lines in plan:
        blocks = []
        for line in lines:
            for repeat in range(line.repeats):
                stride = line.stride if repeat == 0 else 1
                blocks.append(Seesaw(c_in, line.channels, c_in * line.expansion, stride, mixing, mapping))
                c_in = line.channels
        yield blocks
