"""What the recipe of anti-spoof-mn3 does to a crop."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livegate.preprocessing import Pixels
from livegate.training.camera import brightness, iso_noise, motion_blur, photographed
from livegate.training.recipe import Augment


@pytest.fixture
def crop() -> Pixels:
    """Random pixels of 32 x 32."""
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_nothing_is_drawn_by_default(crop: Pixels) -> None:
    """All three are off, and then the chance of what comes after is what it was before they existed."""
    rng = np.random.default_rng(1)
    assert photographed(crop, Augment(), rng) is crop
    assert rng.bit_generator.state == np.random.default_rng(1).bit_generator.state


@pytest.mark.parametrize("name", ["iso_noise", "brightness", "motion"])
def test_each_is_its_own_and_repeats_under_the_same_seed(crop: Pixels, name: str) -> None:
    """Alone and certain it changes every crop, as uint8 of the same shape, and leaves the crop that came in."""
    before, settings = crop.copy(), Augment(**{name: 1.0})
    first, again, other = (photographed(crop, settings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first.dtype, first.shape) == (np.uint8, crop.shape)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, crop)
    assert np.array_equal(crop, before)


def test_the_probability_is_that_of_a_crop(crop: Pixels) -> None:
    """Of 400 at 0.3 about 120 change, within 4 sigma."""
    rng = np.random.default_rng(0)
    changed = sum(photographed(crop, Augment(brightness=0.3), rng) is not crop for _ in range(400))
    assert abs(changed - 120) < 4 * (400 * 0.3 * 0.7) ** 0.5


def test_brightness_is_a_line_within_its_limits() -> None:
    """Two greys tell slope and offset: from 0.8 to 1.2, and up to a fifth of white either way; both ranges are filled."""
    crop = np.full((2, 1, 3), [[[100]], [[150]]], np.uint8)
    lines = []
    for seed in range(300):
        low, high = brightness(crop, np.random.default_rng(seed))[:, 0, 0].astype(float)
        lines.append(((high - low) / 50, low - 100 * (high - low) / 50))
    slopes, offsets = np.array(lines).T
    assert (slopes.min(), slopes.max()) == (pytest.approx(0.8, abs=0.03), pytest.approx(1.2, abs=0.03))
    assert (offsets.min() / 255, offsets.max() / 255) == (pytest.approx(-0.2, abs=0.03), pytest.approx(0.2, abs=0.03))


def test_noise_moves_the_hue_and_never_darkens() -> None:
    """An even grey has neither hue nor deviation and stays; of an even red the lightness stays and the hue does not."""
    grey = np.full((16, 16, 3), 90, np.uint8)
    assert np.array_equal(iso_noise(grey, np.random.default_rng(0)), grey)
    red = np.full((16, 16, 3), (200, 40, 40), np.uint8)
    hls = cv2.cvtColor(iso_noise(red, np.random.default_rng(0)), cv2.COLOR_RGB2HLS).astype(int)
    assert np.ptp(hls[..., 0]) > 10
    assert np.abs(hls[..., 1] - 120).max() <= 1
    halves = np.repeat(np.array([60, 180], np.uint8), 128).reshape(16, 16, 1).repeat(3, 2)
    noisy = iso_noise(halves, np.random.default_rng(0)).astype(int)
    assert (noisy >= halves).all()
    assert noisy.mean() > halves.mean() + 5


def test_motion_is_a_line_of_three_to_five_pixels() -> None:
    """The trace of one white pixel: its brightness is kept, it reaches no farther than two pixels, and directions differ."""
    crop = np.zeros((11, 11, 3), np.uint8)
    crop[5, 5] = 240
    traces = set()
    for seed in range(60):
        trace = motion_blur(crop, np.random.default_rng(seed))[..., 0]
        places = np.argwhere(trace)
        assert 2 <= len(places) <= 5
        assert abs(int(trace.sum()) - 240) <= len(places)
        assert np.abs(places - 5).max() <= 4
        traces.add(tuple(map(tuple, places - places[0])))
    assert len(traces) > 8
