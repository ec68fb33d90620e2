"""The experiment beside the paper, as Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livegate.errors import MissingExtraError
from livegate.files import replacing
from livegate.reproduce.claims import Judged, Outcome, estimates, judge
from livegate.reproduce.figure import NAME, figure_2
from livegate.reproduce.pta import Experiment
from livegate.reproduce.pta_published import FIGURE_2, NO_PTA, ROWS, TABLE_3, TABLE_4, TABLE_5
from livegate.reproduce.trials import FIGURES, Estimate, Figure

SCHEMA = 1
_ISO: dict[Figure, str] = {
    "accuracy": "Accuracy",
    "bpcer": 'BPCER (printed as "APCER")',
    "apcer": 'APCER, pooled (printed as "BPCER")',
    "acer": "ACER",
}


def write(experiment: Experiment, folder: Path) -> Path:
    """Write ``reproduction.md``, ``reproduction.json`` and ``figure_2.svg``, each whole or not at all; gives the first.

    Without matplotlib there is no figure, and the text says so.

    Raises:
        LivegateError: when a file cannot be written.
    """
    judged, found = judge(experiment.observed), estimates(experiment.observed.trials)
    texts = {"reproduction.json": _as_json(experiment, judged, found)}
    try:
        texts[NAME] = figure_2(experiment.observed.curves)
        drawn = f"![ACER on dev by epoch]({NAME})"
    except MissingExtraError as error:
        drawn = f"Not drawn: {error}."
    texts["reproduction.md"] = _as_markdown(experiment, judged, found, drawn)
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text)
    return folder / "reproduction.md"


Found = dict[str, dict[Figure, Estimate]]


def _as_json(experiment: Experiment, judged: Sequence[Judged], found: Found) -> str:
    observed = experiment.observed
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "paper": "arXiv 2207.13410",
        "recipe": experiment.recipe.model_dump(mode="json"),
        "seeds": experiment.seeds,
        "table_3": {
            row: {"measured": {f: asdict(found[row][f]) for f in FIGURES}, "printed_percent": TABLE_3[row]._asdict()}
            for row in ROWS
        },
        "species": {
            row: {name: {"errors": rate.errors, "trials": rate.trials} for name, rate in rates.items()}
            for row, rates in experiment.species.items()
        },
        "table_4": {
            row: {
                "measured": asdict(experiment.costs[row]),
                "ms": experiment.milliseconds[row],
                "printed": TABLE_4[row]._asdict(),
            }
            for row in ROWS
        },
        "table_5": {
            "steps_per_epoch": experiment.steps_per_epoch,
            "step_seconds": dict(zip(TABLE_5, experiment.step_seconds, strict=True)),
            "step_ratio": asdict(observed.step),
            "best_epochs": {model: list(epochs) for model, epochs in experiment.best_epochs.items()},
            "printed": {model: row._asdict() for model, row in TABLE_5.items()},
        },
        "figure_2": {row: {"dev_acer": curves, "printed_percent": FIGURE_2[row]} for row, curves in observed.curves.items()},
        "claims": [asdict(one) for one in judged],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _as_markdown(experiment: Experiment, judged: Sequence[Judged], found: Found, drawn: str) -> str:
    index, recipe, seeds = experiment.index, experiment.recipe, experiment.seeds
    bona_fide = sum(sample.bona_fide for sample in index.samples)
    epochs, batch = recipe.optimiser.epochs, recipe.optimiser.batch
    attacks = len(index.samples) - bona_fide
    what = (
        f"{len(seeds)} seed(s), {epochs} epochs of {experiment.steps_per_epoch} steps of {batch} pictures for every network: No PTA "
        f"and PTA saw equally many pictures. Tested on {bona_fide} bona fide and {attacks} attack pictures, decided by the larger "
        "output, as in the paper. Errors have their ISO/IEC 30107-3 names; the paper's own are in the head of the table."
    )
    step = experiment.observed.step
    steps = (
        f"A step of PTA takes {step.median:.3f} of one of No PTA (quartiles {step.low:.3f} and {step.high:.3f}; the paper: "
        f"{TABLE_5['PTA'].epoch_minutes / TABLE_5[NO_PTA].epoch_minutes:.3f}), measured in turn."
    )
    blocks = [
        "# Khabarlak 2022, repeated",
        what,
        "Brackets: 95 % intervals over people and seeds (paired bootstrap). All in percent.",
        "## Table 3: errors on test",
        _table(
            ["", *(f"{name}: here" if here else "printed" for name in _ISO.values() for here in (True, False))], _table_3(found)
        ),
        _table(
            ["ACER by seed", *map(str, seeds)], [[row, *(f"{100 * v:.2f}" for v in found[row]["acer"].seeds)] for row in ROWS]
        ),
        "## APCER of each species, all seeds together",
        _table(
            ["", *(species := sorted({name for rates in experiment.species.values() for name in rates}))],
            [[row, *(str(experiment.species[row][name]) for name in species)] for row in ROWS],
        ),
        "## Table 4: cost",
        "Multiply-adds by the paper's rule; latency in ONNX Runtime on one thread of this machine, the paper's on a Snapdragon 845.",
        _table(
            ["", "parameters", "printed, M", "multiply-adds, M", "printed", "ms", "relative", "printed relative"],
            _table_4(experiment),
        ),
        "## Table 5: training",
        _table(
            [
                "",
                "best accuracy: here",
                "printed",
                "best ACER: here",
                "printed",
                "minutes an epoch: here",
                "printed",
                "epochs kept",
            ],
            _table_5(experiment, found),
        ),
        steps,
        "## Figure 2: ACER on dev by epoch",
        f"Mean of the seeds {{smallest, largest}}. Printed after epoch 1 and at the end: No PTA {_pair(FIGURE_2[NO_PTA])}, HHH {_pair(FIGURE_2['HHH'])}.",
        _table(["epoch", NO_PTA, "HHH"], _figure_2(experiment)),
        drawn,
        "## Claims of the paper",
        _table(
            ["", "claim", "here"], [[str(n), one.claim, f"**{one.outcome.value}**"] for n, one in enumerate(judged, start=1)]
        ),
        "\n".join(line for number, one in enumerate(judged, start=1) for line in _evidence(number, one)),
    ]
    return "\n\n".join(blocks) + "\n"


def _table_3(found: Found) -> Iterable[list[str]]:
    for row in ROWS:
        printed = TABLE_3[row]._asdict()
        yield [row, *(cell for figure in _ISO for cell in (_estimate(found[row][figure]), f"{printed[figure]:.2f}"))]


def _table_4(experiment: Experiment) -> Iterable[list[str]]:
    for row in ROWS:
        cost, printed, ms = experiment.costs[row], TABLE_4[row], experiment.milliseconds[row]
        relative = experiment.observed.latency[row, NO_PTA].median if row != NO_PTA else 1.0
        yield [
            row,
            f"{cost.parameters:,}",
            f"{printed.parameters:.2f}",
            f"{cost.paper_madds / 1e6:.2f}",
            f"{printed.multiply_adds:.2f}",
            f"{ms:.2f}",
            f"{relative:.3f}",
            f"{printed.relative:.2f}",
        ]


def _table_5(experiment: Experiment, found: Found) -> Iterable[list[str]]:
    rows = {NO_PTA: [NO_PTA], "PTA": [row for row in ROWS if row != NO_PTA]}
    for (name, members), seconds, epochs in zip(
        rows.items(), experiment.step_seconds, experiment.best_epochs.values(), strict=True
    ):
        accuracy = max(members, key=lambda row: found[row]["accuracy"].mean)
        acer = min(members, key=lambda row: found[row]["acer"].mean)
        yield [
            name,
            f"{100 * found[accuracy]['accuracy'].mean:.2f} ({accuracy})",
            f"{TABLE_5[name].accuracy:.2f}",
            f"{100 * found[acer]['acer'].mean:.2f} ({acer})",
            f"{TABLE_5[name].acer:.2f}",
            f"{seconds * experiment.steps_per_epoch / 60:.2f}",
            f"{TABLE_5[name].epoch_minutes:.2f}",
            ", ".join(map(str, epochs)),
        ]


def _figure_2(experiment: Experiment) -> Iterable[list[str]]:
    curves = experiment.observed.curves
    for epoch in range(experiment.recipe.optimiser.epochs):
        yield [str(epoch + 1), *(_spread([curve[epoch] for curve in curves[row]]) for row in (NO_PTA, "HHH"))]


def _evidence(number: int, judged: Judged) -> Iterable[str]:
    """A line for each outcome that parts of a claim had."""
    for outcome in Outcome:
        if parts := [part.evidence for part in judged.parts if part.outcome is outcome]:
            yield f"- {number}, {outcome.value}: {'; '.join(parts)}"


def _estimate(found: Estimate) -> str:
    return f"{100 * found.mean:.2f} [{100 * found.low:.2f}, {100 * found.high:.2f}]"


def _spread(values: Sequence[float]) -> str:
    return f"{100 * sum(values) / len(values):.2f} {{{100 * min(values):.2f}, {100 * max(values):.2f}}}"


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]} and {values[1]}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
