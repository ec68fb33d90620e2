"""Khabarlak 2022, repeated: the plain MobileNetV2 against the adaptive one, several seeds of each, at equal pictures seen.

Everything is kept in one folder, and a stopped run goes on where it was:

    OUT/runs/no-pta-0/, runs/pta-0/, …     one training each
    OUT/scores/pta-0-1a2b3c4d.csv, …       scores of dev and test by the weights of that hash
    OUT/reproduction.md, reproduction.json
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from livegate import evaluation
from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.export.onnx import entry, to_onnx
from livegate.metrics import ARGMAX, Rate, Scores
from livegate.models.checkpoint import WEIGHTS, Checkpoint
from livegate.models.counting import Cost, count
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.reproduce.claims import Observed, Ratio
from livegate.reproduce.pta_published import CONFIGURATIONS, NO_PTA, ROWS
from livegate.reproduce.trials import trials
from livegate.runtime.backends.base import Backend, Model
from livegate.runtime.backends.onnx import OnnxBackend
from livegate.runtime.bench.subjects import noise
from livegate.runtime.bench.timing import in_turn
from livegate.training.log import read_log
from livegate.training.loop import train
from livegate.training.recipe import Recipe
from livegate.training.timing import WARM_UP, step_seconds

RECIPE = "pta_paper"
PLAIN = Configuration(())
MODELS = {"no-pta": (PLAIN,), "pta": tuple(Configuration.parse(name) for name in CONFIGURATIONS)}
"""The networks that are trained, and the configurations that each is scored under."""
LATENCY_ROUNDS, STEP_ROUNDS = 200, 20

Counting: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""(what, how many) → a context that gives a function to tell progress."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What was trained and measured.

    Attributes:
        recipe: of the adaptive network, the first seed.
        seeds: of the trainings.
        index: the pictures.
        observed: errors, times and curves.
        costs: by row of Table 4.
        milliseconds: by row, the median latency in ONNX Runtime on one thread.
        step_seconds: of the plain network and of the adaptive one, for one step of training.
        steps_per_epoch: how many there are.
        best_epochs: model → the epoch that dev chose, for each seed.
        species: row → species → APCER, the pictures of all seeds counted together.
    """

    recipe: Recipe
    seeds: tuple[int, ...]
    index: Index
    observed: Observed
    costs: Mapping[str, Cost]
    milliseconds: Mapping[str, float]
    step_seconds: tuple[float, float]
    steps_per_epoch: int
    best_epochs: Mapping[str, Sequence[int]]
    species: Mapping[str, Mapping[str, Rate]]


def recipe_of(model: str, seed: int, base: Recipe) -> Recipe:
    """The recipe of one training: the same but for name, seed and, for the plain network, its blocks."""
    plain = base.model_dump(mode="json") | {"name": model, "seed": seed}
    if model == "no-pta":
        plain["model"] |= {"adaptive_stages": []}
        plain["sampling"] |= {"configurations": {str(PLAIN): 1.0}}
    return Recipe.from_plain(plain, f"recipe {model}, seed {seed}")


def reproduce(base: Recipe, seeds: Sequence[int], folder: Path, test: str, counting: Counting) -> Experiment:
    """Train what is not trained yet, score what is not scored yet, measure.

    Args:
        base: the paper's recipe with the index to use.
        seeds: at least one; the paper has one, a result needs three.
        folder: of the experiment.
        test: the split that errors are reported on. It is read for the last checkpoints only, when every training is done.
        counting: shows progress.

    Raises:
        RecipeError: if the index lacks a split, or the folder holds runs of another recipe.
        MetricError: if test has one class only.
    """
    index = Index.read(base.data.path)
    index.require_labels()
    pictures = index.split(test)
    for seed in seeds:
        for model in MODELS:
            train(recipe_of(model, seed, base), folder / "runs" / f"{model}-{seed}", resume=True)
    scores: dict[str, list[Scores]] = {row: [] for row in ROWS}
    for seed in seeds:
        for model in MODELS:
            run = folder / "runs" / f"{model}-{seed}" / WEIGHTS
            for row, found in _scored(run, model, pictures, folder / "scores" / f"{model}-{seed}", counting):
                scores[row].append(found)
    first = {model: Checkpoint.load(folder / "runs" / f"{model}-{seeds[0]}" / WEIGHTS) for model in MODELS}
    networks = {model: checkpoint.network() for model, checkpoint in first.items()}
    latency, milliseconds, switched = _latency(networks, first["pta"], counting)
    step, seconds = _steps(base, seeds[0], counting)
    costs = _costs(networks, base.preprocessing.size)
    curves, epochs, steps = _curves(folder, seeds)
    observed = Observed(
        trials=trials(scores),
        latency=latency,
        step=step,
        curves=curves,
        switched=switched,
        multiply_adds={row: cost.paper_madds for row, cost in costs.items()},
    )
    recipe = recipe_of("pta", seeds[0], base)
    return Experiment(recipe, tuple(seeds), pictures, observed, costs, milliseconds, seconds, steps, epochs, _species(scores))


