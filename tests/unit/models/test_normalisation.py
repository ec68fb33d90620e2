"""The scale that a network takes: the specification's mean and deviation, and a picture's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from livegate.models.normalisation import normalise
from livegate.preprocessing import Preprocessing

FIXED = Preprocessing(size=32, mean=(120.0, 100.0, 90.0), std=(60.0, 50.0, 40.0))
OWN = replace(FIXED, standardised=True)
PICTURES = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 100 + 50


def test_the_fixed_numbers_are_applied_to_each_channel() -> None:
    """(x - mean) / std."""
    expected = (PICTURES.numpy() - np.reshape(FIXED.mean, (3, 1, 1))) / np.reshape(FIXED.std, (3, 1, 1))
    np.testing.assert_allclose(normalise(PICTURES, FIXED), expected, atol=1e-5)


def test_a_standardised_picture_has_its_own_mean_and_variance() -> None:
    """After the fixed numbers: over all places and channels together, the variance with 0.01 added, each picture for itself."""
    x = normalise(PICTURES, FIXED).double().numpy()
    expected = [(one - one.mean()) / np.sqrt(one.var() + 0.01) for one in x]
    np.testing.assert_allclose(normalise(PICTURES, OWN), expected, atol=1e-5)
    torch.testing.assert_close(normalise(PICTURES[2:3], OWN), normalise(PICTURES, OWN)[2:3])


def test_brightness_and_contrast_do_not_count_and_colours_do() -> None:
    """Where every channel is normalised alike: a picture at half the contrast and brighter is the same one; one with less red is not."""
    alike = replace(OWN, mean=(120.0,) * 3, std=(60.0,) * 3)
    seen = normalise(PICTURES, alike)
    torch.testing.assert_close(
        normalise(PICTURES * 0.5 + 60, alike), seen, atol=0.1, rtol=0
    )  # the least variance is felt a little
    assert (normalise(PICTURES * 0.5 + 60, replace(alike, standardised=False)) - normalise(PICTURES, FIXED)).abs().max() > 0.5
    less_red = PICTURES * torch.tensor([0.7, 1.0, 1.0]).reshape(3, 1, 1)
    assert (normalise(less_red, alike) - seen).abs().max() > 0.5


def test_a_picture_of_one_colour_stays_flat() -> None:
    """Its noise is not made a picture, and nothing is divided by zero."""
    flat = torch.full((1, 3, 32, 32), 128.0)
    alike = replace(OWN, mean=(120.0,) * 3, std=(60.0,) * 3)
    assert normalise(flat, alike).abs().max() == 0
    flat[0, 0, 0, 0] += 1
    assert normalise(flat, alike).abs().max() < 0.2
