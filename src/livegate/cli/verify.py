"""``livegate verify``: is this the person of that picture, and there?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.words import CALIBRATION_HELP
from livegate.decision import Verdict

if TYPE_CHECKING:
    from livegate.decision import Match

EXIT_CODES = {Verdict.MATCH: 0, Verdict.NO_MATCH: 1, Verdict.ATTACK: 1, Verdict.ERROR: 2, Verdict.NOT_JUDGED: 3}


def verify(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="A picture of the person, such as of a document.")],
    probe: Annotated[Path, typer.Argument(metavar="PROBE", help="What the camera sees; it must be live.")],
    model: Annotated[str, typer.Option(metavar="MODEL", help="Judges liveness: a shipped model or an artifact.")] = "default",
    verifier: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Compares: a shipped model, an artifact, dlib, or an ONNX file of InsightFace such as w600k_mbf.onnx.",
        ),
    ] = "verifier",
    configuration: Annotated[
        str | None, typer.Option(metavar="C", help="Of the network for liveness, such as LLL, heaviest or lightest.")
    ] = None,
    match: Annotated[str | None, typer.Option(metavar="C", help="The same of the one that compares.")] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="X", help="Cosine from which two faces are one person's, not the model's own.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FILE", help=CALIBRATION_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compare a live face with a picture. Exit: 0 the same person and live, 1 another person or an attack, 2 an error, 3 not judged."""
    from livegate.cli.notice import licences_once
    from livegate.gate import Gate
    from livegate.verifier import Verifier

    compares = Verifier(verifier, threshold=threshold)
    gate = Gate(model, verifier=compares, calibration=calibration)
    licences_once(gate.engine.manifest, compares.manifest)
    found = gate.verify(reference, probe, configuration, match=match)
    print(json.dumps(_facts(reference, probe, found)) if as_json else _sentence(reference, probe, found))
    raise typer.Exit(EXIT_CODES[found.verdict])


def _facts(reference: Path, probe: Path, found: Match) -> dict[str, object]:
    return {
        "reference": str(reference),
        "probe": str(probe),
        "status": found.verdict.value,
        "similarity": found.similarity,
        "threshold": found.threshold,
        "configuration": found.configuration,
        "liveness": {
            "status": found.liveness.status.value,
            "score": found.liveness.score,
            "threshold": found.liveness.threshold,
            "configuration": found.liveness.configuration,
        },
        "reason": found.reason,
    }


def _sentence(reference: Path, probe: Path, found: Match) -> str:
    from livegate.cli.check import outcome, printable

    if found.similarity is None or found.threshold is None:
        if found.liveness.accepted:
            return f"{printable(str(reference))}: {found.reason}"
        return f"{printable(str(probe))}: {outcome(found.liveness)}"
    sign, words = (">=", "the same person, live") if found.accepted else ("<", "another person")
    return f"{printable(str(probe))}: {words}, similarity {found.similarity:.4f} {sign} threshold {found.threshold:.4f}"
