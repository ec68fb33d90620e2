"""A training run: what it leaves alone, how fast it learns, and that a kill -9 changes nothing of its result."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from livegate.data.index import Index
from livegate.errors import CheckpointError, DataSetError, IndexFileError, LivegateError, PictureError, RecipeError
from livegate.files import LOCK
from livegate.models.checkpoint import WEIGHTS, Checkpoint, as_weights, read_tensors, write_tensors
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.training import loop
from livegate.training.learner import Learner
from livegate.training.lesson import optimiser
from livegate.training.liveness import Liveness
from livegate.training.loader import Batches
from livegate.training.loop import STATE, Run, _remaining, descend, learning_rate, train
from livegate.training.recipe import Recipe

Make = Callable[..., Recipe]
STEPS_PER_EPOCH, EPOCHS = 3, 3
"""The generated set has 24 training pictures (4 subjects, 6 pictures of each): three batches of 8."""


# Branches that are not drawn.


@dataclass
class Trainer:
    """Steps of training under one table of configurations after another."""

    recipe: Recipe
    network: Network
    optimiser: torch.optim.Optimizer
    batches: Batches
    done: int = 0

    def steps(self, number: int, table: dict[str, float]) -> None:
        """Take steps that draw from this table alone."""
        fabric = Fabric(accelerator="cpu", devices=1)
        sampling = self.recipe.sampling.model_copy(update={"configurations": table})
        recipe = self.recipe.model_copy(update={"sampling": sampling})
        model, adam = fabric.setup(Learner(self.network), self.optimiser)
        for _ in range(number):
            descend(fabric, model, adam, Liveness(recipe), self.done, self.batches[self.done])
            self.done += 1

    def part(self, name: str) -> dict[str, Tensor]:
        """All that is known of the branches of that name: weights, batch-norm statistics, the state of Adam."""
        found = {key: value for key, value in self.network.state_dict().items() if f".{name}." in key}
        for key, parameter in self.network.named_parameters():
            if f".{name}." in key:
                found |= {f"{key} {what}": value for what, value in self.optimiser.state.get(parameter, {}).items()}
        return {key: value.clone() for key, value in found.items()}


@pytest.fixture
def trainer(generated: Path, make_recipe: Make) -> Trainer:
    """A new network at a high learning rate with decay, so that whatever is touched moves."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recipe = make_recipe(optimiser={"learning_rate": 1e-2, "weight_decay": 0.1})
    network = recipe.model.build()
    batches = Batches(Index.read(generated).split("train").samples, recipe)
    return Trainer(recipe, network, optimiser(network, recipe.optimiser), batches)


def _changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {key for key in before.keys() | after.keys() if key not in before or not torch.equal(before[key], after[key])}


def test_branches_that_are_not_drawn_stay_as_they_are_bit_for_bit(trainer: Trainer) -> None:
    """Even with momentum from earlier steps the other branches keep weights, statistics and Adam's state under decay."""
    trainer.steps(2, {"LLL": 1.0})
    light, heavy = trainer.part("light"), trainer.part("heavy")
    moments = [value for key, value in light.items() if key.endswith("exp_avg")]
    assert len(moments) == 3 * 9  # 3 kernels, 3 scales and 3 shifts in each of three blocks
    assert all(moment.abs().sum() > 0 for moment in moments)
    trainer.steps(3, {"HHH": 1.0})
    assert _changed(light, trainer.part("light")) == set()
    assert _changed(heavy, trainer.part("heavy")) >= set(heavy)


def test_a_branch_that_was_never_drawn_has_no_state_at_all(trainer: Trainer) -> None:
    """Adam keeps nothing, and batch normalisation has counted no batch."""
    before = trainer.part("light")
    trainer.steps(2, {"HHH": 1.0})
    after = trainer.part("light")
    assert _changed(before, after) == set()
    assert not [key for key in after if "exp_avg" in key]
    counted = [value.item() for key, value in after.items() if key.endswith("num_batches_tracked")]
    assert counted == [0] * 9


def test_a_configuration_touches_exactly_the_branches_that_it_names(trainer: Trainer) -> None:
    """LHL moves the light branches of the first and third block and the heavy one of the second."""
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.steps(1, {"LHL": 1.0})
    places = [place for place, block in enumerate(trainer.network.blocks) if hasattr(block, "heavy")]
    assert len(places) == 3
    touched = {
        (place, branch): any(
            not torch.equal(tensor, before[name])
            for name, tensor in trainer.network.state_dict().items()
            if name.startswith(f"blocks.{place}.{branch}.")
        )
        for place in places
        for branch in ("heavy", "light")
    }
    drawn = {(places[0], "light"), (places[1], "heavy"), (places[2], "light")}
    assert {key for key, moved in touched.items() if moved} == drawn


