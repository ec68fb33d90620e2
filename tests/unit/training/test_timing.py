"""Steps of training are timed in turn."""

from __future__ import annotations

from collections.abc import Callable

from livegate.training.recipe import Recipe
from livegate.training.timing import WARM_UP, step_seconds


def test_every_round_times_every_recipe(make_recipe: Callable[..., Recipe]) -> None:
    """(rounds, recipes) seconds above zero; progress is told for the rounds that warm up, too."""
    told: list[int] = []
    times = step_seconds([make_recipe(), make_recipe(seed=6)], 2, told.append)
    assert times.shape == (2, 2)
    assert (times > 0).all()
    assert sum(told) == 2 + WARM_UP
