"""What a step makes small, against the formulas written out in numpy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from livegate.training.verification.losses import People, angular, distillation
from livegate.training.verification.recipe import Angular

ARCFACE = Angular(name="arcface")
SCALE, MARGIN = 64.0, 0.5


def written_out(cosines: NDArray[np.float64], people: list[int], margin: float = MARGIN, scale: float = SCALE) -> float:
    """ArcFace in float64: softmax cross entropy on s cos(theta + m), and on s (cos theta - m sin m) where theta + m > pi."""
    losses = []
    for row, right in zip(cosines, people, strict=True):
        logits = scale * row
        angle = np.arccos(row[right])
        harder = np.cos(angle + margin) if angle + margin <= np.pi else row[right] - margin * np.sin(margin)
        logits[right] = scale * harder
        losses.append(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[right])
    return float(np.mean(losses))


def drawn(rows: int, people: int, seed: int = 0) -> NDArray[np.float64]:
    """Cosines from -0.95 to 0.95."""
    return np.random.default_rng(seed).uniform(-0.95, 0.95, (rows, people))


def test_arcface_is_as_written_out() -> None:
    """At scale 64 and half a radian, on angles within and beyond half a turn less the margin."""
    cosines, people = drawn(40, 9), [row % 9 for row in range(40)]
    right = cosines[np.arange(40), people]
    beyond = np.arccos(right) + MARGIN > np.pi
    assert 0 < beyond.sum() < 40
    found = angular(torch.tensor(cosines), torch.tensor(people), ARCFACE)
    assert found.item() == pytest.approx(written_out(cosines, people), rel=1e-6)


@pytest.mark.parametrize(
    ("cosine", "harder"),
    [
        (1.0, 0.8775826),  # cos 0.5
        (0.0, -0.4794255),  # cos(pi / 2 + 0.5) = -sin 0.5
        (-0.85, -0.9984983),  # arccos is 2.5868; cos(3.0868)
        (-0.9, -1.1397128),  # arccos is 2.6906 and 3.1906 is beyond pi: -0.9 - 0.5 sin 0.5
        (-1.0, -1.2397128),
    ],
)
def test_the_rule_beyond_half_a_turn(cosine: float, harder: float) -> None:
    """By hand: the loss of one person against another at cosine 0 is log(1 + exp(-s harder))."""
    # At scale 1 the number itself can be told from the loss.
    settings = Angular(name="arcface", scale=1.0)
    found = angular(torch.tensor([[cosine, 0.0]], dtype=torch.float64), torch.tensor([0]), settings).item()
    assert -np.log(np.expm1(found)) == pytest.approx(harder, abs=2e-3 if abs(cosine) == 1 else 1e-6)


def test_a_greater_angle_is_never_a_smaller_loss() -> None:
    """All the way from the right direction to the opposite one, across the place where the rule changes."""
    angles = torch.linspace(0.01, torch.pi - 0.01, 500, dtype=torch.float64)
    losses = [angular(torch.tensor([[c, 0.0]]), torch.tensor([0]), ARCFACE).item() for c in angles.cos().tolist()]
    assert all(b >= a for a, b in pairwise(losses))
    assert losses[-1] > losses[0]


def test_am_softmax_is_as_written_out() -> None:
    """The margin comes off the cosine: s (cos theta - m)."""
    cosines, people = drawn(20, 5, seed=1), [row % 5 for row in range(20)]
    logits = 30.0 * cosines
    logits[np.arange(20), people] -= 30.0 * 0.35
    expected = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(20), people])
    settings = Angular(name="am-softmax", scale=30.0, margin=0.35)
    assert angular(torch.tensor(cosines), torch.tensor(people), settings).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["arcface", "am-softmax"])
def test_the_edges_have_a_gradient(name: str) -> None:
    """At cosines of exactly 1 and -1, in single precision and at scale 64, loss and gradient are finite."""
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]], requires_grad=True)
    loss = angular(cosines, torch.tensor([0, 0, 1]), Angular(name=name))  # type: ignore[arg-type]
    loss.backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(cosines.grad).all()


def test_no_margin_is_plain_softmax() -> None:
    """Both losses at margin 0 are cross entropy on scaled cosines."""
    cosines, people = torch.tensor(drawn(10, 4)), torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])
    plain = torch.nn.functional.cross_entropy(SCALE * cosines, people).item()
    for settings in (Angular(name="arcface", margin=0), Angular(name="am-softmax", margin=0)):
        assert angular(cosines, people, settings).item() == pytest.approx(plain, rel=1e-9)


def test_people_are_directions() -> None:
    """The output is the cosine whatever the length of a weight; fresh weights have unit length and point all ways."""
    torch.manual_seed(0)
    people = People(16, 50)
    assert torch.allclose(people.weight.norm(dim=1), torch.ones(50))
    assert people.weight.min() < -0.2
    assert people.weight.max() > 0.2
    embeddings = torch.nn.functional.normalize(torch.randn(6, 16))
    before = people(embeddings)
    weight, rows = people.weight.detach().numpy(), embeddings.numpy()
    expected = rows @ weight.T / np.linalg.norm(weight, axis=1)
    assert np.allclose(before.detach().numpy(), expected, atol=1e-6)
    with torch.no_grad():
        people.weight.mul_(torch.rand(50, 1) * 9 + 0.1)
    assert torch.allclose(people(embeddings), before, atol=1e-6)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers how many numbers the largest tensor had that any operation made."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation."""
        made = func(*args, **(kwargs or {}))
        for value in made if isinstance(made, tuple | list) else [made]:
            if isinstance(value, torch.Tensor):
                self.numbers = max(self.numbers, value.numel())
        return made


def test_all_people_of_ms1mv2() -> None:
    """85,742 people: forwards and backwards make no tensor larger than the directions or the cosines; all of them are learned."""
    number, size, batch = 85_742, 8, 8
    people = People(size, number)
    embeddings = torch.nn.functional.normalize(torch.randn(batch, size))
    right = torch.arange(batch) * 7000
    with Largest() as largest:  # type: ignore[no-untyped-call]
        loss = angular(people(embeddings), right, ARCFACE)
        loss.backward()  # type: ignore[no-untyped-call]
    assert largest.numbers == number * size
    assert people.weight.grad is not None
    gradient = people.weight.grad.norm(dim=1)
    assert (gradient > 0).sum() > number // 2
    # The right ones are pulled the hardest.
    assert set(gradient.topk(batch).indices.tolist()) == set(right.tolist())


def test_distillation_is_one_minus_the_cosine() -> None:
    """Vectors written down: cosines 1, 0 and -1 cost 0, 1 and 2; half of two is their mean."""
    one = torch.tensor([[0.6, 0.8], [0.6, 0.8], [0.6, 0.8]])
    targets = torch.tensor([[0.6, 0.8], [-0.8, 0.6], [-0.6, -0.8]])
    each = [distillation(one[row : row + 1], targets[row : row + 1]).item() for row in range(3)]
    assert each == pytest.approx([0, 1, 2], abs=1e-6)
    assert distillation(one, targets).item() == pytest.approx(1, abs=1e-6)


def test_a_teacher_of_fewer_numbers_fills_the_first() -> None:
    """What the network says in the others costs: (0.6, 0, 0.8) has with (1, 0) a cosine of 0.6, and less cost is to have 0 there."""
    target = torch.tensor([[1.0, 0.0]])
    assert distillation(torch.tensor([[0.6, 0.0, 0.8]]), target).item() == pytest.approx(0.4)
    assert distillation(torch.tensor([[1.0, 0.0, 0.0]]), target).item() == pytest.approx(0)
