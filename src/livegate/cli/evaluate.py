"""``livegate evaluate``: from the score files of dev and test to a report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from livegate.cli.words import CALIBRATION_HELP, CONTRACT_HELP, PRECISION_HELP, RUNTIME_HELP

if TYPE_CHECKING:
    from livegate.metrics import Scores, Threshold
    from livegate.report import Report, Written

Cluster = Literal["subject", "clip"]
RULE = "bpcer=0.05"


def evaluate(
    test: Annotated[Path, typer.Option(metavar="SCORES", help="Score file that is reported.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for report.json, report.md and report.html.")],
    dev: Annotated[Path | None, typer.Option(metavar="SCORES", help="Score file that the thresholds are set on.")] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help=f"How a threshold is set on dev: bpcer=X (also bpcer=X,pooled), apcer=X, d-eer or fixed=X; {RULE} without it.",
        ),
    ] = None,
    thresholds: Annotated[
        str | None, typer.Option(metavar="ARTIFACT", help="Take the thresholds that a model ships, instead of --dev.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Rates by the values of a column of test, too; may be repeated.")
    ] = None,
    cluster: Annotated[
        Cluster, typer.Option(help="What the bootstrap draws; what has no subject falls back on its clip.")
    ] = "subject",
    replicates: Annotated[int, typer.Option(min=0, help="How often the bootstrap draws; 0: no bootstrap intervals.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    cues: Annotated[
        Path | None, typer.Option(metavar="INDEX", help="Index of the pictures: what trivial cues fitted on its train reach.")
    ] = None,
    runtime: Annotated[str | None, typer.Option(metavar="R", help=f"With --thresholds. {RUNTIME_HELP}")] = None,
    precision: Annotated[str | None, typer.Option(metavar="P", help=f"With --thresholds. {PRECISION_HELP}")] = None,
    contract: Annotated[str | None, typer.Option(metavar="K", help=CONTRACT_HELP)] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FILE", help=f"With --thresholds. {CALIBRATION_HELP}")] = None,
) -> None:
    """Set thresholds on dev, measure them on test, write a report. No model is needed."""
    from livegate import report
    from livegate.cli.progress import counting
    from livegate.errors import LivegateError
    from livegate.metrics import Rule, Scores

    if (dev is None) == (thresholds is None):
        raise LivegateError("thresholds come from --dev SCORES or from --thresholds ARTIFACT; give one of them")
    if contract is not None and thresholds is None:
        raise LivegateError("--contract says what the file of --thresholds follows; give both or neither")
    if thresholds is None and (runtime, precision) != (None, None):
        raise LivegateError("--runtime and --precision say which file of --thresholds gave the scores; leave them out")
    if calibration is not None and thresholds is None:
        raise LivegateError("--calibration is of the model of --thresholds; give both or neither")
    if thresholds is not None and rule is not None:
        raise LivegateError("--thresholds takes those that the model ships, and --rule sets others; give one of them")
    parsed = Rule.parse(rule or RULE)  # before the files: a typing mistake should not cost their reading
    shipped = _shipped(thresholds, contract, runtime, precision, calibration) if thresholds else None
    files = {"dev": dev, "test": test} if dev else {"test": test}
    scores = {name: Scores.read(path) for name, path in files.items()}
    baseline = _cues(cues, scores) if cues else None
    others = {"cues": cues, "model": _stated(thresholds) if thresholds else None, "calibration": calibration}
    with counting("configurations", len(scores["test"].configurations)) as advance:
        found = report.evaluate(
            scores.get("dev"),
            scores["test"],
            parsed,
            thresholds=shipped,
            set_on="calibration" if calibration else "artifact",
            by=by or (),
            resample=report.Resample(cluster, replicates, seed),
            cues=baseline,
            sha256=digests(files | {name: path for name, path in others.items() if path}),
            advance=advance,
        )
    written = report.write(found, out)
    _show(found)
    tell(written, found.warnings)


def digests(files: Mapping[str, Path]) -> dict[str, str]:
    """The SHA-256 of each file, under the name that it goes by."""
    import hashlib

    found = {}
    for name, path in files.items():
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def tell(written: Written, warnings: Sequence[str]) -> None:
    """Doubts, where the report lies, and on standard error what it lacks."""
    for warning in warnings:
        print(f"Warning: {warning}")
    if written.without:
        print(f"livegate: {written.without}", file=sys.stderr)
    print(f"Report: {written.html}")


def _stated(model: str) -> Path:
    """The file that the thresholds are of: a manifest, or what another maker's contract speaks of."""
    from livegate.runtime.artifact import MANIFEST
    from livegate.weights import locate

    place = locate(model)
    return place if place.is_file() else place / MANIFEST


def _shipped(
    model: str, contract: str | None, runtime: str | None, precision: str | None, calibration: Path | None
) -> dict[str, Threshold]:
    """The threshold of each configuration of an artifact, in the variant that gave the scores."""
    from livegate.errors import LivegateError
    from livegate.runtime.calibration import Calibration
    from livegate.runtime.foreign import opened
    from livegate.weights import locate

    artifact = opened(locate(model), contract)
    manifest = artifact.manifest
    manifest.require("liveness", artifact.folder)
    if runtime is None and precision is None and calibration is None:
        # A score file does not say what made it; a calibration does.
        if own := [name for name, variant in manifest.variants.items() if variant.thresholds]:
            raise LivegateError(
                f"{artifact.folder} has other thresholds for {', '.join(own)}; "
                "say with --runtime or --precision (as livegate score had them) what gave the scores"
            )
        return {name: facts.threshold for name, facts in manifest.configurations.items()}
    variant = artifact.variant(runtime, precision)
    if calibration is not None:
        variant = Calibration.read(calibration).applied(manifest, variant, calibration)
    return {name: manifest.threshold(name, variant) for name in variant.entry.configurations}


def _cues(path: Path, scores: Mapping[str, Scores]) -> tuple[Scores | None, Scores]:
    """What trivial cues make of the pictures of dev, if there is one, and test."""
    from livegate.cli.progress import counting
    from livegate.data.cues import baseline
    from livegate.data.index import Index

    index = Index.read(path)
    with counting("trivial cues", len(index.samples)) as advance:
        *dev, test = baseline(index, *scores.values(), advance=advance)
    return (dev[0] if dev else None), test


def _show(found: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    from livegate.cli.console import tables
    from livegate.report.wording import counted, exact, named, worst_name

    header = ("configuration", "threshold", "worst APCER", "95 %", "species", "BPCER", "95 %")
    table = Table(*header, title="Test presentations: errors/trials, exact intervals")
    for result in found.results:
        at = result.presentation
        worst = (counted(at.worst_apcer), exact(at.worst_apcer), worst_name(at.worst_apcer))
        cells = (named(result.configuration), f"{at.threshold.value:.6g}", *worst, counted(at.bpcer), exact(at.bpcer))
        table.add_row(*(escape(cell) for cell in cells))
    tables().print(table)
