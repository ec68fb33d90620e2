"""``livegate enroll``: from pictures of a live person to templates in the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli import people
from livegate.cli.check import EXIT_CODES, GRAVITY, outcome, printable
from livegate.decision import Status
from livegate.errors import LivegateError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from livegate.gate import Presented

KEEP_DAYS = 365


def enroll(
    name: Annotated[str, typer.Argument(metavar="NAME", help="By which the person is found. It is encrypted, too.")],
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Pictures of that person alone, live.")],
    consent: Annotated[
        str, typer.Option(metavar="TEXT", help="What the person agreed to: the purpose, and where that is written down.")
    ],
    keep_days: Annotated[int, typer.Option(metavar="N", help="Days until the templates are used no more.")] = KEEP_DAYS,
    store: people.Store = None,
    key_file: people.KeyFile = None,
    model: people.Model = "default",
    verifier: people.Verifier = "verifier",
    threshold: people.Threshold = None,
    calibration: people.Calibration = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Enrol a person, if every picture shows one live face, and all of them the same. Exit: 0 done, 1 an attack, 2 an error, 3 not judged."""
    from datetime import UTC, datetime

    import numpy as np

    from livegate.metrics.similarities import cosine
    from livegate.templates.key import Key
    from livegate.templates.record import MAX_TEMPLATES, Consent, checked_name, expiry

    # Whatever is wrong with the words is told before a network is loaded.
    checked_name(name)
    given = Consent(consent, datetime.now(UTC))
    expiry(given.when, keep_days)
    Key.find(key_file)
    if len(pictures) > MAX_TEMPLATES:
        raise LivegateError(
            f"{len(pictures)} pictures were given; {MAX_TEMPLATES} templates are the most that one person may have"
        )
    eye = people.Eye(model, verifier, threshold, calibration)
    seen = {path: eye.capture(path) for path in pictures}
    status = next(status for status in GRAVITY if status in {one.decision.status for one in seen.values()})
    if status is not Status.BONA_FIDE:
        for path, one in seen.items():
            _tell_refusal(path, one, as_json=as_json)
        raise typer.Exit(EXIT_CODES[status])
    embeddings = np.array([one.embedding for one in seen.values()])
    similarities = cosine(embeddings[:, np.newaxis], embeddings[np.newaxis])
    _require_one_person(list(seen), similarities, eye.threshold)
    with people.opened(store, key_file, eye.identity, create=True) as opened:
        subject = opened.enroll(name, embeddings, eye.configuration, given, keep_days)
    if as_json:
        print(
            json.dumps(
                {"status": "enrolled", "name": name, "subject": subject, "templates": len(embeddings), "keep_days": keep_days}
            )
        )
    else:
        plural = "" if len(embeddings) == 1 else "s"
        print(
            f"{printable(name)}: enrolled with {len(embeddings)} template{plural} for {keep_days} days; in the log as {subject}"
        )


def _tell_refusal(path: Path, seen: Presented, *, as_json: bool) -> None:
    if seen.decision.accepted:
        return
    if as_json:
        print(json.dumps({"status": seen.decision.status.value, "path": str(path), "reason": seen.decision.reason}))
    else:
        print(f"{printable(str(path))}: {outcome(seen.decision)}; nobody was enrolled")


def _require_one_person(paths: list[Path], similarities: NDArray[np.float64], threshold: float) -> None:
    """Two people under one name would each be taken for the other."""
    for number, row in enumerate(similarities):
        for other in range(number):
            if not row[other] >= threshold:
                raise LivegateError(
                    f"{paths[number]} and {paths[other]} do not show the same person (similarity {row[other]:.4f} < threshold "
                    f"{threshold:.4f}); nobody was enrolled"
                )
