"""A surface of triangles is drawn without a hole, linear in between, the nearest part of it on top."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.data.depth.raster import rasterised
from livegate.errors import PictureError

SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def test_heights_are_linear_over_a_triangle() -> None:
    """At the middle of each pixel, as the plane through the corners has it; 0 where there is none."""
    places = np.array([[2.0, 3.0], [30.0, 5.0], [10.0, 28.0]])
    plane = np.array([0.02, 0.01])
    found = rasterised(places, places @ plane, np.array([[0, 1, 2]]), 32)
    y, x = np.mgrid[:32, :32] + 0.5
    ways = [np.roll(places, -n, axis=0) for n in range(3)]
    inside = np.all([(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) > 0 for a, b, _ in ways], axis=0)
    assert inside.sum() > 300
    assert np.allclose(found, np.where(inside, plane[0] * x + plane[1] * y, 0))


def test_pixels_on_an_edge_of_two_triangles_belong_to_the_surface() -> None:
    """A square cut along its diagonal through the middles of pixels is whole, whichever way its triangles turn."""
    places = np.array([[4.0, 4.0], [20.0, 4.0], [20.0, 20.0], [4.0, 20.0]])
    expected = np.zeros((24, 24))
    expected[4:20, 4:20] = 1
    for triangles in (SQUARE, SQUARE[:, ::-1], np.array([[0, 1, 2], [3, 2, 0]])):
        assert np.allclose(rasterised(places, np.ones(4), triangles, 24), expected)


def test_the_nearest_part_is_seen() -> None:
    """Of two squares one before the other, whatever their order; where they cross, of each the nearer half."""
    places = np.array([[4.0, 4.0], [20.0, 4.0], [20.0, 20.0], [4.0, 20.0]] * 2)
    heights = np.array([0.2, 0.8, 0.8, 0.2, 0.8, 0.2, 0.2, 0.8])
    triangles = np.vstack([SQUARE, SQUARE + 4])
    rising = 0.2 + 0.6 * (np.arange(4, 20) + 0.5 - 4) / 16
    for order in (triangles, triangles[::-1]):
        found = rasterised(places, heights, order, 24)[4:20, 4:20]
        assert np.allclose(found, np.maximum(rising, rising[::-1]))


def test_what_lies_outside_the_picture_is_cut_off() -> None:
    """Partly outside, wholly outside, and without an area."""
    places = np.array([[-50.0, -50.0], [150.0, -50.0], [150.0, 150.0], [-50.0, 150.0]])
    assert np.allclose(rasterised(places, np.full(4, 0.5), SQUARE, 16), 0.5)
    assert not rasterised(places + 500, np.ones(4), SQUARE, 16).any()
    assert not rasterised(places * (1, 0), np.ones(4), SQUARE, 16).any()


def test_a_surface_folded_without_end_is_refused() -> None:
    """So that no model's answer takes much memory: here 898 triangles, each as large as the picture."""
    places = np.array([[-200.0, -200.0], [300.0, -200.0], [-200.0, 300.0]])
    with pytest.raises(PictureError, match="folded as no face is"):
        rasterised(places, np.ones(3), np.tile([[0, 1, 2]], (898, 1)), 64)
