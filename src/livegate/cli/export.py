"""``livegate export``: from a checkpoint to an artifact that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FORMATS = ("onnx",)


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A .safetensors file or the folder of a run.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the artifact; it must not exist.")],
    to: Annotated[str, typer.Option(metavar="FORMATS", help=f"Formats, separated by commas: {', '.join(FORMATS)}.")] = "onnx",
    dev: Annotated[
        Path | None, typer.Option(metavar="INDEX", help="Index whose split dev sets the threshold of each configuration.")
    ] = None,
    rule: Annotated[str, typer.Option(metavar="RULE", help="How thresholds are set on dev.")] = "bpcer=0.05",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the artifact; that of DIR without it.")] = None,
    card: Annotated[Path | None, typer.Option(metavar="FILE", help="Model card (Markdown) to go with it.")] = None,
    licence: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Licence of the weights; it begins with its SPDX-License-Identifier line."),
    ] = None,
) -> None:
    """Write one artifact that holds every configuration, proven equal to the network that it came from."""
    from livegate.errors import LivegateError

    unknown = [name for name in to.split(",") if name not in FORMATS]
    if unknown:
        raise LivegateError(f"unknown format {unknown[0]!r}; formats are {', '.join(FORMATS)}")
    from livegate.cli.progress import counting
    from livegate.data.index import Index
    from livegate.export.exporter import NO_LICENCE, Papers
    from livegate.export.exporter import export as write
    from livegate.models.checkpoint import Checkpoint

    index = Index.read(dev).split("dev") if dev else None
    papers = Papers(card.read_text("utf-8") if card else "", licence.read_text("utf-8") if licence else NO_LICENCE)
    with counting("thresholds", len(index.samples) if index else 0) as advance:
        print(
            write(Checkpoint.load(checkpoint), out, name=name or out.name, papers=papers, dev=index, rule=rule, advance=advance)
        )
