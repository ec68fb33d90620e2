"""Pictures beside their maps, to be looked at: a teacher that is wrong shows at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from livegate.data.depth.maps import DepthMaps, frame
from livegate.errors import PictureError
from livegate.pictures import read, spaced
from livegate.preprocessing import Pixels, resize
from livegate.sample import Sample

TILE, ACROSS, MOST = 96, 8, 64
"""Pixels of a picture on the sheet, how many stand side by side, and how many there are at most."""


def sheet(maps: DepthMaps, samples: Sequence[Sample]) -> Pixels:
    """At most 64 of the pictures that have a map, evenly spaced: each as its frame shows it, and its map to the right.

    Args:
        maps: of these samples.
        samples: bona fide.

    Returns:
        (height, width, 3) uint8, RGB; grey where there is no picture.
    """
    made = [sample for sample in samples if maps.of(sample.name) is not None]
    pairs = [_pair(maps, made[place]) for place in spaced(len(made), MOST)]
    rows = max(1, -(-len(pairs) // ACROSS))
    page = np.full((rows * ACROSS, TILE, 2 * TILE, 3), 128, np.uint8)
    page[: len(pairs)] = np.array(pairs, np.uint8).reshape(-1, TILE, 2 * TILE, 3)
    return page.reshape(rows, ACROSS, TILE, 2 * TILE, 3).swapaxes(1, 2).reshape(rows * TILE, ACROSS * 2 * TILE, 3)


def _pair(maps: DepthMaps, sample: Sample) -> Pixels:
    depth = np.repeat(np.asarray(maps.of(sample.name))[..., None], 3, axis=2)
    shown = np.full((TILE, TILE, 3), 128, np.uint8)
    with suppress(PictureError):  # it may have gone since its map was made
        picture = read(sample.path)
        height, width = picture.shape[:2]
        x, y, side = map(int, frame(width, height, sample.box))
        shown = resize(picture[y : y + side, x : x + side], TILE, TILE)
    return np.hstack([shown, resize(depth, TILE, TILE)])
