"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381, Table 2), plain and with adaptive blocks (Khabarlak 2022, Table 1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn

from livegate.models.backbone import Backbone, adapt, convolution
from livegate.models.heads import PooledHead
from livegate.models.network import Network


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the table of MobileNetV2: ``repeats`` inverted residuals, the first of them with the given stride."""

    expansion: int
    channels: int
    repeats: int
    stride: int


STAGES = (
    Stage(expansion=1, channels=16, repeats=1, stride=1),
    Stage(expansion=6, channels=24, repeats=2, stride=2),
    Stage(expansion=6, channels=32, repeats=3, stride=2),
    Stage(expansion=6, channels=64, repeats=4, stride=2),
    Stage(expansion=6, channels=96, repeats=3, stride=1),
    Stage(expansion=6, channels=160, repeats=3, stride=2),
    Stage(expansion=6, channels=320, repeats=1, stride=1),
)
STEM_CHANNELS = 32
TAIL_CHANNELS = 1280
PAPER_STAGES = (4, 5, 6)
"""The stages, counted from 1, whose last two inverted residuals the paper makes adaptive: 64, 96 and 160 channels."""


def mobilenet_v2(
    adaptive_stages: Collection[int] = PAPER_STAGES,
    *,
    classes: int = 2,
    dropout: float = 0.2,
) -> Network:
    """MobileNetV2 of width 1.0, its last two inverted residuals of some stages turned into an adaptive block.

    The heavy branch of an adaptive block is those two inverted residuals, the light branch a single one from the same input
    to the same output. With all blocks heavy, or with no adaptive stage, the network is MobileNetV2 itself.

    Args:
        adaptive_stages: rows of `STAGES`, counted from 1; empty for the plain network.
        classes: number of outputs.
        dropout: probability of dropping a feature before the classifier, in training.

    Raises:
        ValueError: for a stage that does not exist, has fewer than two inverted residuals or is named twice.
    """
    return adapt(MOBILENET_V2, adaptive_stages).network(classes=classes, dropout=dropout)


class InvertedResidual(nn.Sequential):
    """Expand, filter each channel, project: 1x1 to ``expansion * c_in``, 3x3 depthwise, linear 1x1 to ``c_out``.

    Maps (N, c_in, H, W) to (N, c_out, H / stride, W / stride), with an identity shortcut where the shapes agree.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, expansion: int) -> None:
        hidden = c_in * expansion
        expand = [conv_bn_relu(c_in, hidden, kernel=1)] if expansion > 1 else []
        super().__init__(
            *expand,
            conv_bn_relu(hidden, hidden, kernel=3, stride=stride, groups=hidden),
            *convolution(hidden, c_out, kernel=1),
        )
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride)."""
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call] # torch leaves it unannotated
        return x + y if self.shortcut else y


class Classifier(PooledHead):
    """Global average pool, dropout, linear: (N, c_in, H, W) to (N, classes) logits."""

    def __init__(self, c_in: int, classes: int, dropout: float) -> None:
        super().__init__(c_in, nn.Dropout(dropout), nn.Linear(c_in, classes))


@dataclass(frozen=True, slots=True)
class Residual:
    """An `InvertedResidual` before it is built."""

    c_in: int
    c_out: int
    stride: int
    expansion: int

    def build(self) -> InvertedResidual:
        """The block with fresh weights."""
        return InvertedResidual(self.c_in, self.c_out, self.stride, self.expansion)

    def joined(self, following: Residual) -> Residual:
        """One inverted residual in the place of two (Khabarlak 2022, section 3.1)."""
        return replace(self, c_out=following.c_out)


def _stages() -> Iterator[list[Residual]]:
    c_in = STEM_CHANNELS
    for stage in STAGES:
        first = Residual(c_in, stage.channels, stage.stride, stage.expansion)
        c_in = stage.channels
        yield [first, *[Residual(c_in, c_in, 1, stage.expansion)] * (stage.repeats - 1)]


def _tail(classes: int, dropout: float) -> list[nn.Module]:
    return [conv_bn_relu(STAGES[-1].channels, TAIL_CHANNELS, kernel=1), Classifier(TAIL_CHANNELS, classes, dropout)]


def conv_bn_relu(c_in: int, c_out: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution without bias, batch normalisation and ReLU6."""
    return nn.Sequential(*convolution(c_in, c_out, nn.ReLU6(inplace=True), kernel=kernel, stride=stride, groups=groups))


MOBILENET_V2 = Backbone(lambda: conv_bn_relu(3, STEM_CHANNELS, kernel=3, stride=2), tuple(_stages()), _tail)
