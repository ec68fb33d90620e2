"""The training run: from a recipe to a checkpoint, resumable at any step."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import DataLoader

from livegate import evaluation
from livegate.configuration import Branch, Configuration
from livegate.data.index import Index
from livegate.errors import RecipeError
from livegate.metrics.pad import PadReport, Threshold, measure
from livegate.models.checkpoint import WEIGHTS, Checkpoint, as_weights, read_tensors, write_tensors
from livegate.models.initial import start_from
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer, normalise
from livegate.training.augment import PixelAugment
from livegate.training.loader import Batch, Batches
from livegate.training.log import Log
from livegate.training.recipe import Recipe
from livegate.training.sampling import draw_configuration

STATE = "state.safetensors"
"""What a run resumes from: weights, optimiser, step and the best result so far, in one file so that they always agree."""
CHANCE = 2
"""The stream of chance of a step's configuration, augmentation and dropout."""


@dataclass
class Run:
    """A training run in progress.

    Attributes:
        recipe: what it does.
        folder: where it writes.
        network: what is trained.
        optimiser: Adam over the network.
        step: how many steps are done.
        best: the notes of the best epoch so far; empty before the first.
    """

    recipe: Recipe
    folder: Path
    network: Network
    optimiser: AdamW
    step: int = 0
    best: dict[str, Any] = field(default_factory=dict)

    def save(self) -> None:
        """Write the state to resume from, atomically."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value
        header = {"recipe": self.recipe.model_dump_json(), "step": str(self.step), "best": json.dumps(self.best)}
        write_tensors(self.folder / STATE, tensors, header)

    def restore(self) -> None:
        """Take up the state that `save` wrote.

        Raises:
            CheckpointError: if it is missing or damaged.
            RecipeError: if it was written under another recipe.
        """
        tensors, header = read_tensors(self.folder / STATE)
        differences = _differences(json.loads(header["recipe"]), self.recipe.model_dump(mode="json"))
        if differences:
            raise RecipeError(self.folder, [f"was started with another recipe ({', '.join(differences)}); use another folder"])
        self.network.load_state_dict(
            {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
        )
        for name, parameter in self.network.named_parameters():
            state = {key: tensors.get(f"optimiser.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            if state["step"] is not None:
                self.optimiser.state[parameter] = {
                    key: value if key == "step" else value.to(parameter, memory_format=torch.preserve_format)
                    for key, value in state.items()
                    if value is not None
                }
        self.step = int(header["step"])
        self.best = json.loads(header["best"])


def train(recipe: Recipe, folder: Path, *, resume: bool = False, quiet: bool = False) -> Path:
    """Train a network.

    Args:
        recipe: what to do.
        folder: where the run writes: the checkpoint of the best epoch on dev, the state to resume from, logs.
        resume: continue from the last state; then the result is the same, bit for bit, as without the interruption.
        quiet: show no progress bar.

    Returns:
        The checkpoint of the epoch with the smallest D-EER on dev.

    Raises:
        RecipeError: if the recipe does not fit the data, or the folder holds another run.
        IndexFileError: if the index has faults, no labels or lacks a split.
        CheckpointError: if the initial weights are missing or do not fit.
        PictureError: if a training picture cannot be read.
    """
    if recipe.run.threads:
        torch.set_num_threads(recipe.run.threads)
    index = Index.read(recipe.data.path)
    index.require_labels()
    training, dev = index.split(recipe.data.train), index.split(recipe.data.dev)
    batches = Batches(training.samples, recipe)
    if (folder / STATE).exists() and not resume:
        raise RecipeError(folder, ["holds a run already; continue it with --resume or choose another folder with --out"])

    fabric = Fabric(accelerator="auto", devices=1, precision=recipe.run.precision)
    torch.manual_seed(recipe.seed)
    run = Run(recipe, folder, *fresh(recipe, fabric))
    folder.mkdir(parents=True, exist_ok=True)
    if resume and (folder / STATE).exists():
        run.restore()
    model, optimiser = fabric.setup(run.network, run.optimiser)
    augment = PixelAugment(recipe.augment)

    with Log(folder, total=len(batches), done=run.step, quiet=quiet) as log:
        for batch in _remaining(batches, run.step):
            _set_learning_rate(run.optimiser, recipe, run.step, batches.steps_per_epoch)
            loss = descend(fabric, model, optimiser, augment, recipe, run.step, batch)
            run.step += 1
            log.step(run.step, loss)
            epoch, place = divmod(run.step, batches.steps_per_epoch)
            if place == 0:
                _finish_epoch(run, dev, epoch, log)
            if place == 0 or run.step % recipe.run.checkpoint_every == 0:
                run.save()
    return folder / WEIGHTS


def descend(  # noqa: PLR0913 - one step needs all of them, and a class to hold them would hide what changes
    fabric: Fabric,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    augment: PixelAugment,
    recipe: Recipe,
    step: int,
    batch: Batch,
) -> float:
    """One step of descent on one configuration. Branches that were not drawn get no gradient, so Adam leaves them alone."""
    seeds = np.random.SeedSequence([recipe.seed, CHANCE, step])
    configuration = draw_configuration(recipe.sampling.configurations, np.random.default_rng(seeds))
    torch.manual_seed(int(seeds.generate_state(1)[0]))
    pictures = augment(batch.pictures.to(fabric.device))
    x = normalise(pictures, recipe.deployed).contiguous(memory_format=torch.channels_last)
    logits = model.train()(x, configuration)
    labels = batch.labels.to(fabric.device)
    loss: Tensor = nn.functional.cross_entropy(logits, labels, label_smoothing=recipe.optimiser.label_smoothing)
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(loss)
    optimiser.step()
    return loss.item()


def _finish_epoch(run: Run, dev: Index, epoch: int, log: Log) -> None:
    """Measure on dev; keep the weights if they are the best so far."""
    errors = _errors_on(run, dev)
    log.epoch(run.step, epoch, errors)
    if not run.best or errors.d_eer < run.best["dev_d_eer"]:
        run.best = {"epoch": epoch, "step": run.step, "dev_d_eer": errors.d_eer, "dev_acer": errors.acer_pooled}
        recipe = run.recipe
        Checkpoint(recipe.model, recipe.deployed, as_weights(run.network), recipe.model_dump(mode="json"), run.best).save(
            run.folder / WEIGHTS
        )


def _errors_on(run: Run, dev: Index) -> PadReport:
    """The all-heavy configuration on the pictures of dev, at argmax, as the paper measures it."""
    heavy = Configuration.uniform(Branch.HEAVY, run.network.adaptive_blocks)
    scores = evaluation.score(TorchScorer(run.network, run.recipe.deployed), dev, [heavy])
    return measure(scores.values, scores.species, Threshold(evaluation.ARGMAX, "argmax", ""), configuration=str(heavy))


def fresh(recipe: Recipe, fabric: Fabric) -> tuple[Network, AdamW]:
    """A network with the weights of torch's present seed or the recipe's initial ones, on the device, and its optimiser."""
    network = recipe.model.build()
    if recipe.initial:
        start_from(network, Checkpoint.load(recipe.data.folder / recipe.initial))
    network = network.to(fabric.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, _optimiser(network, recipe)


def _optimiser(network: nn.Module, recipe: Recipe) -> AdamW:
    """Adam; decay acts on the kernels alone, not on scales, shifts and biases."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": recipe.optimiser.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return AdamW(groups, lr=recipe.optimiser.learning_rate)


def _set_learning_rate(optimiser: AdamW, recipe: Recipe, step: int, steps_per_epoch: int) -> None:
    rate = learning_rate(recipe, step, steps_per_epoch)
    for group in optimiser.param_groups:
        group["lr"] = rate


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step: a linear rise, then constant or half a cosine down to zero."""
    settings = recipe.optimiser
    warmup = settings.warmup_epochs * steps_per_epoch
    if step < warmup:
        return settings.learning_rate * min(1.0, (step + 1) / warmup)
    if settings.schedule == "constant":
        return settings.learning_rate
    progress = (step - warmup) / max(1.0, settings.epochs * steps_per_epoch - warmup)
    return settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def _remaining(batches: Batches, step: int) -> Iterator[Batch]:
    workers = batches.recipe.run.loader_workers
    return iter(DataLoader(batches, batch_size=None, sampler=range(step, len(batches)), num_workers=workers))


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
