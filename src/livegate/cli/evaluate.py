"""``livegate evaluate``: from the score files of dev and test to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    dev: Annotated[Path, typer.Option(metavar="SCORES", help="Score file that the threshold is set on.")],
    test: Annotated[Path, typer.Option(metavar="SCORES", help="Score file that is reported.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for report.json and report.md.")],
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="How the threshold is set: bpcer=X, apcer=X, d-eer or fixed=X.")
    ] = "bpcer=0.05",
) -> None:
    """Set thresholds on dev, measure them on test, write a report. No model is needed."""
    import hashlib

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from livegate import report
    from livegate.metrics import Rule, Scores

    parsed = Rule.parse(rule)  # before the files: a typing mistake should not cost their reading
    evaluation = report.evaluate(Scores.read(dev), Scores.read(test), parsed)
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in (("dev", dev), ("test", test))}
    _, readable = report.write(evaluation, out, digests)

    table = Table("configuration", "threshold", "worst APCER", "BPCER", title="Test presentations: errors/trials [95 %]")
    for result in evaluation.results:
        found = result.presentation
        species, apcer = found.worst_apcer
        threshold = f"{found.threshold.value:.6g}"
        table.add_row(found.configuration or "none", threshold, escape(f"{apcer} {species}"), escape(str(found.bpcer)))
    console = Console()
    console.print(table)
    for warning in evaluation.warnings:
        console.print(f"Warning: {warning}", markup=False, highlight=False)
    console.print(f"Report: {readable}", markup=False, highlight=False, soft_wrap=True)
