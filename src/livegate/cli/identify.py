"""``livegate identify``: who of those in the store a live face is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from livegate.cli import people
from livegate.cli.check import EXIT_CODES, outcome, printable
from livegate.decision import Status

KNOWN, UNKNOWN = "known", "unknown"


def identify(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture of one person, live.")],
    store: people.Store = None,
    key_file: people.KeyFile = None,
    model: people.Model = "default",
    verifier: people.Verifier = "verifier",
    threshold: people.Threshold = None,
    calibration: people.Calibration = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell who this is. Exit: 0 somebody known and live, 1 nobody who is known or an attack, 2 an error, 3 not judged."""
    from livegate.templates.key import Key

    Key.find(key_file)
    eye = people.Eye(model, verifier, threshold, calibration)
    with people.opened(store, key_file, eye.identity) as opened:
        seen = eye.capture(picture)
        found = None if seen.embedding is None else opened.identify(seen.embedding, eye.threshold)
    decision = seen.decision
    status = decision.status.value if not decision.accepted else KNOWN if found else UNKNOWN
    if as_json:
        facts = {
            "path": str(picture),
            "status": status,
            "name": found[0] if found else None,
            "similarity": found[1] if found else None,
            "threshold": eye.threshold,
            "score": decision.score,
            "reason": decision.reason,
        }
        print(json.dumps(facts))
    elif found:
        print(f"{printable(str(picture))}: {found[0]}, similarity {found[1]:.4f} >= threshold {eye.threshold:.4f}")
    elif decision.accepted:
        # Who came nearest is nobody's business.
        print(f"{printable(str(picture))}: nobody who is enrolled")
    else:
        print(f"{printable(str(picture))}: {outcome(decision)}")
    raise typer.Exit(0 if found else EXIT_CODES[Status.ATTACK if decision.accepted else decision.status])
