"""Stage 1: each adversary learns its own, a run resumes bit for bit, and the discriminator is slowed down when it wins."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from livegate.configuration import Configuration
from livegate.errors import DepthError, RecipeError
from livegate.models.checkpoint import WEIGHTS, Checkpoint, read_tensors
from livegate.training.loop import STATE, train
from livegate.training.pseudo_depth.lesson import Adversaries, PseudoDepth
from livegate.training.pseudo_depth.losses import taken_for
from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.recipes import read_recipe

Make = Callable[..., DepthRecipe]
PLAIN, CPU = Configuration(()), torch.device("cpu")


def _started(recipe: DepthRecipe, folder: Path) -> tuple[PseudoDepth, Adversaries]:
    """A lesson that is open, and its adversaries from a fixed seed, in training mode."""
    torch.set_num_threads(1)
    lesson = PseudoDepth(recipe)
    lesson.open(folder, quiet=True)
    torch.manual_seed(1)
    adversaries, _ = lesson.fresh(CPU)
    return lesson, adversaries.train()


def _gradients(loss: torch.Tensor, model: Adversaries) -> dict[str, torch.Tensor | None]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True), strict=True))


def test_the_one_loss_teaches_each_adversary_its_own(make_depth: Make, tmp_path: Path) -> None:
    """The discriminator's gradient is that of its loss alone, the generator's that of its own through a discriminator held still."""
    recipe = make_depth(augment={"jitter": 0, "noise": 0})
    lesson, both = _started(recipe, tmp_path)
    batch = lesson.open(tmp_path, quiet=True)[0]
    together = _gradients(lesson.loss(both, batch, PLAIN, np.random.default_rng(0)), both)
    for bout in (False, True):
        both.zero_grad()
        found: dict[str, torch.Tensor] = {}

        def watch(_: torch.nn.Module, inputs: object, output: object, found: dict[str, object] = found) -> None:
            found["bout"] = output

        handle = both.register_forward_hook(watch)
        whole = lesson.loss(both, batch, PLAIN, np.random.default_rng(0))
        handle.remove()
        judged = found["bout"]
        alone = 0.5 * (taken_for(judged.real, 1) + taken_for(judged.generated, 0))
        for name, gradient in _gradients(whole - alone if bout else alone, both).items():
            mine = name.startswith("network.") is bout
            expected = together[name]
            assert expected is not None
            if mine:
                assert gradient is not None
                assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-5)
                assert gradient.abs().sum() > 0
            else:
                assert gradient is None or gradient.abs().max() < 1e-6


def test_a_batch_is_half_bona_fide(make_depth: Make, tmp_path: Path) -> None:
    """Every one of them, where the plain draw is half and half over the epoch alone."""
    batches = PseudoDepth(make_depth()).open(tmp_path, quiet=True)
    assert len(batches) == 6
    assert [batches[step].labels.sum().item() for step in range(6)] == [4] * 6
    assert [batches[step].maps.shape for step in range(6)] == [(8, 1, 16, 16)] * 6


@pytest.fixture(scope="module")
def finished(make_depth: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody interrupted, whose discriminator is slowed down as soon as it is right at all."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    train(make_depth(discriminator={"limit": 0.01, "rate": 0.8}), folder, quiet=True)
    return folder


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_a_generator_monitors_and_a_sheet_an_epoch(make_depth: Make, finished: Path) -> None:
    """The checkpoint is the generator alone; the sheets show five pictures of each kind at most, in two columns of three tiles."""
    checkpoint = Checkpoint.load(finished)
    assert checkpoint.model == make_depth().model
    checkpoint.require("depth", finished)
    assert not [name for name in checkpoint.weights if "discriminator" in name]
    rows = _rows(finished)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for row in rows:
        assert all(0 <= float(row[name]) <= 1 for name in ("dev_l1", "dev_attack", "dev_auc", "discriminator"))
    best = min(rows, key=lambda row: float(row["dev_l1"]) + float(row["dev_attack"]))
    assert checkpoint.notes["epoch"] == int(best["epoch"])
    sheets = sorted((finished / "maps").glob("*.png"))
    assert [sheet.name for sheet in sheets] == ["001.png", "002.png"]
    pictures = [cv2.imread(str(sheet)) for sheet in sheets]
    assert {picture.shape[1] for picture in pictures} <= {3 * 32, 2 * 3 * 32}
    assert not np.array_equal(*pictures)


def test_an_interrupted_run_ends_as_if_nothing_had_happened(
    make_depth: Make, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped within an epoch and resumed: weights, optimiser, counts and the slowed rate are the same, bit for bit."""
    recipe, steps = make_depth(discriminator={"limit": 0.01, "rate": 0.8}), []
    loss = PseudoDepth.loss

    def stopping(self: PseudoDepth, *arguments: object) -> torch.Tensor:
        steps.append(arguments)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return loss(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(PseudoDepth, "loss", stopping)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "run", quiet=True)
    assert read_tensors(tmp_path / "run" / STATE)[1]["step"] == "4"
    train(recipe, tmp_path / "run", resume=True, quiet=True)
    for name in (STATE, WEIGHTS):
        (tensors, header), (expected, same) = (read_tensors(folder / name) for folder in (tmp_path / "run", finished))
        assert header == same
        assert tensors.keys() == expected.keys()
        assert [key for key in expected if not torch.equal(tensors[key], expected[key])] == []


