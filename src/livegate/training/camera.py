"""What a camera does to a crop, as anti-spoof-mn3 draws it: the transforms and ranges of Albumentations that its recipe names."""

from __future__ import annotations

import cv2
import numpy as np

from livegate.preprocessing import Pixels
from livegate.training.recipe import Augment

COLOUR_SHIFT, INTENSITY = (0.15, 0.35), (0.2, 0.5)
"""Of the noise; the first is a share of the circle of hues."""
LIMIT = 0.2
"""Brightness changes by up to this share of white, contrast by up to this factor more or less."""
BLURS = (3, 5)
"""Height and width of the square in which a motion is a line, in pixels."""


def photographed(crop: Pixels, settings: Augment, rng: np.random.Generator) -> Pixels:
    """Noise, brightness and motion by chance; what has no probability draws nothing.

    Args:
        crop: (S, S, 3) uint8, RGB; not written to.
        settings: the probability of each.
        rng: where chance comes from.
    """
    for probability, change in (
        (settings.iso_noise, iso_noise),
        (settings.brightness, brightness),
        (settings.motion, motion_blur),
    ):
        if probability and rng.random() < probability:
            crop = change(crop, rng)
    return crop


def iso_noise(crop: Pixels, rng: np.random.Generator) -> Pixels:
    """Poisson noise that brightens, its mean the deviation of the lightness, and Gaussian noise on the hue, both times an intensity."""
    shift, intensity = rng.uniform(*COLOUR_SHIFT), rng.uniform(*INTENSITY)
    hls = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2HLS)
    hue, lightness = hls[..., 0], hls[..., 1]
    noise = rng.poisson(lightness.std() * intensity * 255, lightness.shape) / 255
    hls[..., 0] = (hue + rng.normal(0, shift * 360 * intensity, hue.shape)) % 360
    hls[..., 1] = lightness + noise * (1 - lightness)
    return _pixels(cv2.cvtColor(hls, cv2.COLOR_HLS2RGB) * 255)


def brightness(crop: Pixels, rng: np.random.Generator) -> Pixels:
    """Each pixel times a contrast plus a share of white."""
    contrast, light = 1 + rng.uniform(-LIMIT, LIMIT), rng.uniform(-LIMIT, LIMIT)
    return _pixels(crop * contrast + light * 255)


def motion_blur(crop: Pixels, rng: np.random.Generator) -> Pixels:
    """The mean along a random line."""
    size = int(rng.choice(BLURS))
    start, end = rng.choice(size**2, 2, replace=False)
    kernel = np.zeros((size, size), np.float32)
    cv2.line(kernel, (int(start % size), int(start // size)), (int(end % size), int(end // size)), 1.0)
    return _pixels(cv2.filter2D(crop, -1, kernel / kernel.sum()))


def _pixels(values: np.typing.NDArray[np.generic]) -> Pixels:
    return np.clip(np.round(np.asarray(values, np.float32)), 0, 255).astype(np.uint8)
