"""The controls of the adversarial pseudo-depth pre-training: does it generalise better to sources that were never seen?

    python benchmarks/pseudo_depth.py DATA --out DIR --arms S L G --splits inter --seeds 1 2 --epochs 4 4

DATA holds the pictures and the maps that the shipped recipes name. Arms, all of one network and of as many pictures seen:

    S         no stage 1; trained from scratch
    I         no stage 1; trained like S, from weights that learned ImageNet (examples/imagenet_weights.py)
    L         stage 1 without a discriminator; everything fine-tuned, the encoder slowly
    G         the whole of stage 1; fine-tuned like L
    L-alike   stage 1 as L, stage 2 exactly that of S, but shorter
    G-alike   stage 1 as G, stage 2 exactly that of S, but shorter
    L-frozen  stage 1 as L; a new head on the frozen encoder
    G-frozen  stage 1 as G; a new head on the frozen encoder
    X         no stage 1; maps of depth learned beside the label, from scratch
    Z         stage 1 as G, each bona fide picture aiming at the map of another; a new head on the frozen encoder

``inter`` leaves two sources out of train and dev and measures on their rows of both; ``intra`` leaves none out and measures on the split test,
which nothing is chosen by. Epochs are chosen and thresholds set on dev of the sources that are learned from.

Everything is kept in DIR, and the same command goes on where it was; ``--table`` only prints what is there. Intervals: 95 % percentiles over
2,000 draws of seeds, and of clips within each source, the same draws for every arm, so that differences are paired.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from unseen import d_eers, interval, require_same, scored, table, without

from livegate.data.index import Index
from livegate.files import claimed, replacing
from livegate.metrics import Scores, auc, d_eer
from livegate.metrics.literature import hter
from livegate.models.checkpoint import WEIGHTS, Checkpoint
from livegate.sample import Split
from livegate.training.loop import train
from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.recipe import Recipe

HELD = {"inter": ("nuaa", "replay-attack"), "intra": ()}
STAGE_ONE = {"L": ["loss.adversarial=0"], "G": [], "Z": ["depth.shuffled=true"]}
ALIKE = ["trunk=1", "optimiser.learning_rate=0.001", "optimiser.warmup_epochs=0.5"]
SCRATCH, FROZEN = [*ALIKE, "initial=''"], ["trunk=0", "optimiser.learning_rate=0.001"]
ARMS: Mapping[str, tuple[str | None, Sequence[str]]] = {
    "S": (None, SCRATCH),
    "I": (None, [*ALIKE, "initial='imagenet/mobilenet_v2.safetensors'"]),
    "L": ("L", []),
    "G": ("G", []),
    "L-alike": ("L", ALIKE),
    "G-alike": ("G", ALIKE),
    "L-frozen": ("L", FROZEN),
    "G-frozen": ("G", FROZEN),
    "X": (None, [*SCRATCH, "depth.weight=0.5"]),
    "Z": ("Z", FROZEN),
}
"""What stage 1 is, and how stage 2 differs from the shipped recipe."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm, on one split, of one seed."""

    arm: str
    split: str
    seed: int
    folder: Path

    @property
    def generator(self) -> Path:
        """What stage 1 leaves."""
        return self.folder.absolute() / f"stage-1-{ARMS[self.arm][0]}" / WEIGHTS

    @property
    def scores(self) -> Path:
        """Scores of dev of the sources that were learned from, and of what is measured."""
        return self.folder / self.arm / "scores.csv"

    @property
    def result(self) -> Path:
        """The figures of the trial, as JSON."""
        return self.folder / self.arm / "result.json"