def test_a_discriminator_that_wins_is_slowed_from_the_next_epoch_on(make_depth: Make, finished: Path, tmp_path: Path) -> None:
    """The scale of its group is the buffer, so that the state remembers it; the generator's rate stays, and at the limit nothing happens."""
    assert read_tensors(finished / STATE)[0]["rate"].item() == pytest.approx(0.8 * 0.5)  # once, though it won twice
    lesson = PseudoDepth(make_depth())
    lesson.open(tmp_path, quiet=True)
    both, optimiser = lesson.fresh(CPU)
    mine = {id(parameter) for parameter in both.discriminator.parameters()}
    scales = {id(p): float(group["scale"]) for group in optimiser.param_groups for p in group["params"]}
    assert set(scales.values()) == {1.0}
    for right, expected in ((95, 1.0), (96, 0.5), (99, 0.5), (0, 0.5)):
        both.right.fill_(right)
        both.judged.fill_(100)
        assert both.accuracy() == right / 100
        both.end_epoch(limit=0.95, slowed=0.5)
        scales = {id(p): float(group["scale"]) for group in optimiser.param_groups for p in group["params"]}
        assert {scales[key] for key in mine} == {expected}
        assert {scale for key, scale in scales.items() if key not in mine} == {1.0}
    assert (int(both.epoch), int(both.judged)) == (4, 0)


def test_without_the_adversarial_loss_there_is_no_discriminator(make_depth: Make, tmp_path: Path) -> None:
    """The generator learns from the maps alone, the log has no accuracy, and the rest is the same."""
    train(make_depth(loss={"adversarial": 0}, optimiser={"epochs": 1}), tmp_path, quiet=True)
    assert not [name for name in read_tensors(tmp_path / STATE)[0] if name.startswith("discriminator.")]
    assert _rows(tmp_path)[0]["discriminator"] == "nan"


def test_the_generator_learns_what_it_sees_again_and_again(make_depth: Make, tmp_path: Path) -> None:
    """Thirty steps on one batch bring it closer to its maps."""
    lesson, both = _started(make_depth(loss={"adversarial": 0}), tmp_path)
    batch = lesson.open(tmp_path, quiet=True)[0]
    adam = torch.optim.Adam(both.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        adam.zero_grad()
        loss = lesson.loss(both, batch, PLAIN, np.random.default_rng(0))
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_without_maps_nothing_is_written(make_depth: Make, tmp_path: Path) -> None:
    """A folder that is not there, and maps of another teacher."""
    for depth, error in (({"maps": str(tmp_path / "none")}, DepthError), ({"teacher": "mesh"}, RecipeError)):
        with pytest.raises(error):
            train(make_depth(depth=depth), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ({"model": {"name": "mobilenet-v2", "adaptive_stages": []}}, "'mobilenet-v2' is a network for liveness"),
        ({"augment": {"simulated": 0.1}}, "set augment.simulated to 0"),
        ({"sampling": {"balance": False}}, "set sampling.balance"),
        ({"loss": {"l1": 0, "contrast": 0}}, "the generator learns from no map"),
    ],
)
def test_recipes_that_cannot_work_are_refused(make_depth: Make, tables: dict[str, object], fault: str) -> None:
    """The message says what to change."""
    with pytest.raises(RecipeError, match=fault):
        make_depth(**tables)


def test_the_shipped_recipes_are_those_of_both_stages() -> None:
    """Stage 1 is the specification's: Adam as in pix2pix, batches of 64, 20 epochs; stage 2 fine-tunes, the encoder ten times slower."""
    one, two = read_recipe("pseudo_depth"), read_recipe("pseudo_depth_classifier")
    assert isinstance(one, DepthRecipe)
    settings = one.optimiser
    assert (settings.learning_rate, settings.betas, settings.weight_decay) == (2e-4, (0.5, 0.999), 0)
    assert (settings.batch, settings.epochs, settings.schedule) == (64, 20, "late-linear")
    assert (one.loss.adversarial, one.loss.l1, one.loss.contrast) == (1, 100, 10)
    assert (one.discriminator.limit, one.discriminator.slowed * settings.learning_rate) == (0.95, 1e-4)
    assert (two.model.name, two.trunk, two.optimiser.learning_rate) == ("pseudo-depth", 0.1, 1e-4)  # type: ignore[attr-defined]
    assert (one.crop, one.preprocessing, one.sampling) == (two.crop, two.preprocessing, two.sampling)  # type: ignore[attr-defined]
