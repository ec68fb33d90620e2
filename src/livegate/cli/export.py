"""``livegate export``: from a checkpoint to an artifact that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from livegate.data.index import Index
    from livegate.export.exporter import Known, Order
    from livegate.export.targets import Target
    from livegate.models.checkpoint import Checkpoint
    from livegate.runtime.artifact import Artifact

FORMATS = "onnx, openvino, litert, executorch, coreml, ncnn, some also with -fp16 or -int8 behind"


def export(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A .safetensors file or the folder of a run; or an artifact, or the name of a shipped model.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the artifact; to one of the same network the formats are added.")
    ],
    to: Annotated[
        str | None,
        typer.Option(metavar="FORMATS", help=f"Separated by commas: {FORMATS}; or all that are installed. Without it onnx."),
    ] = None,
    configurations: Annotated[
        str | None, typer.Option(metavar="C,C…", help="Which ones each file holds; by default all where they cost nothing.")
    ] = None,
    fixed: Annotated[
        str | None, typer.Option(metavar="C", help="Export this one configuration alone, as a network that cannot switch.")
    ] = None,
    dev: Annotated[
        Path | None,
        typer.Option(
            metavar="INDEX",
            help="Index whose dev sets the threshold of each configuration: the split that the recipe of the network names so, without the "
            "sources that it leaves out; for verification the index of the training, of which the people are taken who were put aside for "
            "dev.",
        ),
    ] = None,
    rule: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="How thresholds are set on dev; without it bpcer=0.05 for liveness and fmr=0.001 for verification.",
            show_default=False,
        ),
    ] = "",
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="INDEX",
            help="Index whose train sets the ranges of int8 files: the split that the recipe names so, without the sources that it leaves out.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the artifact; that of DIR without it.")] = None,
    card: Annotated[Path | None, typer.Option(metavar="FILE", help="Model card (Markdown) to go with it.")] = None,
    licence: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Licence of the weights; it begins with its SPDX-License-Identifier line."),
    ] = None,
    contract: Annotated[
        str | None,
        typer.Option(metavar="K", help="Write the files of another maker's contract instead: omz, as anti-spoof-mn3 has them."),
    ] = None,
) -> None:
    """Write one artifact whose files hold the configurations of a network, each proven equal to it in its own runtime."""
    if contract is not None:
        other = {"configurations": configurations, "dev": dev, "calibration": calibration, "name": name, "card": card}
        print(_contract(contract, checkpoint, out, _ContractWords(to, fixed, licence), other))
        return
    to = "onnx" if to is None else to
    from livegate.cli.progress import counting
    from livegate.configuration import Configuration
    from livegate.errors import LivegateError
    from livegate.export.targets import ALL, chosen

    targets, skipped = chosen(to, calibrated=calibration is not None)

    from livegate.export.exporter import Order  # now that torch is known to be there

    made_of = source(checkpoint)
    if to == ALL and (there := _held(made_of, out, fixed)):
        targets, skipped = ([target for target in some if target.name not in there] for some in (targets, skipped))
    if not targets:
        raise LivegateError(f"nothing can be added to {out}{_without(skipped)}")
    index = _part(dev, "dev", made_of) if dev else None
    train = _part(calibration, "train", made_of) if calibration else None
    held = [Configuration.parse(text) for text in configurations.split(",")] if configurations is not None else []
    alone = Configuration.parse(fixed) if fixed is not None else None
    with counting("thresholds", len(index.samples) if index else 0) as advance:
        order = Order(targets, held, alone, index, rule, train, advance, _known(made_of, fixed))
        print(_write(made_of, out, order, _Words(name, card, licence)))
    if skipped:
        raise LivegateError(f"{out} is written, but not with all formats{_without(skipped)}")


class _ContractWords(NamedTuple):
    """What may be said of the files of a contract."""

    to: str | None
    fixed: str | None
    licence: Path | None


def _contract(contract: str, checkpoint: str, out: Path, words: _ContractWords, other: Mapping[str, object]) -> Path:
    """Write the files of another maker's contract."""
    from livegate.configuration import Configuration
    from livegate.errors import LivegateError
    from livegate.export.targets import TARGETS

    TARGETS["onnx"].require()

    from livegate.export import omz  # now that torch is known to be there
    from livegate.export.exporter import NO_LICENCE
    from livegate.export.reopened import reopened
    from livegate.runtime.artifact import Artifact

    if contract != omz.NAME:
        raise LivegateError(f"unknown contract {contract!r}; there is {omz.NAME}")
    if given := [f"--{option}" for option, value in other.items() if value is not None]:
        raise LivegateError(f"the contract {contract} says all that {given[0]} could; leave it out")
    made_of = source(checkpoint)
    network = reopened(made_of) if isinstance(made_of, Artifact) else made_of
    licence = made_of.licence if isinstance(made_of, Artifact) else NO_LICENCE
    return omz.export(
        network,
        out,
        fixed=Configuration.parse(words.fixed) if words.fixed is not None else None,
        runtimes=list(omz.FILES) if words.to is None else words.to.split(","),
        licence=words.licence.read_text("utf-8") if words.licence else licence,
    )