def test_decay_acts_on_kernels_alone(trainer: Trainer) -> None:
    """Scales, shifts and biases are not drawn to zero; every parameter is in one group."""
    decay = {id(p): group["weight_decay"] for group in trainer.optimiser.param_groups for p in group["params"]}
    named = dict(trainer.network.named_parameters())
    assert decay.keys() == {id(parameter) for parameter in named.values()}
    kernels = [layer.weight for layer in trainer.network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert {key for key, value in decay.items() if value} == {id(kernel) for kernel in kernels}


# The learning rate.


def test_the_learning_rate_rises_then_falls_as_half_a_cosine(make_recipe: Make) -> None:
    """By hand: 12 epochs of 5 steps, two of them a rise over 10 steps; then cos from 1 to -1 over 50 steps."""
    recipe = make_recipe(optimiser={"learning_rate": 1e-3, "epochs": 12, "schedule": "cosine", "warmup_epochs": 2})
    by_hand = {0: 1e-4, 1: 2e-4, 8: 9e-4, 9: 1e-3, 10: 1e-3, 35: 5e-4, 59: 1e-3 * (1 + math.cos(math.pi * 49 / 50)) / 2}
    # A third of the way down, at 60 degrees, the cosine is 1/2: the rate is 3/4. 50 / 3 is no step, so take 12 epochs of 6.
    got = {step: learning_rate(recipe, step, 5) for step in by_hand}
    assert got == pytest.approx(by_hand)
    assert learning_rate(recipe, 12 + 20, 6) == pytest.approx(0.75e-3)


def test_a_constant_learning_rate_stays(make_recipe: Make) -> None:
    """The paper's schedule: 1e-4 at every step."""
    recipe = make_recipe(optimiser={"learning_rate": 1e-4, "epochs": 20})
    assert {learning_rate(recipe, step, 7) for step in range(140)} == {1e-4}


def test_steps_are_taken_at_the_end_of_their_epochs(make_recipe: Make) -> None:
    """Of anti-spoof-mn3 by hand: 0.005 for epochs 0 to 19, a fifth of it from epoch 20, a fifth of that from epoch 40."""
    steps = {"learning_rate": 0.005, "epochs": 71, "schedule": "steps", "milestones": [20, 40], "gamma": 0.2}
    recipe = make_recipe(optimiser=steps)
    by_hand = {0: 5e-3, 20 * 7 - 1: 5e-3, 20 * 7: 1e-3, 40 * 7 - 1: 1e-3, 40 * 7: 2e-4, 71 * 7 - 1: 2e-4}
    assert {step: learning_rate(recipe, step, 7) for step in by_hand} == pytest.approx(by_hand)


def test_sgd_has_the_momentum_and_the_decay_of_the_recipe(make_recipe: Make) -> None:
    """Decay on kernels alone, as with Adam."""
    settings = {"name": "sgd", "momentum": 0.9, "weight_decay": 5e-4, "learning_rate": 0.005}
    found = optimiser(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2)), make_recipe(optimiser=settings).optimiser)
    assert isinstance(found, torch.optim.SGD)
    told = [(group["lr"], group["momentum"], group["weight_decay"], len(group["params"])) for group in found.param_groups]
    assert told == [(0.005, 0.9, 5e-4, 1), (0.005, 0.9, 0.0, 3)]


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0, 2.7, 12.0])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_learning_rate_is_never_beyond_the_recipes(make_recipe: Make, warmup: float, schedule: str) -> None:
    """Also where the rise ends within a step it stays within (0, learning_rate]."""
    recipe = make_recipe(optimiser={"learning_rate": 1e-3, "epochs": 12, "schedule": schedule, "warmup_epochs": warmup})
    rates = [learning_rate(recipe, step, 5) for step in range(60)]
    assert min(rates) > 0
    assert max(rates) <= 1e-3


# The average of the weights.


