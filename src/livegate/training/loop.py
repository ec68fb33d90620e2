"""The training run: from a recipe to a checkpoint, resumable at any step."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from livegate.errors import LivegateError, RecipeError
from livegate.files import claimed
from livegate.models.checkpoint import WEIGHTS, Checkpoint, as_weights, read_tensors, write_tensors
from livegate.models.network import Network
from livegate.training.chance import Stream, seeds
from livegate.training.lesson import Batches, Learning, Lesson
from livegate.training.liveness import Liveness
from livegate.training.log import Log
from livegate.training.pseudo_depth.lesson import PseudoDepth
from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.recipe import AnyRecipe, Recipe
from livegate.training.sampling import draw_configuration
from livegate.training.soup import cooked
from livegate.training.sources import digests
from livegate.training.verification.lesson import Verification
from livegate.training.verification.recipe import VerificationRecipe

STATE = "state.safetensors"
"""What a run resumes from: weights, optimiser, step and the best result so far, in one file so that they always agree."""
OPTIMISER_STATE = ("step", "exp_avg", "exp_avg_sq", "momentum_buffer")
"""What AdamW (the first three) and SGD keep of each parameter."""
AVERAGE = "average."
"""Before the names of the average's tensors in the state."""


@dataclass
class Run:
    """A training run in progress.

    Attributes:
        recipe: what it does.
        folder: where it writes.
        learner: what is trained: the network, and heads that only training has.
        optimiser: of the learner's parameters.
        average: of the network's weights, and of the statistics of its normalisations; None where the recipe takes none.
        step: how many steps are done.
        best: the notes of the best epoch so far; empty before the first.
        sources: the digests of what it learns from, by name.
    """

    recipe: AnyRecipe
    folder: Path
    learner: nn.Module
    optimiser: Optimizer
    average: AveragedModel | None = field(init=False, default=None)
    step: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin the average, if the recipe takes one."""
        kept = self.recipe.optimiser.averaged
        if kept:
            average = get_ema_multi_avg_fn(kept)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self._learned, multi_avg_fn=average, use_buffers=True)

    @property
    def _learned(self) -> Network:
        return cast("Learning", self.learner).network

    @property
    def network(self) -> Network:
        """What is measured, and what a checkpoint keeps."""
        return cast("Network", self.average.module) if self.average else self._learned

    def count(self) -> None:
        """A step is done: its weights enter the average."""
        self.step += 1
        if self.average:
            self.average.update_parameters(self._learned)

    def require_finite(self) -> None:
        """Check that there is something to keep: also a finite loss may be followed by a step to nowhere.

        Raises:
            RecipeError: if a weight is NaN or infinite.
        """
        tensors = [*self.learner.state_dict().values(), *self.network.state_dict().values()]
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise _diverged(self.recipe, f"weights are not finite after step {self.step}")

    def save(self) -> None:
        """Write the state to resume from, atomically."""
        tensors = dict(self.learner.state_dict())
        for name, parameter in self.learner.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                if value is not None:
                    tensors[f"optimiser.{key}.{name.removeprefix('network.')}"] = value
        if self.average:
            tensors |= {AVERAGE + name: tensor for name, tensor in self.average.state_dict().items()}
        header = {"recipe": self.recipe.model_dump_json(), "step": str(self.step), "best": json.dumps(self.best)}
        write_tensors(self.folder / STATE, tensors, header | {"sources": json.dumps(self.sources)})

    def restore(self) -> None:
        """Take up the state that `save` wrote.

        Raises:
            CheckpointError: if it is missing or damaged.
            RecipeError: if it was written under another recipe, or its sources are no longer what they were.
        """
        tensors, header = read_tensors(self.folder / STATE)
        # Tables that are newer than the run have their defaults.
        before = type(self.recipe).from_plain(json.loads(header["recipe"]), self.folder)
        differences = _differences(before.model_dump(mode="json"), self.recipe.model_dump(mode="json"))
        if differences:
            raise RecipeError(self.folder, [f"was started with another recipe ({', '.join(differences)}); use another folder"])
        known = json.loads(header.get("sources", "{}"))
        changed = [name for name, digest in self.sources.items() if known.get(name) != digest]
        if changed:
            fault = (
                f"was started with another content of {', '.join(changed)}, by SHA-256; put that back, or use another folder"
            )
            raise RecipeError(self.folder, [fault])
        self.learner.load_state_dict({name: t for name, t in tensors.items() if not name.startswith(("optimiser.", AVERAGE))})
        if self.average:
            self.average.load_state_dict(
                {name.removeprefix(AVERAGE): t for name, t in tensors.items() if name.startswith(AVERAGE)}
            )
        for name, parameter in self.learner.named_parameters():
            kept = {key: tensors.get(f"optimiser.{key}.{name.removeprefix('network.')}") for key in OPTIMISER_STATE}
            state = {
                key: value if key == "step" else value.to(parameter, memory_format=torch.preserve_format)
                for key, value in kept.items()
                if value is not None
            }
            if state:
                self.optimiser.state[parameter] = state
        self.step = int(header["step"])
        self.best = json.loads(header["best"])


def lesson_of(recipe: AnyRecipe) -> Lesson:
    """What a recipe teaches."""
    match recipe:
        case Recipe():
            return Liveness(recipe)
        case VerificationRecipe():
            return Verification(recipe)
        case DepthRecipe():
            return PseudoDepth(recipe)
    raise TypeError(f"no lesson for a {type(recipe).__name__}")


def train(recipe: AnyRecipe, folder: Path, *, resume: bool = False, quiet: bool = False) -> Path:
    """Train a network, or several and take the mean of their weights (`livegate.training.soup`).

    One run at a time writes to a folder; a second one is refused (not on Windows).

    Args:
        recipe: what to do.
        folder: where the run writes: the checkpoint of the best epoch on dev, the state to resume from, logs.
        resume: continue from the last state; then the result is the same, bit for bit, as without the interruption.
        quiet: show no progress bar.

    Returns:
        The checkpoint of the best epoch on dev: the one with the smallest D-EER, equal error rate of verification, or error of the maps;
        of a soup, the mean of these.

    Raises:
        RecipeError: if the recipe does not fit the data, the folder holds another run or its sources have changed, another process trains there, or the
            training diverges; what was kept before stays.
        IndexFileError: if the index has faults, no labels or lacks a split.
        CheckpointError: if the initial weights or the teacher are missing or do not fit.
        PictureError: if a training picture cannot be read.
    """
    _require_startable(folder, resume=resume)
    soup = recipe if isinstance(recipe, Recipe) and recipe.soup.size > 1 else None
    if any(folder.glob(STATE if soup else f"[0-9]*-[0-9]*/{STATE}")):
        what = "one training" if soup else "the trainings of a soup"
        raise RecipeError(folder, [f"holds {what}, and this is another kind of run; use another folder"])
    if soup:
        return cooked(soup, folder, lambda member, place: train(member, place, resume=resume, quiet=quiet), quiet=quiet)
    if recipe.run.threads:
        torch.set_num_threads(recipe.run.threads)
    lesson = lesson_of(recipe)
    batches = lesson.open(folder, quiet=quiet)

    fabric = Fabric(accelerator="auto", devices=1, precision=recipe.run.precision)
    torch.manual_seed(recipe.seed)
    run = Run(recipe, folder, *lesson.fresh(fabric.device), sources=digests(recipe))
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder) as mine:
        if not mine:
            fault = "another training is writing to it; wait until that one has ended, or choose another folder with --out"
            raise RecipeError(folder, [fault])
        _require_startable(folder, resume=resume)  # anew: another run may have been there since
        if (folder / STATE).exists():
            run.restore()
        _finish(fabric, run, lesson, batches, quiet=quiet)
    return folder / WEIGHTS


def _require_startable(folder: Path, *, resume: bool) -> None:
    if (folder / STATE).exists() and not resume:
        raise RecipeError(folder, ["holds a run already; continue it with --resume or choose another folder with --out"])


def _finish(fabric: Fabric, run: Run, lesson: Lesson, batches: Batches, *, quiet: bool) -> None:
    """Take the steps that are left."""
    recipe = run.recipe
    model, optimiser = fabric.setup(run.learner, run.optimiser)

    with Log(run.folder, lesson.columns, total=len(batches), done=run.step, quiet=quiet) as log:
        for batch in _remaining(recipe, batches, run.step):
            _set_learning_rate(run.optimiser, recipe, run.step, batches.steps_per_epoch)
            loss = descend(fabric, model, optimiser, lesson, run.step, batch)
            run.count()
            log.step(run.step, loss)
            epoch, place = divmod(run.step, batches.steps_per_epoch)
            due = place == 0 or run.step % recipe.run.checkpoint_every == 0
            if due:
                run.require_finite()
            if place == 0:
                _finish_epoch(run, lesson, epoch, log)
            if due:
                run.save()


def descend(  # noqa: PLR0913 - one step needs all of them, and a class to hold them would hide what changes
    fabric: Fabric,
    model: nn.Module,
    optimiser: Optimizer,
    lesson: Lesson,
    step: int,
    batch: Any,  # noqa: ANN401 - the lesson that made it knows what it is
) -> float:
    """One step of descent on one configuration. Branches that were not drawn get no gradient, so the optimiser leaves them alone.

    Raises:
        RecipeError: if the loss is NaN or infinite.
    """
    chance = seeds(lesson.recipe.seed, Stream.STEP, step)
    rng = np.random.default_rng(chance)
    configuration = draw_configuration(lesson.recipe.sampling.configurations, rng)
    torch.manual_seed(int(chance.generate_state(1)[0]))
    loss = lesson.loss(model.train(), batch, configuration, rng)
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(loss)
    optimiser.step()
    told = loss.item()
    if not math.isfinite(told):
        raise _diverged(lesson.recipe, f"the loss is {told} at step {step + 1}, configuration {str(configuration)!r}")
    return told


def _diverged(recipe: AnyRecipe, what: str) -> RecipeError:
    advice = "lower optimiser.learning_rate, and train anew with another --out"
    return RecipeError(f"recipe {recipe.name}", [f"diverges: {what}; {advice}"])


def _finish_epoch(run: Run, lesson: Lesson, epoch: int, log: Log) -> None:
    """Measure on dev; keep the weights if they are the best so far."""
    lesson.settle(run.network)
    errors = lesson.errors(run.network)
    log.epoch(run.step, epoch, errors)
    chooses = next(iter(errors.notes))
    if not run.best or errors.notes[chooses] < run.best[chooses]:
        run.best = {"epoch": epoch, "step": run.step, **errors.notes}
        recipe = run.recipe
        Checkpoint(recipe.model, lesson.deployed, as_weights(run.network), recipe.model_dump(mode="json"), run.best).save(
            run.folder / WEIGHTS
        )


def _set_learning_rate(optimiser: Optimizer, recipe: AnyRecipe, step: int, steps_per_epoch: int) -> None:
    rate = learning_rate(recipe, step, steps_per_epoch)
    for group in optimiser.param_groups:
        group["lr"] = rate * float(group.get("scale", 1.0))


def learning_rate(recipe: AnyRecipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step: a linear rise, then constant, in steps, or down to zero by half a cosine or late in a straight line."""
    settings = recipe.optimiser
    warmup = settings.warmup_epochs * steps_per_epoch
    if step < warmup:
        return settings.learning_rate * min(1.0, (step + 1) / warmup)
    if settings.schedule == "constant":
        return settings.learning_rate
    if settings.schedule == "steps":
        return settings.learning_rate * settings.gamma ** bisect_right(settings.milestones, step // steps_per_epoch)
    if settings.schedule == "late-linear":
        return settings.learning_rate * min(1.0, 2 * (1 - step / (settings.epochs * steps_per_epoch)))
    progress = (step - warmup) / max(1.0, settings.epochs * steps_per_epoch - warmup)
    return settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def _remaining(recipe: AnyRecipe, batches: Batches, step: int) -> Iterator[Any]:
    steps, workers = range(step, len(batches)), recipe.run.loader_workers
    for batch in DataLoader(_Told(batches), batch_size=None, sampler=steps, num_workers=workers):
        if isinstance(batch, LivegateError):
            raise batch
        yield batch


class _Told(Dataset[Any]):
    """Batches, or the error that stood in the way: one that is raised in a worker comes out as its traceback."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, step: int) -> Any:  # noqa: ANN401 - the lesson that made it knows what it is
        try:
            return self.batches[step]
        except LivegateError as error:
            return error


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys whose values differ; what a run may change on the way, its `run` table, is left out."""
    found: list[str] = []
    for key in sorted(set(old) | set(new)):
        if prefix == "" and key == "run":
            continue
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key}")
    return found
