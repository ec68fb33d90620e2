"""``livegate inspect``: what an artifact holds, and the counts of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.words import CONTRACT_HELP

if TYPE_CHECKING:
    from rich.table import Table

    from livegate.metrics.thresholds import Threshold
    from livegate.runtime.manifest import Manifest, Quality, Separation, Variant

SETTING = ("threshold", "set by", "on", "floor", "equal error rate there")
"""What is told of each threshold."""


def inspect(
    artifact: Annotated[
        str,
        typer.Argument(metavar="ARTIFACT", help="A shipped model, the folder of an artifact, or anti-spoof-mn3.onnx or .xml."),
    ] = "default",
    paper: Annotated[bool, typer.Option("--paper", help="Count the networks of Khabarlak 2022, Table 4, instead.")] = False,
    contract: Annotated[str | None, typer.Option(metavar="K", help=CONTRACT_HELP)] = None,
) -> None:
    """Show the facts of an artifact, its files checked against their hashes."""
    from livegate.cli.console import tables

    console = tables()
    if paper:
        console.print(_paper_table())
        return
    from livegate.cli.notice import licence_line
    from livegate.runtime.foreign import opened
    from livegate.weights import locate

    manifest = opened(locate(artifact), contract).manifest
    size, preprocessing = manifest.preprocessing.size, manifest.preprocessing
    cut = "aligned by five points" if preprocessing.shape == "aligned" else f"crop margin {preprocessing.margin:g}"
    whole = "a file of another maker" if manifest.foreign else "files as the manifest says"
    console.print(f"{manifest.name}: {manifest.task}, input {size} x {size} RGB, {cut}, {whole}")
    console.print(licence_line(manifest.name, manifest.licence), markup=False, soft_wrap=True)
    console.print(_variants(manifest))
    console.print(_configurations(manifest))
    for variant in manifest.variants.values():
        if variant.thresholds:
            console.print(_thresholds(variant))


def _variants(manifest: Manifest) -> Table:
    from rich.table import Table

    from livegate.runtime.backends.base import RUNTIMES

    table = Table("variant", "runs in", "files", "size", "holds", "chosen by", "differs from torch by at most")
    for name, variant in manifest.variants.items():
        proof, held = variant.parity, variant.entry.configurations
        difference = f"{proof.largest:.1e}, {proof.tolerance:g} allowed" if proof else "not run"
        holds = "all" if len(held) == len(manifest.configurations) else " ".join(held)
        shown = sorted({file.split("/")[0] for file in variant.files})
        row = (RUNTIMES[variant.runtime].label, " ".join(shown), f"{variant.bytes / 1e6:.2f} MB", holds, variant.entry.kind)
        table.add_row(*map(cell, (name, *row, difference)))
    return table


def _configurations(manifest: Manifest) -> Table:
    from rich.table import Table

    table = Table("configuration", "parameters", "multiply-adds", *SETTING)
    for name, facts in manifest.configurations.items():
        costs = ("-" if cost is None else f"{cost:,}" for cost in (facts.parameters, facts.macs))
        table.add_row(*map(cell, (name or "-", *costs, *_setting(facts.threshold, manifest.provenance.quality.get(name)))))
    return table


def _thresholds(variant: Variant) -> Table:
    """Those of a variant whose precision moves the scores."""
    from rich.table import Table

    table = Table(f"{variant.target}: configuration", *SETTING)
    for name, threshold in variant.thresholds.items():
        table.add_row(*map(cell, (name or "-", *_setting(threshold, variant.quality.get(name)))))
    return table


def _setting(threshold: Threshold, quality: Quality | Separation | None) -> tuple[str, ...]:
    """A threshold, how it was set, how low a calibration may set it, and how good the network is there."""
    floor = getattr(quality, "floor", None)
    return (
        f"{threshold.value:.6f}",
        threshold.rule,
        threshold.split or "-",
        "-" if floor is None else f"{floor:.6f}",
        str(quality or "-"),
    )


def cell(text: str) -> str:
    """Text of a manifest as a cell of a table: nothing in it moves the cursor or is taken for markup."""
    from rich.markup import escape

    from livegate.cli.check import printable

    return escape(printable(text))


def _paper_table() -> Table:
    from rich.table import Table

    from livegate.configuration import Configuration
    from livegate.models.counting import count
    from livegate.models.mobilenet_v2 import mobilenet_v2

    table = Table("configuration", "parameters", "multiply-adds (paper's rule)", "multiply-adds (convolution and linear)")
    adaptive = mobilenet_v2()
    networks = {"No PTA": mobilenet_v2(()).fixed(Configuration(()))}
    networks |= {text: adaptive.fixed(Configuration.parse(text)) for text in ("HHH", "LHH", "HLH", "HHL", "LLL", "BBB")}
    for name, network in networks.items():
        cost = count(network)
        table.add_row(name, f"{cost.parameters:,}", f"{cost.paper_madds / 1e6:.3f} M", f"{cost.macs:,}")
    return table
