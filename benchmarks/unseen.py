"""How well a recipe holds where it has never been: leave one source out, train on the others, measure on it.

    python benchmarks/unseen.py INDEX --out DIR --rung baseline default --rung bigger default optimiser.epochs=48 --seeds 1 2 3

For each rung, source and seed one training on the splits train and dev of the other sources, which also choose the epoch and set the
threshold (BPCER 5 %, sources weighted equally); measured on train and dev of the source that is left out. Rows of the split test are
never read. Beside it, what a threshold does that is set on the source's own bona fide, of other people than it is measured on: what `livegate
calibrate` does, but for the floor, which these networks do not have. Only sources with bona fide and attacks are left out.

Everything is kept in DIR, and the same command goes on where it was. Started twice, the two processes share the trainings.
Intervals: 95 % percentiles over 2,000 draws of seeds, and of clips within the source left out, the same draws for every rung.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from livegate import evaluation
from livegate.cli.progress import counting
from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.files import claimed, write
from livegate.metrics import PadReport, Rate, Rule, Scores, measure
from livegate.metrics.resampling import Ordered, Resampling, Weighed
from livegate.models.checkpoint import Checkpoint
from livegate.models.scorer import TorchScorer
from livegate.sample import Split
from livegate.training.loop import train
from livegate.training.recipe import Recipe

RULE = Rule.parse("bpcer=0.05")
REPLICATES = 2000
DETAILED = "HHH"
"""The configuration whose rates are shown source by source; the heaviest one where a network has no such."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """One training and what it is measured on."""

    rung: str
    held: str
    seed: int
    recipe: Recipe
    folder: Path

    @property
    def scores(self) -> Path:
        """Scores of the source left out and of dev of the others."""
        return self.folder / "scores.csv"


def main() -> None:
    """Train what is missing, then print the tables of what is there."""
    parser = argparse.ArgumentParser(description="Leave one source out.")
    parser.add_argument("index", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rung", nargs="+", action="append", required=True, metavar="NAME RECIPE [key=value]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--held", nargs="+", metavar="SOURCE", help="only these sources are left out, each in its turn")
    arguments = parser.parse_args()
    planned = [
        Trial(
            name, held, seed, recipe_of(recipe, changes, arguments.index, held, seed), arguments.out / name / held / str(seed)
        )
        for (name, recipe, *changes), held, seed in product(
            arguments.rung, arguments.held or able(Index.read(arguments.index)), arguments.seeds
        )
    ]
    for trial in planned:
        trial.folder.mkdir(parents=True, exist_ok=True)
        with claimed(trial.folder) as mine:
            if mine:
                require_same(trial.folder / "recipe.json", trial.recipe.model_dump(mode="json"))
            if mine and not trial.scores.exists():
                run(trial)
    done = [trial for trial in planned if trial.scores.exists()]
    if len(done) < len(planned):
        print(f"{len(done)} of {len(planned)} trainings are done; another process has the others\n")
    print(tables(done))


def able(index: Index) -> list[str]:
    """The sources that have both classes."""
    classes = {(sample.source, sample.bona_fide) for sample in index.samples if sample.split != Split.TEST}
    return [name for name in sorted({name for name, _ in classes}) if {(name, True), (name, False)} <= classes]


def recipe_of(recipe: str, changes: Sequence[str], index: Path, held: str, seed: int) -> Recipe:
    """The recipe of a rung without a source."""
    return Recipe.read(recipe, [*changes, f"data.index={str(index.absolute())!r}", f"data.leave_out={[held]}", f"seed={seed}"])


def require_same(file: Path, plain: object) -> None:
    """Keep what a trial is made of, or stop where its folder holds one that was made of something else."""
    text = json.dumps(plain, indent=2, sort_keys=True)
    if not file.exists():
        write(file, text.encode(), "what the trial is made of")
    elif file.read_text("utf-8") != text:
        raise SystemExit(f"{file.parent} holds a trial of another recipe ({file.name}); give another --out")


def run(trial: Trial) -> None:
    """One training, resumed if it was begun, and the scores of its checkpoint."""
    checkpoint = Checkpoint.load(train(trial.recipe, trial.folder / "run", resume=True))
    index = without(Index.read(trial.recipe.data.path), [trial.held])
    scored(checkpoint, index, f"{trial.rung} without {trial.held}").write(trial.scores)


def without(index: Index, held: Collection[str]) -> Index:
    """Train and dev of the sources left out, and dev of the others, which sets the threshold."""
    samples = [one for one in index.samples if one.split == Split.DEV or (one.source in held and one.split == Split.TRAIN)]
    return replace(index, samples=tuple(samples))


def scored(checkpoint: Checkpoint, index: Index, words: str) -> Scores:
    """Scores of every picture under every configuration that has a name of its own in the tables."""
    scorer = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
    configurations = Configuration.named(scorer.network.adaptive_blocks)
    with counting(words, len(index.samples)) as advance:
        return evaluation.score(scorer, index, configurations, advance=advance)


def tables(trials: Sequence[Trial]) -> str:
    """D-EER on the sources left out, by rung and configuration, and the rates at thresholds of two kinds."""
    held = list(dict.fromkeys(trial.held for trial in trials))
    scores = {(trial.rung, trial.held, trial.seed): Scores.read(trial.scores) for trial in trials}
    lines = [["rung", "configuration", *(f"{source} (seeds)" for source in held), "mean", "worst source"]]
    rates = [
        ["rung", "configuration", "source left out", "threshold of", "BPCER", "worst APCER", "APCER pooled", "ACER pooled"]
    ]
    for rung in dict.fromkeys(trial.rung for trial in trials):
        mine = {key: value for key, value in scores.items() if key[0] == rung}
        names = next(iter(mine.values())).configurations
        seeds = sorted({seed for _, _, seed in mine})
        for name in names:
            of = {source: [mine[rung, source, seed] for seed in seeds if (rung, source, seed) in mine] for source in held}
            found = {source: d_eers(there, source, name) for source, there in of.items() if there}
            worst = max(found, key=lambda source: float(found[source][0]))
            whole = len(found) == len(held)
            lines.append(
                [
                    rung,
                    name,
                    *(f"{interval(found[source])} ({len(of[source])})" if source in found else "" for source in held),
                    interval(np.mean(list(found.values()), axis=0)) if whole else "",
                    f"{worst} {found[worst][0]:.1%}" if whole else "",
                ]
            )
        detailed = DETAILED if DETAILED in names else names[0]
        for source, (words, way) in product(held, THRESHOLDS.items()):
            there = [mine[rung, source, seed] for seed in seeds if (rung, source, seed) in mine]
            reports = [report for one in there for report in way(one.where(one.configuration == detailed), source)]
            if reports:
                rates.append([rung, detailed, source, words, *rates_of(reports)])
    return f"{table(lines)}\n\n{table(rates)}"


def d_eers(seeds: Sequence[Scores], held: str, configuration: str) -> Floats:
    """The mean D-EER of the seeds on the source left out, then that of each replicate: (1 + replicates,)."""
    rng, drawn = np.random.default_rng(0), []
    for scores in seeds:
        rows = scores.where((scores.source == held) & (scores.configuration == configuration))
        resampling = Resampling(rows, "clip")
        ordered = Ordered(rows, resampling.clusters)
        own = np.random.default_rng([1, crc32(held.encode())])  # each source is drawn from on its own
        counts = np.concatenate([resampling.once(), resampling.draw(own, REPLICATES)])
        drawn.append(np.concatenate([Weighed(ordered, part).d_eer() for part in np.array_split(counts, 40)]))
    each = np.array(drawn)
    chosen = rng.integers(len(each), size=(REPLICATES, len(each)))
    means = each[chosen, np.arange(1, REPLICATES + 1)[:, np.newaxis]].mean(axis=1)
    return np.concatenate([each[:, :1].mean(axis=0), means])


def travelled(scores: Scores, source: str) -> list[PadReport]:
    """Measured on the source left out at the threshold of dev of the others."""
    dev, unseen = scores.where(scores.source != source), scores.where(scores.source == source)
    return [measured(dev, unseen)]


def calibrated(scores: Scores, source: str) -> list[PadReport]:
    """Measured on half of the people of the source left out, at the threshold of the bona fide of the other half, and the other way round.

    Nothing where a half lacks people of either class.
    """
    unseen = scores.where(scores.source == source)
    half = np.isin(unseen.subject, np.unique(unseen.subject)[::2])
    halves = unseen.where(half), unseen.where(~half)
    if any(len(set(part.bona_fide.tolist())) < 2 for part in halves):
        return []
    return [measured(halves[0], halves[1]), measured(halves[1], halves[0])]


def measured(sets: Scores, judged: Scores) -> PadReport:
    """All rates of some pictures, at the threshold that others set."""
    return measure(judged.values, judged.species, RULE.threshold(sets.values, sets.species, sets.source, "dev"))


def rates_of(reports: Sequence[PadReport]) -> list[str]:
    """The rates of several measurements, their pictures counted together."""
    bpcer = Rate.pooled(report.bpcer for report in reports)
    pooled = Rate.pooled(report.apcer_pooled for report in reports)
    worst = max((report.worst_apcer for report in reports), key=lambda one: one[1].value)
    return [
        f"{bpcer.errors}/{bpcer.trials} = {bpcer.value:.1%}",
        f"{worst[1].value:.1%} ({worst[0]})",
        f"{pooled.errors}/{pooled.trials} = {pooled.value:.1%}",
        f"{(bpcer.value + pooled.value) / 2:.1%}",
    ]


THRESHOLDS: Mapping[str, Callable[[Scores, str], list[PadReport]]] = {
    "dev of the others": travelled,
    "its own bona fide, other people": calibrated,
}


def interval(drawn: Floats) -> str:
    """A value with the percentiles of its replicates."""
    low, high = np.percentile(drawn[1:], [2.5, 97.5])
    return f"{drawn[0]:.1%} [{low:.1%}, {high:.1%}]"


def table(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first line is the header."""
    header, *rows = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *rows])


if __name__ == "__main__":
    main()
