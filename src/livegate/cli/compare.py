"""``livegate compare``: two score files of the same presentations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.evaluate import Cluster, digests, tell

if TYPE_CHECKING:
    from livegate.report import Comparison


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Score file of the one model.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Score file of the other, of the same presentations.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for comparison.json, comparison.md and comparison.html.")],
    dev_a: Annotated[
        Path | None, typer.Option(metavar="SCORES", help="Score file that the thresholds of A are set on.")
    ] = None,
    dev_b: Annotated[
        Path | None, typer.Option(metavar="SCORES", help="Score file that the thresholds of B are set on.")
    ] = None,
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="How a threshold is set: bpcer=X, apcer=X or d-eer on dev; fixed=X without.")
    ] = "bpcer=0.05",
    cluster: Annotated[
        Cluster, typer.Option(help="What the bootstrap draws; what has no subject falls back on its clip.")
    ] = "subject",
    replicates: Annotated[int, typer.Option(min=1, help="How often the bootstrap draws.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare two models on the same presentations: differences with paired intervals, and McNemar's test."""
    from livegate import report
    from livegate.cli.progress import counting
    from livegate.errors import LivegateError
    from livegate.metrics import Rule, Scores

    parsed = Rule.parse(rule)  # before the files: a typing mistake should not cost their reading
    given = {"a": a, "b": b, "dev a": dev_a, "dev b": dev_b}
    files = {name: path for name, path in given.items() if path}
    if parsed.name != "fixed" and len(files) < len(given):
        raise LivegateError(f"rule {parsed} sets each threshold on dev; give --dev-a and --dev-b, or --rule fixed=0.5")
    scores = {name: Scores.read(path) for name, path in files.items()}
    with counting("configurations", len(scores["a"].configurations)) as advance:
        found = report.compare_scores(
            scores["a"],
            scores["b"],
            parsed,
            dev_a=scores.get("dev a"),
            dev_b=scores.get("dev b"),
            resample=report.Resample(cluster, replicates, seed),
            files={name: str(path) for name, path in files.items()},
            sha256=digests(files),
            advance=advance,
        )
    written = report.write_comparison(found, out)
    _show(found)
    tell(written, found.warnings)


def _show(found: Comparison) -> None:
    from rich.markup import escape
    from rich.table import Table

    from livegate.cli.console import tables
    from livegate.report.comparison_contents import HEADER, rows

    table = Table(*HEADER, title="The same presentations: B - A")
    for pair in found.pairs:
        for row in rows(pair):
            table.add_row(*(escape(cell) for cell in row))
    tables().print(table)
