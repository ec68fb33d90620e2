"""What is done to the pixels of a batch in training, on the device that trains."""

from __future__ import annotations

import torch
from kornia.augmentation import AugmentationSequential, ColorJitter, RandomGaussianBlur, RandomGrayscale
from torch import Tensor

from livegate.training.recipe import Augment

SHOT_NOISE = (0.002, 0.01)
READ_NOISE = (0.005, 0.03)
"""Ranges of the strength of both kinds of sensor noise, for pixels of 0..1, as seen in phone pictures of ISO 800 to 6400."""


class PixelAugment:
    """Colour jitter, loss of colour, blur and sensor noise, drawn for each picture from torch's global generator.

    Args:
        settings: the probability of each.
    """

    def __init__(self, settings: Augment) -> None:
        self.settings = settings
        self.jitter = AugmentationSequential(ColorJitter(0.2, 0.2, 0.2, 0.1, p=settings.jitter))
        self.rest = AugmentationSequential(
            RandomGrayscale(p=settings.grey),
            RandomGaussianBlur((5, 5), (0.3, 1.5), p=settings.blur),
        )

    def __call__(self, pictures: Tensor, jittered: Tensor | None = None) -> Tensor:
        """Change each by chance.

        Args:
            pictures: (N, 3, H, W) uint8; not written to.
            jittered: (N,) bool, whose colours may jitter; all by default.

        Returns:
            (N, 3, H, W) float32, 0..255.
        """
        pixels = pictures.float() / 255
        if jittered is None:
            pixels = self.jitter(pixels)
        elif jittered.any():
            pixels[jittered] = self.jitter(pixels[jittered])
        pixels = self.rest(pixels)
        return sensor_noise(pixels, self.settings.noise) * 255


def sensor_noise(pixels: Tensor, probability: float) -> Tensor:
    """Add noise as a sensor does: its variance is a constant (read noise) plus a part that grows with the light (shot noise).

    Args:
        pixels: (N, 3, H, W) float, 0..1.
        probability: of a picture being changed at all.
    """
    shape = (len(pixels), 1, 1, 1)
    chosen = torch.rand(shape) < probability
    shot, read = (torch.empty(shape).uniform_(*limits) for limits in (SHOT_NOISE, READ_NOISE))
    strength = (pixels * shot.to(pixels) + read.to(pixels) ** 2).sqrt() * chosen.to(pixels)
    return (pixels + strength * torch.randn(pixels.shape).to(pixels)).clamp(0, 1)