def main() -> None:
    """Train what is missing, then print the tables of what is there."""
    parser = argparse.ArgumentParser(description="The controls of pseudo-depth pre-training.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--splits", nargs="+", choices=HELD, default=list(HELD))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, nargs=2, default=[20, 20], metavar=("STAGE1", "STAGE2"))
    parser.add_argument("--stage-1", nargs="+", default=[], metavar="KEY=VALUE", help="changes to the recipe of stage 1")
    parser.add_argument(
        "--stage-2", nargs="+", default=[], metavar="KEY=VALUE", help="changes to that of stage 2, of every arm"
    )
    parser.add_argument("--table", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    planned = [
        Trial(arm, split, seed, arguments.out / split / str(seed))
        for split, seed, arm in product(arguments.splits, arguments.seeds, arguments.arms)
    ]
    for trial in () if arguments.table else planned:
        first, second = recipes(trial, arguments.data.absolute(), arguments.epochs, (arguments.stage_1, arguments.stage_2))
        trial.folder.mkdir(parents=True, exist_ok=True)
        with claimed(trial.folder) as mine:
            if mine:
                made_of = [recipe.model_dump(mode="json") for recipe in (first, second) if recipe]
                require_same(trial.folder / trial.arm / "recipes.json", made_of)
            if mine and not trial.result.exists():
                run(trial, first, second)
    done = [trial for trial in planned if trial.result.exists()]
    print(f"{len(done)} of {len(planned)} trials are done\n\n{tables(done)}")


def recipes(
    trial: Trial, data: Path, epochs: Sequence[int], changes: tuple[Sequence[str], Sequence[str]]
) -> tuple[DepthRecipe | None, Recipe]:
    """The recipes of both stages; an arm without stage 1 trains as long as the others do in both."""
    stage, changed = ARMS[trial.arm]
    common = [f"seed={trial.seed}", f"data.root={str(data)!r}", f"data.leave_out={list(HELD[trial.split])}"]
    first = DepthRecipe.read(
        "pseudo_depth", [*(STAGE_ONE[stage] if stage else ()), f"optimiser.epochs={epochs[0]}", *common, *changes[0]]
    )
    start = [f"depth.maps={first.depth.maps!r}", f"depth.teacher={first.depth.teacher!r}"]
    start += [f"initial={str(trial.generator)!r}"] if stage else []
    length = epochs[1] if stage else sum(epochs)
    second = Recipe.read("pseudo_depth_classifier", [*start, f"optimiser.epochs={length}", *changed, *common, *changes[1]])
    return (first if stage else None), second


def run(trial: Trial, first: DepthRecipe | None, second: Recipe) -> None:
    """Both stages of a trial, resumed if they were begun, and its scores. Arms of one stage 1 share it."""
    if first is not None:
        train(first, trial.generator.parent, resume=True)
    checkpoint = Checkpoint.load(train(second, trial.folder / trial.arm / "run", resume=True))
    index, held = Index.read(second.data.path), HELD[trial.split]
    scores = scored(checkpoint, without(index, held) if held else tested(index), str(trial))
    scores.write(trial.scores)
    with replacing(trial.result) as file:
        json.dump(
            {"arm": trial.arm, "split": trial.split, "seed": trial.seed, "sources": figures(scores, held)}, file, indent=2
        )


def tested(index: Index) -> Index:
    """The split test, and dev, which sets the threshold."""
    return replace(index, samples=tuple(one for one in index.samples if one.split in {Split.DEV, Split.TEST}))


def figures(scores: Scores, held: Sequence[str]) -> dict[str, dict[str, float]]:
    """D-EER and AUC by source, and the half total error rate at the equal error threshold of dev of the sources learned from."""
    measured = judged(scores, held)
    dev, found = scores.where(~measured), {}
    for source in np.unique(scores.source[measured]):
        rows = scores.where(measured & (scores.source == source))
        bona, attacks = rows.values[rows.bona_fide], rows.values[~rows.bona_fide]
        found[str(source)] = {"d_eer": d_eer(bona, attacks), "auc": auc(bona, attacks), "hter": hter(dev, rows)}
    return found


def judged(scores: Scores, held: Sequence[str]) -> NDArray[np.bool_]:
    """The rows that a trial is measured on, (N,): those of the sources left out, or where none is, the split test."""
    return np.isin(scores.source, held) if held else scores.split == Split.TEST


def tables(trials: Sequence[Trial]) -> str:
    """By split: the figures of each arm, the mean of its seeds, and by how much its D-EER differs from that of S."""
    return "\n\n".join(
        _table([trial for trial in trials if trial.split == split]) for split in {one.split: 0 for one in trials}
    )


def _table(trials: Sequence[Trial]) -> str:
    arms: dict[str, list[Trial]] = {}
    for trial in trials:
        arms.setdefault(trial.arm, []).append(trial)
    split = trials[0].split
    read = {arm: [Scores.read(trial.scores) for trial in mine] for arm, mine in arms.items()}
    scores = {arm: [one.where(judged(one, HELD[split])) for one in seeds] for arm, seeds in read.items()}
    sources = list(map(str, np.unique(next(iter(scores.values()))[0].source)))
    lines = [[split, "seeds", "source", "D-EER", "minus that of S", "minus that of L", "AUC", "HTER"]]
    drawn = {(arm, source): d_eers(mine, source, "") for (arm, mine), source in product(scores.items(), sources)}
    drawn |= {(arm, "mean"): np.mean([drawn[arm, source] for source in sources], axis=0) for arm in arms}
    for arm, source in product(arms, [*sources, "mean"]):
        results = [json.loads(trial.result.read_text("utf-8"))["sources"] for trial in arms[arm]]
        chosen = sources if source == "mean" else [source]
        means = {name: np.mean([result[one][name] for result in results for one in chosen]) for name in ("auc", "hter")}
        seeds = " ".join(str(trial.seed) for trial in arms[arm])
        less = [
            interval(drawn[arm, source] - drawn[other, source])
            if other in arms and other != arm and _seeds(arms[other]) == _seeds(arms[arm])
            else ""
            for other in ("S", "L")
        ]
        lines.append([arm, seeds, source, interval(drawn[arm, source]), *less, f"{means['auc']:.4f}", f"{means['hter']:.1%}"])
    return table(lines)


def _seeds(trials: Sequence[Trial]) -> list[int]:
    return [trial.seed for trial in trials]


if __name__ == "__main__":
    main()
