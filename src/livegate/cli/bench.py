"""``livegate bench``: what each configuration costs on this machine, in each runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from livegate.configuration import Configuration
    from livegate.runtime.bench.run import Result
    from livegate.runtime.manifest import Manifest


def bench(
    artifact: Annotated[
        str, typer.Argument(metavar="ARTIFACT", help="A shipped model or the folder of an artifact.")
    ] = "default",
    runtime: Annotated[
        str | None, typer.Option(metavar="R,R…", help="Only these runtimes; without it all that are installed.")
    ] = None,
    configuration: Annotated[
        str | None, typer.Option(metavar="C,C…", help="Only these configurations; without it the named few.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every configuration that a file holds.")] = False,
    threads: Annotated[int, typer.Option(metavar="N", help="Threads of one call.")] = 1,
    cache: Annotated[
        bool, typer.Option("--cache", help="Also the forms made for this machine, which are kept in the user's cache folder.")
    ] = False,
    static: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of artifacts of one configuration each, DIR/HHH and so on.")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(metavar="PATH.onnx", help="Another ONNX model to run beside; may be given often.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Rounds of a few calls of everything.")] = 40,
    minutes: Annotated[
        float, typer.Option(min=0, max=24 * 60, metavar="N", help="Sustained load for so long, instead of rounds.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="All numbers as one JSON object.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw error against latency, one mark for each configuration.")
    ] = None,
) -> None:
    """Measure loading, calls, memory and switching of a model in every runtime that is installed, all in one run."""
    import json
    from dataclasses import asdict

    from livegate.cli.console import tables
    from livegate.cli.progress import counting
    from livegate.errors import LivegateError
    from livegate.files import replacing
    from livegate.report import front
    from livegate.runtime.artifact import Artifact
    from livegate.runtime.bench.run import Plan, measure
    from livegate.weights import locate

    if every and configuration is not None:
        raise LivegateError("--all and --configuration exclude each other; give one of them")
    if Path(artifact).is_file():
        raise LivegateError(f"{artifact} is a file of another maker; measure it beside a model with --against {artifact}")
    if folder := next((path for path in against or () if path.is_dir()), None):
        raise LivegateError(f"{folder} is a folder; --against takes an ONNX file, such as a model.onnx in it")
    opened = Artifact.open(locate(artifact))
    if plot and not opened.manifest.provenance.quality:
        raise LivegateError(
            f"{artifact} does not tell how good it is, so that there is nothing to plot; export it with --dev INDEX"
        )
    if plot:
        front.require()
    plan = Plan(
        artifact=opened,
        runtimes=runtime.split(",") if runtime else None,
        configurations=_wanted(opened.manifest, configuration, every=every),
        threads=threads,
        cache=cache,
        static=static,
        against=against or (),
        rounds=rounds,
        minutes=minutes,
    )
    with counting("measuring", 100) as advance:
        result = measure(plan, lambda share: advance(100 * share))
    if plot:
        points = [
            front.Point(row.variant, row.configuration, row.median_ms, row.error)
            for row in result.rows
            if row.error is not None
        ]
        with replacing(plot) as file:
            file.write(front.drawn(points, f"{result.model} on {result.machine['processor']}, threads: {threads}"))
    if as_json:
        print(json.dumps(asdict(result), indent=2))
        return
    console = tables()
    for table in (_variants(result), _rows(result)):
        console.print(table)


def _wanted(manifest: Manifest, text: str | None, *, every: bool) -> Sequence[Configuration]:
    from livegate.configuration import Configuration

    if every:
        return [Configuration.parse(name) for name in manifest.configurations]
    return [manifest.choose(name) for name in text.split(",")] if text else []


def _variants(result: Result) -> Table:
    from rich.table import Table

    machine = result.machine
    title = (
        f"{result.model} on {machine['processor']}, {machine['cores']} cores, threads: {machine['threads']}, "
        f"peak {result.peak_gmacs:.1f} GMAC/s, {result.rounds} rounds in {result.seconds:.0f} s"
    )
    table = Table("variant", "runtime", title=title)
    for name in ("file MB", "load ms", "first call ms", "added MB", "of static files", "peak MB", "switching ms"):
        table.add_column(name, justify="right")
    for row in result.variants:
        loading, static = row.loading, row.static_loading
        share = None
        if static and loading.added_mb and static.added_mb:
            share = loading.added_mb / static.added_mb
        numbers = (row.bytes / 1e6, loading.load_ms, loading.first_ms, loading.added_mb)
        last = (_number(share, 2), _number(loading.peak_mb, 1), _number(row.switch_ms, 3))
        table.add_row(row.variant, row.version, *(_number(number, 1) for number in numbers), *last)
    return table


def _rows(result: Result) -> Table:
    from rich.table import Table

    table = Table("variant", "configuration")
    for name in ("median ms", "p95 ms", "p99 ms", "to No PTA", "to static", "of peak", "drift", "D-EER"):
        table.add_column(name, justify="right")
    for row in result.rows:
        name = f"{row.variant}, static" if row.static else row.variant
        times = (_number(time, 3) for time in (row.median_ms, row.p95_ms, row.p99_ms))
        ratios = (_number(ratio, 3) for ratio in (row.to_plain, row.to_static))
        share, error = (f"{part:.1%}" if part is not None else "-" for part in (row.share, row.error))
        table.add_row(name, row.configuration or "-", *times, *ratios, share, _number(row.drift, 3), error)
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
