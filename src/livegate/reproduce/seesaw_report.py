"""What was measured beside what was printed, as Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from livegate.files import replacing
from livegate.metrics.folds import FoldAccuracy
from livegate.metrics.intervals import Interval
from livegate.metrics.rate import Rate
from livegate.reproduce.seesaw import Evaluation, Measured, Verified
from livegate.reproduce.seesaw_published import COUNTS, TABLE_4, TABLE_4_PACKS, TABLE_5, TABLE_5_PACKS, Row

SCHEMA = 1
NONE = "-"
Counted: TypeAlias = tuple[int, int]
"""Parameters and multiply-adds."""
_BRACKETS = (
    "Brackets are 95 % intervals: exact ones take the pairs to be independent, those over subjects know that pairs share people. All in "
    "percent."
)
_PRINTED = (
    "Printed figures are k-fold accuracies (literature); whether the paper took 5 or 10 folds, and whether it averaged flips, is not "
    "established, so this model has a line for each."
)


def write(verified: Verified, counted: Mapping[str, Counted], folder: Path) -> Path:
    """Write ``verification.md`` and ``verification.json``, each whole or not at all; gives the first.

    Args:
        verified: what was measured.
        counted: network → what it has here; those that are not counted are left out of the table.
        folder: made if it is not there.

    Raises:
        LivegateError: when a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"verification.json": as_json(verified, counted), "verification.md": as_markdown(verified, counted)}
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text)
    return folder / "verification.md"


