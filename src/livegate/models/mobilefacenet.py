"""MobileFaceNet (Chen et al. 2018, arXiv 1804.07573, Table 1), with which SeesawFaceNets are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn

from livegate.models.backbone import Backbone, convolution
from livegate.models.embedding import Embedding

PLAN = (((2, 64, 5, 2),), ((4, 128, 1, 2), (2, 128, 6, 1)), ((4, 128, 1, 2), (2, 128, 2, 1)))
"""The lines of the table, those of one resolution together: expansion, channels, repeats, stride of the first block."""
STEM_CHANNELS, TAIL_CHANNELS = 64, 512


def mobilefacenet(numbers: int) -> Backbone:
    """A MobileFaceNet.

    Args:
        numbers: in an embedding: 128 in its own paper, 512 in the comparisons of Zhang 2019.
    """
    return Backbone(_stem, tuple(_stages()), _tail, outputs=numbers, task="verification")


@dataclass(frozen=True, slots=True)
class Residual:
    """A `Bottleneck` before it is built."""

    c_in: int
    c_out: int
    stride: int
    expansion: int

    def build(self) -> Bottleneck:
        """The block with fresh weights."""
        return Bottleneck(self)

    def joined(self, following: Residual) -> Residual:
        """The first of the two, with the channels of the second behind it."""
        return replace(self, c_out=following.c_out)


class Bottleneck(nn.Sequential):
    """Expand, filter each channel, project.

    Maps (N, c_in, H, W) to (N, c_out, H / stride, W / stride), with an identity shortcut where the shapes agree.
    """

    def __init__(self, facts: Residual) -> None:
        hidden = facts.c_in * facts.expansion
        super().__init__(
            *convolution(facts.c_in, hidden, nn.PReLU(hidden), kernel=1),
            *convolution(hidden, hidden, nn.PReLU(hidden), kernel=3, stride=facts.stride, groups=hidden),
            *convolution(hidden, facts.c_out, kernel=1),
        )
        self.shortcut = facts.stride == 1 and facts.c_in == facts.c_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride)."""
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call] # torch leaves it unannotated
        return x + y if self.shortcut else y


def _stages() -> Iterator[list[Residual]]:
    c_in = STEM_CHANNELS
    for lines in PLAN:
        blocks = []
        for expansion, channels, repeats, stride in lines:
            blocks += [
                Residual(c_in, channels, stride, expansion),
                *[Residual(channels, channels, 1, expansion)] * (repeats - 1),
            ]
            c_in = channels
        yield blocks


def _stem() -> nn.Module:
    c = STEM_CHANNELS
    return nn.Sequential(
        *convolution(3, c, nn.PReLU(c), kernel=3, stride=2), *convolution(c, c, nn.PReLU(c), kernel=3, groups=c)
    )


def _tail(numbers: int, _: float) -> list[nn.Module]:
    last = convolution(PLAN[-1][-1][1], TAIL_CHANNELS, nn.PReLU(TAIL_CHANNELS), kernel=1)
    return [nn.Sequential(*last), Embedding(TAIL_CHANNELS, numbers)]
