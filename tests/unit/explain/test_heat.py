"""What all heat maps are made with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from livegate.configuration import Configuration
from livegate.decision import score_from_logits
from livegate.errors import LivegateError
from livegate.explain.heat import HeatMap, evidence, spread
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, to_input


def test_the_evidence_is_what_the_score_is_made_of(small: TorchScorer, crop: Pixels, plain: Configuration) -> None:
    """The score is its logistic function, so its sign says on which side of a half the score lies."""
    images = to_input([crop, 255 - crop])
    found = evidence(small, images, plain)
    assert found.shape == (2,)
    assert (np.abs(found) > 0.01).all()
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), score_from_logits(small.logits(images, plain)), rtol=1e-12)


def test_values_are_spread_linearly() -> None:
    """As SciPy interpolates between the places; beyond the outermost ones their values stay."""
    grid, centres = np.random.default_rng(0).normal(size=(5, 5)), np.array([2.0, 7.5, 13.0, 20.5, 29.0])
    inside = np.clip(np.arange(32) + 0.5, 2.0, 29.0)
    expected = RegularGridInterpolator((centres, centres), grid)(np.stack(np.meshgrid(inside, inside, indexing="ij"), axis=-1))
    np.testing.assert_allclose(spread(grid, centres, 32), expected, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_damaged_weights_give_no_map(value: float) -> None:
    """What is no number cannot be painted."""
    with pytest.raises(LivegateError, match="the weights of the network are damaged"):
        HeatMap(np.array([[0.0, value]]), 1.5, "gradcam", "x", 1)


@pytest.mark.parametrize("value", [0.0, -1.5])
def test_one_place_fills_all(value: float) -> None:
    """Features of a single place say the same of every pixel."""
    assert (spread(np.array([[value]]), np.array([0.5]), 4) == np.full((4, 4), value)).all()
