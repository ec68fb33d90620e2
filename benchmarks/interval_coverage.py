"""How often the 95 % bootstrap interval holds the truth, where presentations of one person are much alike.

    python benchmarks/interval_coverage.py [--sets N] [--replicates N]

Sets are generated: a person moves the logits of all bona fide presentations, and of all attacks, by a normal deviate of 1.5 each; a
presentation adds one of 0.7. At the fixed threshold 0.5 every rate, and D-EER, is then 18.24 %. Three kinds of sets: each person shows
both classes; each shows one; each shows some of bona fide and two species, in any number. Intervals of a good method hold the truth in 95 %.
"""

from __future__ import annotations

import argparse
from math import sqrt
from statistics import NormalDist

import numpy as np

from livegate.metrics import Rule, Scores
from livegate.metrics.bootstrap import bootstrap

MIDDLE, PERSON, PRESENTATION = 1.5, 1.5, 0.7
TRUTH = NormalDist().cdf(-MIDDLE / sqrt(PERSON**2 + PRESENTATION**2))
KINDS = ("both", "one", "some")
PEOPLE = (12, 24, 48)
CLASSES = ("", "A", "B")


def main() -> None:
    """Print the coverage for each kind and number of people."""
    parser = argparse.ArgumentParser(description="Coverage of bootstrap intervals.")
    parser.add_argument("--sets", type=int, default=300, help="generated for each line (default: 300)")
    parser.add_argument("--replicates", type=int, default=400, help="of each bootstrap (default: 400)")
    arguments = parser.parse_args()
    print("| a person shows | people | BPCER | APCER of A | pooled APCER | D-EER |\n| --- | --- | --- | --- | --- | --- |")
    for kind in KINDS:
        for people in PEOPLE:
            held = np.array([covered(kind, people, seed, arguments.replicates) for seed in range(arguments.sets)])
            print(f"| {kind} | {people} | {' | '.join(f'{100 * share:.1f} %' for share in held.mean(axis=0))} |", flush=True)


def covered(kind: str, people: int, seed: int, replicates: int) -> list[bool]:
    """Whether the intervals of one set hold the truth."""
    scores = generated(kind, people, np.random.default_rng(seed))
    found = bootstrap(scores, scores, Rule.parse("fixed=0.5"), replicates=replicates, seed=seed)
    return [one.low <= TRUTH <= one.high for one in (found.bpcer, found.apcer["A"], found.apcer_pooled, found.d_eer)]


def generated(kind: str, people: int, random: np.random.Generator) -> Scores:
    """The scores of one set."""
    species, subject, logits = [], [], []
    for person in range(people):
        moved = dict(zip(CLASSES, random.normal(0, PERSON, 2)[[0, 1, 1]], strict=True))
        for name, number in shown(kind, person, random).items():
            species += [name] * number
            subject += [str(person)] * number
            logits += (random.normal(-MIDDLE if name else MIDDLE, PRESENTATION, number) + moved[name]).tolist()
    return Scores.build(
        [str(row) for row in range(len(logits))], 1 / (1 + np.exp(-np.array(logits))), species=species, subject=subject
    )


def shown(kind: str, person: int, random: np.random.Generator) -> dict[str, int]:
    """How many presentations of each class a person shows."""
    if kind == "both":
        return {"": 4, "A": 3, "B": 3}
    if kind == "one":
        return {("", "A", "", "B")[person % 4]: 8}
    numbers: dict[str, int] = {}
    while not numbers or (not person and len(numbers) < len(CLASSES)):  # the first one all, so that each class occurs
        numbers = {name: int(random.integers(1, 9)) for name in CLASSES if random.random() < 0.5}
    return numbers


if __name__ == "__main__":
    main()
