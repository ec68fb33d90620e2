"""Each loss has the value that its formula gives by hand, and a gradient wherever a picture may lie."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from livegate.configuration import Configuration
from livegate.models.heads import Cosine, SoftTriple
from livegate.training.learner import Outputs
from livegate.training.loader import Batch
from livegate.training.losses import softmax_loss, step_loss, total, with_margin
from livegate.training.recipe import AngularMargin, CrossEntropy, Recipe, SoftTripleLoss

COSINES = torch.tensor([[0.5, -0.25], [0.5, -0.25]])
LABELS = torch.tensor([0, 1])
SCALE = 4.0
PLAIN = CrossEntropy()
NOTHING = torch.zeros(2, 42, dtype=torch.int64)


def recipe(**tables: Any) -> Recipe:
    """A recipe of a network without adaptive blocks, and these tables."""
    plain = {"name": "small", "sampling": {"configurations": {"": 1.0}}}
    return Recipe.from_plain(plain | {"model": {"adaptive_stages": []}} | tables, "small")


def by_hand(logits: list[list[float]], targets: list[list[float]]) -> float:
    """The mean cross entropy of targets, by its definition in float64."""
    return float(
        np.mean([-(np.array(t) @ (np.array(z) - np.log(np.exp(z).sum()))) for z, t in zip(logits, targets, strict=True)])
    )


def loss_of(settings: Any, logits: Tensor, labels: Tensor = LABELS, scale: float = SCALE) -> Tensor:
    """Margin and softmax."""
    return softmax_loss(with_margin(logits, labels, settings, scale), labels, settings.focus, 0.0)


def test_cross_entropy_by_hand() -> None:
    """ln(1 + exp(-3)) where the target is ahead by 3, ln(1 + exp(3)) where it is behind."""
    expected = (math.log1p(math.exp(-3)) + math.log1p(math.exp(3))) / 2
    assert loss_of(PLAIN, SCALE * COSINES).item() == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_as_it_always_was_bit_for_bit() -> None:
    """Without a table of loss the value is that of torch's own function with the smoothing of the optimiser's table."""
    logits = torch.randn(32, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(32) % 2
    same = nn.functional.cross_entropy(logits, labels, label_smoothing=0.05)
    outputs = Outputs(logits, {}, None)
    got = total(outputs, labels, torch.zeros(32, 42, dtype=torch.int64), recipe(optimiser={"label_smoothing": 0.05}))
    assert torch.equal(got, same)


@pytest.mark.parametrize(("smoothing", "other"), [(0.2, 0.1), (0.1, 0.05)])
def test_smoothing_is_spread_over_both_classes(smoothing: float, other: float) -> None:
    """The other class gets half of it: what anti-spoof-mn3 calls 0.1, targets of 0.9 and 0.1, is 0.2 here."""
    logits = torch.tensor([[2.0, -1.0], [0.5, 1.0]])
    targets = [[1 - other, other], [other, 1 - other]]
    assert softmax_loss(logits, LABELS, 0.0, smoothing).item() == pytest.approx(by_hand(logits.tolist(), targets), rel=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_by_hand(gamma: float) -> None:
    """(1 - p) ** gamma times cross entropy, p the probability of the target; the mean over the pictures."""
    p = np.exp([2.0, -1.0]) / (np.exp(2.0) + np.exp(-1.0))
    expected = np.mean((1 - p) ** gamma * -np.log(p))
    assert loss_of(CrossEntropy(focus=gamma), SCALE * COSINES).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("ratio", "margins"), [((1.0, 1.0), (0.3, 0.3)), ((2.0, 0.5), (0.15, 0.6))])
def test_am_softmax_by_hand(ratio: tuple[float, float], margins: tuple[float, float]) -> None:
    """The logit is s (cos - m) on the target, s cos on the other; the margin of a class is divided by its ratio."""
    settings = AngularMargin(name="am-softmax", margin=0.3, ratio=ratio)
    logits = [[4 * (0.5 - margins[0]), -1.0], [2.0, 4 * (-0.25 - margins[1])]]
    assert with_margin(SCALE * COSINES, LABELS, settings, SCALE).tolist() == [pytest.approx(row) for row in logits]
    assert loss_of(settings, SCALE * COSINES).item() == pytest.approx(by_hand(logits, [[1, 0], [0, 1]]), rel=1e-5)


def test_arcface_turns_the_target_alone() -> None:
    """The logit is s cos(angle + m) on the target. The reference adds m to all classes, which gives another loss."""
    settings = AngularMargin(name="arcface", margin=0.5)
    first, second = (4 * math.cos(math.acos(cosine) + 0.5) for cosine in (0.5, -0.25))
    logits = [[first, -1.0], [2.0, second]]
    assert with_margin(SCALE * COSINES, LABELS, settings, SCALE).tolist() == [pytest.approx(row, rel=1e-5) for row in logits]
    got = loss_of(settings, SCALE * COSINES).item()
    assert got == pytest.approx(by_hand(logits, [[1, 0], [0, 1]]), rel=1e-5)
    assert got != pytest.approx(by_hand([[first, second], [first, second]], [[1, 0], [0, 1]]), rel=0.05)


def test_arcface_falls_all_the_way() -> None:
    """Beyond the angle at which angle + m is half a turn it goes on falling, as cos - m sin m."""
    settings = AngularMargin(name="arcface", margin=0.5)
    angles = torch.linspace(0.01, math.pi - 0.01, 300)
    logits = torch.stack([angles.cos(), torch.zeros(300)], 1)
    turned = with_margin(logits, torch.zeros(300, dtype=torch.int64), settings, 1.0)[:, 0]
    assert (turned.diff() < 0).all()
    assert turned[-1].item() == pytest.approx(math.cos(math.pi - 0.01) - 0.5 * math.sin(0.5), abs=1e-6)


def test_soft_triple_by_hand() -> None:
    """The mean of the ten cosines of a class weighed by their softmax at 0.1; a margin off the target; the spread beside it."""
    torch.manual_seed(0)
    layer, x = SoftTriple(6, 2, 1.0), torch.randn(3, 6)
    labels = torch.tensor([0, 1, 1])
    unit, proxies = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (x.numpy(), layer.weight.detach().numpy()))
    logits = np.empty((3, 2))
    for picture in range(3):
        for group in range(2):
            cosines = proxies[10 * group : 10 * group + 10] @ unit[picture]
            chosen = np.exp(cosines / 0.1) / np.exp(cosines / 0.1).sum()
            logits[picture, group] = (chosen * cosines).sum()
    distances = [
        math.sqrt(2 + 1e-5 - 2 * proxies[10 * group + i] @ proxies[10 * group + j])
        for group in range(2)
        for i in range(10)
        for j in range(i + 1, 10)
    ]
    assert layer(x).detach().numpy() == pytest.approx(logits, abs=1e-6)
    for picture, label in enumerate(labels):
        logits[picture, label] -= 0.35
    expected = by_hand(logits.tolist(), one_hot(labels).tolist()) + 0.2 * sum(distances) / (2 * 10 * 9)
    settings = recipe(loss={"name": "soft-triple"}, model={"adaptive_stages": [], "classifier": "soft-triple"})
    assert settings.loss == SoftTripleLoss(name="soft-triple", margin=0.35, spread=0.2)
    got = total(Outputs(layer(x), {}, layer.spread()), labels, NOTHING, settings)
    assert got.item() == pytest.approx(expected, rel=1e-5)


MARGINS = [
    PLAIN,
    CrossEntropy(focus=0.5),
    AngularMargin(name="am-softmax", margin=0.5),
    AngularMargin(name="arcface", margin=0.5),
    AngularMargin(name="arcface", margin=0.5, focus=0.5),
]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("settings", MARGINS)
def test_the_gradient_is_finite_where_a_cosine_is_one(settings: Any, *, half: bool) -> None:
    """Pictures that lie exactly on the weight of a class, or opposite to it, also in half precision, where 1 - 1e-7 is 1."""
    torch.manual_seed(0)
    layer = Cosine(8, 2, 30.0)
    x = torch.cat([layer.weight.detach() * 3, -layer.weight.detach()]).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        loss_of(settings, layer(x), torch.tensor([0, 1, 0, 1]), 30.0).backward()
    assert x.grad is not None
    assert layer.weight.grad is not None
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(layer.weight.grad).all()


def test_proxies_that_coincide_have_a_gradient() -> None:
    """Their distance is not quite 0, where a root has none."""
    layer = SoftTriple(8, 2, 1.0)
    nn.init.ones_(layer.weight)
    layer.spread().backward()
    assert layer.weight.grad is not None
    assert torch.isfinite(layer.weight.grad).all()


# Other tasks.


def outputs_of(number: int) -> Outputs:
    """Random logits of every head."""
    generator = torch.Generator().manual_seed(1)
    sizes = {"species": 11, "illumination": 5, "attributes": 40}
    logits = torch.randn(number, 2, generator=generator)
    return Outputs(logits, {name: torch.randn(number, size, generator=generator) for name, size in sizes.items()}, None)


WEIGHTS = {"species": 0.1, "illumination": 0.1, "attributes": 1.0}
ROWS = torch.tensor([[0, 0, *[1, 0] * 20], [7, 2, *[0] * 40], [0, 0, *[0, 1] * 20], [10, 4, *[0] * 40]])
BOTH = torch.tensor([0, 1, 0, 1])


def attributes_by_hand(logits: Tensor, rows: Tensor, chosen: list[int]) -> float:
    """Binary cross entropy of the sigmoid, the mean over 40 outputs of the chosen pictures."""
    p = 1 / (1 + np.exp(-logits.double().numpy()[chosen]))
    truth = rows[chosen, 2:].numpy()
    return float(-np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p)))


@pytest.mark.parametrize(("everywhere", "counted"), [(False, [0, 2]), (True, [0, 1, 2, 3])])
def test_the_sum_of_four_losses_by_hand(*, everywhere: bool, counted: list[int]) -> None:
    """1.0, 0.1, 0.1 and 1.0; attributes of bona fide alone, unless pictures are mixed."""
    outputs = outputs_of(4)
    spoof = by_hand(outputs.logits.tolist(), one_hot(BOTH, 2).tolist())
    kind = by_hand(outputs.tasks["species"].tolist(), one_hot(ROWS[:, 0], 11).tolist())
    light = by_hand(outputs.tasks["illumination"].tolist(), one_hot(ROWS[:, 1], 5).tolist())
    attributes = attributes_by_hand(outputs.tasks["attributes"], ROWS, counted)
    got = total(outputs, BOTH, ROWS, recipe(tasks=WEIGHTS), everywhere=everywhere).item()
    assert got == pytest.approx(spoof + 0.1 * kind + 0.1 * light + attributes, rel=1e-5)


def test_a_batch_without_bona_fide_has_no_loss_of_attributes() -> None:
    """In the reference it is the mean of nothing, and the whole loss NaN."""
    outputs = outputs_of(2)
    others = {name: logits for name, logits in outputs.tasks.items() if name != "attributes"}
    got = total(outputs, BOTH[[1, 3]], ROWS[[1, 3]], recipe(tasks=WEIGHTS))
    without = total(outputs._replace(tasks=others), BOTH[[1, 3]], ROWS[[1, 3]], recipe(tasks=WEIGHTS | {"attributes": 0.0}))
    assert torch.equal(got, without)
    assert torch.isfinite(got)


def test_a_label_that_is_unknown_does_not_count() -> None:
    """-1 leaves a picture out of the mean of that task; where all are unknown it is 0."""
    outputs = outputs_of(4)
    some, none = ROWS.clone(), ROWS.clone()
    some[1, 0], none[:] = -1, -1
    kind = {"species": 1.0}
    heads = Outputs(outputs.logits, {"species": outputs.tasks["species"]}, None)
    spoof = by_hand(outputs.logits.tolist(), one_hot(BOTH, 2).tolist())
    rest = outputs.tasks["species"][[0, 2, 3]].tolist()
    expected = spoof + by_hand(rest, one_hot(ROWS[[0, 2, 3], 0], 11).tolist())
    assert total(heads, BOTH, some, recipe(tasks=kind)).item() == pytest.approx(expected, rel=1e-5)
    assert total(heads, BOTH, none, recipe(tasks=kind)).item() == pytest.approx(spoof, rel=1e-5)


# A step.


class Pixels(nn.Module):
    """Logits that are the first two pixels, and the pictures that were seen."""

    def forward(self, x: Tensor, *_: object) -> Outputs:
        """Map (N, 3, S, S) to (N, 2)."""
        self.seen = x
        return Outputs(x[:, 0, 0, :2], {}, None)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixed_pictures_have_mixed_labels(name: str) -> None:
    """By an independent formula: cross entropy against both labels, each weighed by its share of the pixels."""
    x = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([0, 1, 0, 1, 1, 0])
    settings = recipe(mix={"name": name, "probability": 1.0, "alpha": 2.0, "beta": 2.0})
    batch = Batch(x, labels, torch.zeros(6, 42, dtype=torch.int64))

    def step(pictures: Tensor) -> tuple[float, Tensor]:
        model = Pixels()
        loss = step_loss(model, pictures, batch, Configuration(()), settings, np.random.default_rng(1))
        return loss.item(), model.seen

    loss, seen = step(x)
    # Pictures that are white where bona fide and black where not: how light the mixture is tells the share of bona fide.
    _, whites = step((labels == 0).float().view(6, 1, 1, 1).expand(6, 3, 4, 4))
    bona_fide = whites.mean(dim=(1, 2, 3))
    assert ((bona_fide > 0) & (bona_fide < 1)).any()
    assert loss == pytest.approx(
        by_hand(seen[:, 0, 0, :2].tolist(), torch.stack([bona_fide, 1 - bona_fide], 1).tolist()), rel=1e-5
    )


def test_normalised_weights_are_the_layers_own() -> None:
    """Weights start at unit length, drawn evenly, so that the first logits are cosines of the weights as they are stored."""
    torch.manual_seed(0)
    layer, x = Cosine(16, 2, 30.0), torch.randn(5, 16)
    torch.testing.assert_close(layer(x), 30 * normalize(x) @ layer.weight.T)