def _scored(weights: Path, model: str, index: Index, stem: Path, counting: Counting) -> Iterator[tuple[str, Scores]]:
    """(row, scores) of each configuration; from the file, when these very weights have been scored on this index before."""
    digest = hashlib.sha256(weights.read_bytes() + index.path.read_bytes()).hexdigest()[:8]
    path = stem.with_name(f"{stem.name}-{digest}.csv")
    if path.exists():
        scores = Scores.read(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoint = Checkpoint.load(weights)
        scorer = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
        with counting(f"test, {stem.name}", len(index.samples)) as advance:
            scores = evaluation.score(scorer, index, MODELS[model], advance=advance)
        scores.write(path)
    for configuration in MODELS[model]:
        yield str(configuration) or NO_PTA, scores.where(scores.configuration == str(configuration))


def _latency(
    networks: Mapping[str, Network], checkpoint: Checkpoint, counting: Counting
) -> tuple[dict[tuple[str, str], Ratio], dict[str, float], bool]:
    """Every ratio of two rows, milliseconds of each, and whether switching there and back changes nothing."""
    backends = {model: _backend(network, checkpoint.preprocessing, MODELS[model]) for model, network in networks.items()}
    image = noise(checkpoint.preprocessing.size)
    calls: dict[str, Callable[[], object]] = {}
    for model, configurations in MODELS.items():
        for c in configurations:
            calls[str(c) or NO_PTA] = lambda backend=backends[model], c=c: backend.run(image, c)  # type: ignore[misc]
    before = [backends["pta"].run(image, c) for c in MODELS["pta"]]
    with counting("latency", LATENCY_ROUNDS) as advance:

        def more(number: int) -> bool:
            advance(min(number, 1))
            return number < LATENCY_ROUNDS

        times = in_turn(calls, more)
    after = [backends["pta"].run(image, c) for c in MODELS["pta"]]
    same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    ratios = {(a, b): Ratio.over(times[a].best / times[b].best) for a in calls for b in calls if a != b}
    return ratios, {row: float(np.median(time.best)) for row, time in times.items()}, same


def _backend(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration]) -> Backend:
    model = to_onnx(network, preprocessing).SerializeToString()
    return OnnxBackend(Model({"model.onnx": model}, entry(configurations)))


def _steps(base: Recipe, seed: int, counting: Counting) -> tuple[Ratio, tuple[float, float]]:
    """A step of adaptive training, each configuration weighed by its probability, over one of the plain network; seconds of both."""
    table = base.sampling.configurations
    adaptive = recipe_of("pta", seed, base)
    each = [
        adaptive.model_copy(update={"sampling": base.sampling.model_copy(update={"configurations": {name: 1.0}})})
        for name in table
    ]
    with counting("steps of training", STEP_ROUNDS + WARM_UP) as advance:
        times = step_seconds([recipe_of("no-pta", seed, base), *each], STEP_ROUNDS, advance)
    mixed = times[:, 1:] @ np.array(list(table.values()))
    return Ratio.over(mixed / times[:, 0]), (float(np.median(times[:, 0])), float(np.median(mixed)))


def _costs(networks: Mapping[str, Network], size: int) -> dict[str, Cost]:
    return {
        str(configuration) or NO_PTA: count(networks[model].fixed(configuration), size)
        for model, configurations in MODELS.items()
        for configuration in configurations
    }


def _curves(folder: Path, seeds: Sequence[int]) -> tuple[dict[str, list[list[float]]], dict[str, list[int]], int]:
    """ACER on dev by epoch and seed of Figure 2, the epoch that was kept, and how many steps an epoch has."""
    curves: dict[str, list[list[float]]] = {}
    best: dict[str, list[int]] = {}
    steps = 0
    for row, model in ((NO_PTA, "no-pta"), ("HHH", "pta")):
        logs = [read_log(folder / "runs" / f"{model}-{seed}") for seed in seeds]
        curves[row] = [[entry["dev_acer"] for entry in log] for log in logs]
        notes = [Checkpoint.load(folder / "runs" / f"{model}-{seed}" / WEIGHTS).notes for seed in seeds]
        best[model] = [int(note["epoch"]) for note in notes]
        steps = int(logs[0][0]["step"])
    return curves, best, steps


def _species(scores: Mapping[str, Sequence[Scores]]) -> dict[str, dict[str, Rate]]:
    """APCER at argmax of each species; no response is an error."""
    table: dict[str, dict[str, Rate]] = {}
    for row, seeds in scores.items():
        joined = np.concatenate([one.species for one in seeds])
        rejected = np.concatenate([one.values < ARGMAX.value for one in seeds])
        names = sorted(set(joined.tolist()) - {""})
        table[row] = {name: Rate(int((~rejected[joined == name]).sum()), int((joined == name).sum())) for name in names}
    return table
