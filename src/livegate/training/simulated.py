"""Attacks that nobody had to stage: simulated prints and replays of bona fide training pictures.

The ranges are those of an attack that fills the frame of a phone or a webcam: dots and sub-pixels are mostly finer than the stored face and
blur away, and what is left is tone, colour, noise and gloss. Coarser dots, the simulator's defaults, teach the dots.
"""

from __future__ import annotations

import numpy as np

from livegate.data.simulate import CameraSettings, PrintSettings, ReplaySettings, print_capture, recapture, replay_capture
from livegate.preprocessing import Pixels

CAMERA = CameraSettings(
    blur=(0.4, 1.2),
    exposure=(0.75, 1.2),
    balance=(0.85, 1.15),
    well=(1000.0, 8000.0),
    read=(2.0, 6.0),
    contrast=(0.0, 0.6),
    sharpening=(0.0, 0.8),
    quality=(55.0, 95.0),
)
PRINT = PrintSettings(
    pitch=(1.0, 2.0),
    lens=(0.6, 1.1),
    density=(0.02, 0.14),
    impurity=(0.1, 0.5),
    paper=(0.75, 0.98),
    tint=(-0.06, 0.06),
    texture=(0.002, 0.015),
    fill=(1.06, 1.25),
    bend=(-0.04, 0.04),
    gloss=(0.0, 0.25),
    camera=CAMERA,
)
REPLAY = ReplaySettings(
    pitch=(1.0, 2.2),
    aperture=(0.7, 0.95),
    grid=(0.0, 0.12),
    gamma=(2.0, 2.6),
    white=(0.9, 1.5),
    floor=(0.001, 0.05),
    brightness=(0.7, 1.4),
    glare=(0.0, 0.12),
    band=(0.0, 0.1),
    fill=(1.06, 1.25),
    camera=CAMERA,
)


def attack(bona_fide: Pixels, rng: np.random.Generator) -> Pixels:
    """A print or a replay of a bona fide picture, as likely the one as the other: the same shape, uint8, RGB."""
    if rng.random() < 0.5:
        return print_capture(bona_fide, rng, PRINT)
    return replay_capture(bona_fide, rng, REPLAY)


def second_camera(bona_fide: Pixels, rng: np.random.Generator) -> Pixels:
    """The same face before the camera of the simulated attacks, so that this camera does not give an attack away."""
    return recapture(bona_fide, rng, CAMERA)
