"""A surface of triangles as a picture of heights, with a z-buffer, in NumPy alone: nothing in the base install draws with depth.

Interpolating over scattered points instead, as PRNet's depth pictures are made, would mix a cheek with the ear behind it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError

Floats = NDArray[np.float64]
MOST = 32
"""How many times the boxes about the triangles of a surface may cover the picture; those of a face come to about once or twice."""
EDGE = 1e-9
"""What a pixel may lie outside of a triangle, in shares of it: on the edge of two it belongs to both, and never to none."""


def rasterised(places: Floats, heights: Floats, triangles: NDArray[np.intp], size: int) -> Floats:
    """Heights over the middles of pixels, the largest where the surface lies over itself.

    Args:
        places: (N, 2) x and y of each point, in pixels; pixel (0, 0) covers 0..1.
        heights: (N,) of each point, linear in between.
        triangles: (T, 3) the numbers of their points.
        size: height and width of the picture.

    Returns:
        (size, size), 0 where there is no triangle; heights below 0 count as 0.

    Raises:
        PictureError: if the triangles overlap as those of no face do.
    """
    corners = places[triangles]
    first = np.clip(np.ceil(corners.min(axis=1) - 0.5), 0, size).astype(np.intp)
    last = np.clip(np.floor(corners.max(axis=1) - 0.5), -1, size - 1).astype(np.intp)
    wide, high = np.maximum(last - first + 1, 0).T
    if (wide * high).sum() > MOST * size * size:
        raise PictureError("the mesh is folded as no face is")
    # One row for each pixel in the box about each triangle.
    owner = np.repeat(np.arange(len(triangles)), wide * high)
    step = np.arange(owner.size) - np.repeat(np.cumsum(wide * high) - wide * high, wide * high)
    x, y = first[owner, 0] + step % np.maximum(wide, 1)[owner], first[owner, 1] + step // np.maximum(wide, 1)[owner]
    shares, whole = _shares(corners, owner, x + 0.5, y + 0.5)
    inside = whole & (shares >= -EDGE).all(axis=1)
    found = np.zeros(size * size)
    np.maximum.at(found, (y * size + x)[inside], (shares * heights[triangles][owner])[inside].sum(axis=1))
    return found.reshape(size, size)


def _shares(corners: Floats, owner: NDArray[np.intp], x: Floats, y: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The barycentric coordinates (M, 3) of points in their triangles, and which of those have an area."""
    a, b, c = corners.transpose(1, 0, 2)
    area = _cross(b - a, c - a)
    whole = np.abs(area) > EDGE
    safe = np.where(whole, area, 1.0)[owner]
    point = np.column_stack([x, y])
    second, third = _cross(point - a[owner], (c - a)[owner]) / safe, _cross((b - a)[owner], point - a[owner]) / safe
    return np.column_stack([1 - second - third, second, third]), whole[owner]


def _cross(one: Floats, other: Floats) -> Floats:
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
