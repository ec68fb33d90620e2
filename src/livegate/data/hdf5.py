"""Frames of the HDF5 files that Bob writes, in which WMCA comes: ``Frame_<number>/array`` of (3, height, width) uint8, RGB."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livegate.errors import MissingExtraError, PictureError
from livegate.pictures import MAX_PIXELS, spaced
from livegate.preprocessing import Pixels

if TYPE_CHECKING:
    import h5py

SUFFIX = ".hdf5"
FRAME = re.compile(r"Frame_([0-9]{1,6})")


def frames(path: Path, count: int, first: int | None = None) -> Iterator[tuple[int, Pixels]]:
    """Evenly spaced frames, read one at a time.

    Args:
        path: an HDF5 file.
        count: at most this many frames.
        first: if given, only so many frames from the start are chosen from.

    Yields:
        The number of the frame, as its group is named, and its pixels: (height, width, 3) uint8, RGB.

    Raises:
        MissingExtraError: if h5py is not installed.
        PictureError: if the file is damaged, or a frame lies in another file, is of another kind or too large.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("reading HDF5 files (with h5py)", "data") from None
    try:
        with h5py.File(path, "r") as file:
            groups = {int(match[1]): match[0] for match in map(FRAME.fullmatch, file) if match}
            numbers = sorted(groups)[:first]
            for place in spaced(len(numbers), count):
                yield numbers[place], _pixels(file, groups[numbers[place]])
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise PictureError(f"{path}: is no HDF5 file of frames that can be read ({' '.join(str(error).split())})") from None


def _pixels(file: h5py.File, group: str) -> Pixels:
    import h5py

    name = f"{group}/array"
    # HDF5 can lead into other files; a frame must lie in this one.
    own = all(isinstance(file.get(part, getlink=True), h5py.HardLink) for part in (group, name))
    array = file[name] if own else None
    if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
        raise ValueError(f"{name} is no array of this file")
    # A chunk is unpacked whole, whatever part of it is asked for.
    size = max(math.prod(array.shape), math.prod(array.chunks or ()))
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] != 3 or not array.size or size > 3 * MAX_PIXELS:
        raise ValueError(f"{name} must be (3, height, width) uint8, got {array.shape} {array.dtype}")
    return np.ascontiguousarray(array[()].transpose(1, 2, 0))