class _Words(NamedTuple):
    """What only a new artifact is given."""

    name: str | None
    card: Path | None
    licence: Path | None

    def refuse(self, why: str) -> None:
        """Raise for the first that is given.

        Raises:
            LivegateError: if one is.
        """
        from livegate.errors import LivegateError

        if given := next((f"--{word}" for word, value in self._asdict().items() if value is not None), None):
            raise LivegateError(f"{why}; leave out {given}")


def source(words: str) -> Artifact | Checkpoint:
    """What a user's words mean where torch is installed: an artifact, by its folder or as a shipped model, or a checkpoint."""
    from livegate.models.checkpoint import Checkpoint
    from livegate.runtime.artifact import MANIFEST, Artifact
    from livegate.weights import shipped

    folder = shipped().get(words, Path(words))
    return Artifact.open(folder) if (folder / MANIFEST).is_file() else Checkpoint.load(folder)


def _part(path: Path, part: Literal["train", "dev"], made_of: Artifact | Checkpoint) -> Index:
    """The pictures that set the thresholds of a network, or the ranges of its int8 files."""
    from livegate.export.thresholds import part_of
    from livegate.runtime.artifact import Artifact

    if isinstance(made_of, Artifact):
        return part_of(path, part, made_of.manifest.task, made_of.manifest.provenance.recipe)
    return part_of(path, part, made_of.task, made_of.recipe)


def _held(made_of: Artifact | Checkpoint, out: Path, fixed: str | None) -> Collection[str]:
    """What the result has anyway."""
    from livegate.runtime.artifact import MANIFEST, Artifact

    if (out / MANIFEST).is_file():
        return Artifact.open(out).manifest.variants
    return made_of.manifest.variants if isinstance(made_of, Artifact) and fixed is None else ()


def _write(made_of: Artifact | Checkpoint, out: Path, order: Order, words: _Words) -> Path:
    """Add to the artifact that is there, to a copy of the one that is given, or write a new one."""
    from livegate.export.exporter import NO_LICENCE, Papers, derive, export, extend
    from livegate.export.reopened import reopened
    from livegate.runtime.artifact import MANIFEST, Artifact

    network = reopened(made_of) if isinstance(made_of, Artifact) else made_of
    if (out / MANIFEST).is_file():
        words.refuse(f"{out} exists, and only formats are added to it")
        return extend(network, out, order)
    if isinstance(made_of, Artifact) and order.fixed is None:
        words.refuse(f"{out} becomes a copy of {made_of.folder} with more formats")
        return derive(made_of, network, out, order)
    licence = made_of.licence if isinstance(made_of, Artifact) else NO_LICENCE
    papers = Papers(
        words.card.read_text("utf-8") if words.card else "", words.licence.read_text("utf-8") if words.licence else licence
    )
    return export(network, out, name=words.name or out.name, papers=papers, order=order)


def _known(made_of: Artifact | Checkpoint, fixed: str | None) -> Known | None:
    """What an artifact knows of the configuration that is to stand alone."""
    from livegate.runtime.artifact import Artifact

    if not isinstance(made_of, Artifact) or fixed is None or fixed not in made_of.manifest.configurations:
        return None
    return made_of.manifest.configurations[fixed].threshold, made_of.manifest.provenance.quality.get(fixed)


def _without(skipped: list[Target]) -> str:
    """What is not installed, and what installs it."""
    from livegate.errors import install

    extras = dict.fromkeys(extra for target in skipped for extra in target.extras)
    return f": {', '.join(target.name for target in skipped)} need more; {install(*extras)}" if skipped else ""
