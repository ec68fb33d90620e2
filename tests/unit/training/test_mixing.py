"""Pictures are mixed with others of their batch, by shares drawn from the distribution that the recipe names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from livegate.training.mixing import mixed
from livegate.training.recipe import Mix


class Recording(np.random.Generator):
    """A generator that remembers which Beta distribution was asked for."""

    asked: tuple[Any, Any] | None = None

    def beta(self, a: Any, b: Any, size: Any = None) -> Any:
        """Draw, and remember."""
        self.asked = (a, b)
        return super().beta(a, b, size)


@pytest.fixture
def pictures() -> torch.Tensor:
    """Eight pictures of 16 x 16 pixels, each of its own number."""
    return torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 16, 16).clone()


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_both_parameters_are_really_used(pictures: torch.Tensor, name: str) -> None:
    """The reference's cutmix passes truth values in their place and so draws from Beta(1, 1)."""
    rng = Recording(np.random.PCG64(0))
    mixed(pictures, Mix(name=name, alpha=0.5, beta=2.5, probability=1.0), rng)
    assert rng.asked == (0.5, 2.5)
    assert not any(isinstance(value, bool) for value in rng.asked)


def test_shares_are_those_of_the_beta_distribution() -> None:
    """Over 2,000 draws of Beta(0.5, 0.5) the variance is 1/8 and not the 1/12 of Beta(1, 1): within 5 standard errors."""
    rng, settings = np.random.default_rng(0), Mix(name="mixup", probability=1.0)
    shares = np.array([mixed(torch.zeros(2, 3, 1, 1), settings, rng).share for _ in range(2000)])
    # The fourth central moment of the arcsine distribution is 3/128, so the variance has a standard error of sqrt((3/128 - 1/64) / n).
    assert abs(shares.var() - 1 / 8) < 5 * ((3 / 128 - 1 / 64) / 2000) ** 0.5
    assert abs(shares.mean() - 0.5) < 5 * (1 / 8 / 2000) ** 0.5


def test_mixup_is_the_mean_weighed_by_the_share(pictures: torch.Tensor) -> None:
    """Each pixel, of each picture and its partner."""
    result = mixed(pictures, Mix(name="mixup", probability=1.0), np.random.default_rng(0))
    assert result.partners is not None
    assert sorted(result.partners.tolist()) == list(range(8))
    expected = result.share * pictures + (1 - result.share) * pictures[result.partners]
    assert torch.equal(result.pictures, expected)


def test_cutmix_counts_the_pixels_that_stay() -> None:
    """One rectangle, the same in all pictures, is the partner's; the share is that of the pixels outside it, also at an edge."""
    pictures = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 16, 16).clone()
    before, sizes = pictures.clone(), set()
    for seed in range(40):
        result = mixed(pictures, Mix(name="cutmix", probability=1.0), np.random.default_rng(seed))
        assert result.partners is not None
        moved = [place for place, partner in enumerate(result.partners.tolist()) if partner != place]
        taken = (result.pictures[moved] != pictures[moved])[:, 0]
        assert (taken == taken[0]).all()
        assert torch.equal(result.pictures[moved][:, 0][taken], pictures[result.partners][moved][:, 0][taken])
        rows, columns = (int(taken[0].any(axis).sum()) for axis in (1, 0))
        assert int(taken[0].sum()) == rows * columns
        assert result.share == pytest.approx(1 - rows * columns / 256)
        sizes.add((rows, columns))
    assert len(sizes) > 10
    assert torch.equal(pictures, before)


def test_the_probability_is_that_of_a_batch(pictures: torch.Tensor) -> None:
    """Of 1,000 batches at 0.7 about 700 are mixed, within 4 sigma; the others keep every bit."""
    rng = np.random.default_rng(0)
    results = [mixed(pictures[:2], Mix(name="mixup"), rng) for _ in range(1000)]
    assert abs(sum(result.partners is not None for result in results) - 700) < 4 * (1000 * 0.7 * 0.3) ** 0.5
    assert all(torch.equal(result.pictures, pictures[:2]) for result in results if result.partners is None)


def test_nothing_is_drawn_without_mixing(pictures: torch.Tensor) -> None:
    """So that the chance of a recipe that mixes nothing is what it was before there was mixing."""
    rng = np.random.default_rng(0)
    assert mixed(pictures, Mix(), rng).pictures is pictures
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state
