"""``livegate calibrate``: from pictures of one's own camera to thresholds for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.words import CONTRACT_HELP, PRECISION_HELP, RUNTIME_HELP

if TYPE_CHECKING:
    from rich.table import Table

    from livegate.data.index import Index
    from livegate.metrics.rate import Rate
    from livegate.metrics.scores import Scores
    from livegate.metrics.thresholds import Rule
    from livegate.runtime.calibration import Calibration

PEOPLE = 20
"""Fewer people set a threshold that seldom holds for others: docs/calibrate.md."""
FLOOR = 1
"""Exit code where the artifact's floor kept a threshold above what was asked for."""


def calibrate(
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="PICTURES", help="A folder of bona fide pictures from your camera; or an index, which may name attacks."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Calibration to write (JSON).")],
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="How thresholds are set: bpcer=X, and with attacks apcer=X or d-eer.")
    ] = "bpcer=0.05",
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A shipped model, the folder of an artifact, or anti-spoof-mn3.onnx or .xml.")
    ] = "default",
    split: Annotated[str | None, typer.Option(metavar="S", help="Only this split of the index.")] = None,
    runtime: Annotated[str | None, typer.Option(metavar="R", help=RUNTIME_HELP)] = None,
    precision: Annotated[str | None, typer.Option(metavar="P", help=PRECISION_HELP)] = None,
    contract: Annotated[str | None, typer.Option(metavar="K", help=CONTRACT_HELP)] = None,
) -> None:
    """Set the thresholds of every configuration on pictures of your own camera, never below the model's floor.

    Exit: 0 as asked for, 1 the floor kept a threshold above that, 2 an error.
    """
    from livegate.cli.console import tables
    from livegate.cli.progress import counting
    from livegate.evaluation import score
    from livegate.files import require_other, require_place
    from livegate.metrics.thresholds import Rule
    from livegate.runtime.calibration import Calibration
    from livegate.runtime.engine import Engine
    from livegate.runtime.foreign import opened
    from livegate.weights import locate

    require_place(out)
    setting, index = Rule.parse(rule), _index(pictures, split)
    require_other(out, pictures, *(sample.path for sample in index.samples))
    _require_classes(index, setting)
    engine = Engine(opened(locate(model), contract), runtime=runtime, precision=precision)
    engine.manifest.require("liveness", engine.artifact.folder)
    with counting("scoring", len(index.samples)) as advance:
        scores = score(engine, index, engine.configurations, advance=advance)
    made = Calibration.of(scores, setting, engine.manifest, engine.variant)
    made.write(out)
    tables().print(_table(made))
    for line in _remarks(made, index, scores):
        print(line)
    print(f"{out}: livegate check … --calibration {out} takes these thresholds")
    raise typer.Exit(FLOOR if any(found.held for found in made.configurations.values()) else 0)


def _require_classes(index: Index, rule: Rule) -> None:
    """Check what can be known before hours of scoring."""
    from livegate.errors import LivegateError
    from livegate.runtime.calibration import require_enough

    bona_fide = sum(sample.bona_fide for sample in index.samples)
    require_enough(bona_fide, "are there")
    if rule.name in {"apcer", "d-eer"} and bona_fide == len(index.samples):
        raise LivegateError(
            f"the rule {rule} needs attacks, and there are none; give an index that names some, or a rule bpcer=X"
        )


def _table(made: Calibration) -> Table:
    from rich.markup import escape
    from rich.table import Table

    title = f"{made.model}, {made.rule}; of the pictures that were judged"
    table = Table("configuration", "threshold", "as shipped", "bona fide rejected", "as shipped", title=title)
    if any(found.attacks for found in made.configurations.values()):
        for heading in ("attacks accepted, worst species", "as shipped"):
            table.add_column(heading)
    for text, found in made.configurations.items():
        cells = [f"{point.threshold.value:.6f}" for point in (found.here, found.shipped)]
        cells += [_counted(found.rejected(found.here)), str(found.rejected(found.shipped))]
        if found.attacks:
            (here, through), (shipped, before) = map(found.worst_accepted, (found.here, found.shipped))
            cells += [f"{here} {_counted(through)}", f"{shipped} {before}"]
        table.add_row(text or "-", *map(escape, cells))
    return table


def _counted(rate: Rate) -> str:
    """Without an interval: of the pictures that set a threshold there is nothing to be inferred."""
    return f"{rate.errors}/{rate.trials} = {rate.value:.2%}"


def _remarks(made: Calibration, index: Index, scores: Scores) -> Iterator[str]:
    """What the table does not tell."""
    import numpy as np

    from livegate.cli.check import unread

    if others := unread(index.path):
        yield others
    unheard = set(scores.names[np.isnan(scores.values)].tolist())
    if unheard:
        yield f"{len(unheard)} pictures set nothing: they were not judged or could not be read, the first {min(unheard)!r}"
    people = {(sample.source, sample.subject) for sample in index.samples if sample.bona_fide and sample.subject}
    if 0 < len(people) < PEOPLE:
        yield f"{len(people)} people set these thresholds: of others more may be turned away; {PEOPLE} people or more make them hold"
    held = [text for text, found in made.configurations.items() if found.held]
    if held:
        yield (
            f"the model's floor keeps {len(held)} of {len(made.configurations)} thresholds above what {made.rule} asks for: lower ones let too "
            "many attacks through"
        )


def _index(path: Path, split: str | None) -> Index:
    from livegate.cli.check import expanded, printable
    from livegate.data.index import Index
    from livegate.errors import LivegateError
    from livegate.pictures import SUFFIXES
    from livegate.sample import Sample

    if not path.exists():
        raise LivegateError(f"{path} does not exist; give a folder of bona fide pictures, or an index")
    if not path.is_dir():
        index = Index.read(path)
        index.require_labels()
        return index.split(split) if split else index
    if split:
        raise LivegateError(f"{path} is a folder, which has no splits; leave out --split")
    found = [Sample(str(file.relative_to(path)), path) for file in expanded(path) if file.suffix.lower() in SUFFIXES]
    if not found:
        raise LivegateError(f"{path}: the folder holds no picture; of a video save the frames")
    if attack := next((sample.path for sample in found if _of_attacks(sample.path)), None):
        raise LivegateError(
            f"{printable(str(attack))} lies in a folder of attacks, and all pictures of a folder count as bona fide; give the folder of the bona fide "
            "ones, or an index: livegate index folder DIR --find-faces"
        )
    for sample in found:
        if sample.name.encode("utf-8", "replace").decode() != sample.name:
            raise LivegateError(f"{printable(str(sample.path))}: its name is no text in UTF-8; rename it")
    return Index(path, tuple(found), labelled=True, boxed=False)


def _of_attacks(file: Path) -> bool:
    """Whether a picture lies where `livegate index folder` takes what there is for attacks."""
    named = [part for part in file.resolve().parent.parts if part in {"attack", "bona-fide"}]
    return named[-1:] == ["attack"]