def as_json(verified: Verified, counted: Mapping[str, Counted]) -> str:
    """Every figure with its counts, and every printed one."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "paper": "arXiv 1908.09124",
        "model": verified.model,
        "identity": verified.identity,
        "configurations": dict(zip(("reference", "probe"), verified.configurations, strict=True)),
        "lists": {one.name: _list(one) for one in verified.lists},
        "missing_packs": list(verified.missing),
        "counts": {
            name: {"recomputed": {"parameters": wanted.parameters, "macs": wanted.macs}, "printed": wanted.printed}
            | ({"here": dict(zip(("parameters", "macs"), counted[name], strict=True))} if name in counted else {})
            for name, wanted in COUNTS.items()
        },
        "table_4_percent": [row._asdict() for row in TABLE_4],
        "table_5_percent": [row._asdict() for row in TABLE_5],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _list(one: Measured) -> dict[str, Any]:
    support = one.support
    return {
        "mated": one.mated,
        "non_mated": one.non_mated,
        "pairs_expected": one.expected,
        "fmr_support": {"smallest_step": support.step, "shown_without_error_95": support.shown, "thirty_errors": support.firm},
        "ways": {way: _evaluation(found) for way, found in one.ways.items()},
    }


def _evaluation(found: Evaluation) -> dict[str, Any]:
    return {
        "k_fold_accuracy_literature": {
            name: {
                "mean": one.mean,
                "deviation_over_folds_no_confidence_interval": one.deviation,
                "wrong": _rate(one.wrong),
                "folds": [{"wrong": asdict(fold), "threshold": at} for fold, at in zip(one.folds, one.thresholds, strict=True)],
            }
            for name, one in found.accuracy.items()
        },
        "threshold_from_other_folds": {
            str(target): point and {"fmr": _rate(point.fmr), "fnmr": _rate(point.fnmr)}
            for target, point in found.held_out.items()
        },
        "threshold_from_these_comparisons": {
            str(target): point and {"threshold": point.threshold.value, "fmr": _rate(point.fmr), "fnmr": _rate(point.fnmr)}
            for target, point in found.oracle.items()
        },
        "equal_error_rate": found.equal_error,
        "auc": found.area,
        "no_response": {"mated": asdict(found.silent_mated), "non_mated": asdict(found.silent_non_mated)},
        "over_subjects": found.intervals
        and asdict(found.intervals)
        | {"tar": {str(target): one and asdict(one) for target, one in found.intervals.tar.items()}},
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return asdict(rate) | dict(zip(("low", "high"), rate.interval(), strict=True))


def as_markdown(verified: Verified, counted: Mapping[str, Counted]) -> str:
    """The same for readers."""
    reference, probe = (name or "none" for name in verified.configurations)
    how = (
        f"configuration {reference}"
        if reference == probe
        else f"references under configuration {reference}, probes under {probe}"
    )
    blocks = [
        "# Zhang 2019 (SeesawFaceNets): verification",
        f"Model `{verified.model}`, {how}, network `{verified.identity[:16]}`. {_BRACKETS}",
    ]
    known = {one.name for one in verified.lists if one.expected}
    if known or verified.missing:
        if verified.missing:
            blocks.append(f"Packs that are not there, and are left out: {', '.join(verified.missing)}.")
        blocks += [
            _PRINTED,
            "## Table 4",
            _published(TABLE_4, TABLE_4_PACKS, verified),
            "## Table 5",
            _published(TABLE_5, TABLE_5_PACKS, verified),
        ]
    for one in verified.lists:
        blocks += [f"## {one.name}", *_section(one)]
    blocks += ["## Parameters and multiply-adds", _counts(counted)]
    return "\n\n".join(blocks) + "\n"


def _published(rows: Sequence[Row], packs: Sequence[str], verified: Verified) -> str:
    head = ["", "epochs", "parameters", "multiply-adds", "batch", *packs]
    lines = [
        [
            row.method,
            row.epochs,
            row.parameters,
            row.multiply_adds,
            row.batch,
            *(_given(row.accuracy.get(name)) for name in packs),
        ]
        for row in rows
    ]
    found = {one.name: one for one in verified.lists if one.expected}
    kinds = dict.fromkeys((way, name) for one in found.values() for way, got in one.ways.items() for name in got.accuracy)
    for way, name in kinds:
        cells = [_mean(found[pack].ways[way].accuracy.get(name)) if pack in found else NONE for pack in packs]
        lines.append([f"**here: {verified.model}, {name}, {way}**", *[NONE] * 4, *cells])
    return _table(head, lines)


def _mean(found: FoldAccuracy | None) -> str:
    return f"{100 * found.mean:.2f}" if found else NONE


def _given(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _section(one: Measured) -> list[str]:
    support, ways = one.support, list(one.ways)
    pairs = one.mated + one.non_mated
    sentences = f"{one.mated:,} mated and {one.non_mated:,} non-mated pairs."
    if one.expected not in {None, pairs}:
        sentences += f" **The pack of this name has {one.expected:,} pairs**: these are other {pairs:,}."
    firm = "no FMR rests" if support.firm > 1 else f"FMR from {100 * support.firm:.2g} % up rests"
    limits = (
        f"An FMR below {100 * support.step:.2g} % cannot be told from 0 here, {100 * support.shown:.2g} % is the lowest that is shown without "
        f"an error, and {firm} on 30 errors or more."
    )
    rows = [[name, *cells] for name, cells in _figures(one)]
    return [sentences, limits, _table(["", *ways], rows)]


def _figures(one: Measured) -> Iterable[tuple[str, list[str]]]:
    found = list(one.ways.values())
    drawn = [each.intervals for each in found if each.intervals]
    for name in found[0].accuracy:
        kinds = [each.accuracy[name] for each in found]
        yield f"k-fold accuracy (literature), {name}", [_accuracy(kind) for kind in kinds]
        yield "deviation over folds, no confidence interval", [f"{100 * kind.deviation:.2f}" for kind in kinds]
        yield "wrong decisions, all folds", [str(kind.wrong) for kind in kinds]
    if drawn:
        yield f"the first accuracy, over {drawn[0].subjects:,} subjects", [_over(each.accuracy) for each in drawn]
    yield "equal error rate (oracle)", [f"{100 * each.equal_error:.2f}" for each in found]
    if drawn:
        yield "equal error rate, over subjects", [_over(each.equal_error) for each in drawn]
    yield "AUC", [f"{100 * each.area:.3f}" for each in found]
    for target in found[0].held_out:
        aimed = f"{100 * target:g} %"
        yield f"FMR aimed at {aimed}, threshold from the other folds", [_held(each, target) for each in found]
        yield f"TAR at FMR {aimed}, threshold from these pairs (oracle)", [_oracle(each, target, one) for each in found]
    yield "no response: mated", [str(each.silent_mated) for each in found]
    yield "no response: non-mated", [str(each.silent_non_mated) for each in found]


def _accuracy(found: FoldAccuracy) -> str:
    low, high = found.wrong.interval()
    return f"{100 * found.mean:.2f} [{100 * (1 - high):.2f}, {100 * (1 - low):.2f}]"


def _held(found: Evaluation, target: float) -> str:
    point = found.held_out[target]
    return f"FMR {point.fmr}; FNMR {point.fnmr}" if point else "not shown by these pairs"


def _oracle(found: Evaluation, target: float, one: Measured) -> str:
    point = found.oracle[target]
    if point is None:
        return "not shown by these pairs"
    low, high = point.fnmr.interval()
    cell = f"{100 * point.tar:.2f} [{100 * (1 - high):.2f}, {100 * (1 - low):.2f}]"
    over = found.intervals.tar[target] if found.intervals else None
    thin = " (thin)" if one.support.of(target).startswith("thin") else ""
    return f"{cell}; over subjects{_between(over)}; FMR {point.fmr}{thin}" if over else f"{cell}; FMR {point.fmr}{thin}"


def _over(found: Interval | None) -> str:
    return f"{100 * found.value:.2f}{_between(found)}" if found else NONE


def _between(found: Interval | None) -> str:
    return f" [{100 * found.low:.2f}, {100 * found.high:.2f}]" if found else ""


def _counts(counted: Mapping[str, Counted]) -> str:
    rows = [
        [name, f"{wanted.parameters:,}", f"{wanted.macs:,}", *_here(counted.get(name)), wanted.printed]
        for name, wanted in COUNTS.items()
    ]
    return _table(
        ["", "parameters: the author's code", "multiply-adds", "parameters: here", "multiply-adds: here", "printed"], rows
    )


def _here(cost: Counted | None) -> tuple[str, str]:
    return (f"{cost[0]:,}", f"{cost[1]:,}") if cost else ("not counted", "not counted")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