def test_the_average_is_what_is_kept(make_recipe: Make, tmp_path: Path) -> None:
    """Of weights 1, 3 and 5 half of the average stays at each step: 1, 2, 3.5; the learner goes on from its own, and a resumed run from both."""
    recipe = make_recipe(optimiser={"averaged": 0.5})
    run, again = (Run(recipe, tmp_path, *Liveness(recipe).fresh(torch.device("cpu"))) for _ in range(2))
    learned = _one_parameter(run.learner)
    for value in (1.0, 3.0, 5.0):
        nn.init.constant_(learned, value)
        run.count()
    run.save()
    again.restore()
    for restored in (run, again):
        assert restored.step == 3
        assert torch.equal(_one_parameter(restored.learner), torch.full_like(learned, 5.0))
        assert torch.equal(_one_parameter(restored.network), torch.full_like(learned, 3.5))


def test_statistics_of_normalisation_are_averaged_too(make_recipe: Make, tmp_path: Path) -> None:
    """The average brings the means and variances that go with its weights."""
    recipe = make_recipe(optimiser={"averaged": 0.5})
    run = Run(recipe, tmp_path, *Liveness(recipe).fresh(torch.device("cpu")))
    for value in (0.0, 4.0):
        _statistics(run.learner).fill_(value)
        run.count()
    assert torch.equal(_statistics(run.network), torch.full_like(_statistics(run.learner), 2.0))


def test_without_an_average_the_last_weights_are_kept(make_recipe: Make, tmp_path: Path) -> None:
    """The recipe's default takes none, and the state holds none."""
    recipe = make_recipe()
    run = Run(recipe, tmp_path, *Liveness(recipe).fresh(torch.device("cpu")))
    run.count()
    run.save()
    assert run.network is run.learner.network
    assert [name for name in read_tensors(tmp_path / STATE)[0] if name.startswith("average.")] == []


def _one_parameter(module: nn.Module) -> nn.Parameter:
    return next(module.parameters())


def _statistics(module: nn.Module) -> Tensor:
    return next(buffer for name, buffer in module.named_buffers() if name.endswith("running_mean"))


# What stands in the way.


@dataclass
class Broken:
    """Three batches, of which the second cannot be made."""

    error: LivegateError
    steps_per_epoch: int = 3

    def __len__(self) -> int:
        return 3

    def __getitem__(self, step: int) -> Tensor:
        if step == 1:
            raise self.error
        return torch.tensor(step)


@pytest.mark.parametrize("error", [PictureError("a.png: is empty"), DataSetError("a.rec", ["is cut off"])])
def test_an_error_on_the_way_is_told_in_its_turn(make_recipe: Make, error: LivegateError) -> None:
    """The batches before it are learned."""
    batches = _remaining(make_recipe(run={"loader_workers": 0}), Broken(error), 0)
    assert next(batches).item() == 0
    with pytest.raises(type(error)) as caught:
        next(batches)
    assert str(caught.value) == str(error)


