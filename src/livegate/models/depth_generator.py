"""Adversarial pseudo-depth pre-training: the generator of depth maps, its discriminator, and the classifier that takes over its encoder.

The idea is that of Paik, Ko and Yoo (2021, arXiv 2101.00200), whose networks are not published. These are Livegate's own: the encoder is
MobileNetV2 down to its last block of 96 channels, the decoder a small U-Net (Ronneberger et al. 2015), the discriminator the one of
pix2pix (Isola et al. 2017, arXiv 1611.07004) cut to maps of 64 x 64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from livegate.configuration import Configuration
from livegate.models.mobilenet_v2 import MOBILENET_V2, STAGES, Classifier, conv_bn_relu
from livegate.models.network import Network

DEEPEST = 5
"""The encoder is the stem and this many stages."""
DRAWN_BESIDE = ("pseudo-depth", "mobilenet-v2")
"""The networks that begin with the encoder, with adaptive blocks or without: a decoder can draw depth beside what they are for."""
SKIPS, WIDTHS = (32, 24, 16), (64, 48, 32)
"""Channels of the encoder at 1/8, 1/4 and 1/2 of the picture's side, and of the decoder there."""
WIDE = 1664
"""Channels before the classifier's average over the picture."""
PATCH_CHANNELS = (64, 128, 256)
LEAK = 0.2

Step = Callable[[Tensor], Tensor]
Features = Mapping[int, Tensor]
"""The last features of each side in pixels, the largest first."""


def features(steps: Iterable[Step], x: Tensor) -> Features:
    """Run the steps of an encoder on (N, C, H, W) and keep what the decoder looks at."""
    found: dict[int, Tensor] = {}
    for step in steps:
        x = step(x)
        found[x.shape[-1]] = x
    return found


class Decoder(nn.Module):
    """From the features of an encoder to a map of half the picture's side: (N, 1, S / 2, S / 2), 0 far or no face, 1 nearest.

    Args:
        deepest: channels of the smallest features.
        skips: channels of the larger ones, from the smaller to the larger.
        widths: channels of what is made beside each of these.
    """

    def __init__(
        self, deepest: int = STAGES[DEEPEST - 1].channels, skips: Sequence[int] = SKIPS, widths: Sequence[int] = WIDTHS
    ) -> None:
        super().__init__()
        above = (deepest, *widths)
        self.ups = nn.ModuleList(
            _separable(c_in + skip, c_out) for c_in, skip, c_out in zip(above, skips, widths, strict=False)
        )
        self.last = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, found: Features) -> Tensor:
        """Each step: twice as large by bilinear interpolation, beside the features of that size, then a separable convolution."""
        x, *skips = [*found.values()][::-1]
        for up, skip in zip(self.ups, skips, strict=True):
            x = up(torch.cat([interpolate(x, size=skip.shape[-2:], mode="bilinear"), skip], 1))
        depth: Tensor = self.last(x).sigmoid()
        return depth


class Generator(Network):
    """A network whose last block is a `Decoder`: (N, 3, S, S) normalised pictures to maps of depth (N, 1, S / 2, S / 2), 0..1."""

    def forward(self, x: Tensor, configuration: Configuration) -> Tensor:
        """See `Network.forward`."""
        *encoder, decoder = self.chain(configuration)
        depth: Tensor = decoder(features(encoder, x))  # type: ignore[arg-type] # the one block that takes no tensor
        return depth

    def fixed(self, configuration: Configuration) -> nn.Sequential:
        """See `Network.fixed`."""
        return _Plain(*super().fixed(configuration))


class _Plain(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        *encoder, decoder = self
        depth: Tensor = decoder(features(encoder, x))
        return depth


class Discriminator(nn.Module):
    """Tells real maps from generated ones, patch by patch, beside the picture that they belong to.

    Without the picture it could not punish the map of a face for an attack. Maps of 64 x 64 give 14 x 14 patches.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = PATCH_CHANNELS
        self.layers = nn.Sequential(
            nn.Conv2d(3 + 1, first, 4, 2, 1),
            nn.LeakyReLU(LEAK),
            *_patches(first, second, stride=2),
            *_patches(second, third, stride=1),
            nn.Conv2d(third, 1, 4, 1, 1),
        )
        self.apply(_initialise)

    def forward(self, pictures: Tensor, maps: Tensor) -> Tensor:
        """Judge maps.

        Args:
            pictures: (N, 3, S, S) float, normalised.
            maps: (N, 1, M, M) float, 0..1.

        Returns:
            (N, 1, P, P) scores, near 1 where it takes the map for real, near 0 where for generated.
        """
        small = interpolate(pictures, size=maps.shape[-2:], mode="area")
        scores: Tensor = self.layers(torch.cat([small, maps], 1))
        return scores


def _separable(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(conv_bn_relu(c_in, c_in, kernel=3, groups=c_in), conv_bn_relu(c_in, c_out, kernel=1))


def _patches(c_in: int, c_out: int, *, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(c_in, c_out, 4, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.LeakyReLU(LEAK)]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.02)  # pix2pix


def _tail(classes: int, dropout: float) -> list[nn.Module]:
    return [conv_bn_relu(STAGES[DEEPEST - 1].channels, WIDE, kernel=1), Classifier(WIDE, classes, dropout)]


PSEUDO_DEPTH = replace(MOBILENET_V2, stages=MOBILENET_V2.stages[:DEEPEST], tail=_tail)
"""The classifier: its blocks before the tail bear the names of the generator's."""
DEPTH_GENERATOR = replace(PSEUDO_DEPTH, tail=lambda *_: [Decoder()], outputs=1, task="depth", kind=Generator)
