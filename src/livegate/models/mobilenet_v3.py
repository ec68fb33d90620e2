"""MobileNetV3 (Howard et al. 2019, arXiv 1905.02244) as anti-spoof-mn3 has it: another tail, dropout in every block.

The tail is a convolution to 1280 channels (small: 1024) before the average over the picture, and a head of dropout, batch normalisation,
h-swish and a linear layer (kprokofi/light-weight-face-anti-spoofing, models/mobilenetv3.py and model_tools.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from torch import Tensor, nn

from livegate.models.backbone import Backbone, convolution
from livegate.models.heads import PooledHead, swish_layers

BLOCK_DROPOUT = 0.1
"""Probability of dropping a channel of what a block adds, in training."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of a network.

    Attributes:
        kernel: of the depthwise convolution.
        ratio: how many times the channels grow before it.
        channels: behind the block.
        squeezes: whether channels are weighed (squeeze and excite).
        swish: h-swish; else ReLU.
        stride: of the depthwise convolution.
    """

    kernel: int
    ratio: float
    channels: int
    squeezes: bool
    swish: bool
    stride: int


def _rows(*rows: tuple[int, float, int, int, int, int]) -> tuple[Row, ...]:
    return tuple(Row(k, t, c, bool(se), bool(hs), s) for k, t, c, se, hs, s in rows)


LARGE = _rows(
    (3, 1, 16, 0, 0, 1),
    (3, 4, 24, 0, 0, 2),
    (3, 3, 24, 0, 0, 1),
    (5, 3, 40, 1, 0, 2),
    (5, 3, 40, 1, 0, 1),
    (5, 3, 40, 1, 0, 1),
    (3, 6, 80, 0, 1, 2),
    (3, 2.5, 80, 0, 1, 1),
    (3, 2.3, 80, 0, 1, 1),
    (3, 2.3, 80, 0, 1, 1),
    (3, 6, 112, 1, 1, 1),
    (3, 6, 112, 1, 1, 1),
    (5, 6, 160, 1, 1, 2),
    (5, 6, 160, 1, 1, 1),
    (5, 6, 160, 1, 1, 1),
)
"""Howard et al. 2019, Table 1; stages are lines of the same channels: 1; 2-3; 4-6; 7-10; 11-12; 13-15."""
SMALL = _rows(
    (3, 1, 16, 1, 0, 2),
    (3, 4.5, 24, 0, 0, 2),
    (3, 3.67, 24, 0, 0, 1),
    (5, 4, 40, 1, 1, 2),
    (5, 6, 40, 1, 1, 1),
    (5, 6, 40, 1, 1, 1),
    (5, 3, 48, 1, 1, 1),
    (5, 3, 48, 1, 1, 1),
    (5, 6, 96, 1, 1, 2),
    (5, 6, 96, 1, 1, 1),
    (5, 6, 96, 1, 1, 1),
)
"""Howard et al. 2019, Table 2."""
STEM_CHANNELS = 16


def mobilenet_v3(rows: Sequence[Row], width: float, embedding: int) -> Backbone:
    """A MobileNetV3.

    Args:
        rows: `LARGE` or `SMALL`.
        width: what the channels of all blocks are multiplied with.
        embedding: channels of the tail: 1280 for the large network, 1024 for the small one, whatever the width.
    """
    stem, last = divisible(STEM_CHANNELS * width), divisible(rows[-1].channels * width)

    def tail(classes: int, dropout: float) -> list[nn.Module]:
        return [nn.Sequential(*convolution(last, embedding, _swish(), kernel=1)), Head(embedding, classes, dropout)]

    return Backbone(
        lambda: nn.Sequential(*convolution(3, stem, _swish(), kernel=3, stride=2)), tuple(_stages(rows, width, stem)), tail
    )


def divisible(channels: float, by: int = 8) -> int:
    """The nearest multiple, at least one, and at least nine tenths of what was asked for."""
    nearest = max(by, int(channels + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * channels else nearest


@dataclass(frozen=True, slots=True)
class Residual:
    """An `InvertedResidual` before it is built."""

    c_in: int
    c_out: int
    hidden: int
    kernel: int
    stride: int
    squeezes: bool
    swish: bool

    def build(self) -> InvertedResidual:
        """The block with fresh weights."""
        return InvertedResidual(self)

    def joined(self, following: Residual) -> Residual:
        """The first of the two, with the channels of the second behind it."""
        return replace(self, c_out=following.c_out)


class InvertedResidual(nn.Sequential):
    """Expand, filter each channel, weigh the channels, project; what it adds to a shortcut loses whole channels in training.

    Maps (N, c_in, H, W) to (N, c_out, H / stride, W / stride), with an identity shortcut where the shapes agree.
    """

    def __init__(self, facts: Residual) -> None:
        c_in, hidden = facts.c_in, facts.hidden
        depthwise = convolution(hidden, hidden, kernel=facts.kernel, stride=facts.stride, groups=hidden)
        squeeze = [SqueezeExcite(hidden)] if facts.squeezes else []

        def activation() -> nn.Module:
            return _swish() if facts.swish else nn.ReLU(inplace=True)

        if hidden == c_in:
            layers = [*depthwise, activation(), *squeeze]
        else:
            layers = [*convolution(c_in, hidden, activation(), kernel=1), *depthwise, *squeeze, activation()]
        super().__init__(*layers, *convolution(hidden, facts.c_out, kernel=1), nn.Dropout2d(BLOCK_DROPOUT))
        self.shortcut = facts.stride == 1 and c_in == facts.c_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride)."""
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call] # torch leaves it unannotated
        return x + y if self.shortcut else y


class SqueezeExcite(nn.Module):
    """Each channel times a weight of 0..1 that follows from the means of all channels; a quarter of them in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = divisible(channels // 4)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = x * self.weigh(x)
        return y


class Head(PooledHead):
    """Global average pool, dropout, batch normalisation, h-swish, linear: (N, c_in, H, W) to (N, classes) logits."""

    def __init__(self, c_in: int, classes: int, dropout: float) -> None:
        super().__init__(c_in, *swish_layers(c_in, nn.Linear(c_in, classes), dropout))


def _stages(rows: Sequence[Row], width: float, c_in: int) -> Iterator[list[Residual]]:
    for channels, stage in groupby(rows, key=lambda row: row.channels):
        c_out, blocks = divisible(channels * width), []
        for row in stage:
            hidden = divisible(c_in * row.ratio)
            blocks.append(Residual(c_in, c_out, hidden, row.kernel, row.stride, row.squeezes, row.swish))
            c_in = c_out
        yield blocks


def _swish() -> nn.Module:
    return nn.Hardswish(inplace=True)