def test_an_error_of_a_worker_is_told_as_it_is(generated: Path, tmp_path: Path) -> None:
    """In one line, and not as the traceback of another process. In a process of its own: torch listens for the ends of workers ever after."""
    index = generated.with_name("gone.csv")  # beside the pictures, whose places it names
    text = generated.read_text("utf-8")
    first = next(csv.DictReader(text.splitlines()))["path"]
    index.write_text(text.replace(first, "gone.png", 1), "utf-8")
    table = "{HHH=0.5,LLL=0.5}"
    words = [f"data.index={str(index)!r}", "preprocessing.size=32", f"sampling.configurations={table}", "run.loader_workers=1"]
    words += ["optimiser.epochs=1", "optimiser.batch=8", "crop.small_share=0", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "livegate", "train", "pta_paper", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "gone.png" in done.stderr
    assert "Traceback" not in done.stderr


class Worse(Liveness):
    """From the fifth step on its loss is as told."""

    told = math.nan
    asked = 0

    def loss(self, *given: Any) -> Tensor:
        """See `Lesson`."""
        self.asked += 1
        return super().loss(*given) * (self.told if self.asked > 4 else 1.0)


@pytest.mark.parametrize("told", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: float
) -> None:
    """Step and configuration are told, and what to do; state and result are those from before, and finite."""
    lesson = Worse(recipe)
    lesson.told = told
    monkeypatch.setattr(loop, "lesson_of", lambda _: lesson)
    drawn = rf"the loss is {told} at step 5, configuration '[HL]{{3}}'; lower optimiser\.learning_rate, and train anew"
    with pytest.raises(RecipeError, match=rf"^recipe tiny: diverges: {drawn}"):
        train(recipe, tmp_path, quiet=True)
    (state, header), (weights, _) = (read_tensors(tmp_path / name) for name in (STATE, WEIGHTS))
    assert header["step"] == "4"
    assert all(tensor.isfinite().all() for tensor in [*state.values(), *weights.values()])


class Steep(Liveness):
    """Its loss is a number, its gradient none: the root of something that is zero."""

    def loss(self, model: nn.Module, *given: Any) -> Tensor:
        """See `Lesson`."""
        network = model.module.network  # type: ignore[union-attr]
        return super().loss(model, *given) + (next(network.parameters()) * 0).sum().sqrt()


def test_weights_that_are_no_numbers_are_never_kept(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step at the end of an epoch leads to nowhere though its loss is finite: neither state nor result is written."""
    recipe = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"batch": 24})})
    monkeypatch.setattr(loop, "lesson_of", lambda _: Steep(recipe))
    with pytest.raises(RecipeError, match="recipe tiny: diverges: weights are not finite after step 1; lower"):
        train(recipe, tmp_path, quiet=True)
    assert not [name for name in (STATE, WEIGHTS) if (tmp_path / name).exists()]


def test_an_epoch_that_leaves_one_picture_over_is_learned(make_recipe: Make, generated: Path, tmp_path: Path) -> None:
    """24 pictures in batches of 23: one step, and batch normalisation has no cause to complain."""
    train(make_recipe(data={"index": str(generated)}, optimiser={"batch": 23, "epochs": 1}), tmp_path, quiet=True)
    assert read_tensors(tmp_path / STATE)[1]["step"] == "1"


# Kill and resume.

KILLED = """
import sys, time
from pathlib import Path
import livegate.training.log as log
from livegate.training.loop import train
from livegate.training.recipe import Recipe

folder, last = Path(sys.argv[2]), int(sys.argv[3])
step = log.Log.step

def stall(self, number, loss):
    step(self, number, loss)
    if number == last:  # the step is done, and lies in no file yet
        (folder / "ready").touch()
        time.sleep(600)

log.Log.step = stall
train(Recipe.read(sys.argv[1]), folder, quiet=True)
"""


def _as_toml(recipe: Recipe, path: Path) -> Path:
    """The recipe in a file; JSON's values are TOML's, but for tables."""
    lines = [f'name = "{recipe.name}"', f"seed = {recipe.seed}"]
    for table, values in recipe.model_dump(mode="json").items():
        if isinstance(values, dict):
            lines.append(f"[{table}]")
            tables = {key: value for key, value in values.items() if isinstance(value, dict)}
            lines += [f"{key} = {_value(value)}" for key, value in values.items() if key not in tables]
            for key, entries in tables.items():
                lines.append(f"[{table}.{key}]")
                lines += [f"{name} = {_value(value)}" for name, value in entries.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert Recipe.read(path) == recipe
    return path


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"'{value}'" if isinstance(value, str) else str(value)


@pytest.fixture(scope="module")
def recipe(generated: Path, make_recipe: Make) -> Recipe:
    """Three epochs of three steps on the generated set, weights averaged, the state written every second step and at each epoch's end."""
    return make_recipe(data={"index": str(generated)}, run={"checkpoint_every": 2}, optimiser={"averaged": 0.5})


@pytest.fixture(scope="module")
def finished(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    assert train(recipe, folder, quiet=True) == folder / WEIGHTS
    return folder


def _kill(recipe: Recipe, folder: Path, step: int) -> int:
    """Start a run in a process of its own, kill it within a step, and give the step that its state has."""
    folder.mkdir()
    toml = _as_toml(recipe, folder / "recipe.toml")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(toml), str(folder), str(step)], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    try:
        deadline = time.monotonic() + 240
        while not (folder / "ready").exists():
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline, "the run never came to the step"
            time.sleep(0.05)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    return int(read_tensors(folder / STATE)[1]["step"])


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _require_same(folder: Path, finished: Path) -> None:
    for name in (STATE, WEIGHTS):
        (tensors, header), (expected, expected_header) = (read_tensors(place / name) for place in (folder, finished))
        assert header == expected_header
        assert tensors.keys() == expected.keys()
        assert [key for key in expected if not torch.equal(tensors[key], expected[key])] == []


def test_a_whole_run_leaves_its_result_its_state_and_its_log(recipe: Recipe, finished: Path) -> None:
    """Nine steps are done, Adam has seen every parameter, and the log has a row for each epoch."""
    tensors, header = read_tensors(finished / STATE)
    assert header["step"] == str(STEPS_PER_EPOCH * EPOCHS)
    weights = [name for name in tensors if name.startswith("network.")]
    moments = [name for name in tensors if name.startswith("optimiser.exp_avg.")]
    network = recipe.model.build()
    assert len(weights) == len(network.state_dict())
    # HHL and its like are not in the table, LLL is: every branch was drawn, or at least the heavy ones.
    assert 100 < len(moments) <= len(list(network.parameters()))
    assert [(row["epoch"], row["step"]) for row in _rows(finished)] == [("1", "3"), ("2", "6"), ("3", "9")]
    assert not list(finished.glob("*.part"))


def test_the_result_is_the_best_epoch_with_its_recipe(recipe: Recipe, finished: Path) -> None:
    """The checkpoint holds the epoch of the smallest D-EER on dev, the first of equals, and the recipe that it was trained with."""
    checkpoint = Checkpoint.load(finished)
    errors = [float(row["dev_d_eer"]) for row in _rows(finished)]
    best = errors.index(min(errors))
    assert (checkpoint.notes["epoch"], checkpoint.notes["step"]) == (best + 1, STEPS_PER_EPOCH * (best + 1))
    assert checkpoint.notes["dev_d_eer"] == pytest.approx(errors[best], abs=1e-6)
    assert Recipe.from_plain(checkpoint.recipe, "kept") == recipe
    assert checkpoint.preprocessing == recipe.deployed
    checkpoint.network()


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
def test_a_second_training_in_a_folder_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    """It writes nothing, whether it starts or goes on."""
    holds = "import sys, pathlib, livegate.files as f\nwith f.claimed(pathlib.Path(sys.argv[1])) as mine: print(mine, flush=True), input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        for resume in (False, True):
            with pytest.raises(
                RecipeError, match="another training is writing to it; wait until that one has ended, or choose"
            ):
                train(recipe, tmp_path, resume=resume, quiet=True)
        process.communicate("\n")
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


# Step 5 is the middle of the second epoch; step 7 the first of the third, before it is in any file.
@pytest.mark.parametrize(("killed_in", "state"), [(5, 4), (7, 6)])
def test_a_killed_run_ends_as_if_nothing_had_happened(
    recipe: Recipe, finished: Path, tmp_path: Path, killed_in: int, state: int
) -> None:
    """After kill -9 and --resume weights, Adam's state, result and notes are those of the straight run, bit for bit."""
    folder = tmp_path / "killed"
    assert _kill(recipe, folder, killed_in) == state
    # What a kill amid writing leaves: half a file beside the whole one.
    for name in (STATE, WEIGHTS):
        (folder / f".{name}.0123456789abcdef.part").write_bytes(b"half a file")
    assert (folder / STATE).is_file()
    train(recipe, folder, resume=True, quiet=True)
    _require_same(folder, finished)
    assert [(row["epoch"], row["step"]) for row in _rows(folder)] == [("1", "3"), ("2", "6"), ("3", "9")]
    figures = [[row[key] for key in ("dev_d_eer", "dev_acer", "dev_auc")] for row in _rows(folder)]
    assert figures == [[row[key] for key in ("dev_d_eer", "dev_acer", "dev_auc")] for row in _rows(finished)]


def test_resuming_a_run_that_is_done_changes_nothing(recipe: Recipe, finished: Path) -> None:
    """There is no step left; the files stay as they are, and what only concerns speed may differ."""
    before = {name: (finished / name).read_bytes() for name in (STATE, WEIGHTS, "log.csv")}
    run = recipe.run.model_copy(update={"checkpoint_every": 7})
    train(recipe.model_copy(update={"run": run}), finished, resume=True, quiet=True)
    assert {name: (finished / name).read_bytes() for name in before} == before


def test_a_run_that_is_done_is_told_in_one_line(recipe: Recipe, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No bar is drawn that would be full from the start; quiet says nothing."""
    train(recipe, finished, resume=True)
    assert capsys.readouterr() == ("", f"{finished}: complete, all of 9 steps were done before\n")
    train(recipe, finished, resume=True, quiet=True)
    assert capsys.readouterr() == ("", "")


def test_resuming_under_another_recipe_is_refused_with_what_differs(recipe: Recipe, make_recipe: Make, finished: Path) -> None:
    """The message names each key that is not as it was, and no other; nothing is written."""
    other = make_recipe(
        seed=6,
        data={"index": recipe.data.index},
        optimiser={"learning_rate": 2e-3, "averaged": 0.5},
        crop={"margin": [1.0, 1.1]},
    )
    before = (finished / STATE).read_bytes()
    with pytest.raises(
        RecipeError, match=r"another recipe \(crop\.margin, optimiser\.learning_rate, seed\); use another folder"
    ):
        train(other, finished, resume=True, quiet=True)
    assert (finished / STATE).read_bytes() == before


def test_resuming_on_other_data_is_refused(make_recipe: Make, generated: Path, tmp_path: Path) -> None:
    """Its index has lost a picture meanwhile; with it the run goes on. A state that does not know its data is refused, too."""
    index, folder = tmp_path / "index.csv", tmp_path / "run"
    whole = generated.read_text("utf-8").replace("\n", f"\n{generated.parent}/").removesuffix(f"{generated.parent}/")
    index.write_text(whole, "utf-8")
    recipe = make_recipe(data={"index": str(index)}, optimiser={"epochs": 1})
    train(recipe, folder, quiet=True)
    index.write_text("".join(whole.splitlines(keepends=True)[:-1]), "utf-8")
    refused = r"another content of data\.index, by SHA-256; put that back, or use another folder"
    with pytest.raises(RecipeError, match=refused):
        train(recipe, folder, resume=True, quiet=True)
    index.write_text(whole, "utf-8")
    train(recipe, folder, resume=True, quiet=True)
    tensors, header = read_tensors(folder / STATE)
    write_tensors(folder / STATE, tensors, {key: value for key, value in header.items() if key != "sources"})
    with pytest.raises(RecipeError, match=refused):
        train(recipe, folder, resume=True, quiet=True)


def test_starting_over_a_run_is_refused(recipe: Recipe, finished: Path) -> None:
    """A run is not overwritten by accident: the message says how to continue it or where to go."""
    before = (finished / STATE).read_bytes()
    with pytest.raises(RecipeError, match="holds a run already; continue it with --resume or choose another folder with --out"):
        train(recipe, finished, quiet=True)
    assert (finished / STATE).read_bytes() == before


def test_a_damaged_state_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    """A state that cannot be read is an error, not a fresh start over an old run."""
    (tmp_path / STATE).write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="is no safetensors file or is damaged"):
        train(recipe, tmp_path, resume=True, quiet=True)


def test_a_run_starts_from_the_initial_weights(generated: Path, make_recipe: Make, tmp_path: Path) -> None:
    """They lie in the data folder; without that file no folder of a run is left behind."""
    recipe = make_recipe(data={"index": generated.name, "root": str(generated.parent)}, initial="plain.safetensors")
    with pytest.raises(CheckpointError, match="does not exist"):
        train(recipe, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
    spec = ModelSpec("mobilenet-v2", ())
    plain = spec.build()
    Checkpoint(spec, recipe.deployed, as_weights(plain), {}, {}).save(tmp_path / "plain.safetensors")
    learner, _ = Liveness(make_recipe(data={"root": str(tmp_path)}, initial="plain.safetensors")).fresh(torch.device("cpu"))
    assert torch.equal(learner.network.state_dict()["blocks.0.0.weight"], plain.state_dict()["blocks.0.0.weight"])


def test_data_that_does_not_fit_is_refused_before_anything_is_written(
    generated: Path, make_recipe: Make, tmp_path: Path
) -> None:
    """An index that is missing, unlabelled, without boxes or without a split, and shares of unknown sources, leave no folder behind."""
    rows = list(csv.DictReader(generated.read_text(encoding="utf-8").splitlines()))
    unlabelled, bare = tmp_path / "unlabelled.csv", tmp_path / "bare.csv"
    for index, columns in ((unlabelled, ["path", "split"]), (bare, ["path", "split", "species"])):
        with index.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    single = generated.with_name("single.csv")  # beside the pictures, whose places it names
    with single.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if row["split"] != "dev" or not row["species"])
    folder = tmp_path / "run"
    for data, sampling, error, message in (
        ({"index": str(tmp_path / "none.csv")}, {}, IndexFileError, "cannot be read"),
        ({"index": str(unlabelled)}, {}, IndexFileError, "has no column 'species'"),
        ({"index": str(bare)}, {}, IndexFileError, "has no column 'box', and training looks for no faces"),
        ({"index": str(single)}, {}, RecipeError, "the split dev needs attacks and bona fide pictures to choose the epoch by"),
        ({"index": str(generated), "dev": "validation"}, {}, IndexFileError, "no sample of split 'validation'"),
        ({"index": str(generated)}, {"shares": {"axon": 0.1}}, RecipeError, "without samples: axon"),
    ):
        with pytest.raises(error, match=message):
            train(make_recipe(data=data, sampling=sampling), folder, quiet=True)
        assert not folder.exists()
