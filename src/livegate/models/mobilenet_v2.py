"""MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381, Table 2), plain and with adaptive blocks (Khabarlak 2022, Table 1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor, nn

from livegate.configuration import Branch
from livegate.models.network import Network
from livegate.pta import PTABlock


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
    check_stages(adaptive_stages)
    blocks: list[nn.Module] = [_conv_bn_relu(3, STEM_CHANNELS, kernel=3, stride=2)]
    channels = STEM_CHANNELS
    for number, stage in enumerate(STAGES, start=1):
        blocks += _stage(channels, stage, adaptive=number in adaptive_stages)
        channels = stage.channels
    blocks += [_conv_bn_relu(channels, TAIL_CHANNELS, kernel=1), Classifier(TAIL_CHANNELS, classes, dropout)]
    network = Network(blocks)
    network.apply(_initialise)
    return network


def check_stages(adaptive_stages: Collection[int]) -> None:
    """Check that an adaptive block can be made of the end of each stage.

    Raises:
        ValueError: for a stage that does not exist, has fewer than two inverted residuals or is named twice.
    """
    able = [i for i, stage in enumerate(STAGES, start=1) if stage.repeats > 1]
    for number in adaptive_stages:
        if number not in able:
            raise ValueError(f"stage {number} cannot be adaptive; stages with two or more inverted residuals are {able}")
    if len(set(adaptive_stages)) != len(adaptive_stages):
        raise ValueError(f"adaptive_stages {list(adaptive_stages)} name a stage twice; name each once")


class InvertedResidual(nn.Sequential):
    """Expand, filter each channel, project: 1x1 to ``expansion * c_in``, 3x3 depthwise, linear 1x1 to ``c_out``.

    Maps (N, c_in, H, W) to (N, c_out, H / stride, W / stride), with an identity shortcut where the shapes agree.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, expansion: int) -> None:
        hidden = c_in * expansion
        expand = [_conv_bn_relu(c_in, hidden, kernel=1)] if expansion > 1 else []
        super().__init__(
            *expand,
            _conv_bn_relu(hidden, hidden, kernel=3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride)."""
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call] # torch leaves it unannotated
        return x + y if self.shortcut else y


class Classifier(nn.Sequential):
    """Global average pool, dropout, linear: (N, c_in, H, W) to (N, classes) logits."""

    def __init__(self, c_in: int, classes: int, dropout: float) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(c_in, classes))


def _stage(c_in: int, stage: Stage, *, adaptive: bool) -> list[nn.Module]:
    plain = stage.repeats - 2 if adaptive else stage.repeats
    blocks: list[nn.Module] = []
    stride = stage.stride
    for _ in range(plain):
        blocks.append(InvertedResidual(c_in, stage.channels, stride, stage.expansion))
        c_in, stride = stage.channels, 1
    if adaptive:
        first, light = (InvertedResidual(c_in, stage.channels, stride, stage.expansion) for _ in range(2))
        second = InvertedResidual(stage.channels, stage.channels, 1, stage.expansion)
        blocks.append(PTABlock({Branch.HEAVY: nn.Sequential(first, second), Branch.LIGHT: light}))
    return blocks


def _conv_bn_relu(c_in: int, c_out: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU6(inplace=True),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
