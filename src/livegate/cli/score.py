"""``livegate score``: from an index to a score file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.words import CALIBRATION_HELP, CONTRACT_HELP, PRECISION_HELP, RUNTIME_HELP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livegate.configuration import Configuration
    from livegate.evaluation import Scorer
    from livegate.runtime.engine import EngineOptions


def score(
    index: Annotated[Path, typer.Option(metavar="FILE", help="Index of the pictures (CSV).")],
    out: Annotated[Path, typer.Option(metavar="scores.csv", help="Score file to write.")],
    configuration: Annotated[
        str | None, typer.Option(metavar="C", help="One configuration; without it the default one.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every configuration that the model lists.")] = False,
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL", help="A shipped model, the folder of an artifact, anti-spoof-mn3.onnx or .xml, or a checkpoint."
        ),
    ] = "default",
    split: Annotated[str | None, typer.Option(metavar="S", help="Only this split of the index.")] = None,
    runtime: Annotated[str | None, typer.Option(metavar="R", help=RUNTIME_HELP)] = None,
    precision: Annotated[str | None, typer.Option(metavar="P", help=PRECISION_HELP)] = None,
    contract: Annotated[str | None, typer.Option(metavar="K", help=CONTRACT_HELP)] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FILE", help=CALIBRATION_HELP)] = None,
) -> None:
    """Score every picture of an index. Exit 2 if a picture could not be read; its row says why."""
    from livegate.cli.progress import counting
    from livegate.data.index import Index
    from livegate.decision import Status
    from livegate.errors import LivegateError
    from livegate.evaluation import score as score_index
    from livegate.files import require_other, require_place

    if every and configuration is not None:
        raise LivegateError("--all and --configuration exclude each other; give one of them")
    require_place(out)
    pictures = Index.read(index)
    require_other(out, index, *(sample.path for sample in pictures.samples))
    pictures = pictures.split(split) if split else pictures
    options: EngineOptions = {"runtime": runtime, "precision": precision, "calibration": calibration}
    scorer, configurations, thresholds = _model(model, contract, configuration, options, every=every)
    with counting("scoring", len(pictures.samples)) as advance:
        scores = score_index(scorer, pictures, configurations, thresholds=thresholds, advance=advance)
    scores.write(out)
    unread = [name for name, status in zip(scores.names, scores.status, strict=True) if status == Status.ERROR]
    if unread:
        raise LivegateError(
            f"{out} is written, but {len(set(unread))} pictures could not be read, the first {unread[0]!r}; see its reason"
        )


def _model(
    model: str, contract: str | None, text: str | None, options: EngineOptions, *, every: bool
) -> tuple[Scorer, list[Configuration], Mapping[str, float]]:
    """What gives the logits, under which configurations, with which thresholds."""
    from livegate.errors import LivegateError
    from livegate.weights import locate, shipped

    path = Path(model)
    if model not in shipped() and (path.suffix == ".safetensors" or (path / "model.safetensors").is_file()):
        if (
            contract is not None
            or options.get("runtime") not in {None, "onnx"}
            or options.get("precision") not in {None, "fp32"}
            or options.get("calibration") is not None
        ):
            raise LivegateError(
                f"{path} is a checkpoint, which runs in torch; leave out --runtime, --precision, --contract and --calibration, or export it first"
            )
        return _checkpoint(path, text, every=every)
    from livegate.runtime.engine import Engine
    from livegate.runtime.foreign import opened

    engine = Engine(opened(locate(model), contract), **options)
    engine.manifest.require("liveness", engine.artifact.folder)
    chosen = list(engine.configurations) if every else [engine.choose(text)]
    return engine, chosen, {str(c): engine.threshold(c).value for c in chosen}


def _checkpoint(path: Path, text: str | None, *, every: bool) -> tuple[Scorer, list[Configuration], Mapping[str, float]]:
    from livegate.configuration import Configuration
    from livegate.models.checkpoint import Checkpoint
    from livegate.models.scorer import TorchScorer

    checkpoint = Checkpoint.load(path)
    checkpoint.require("liveness", path)
    scorer = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
    blocks = scorer.network.adaptive_blocks
    if every:
        return scorer, list(scorer.configurations), {}
    return scorer, [Configuration.chosen(text, blocks)], {}
