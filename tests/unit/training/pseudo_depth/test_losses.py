"""The losses of maps of depth, against loops over every pixel."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from livegate.training.pseudo_depth.losses import contrastive, known_map_loss, taken_for


def _by_hand(drawn: np.ndarray, real: np.ndarray) -> float:
    """The mean over inner pixels and their eight neighbours of the squared difference of the two steps."""
    squares = []
    for x, y in product(range(1, drawn.shape[0] - 1), range(1, drawn.shape[1] - 1)):
        for dx, dy in product((-1, 0, 1), (-1, 0, 1)):
            if (dx, dy) != (0, 0):
                steps = [one[x + dx, y + dy] - one[x, y] for one in (drawn, real)]
                squares.append((steps[0] - steps[1]) ** 2)
    return float(np.mean(squares))


def test_the_contrastive_loss_compares_each_place_with_its_eight_neighbours() -> None:
    """Of two random maps, pixel by pixel."""
    one, other = np.random.default_rng(0).random((2, 7, 7))
    got = contrastive(*(torch.from_numpy(x)[None, None] for x in (one, other)))
    assert float(got) == pytest.approx(_by_hand(one, other))
    assert float(contrastive(torch.ones(1, 1, 5, 5), torch.zeros(1, 1, 5, 5))) == 0  # height alone is L1's matter


def test_maps_that_are_unknown_teach_nothing() -> None:
    """The loss and its gradient are those of the other maps; without any it is 0 and can still be learned from."""
    torch.manual_seed(0)
    drawn, real = torch.rand(3, 1, 6, 6, requires_grad=True), torch.rand(3, 1, 6, 6)
    real[1] = float("nan")
    loss = known_map_loss(drawn, real)
    rest = [x[[0, 2]] for x in (drawn, real)]
    assert loss.item() == pytest.approx(((rest[0] - rest[1]).abs().mean() + 0.1 * contrastive(*rest)).item())
    (gradient,) = torch.autograd.grad(loss, drawn)
    assert gradient[1].abs().sum() == 0
    assert gradient[0].abs().sum() > 0
    nothing = known_map_loss(drawn, torch.full_like(real, float("nan")))
    assert nothing.item() == 0
    assert torch.autograd.grad(nothing, drawn)[0].abs().sum() == 0


def test_scores_are_compared_with_what_they_are_taken_for() -> None:
    """By hand: scores 1 and 0.5 are off by 0 and 0.5 from real maps, by 1 and 0.5 from generated ones."""
    scores = torch.tensor([1.0, 0.5])
    assert taken_for(scores, 1).item() == pytest.approx(0.125)
    assert taken_for(scores, 0).item() == pytest.approx(0.625)
