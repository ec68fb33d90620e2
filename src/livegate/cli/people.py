"""What the verbs about people share: where the store is, which key opens it, and the one live face that a picture shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livegate.cli.words import CALIBRATION_HELP

if TYPE_CHECKING:
    from livegate.gate import Presented
    from livegate.templates.store import TemplateStore

STORE_VARIABLE = "LIVEGATE_STORE"
Store = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The template store; else $LIVEGATE_STORE, else livegate/templates.db in your data folder."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Its key; else $LIVEGATE_KEY, the file $LIVEGATE_KEY_FILE, or the keyring's."),
]
Model = Annotated[
    str, typer.Option(metavar="MODEL", help="Decides whether a face is bona fide: a shipped model, or an artifact's folder.")
]
Verifier = Annotated[str, typer.Option(metavar="MODEL", help="Makes the templates: a shipped model, or an artifact's folder.")]
Calibration = Annotated[Path | None, typer.Option(metavar="FILE", help=CALIBRATION_HELP)]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="Similarity, 0 to 1, from which two faces are one person's. Without it that of the verifier for one comparison; "
        "the more people are compared, the higher it should be.",
    ),
]


def opened(store: Path | None, key_file: Path | None, identity: str | None = None, *, create: bool = False) -> TemplateStore:
    """The store that is meant, opened with the key that is meant."""
    from livegate.templates.key import Key
    from livegate.templates.store import TemplateStore

    return TemplateStore.open(store or _usual(), Key.find(key_file), identity, create=create)


def _usual() -> Path:
    if named := os.environ.get(STORE_VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "livegate" / "templates.db"


class Eye:
    """From pictures to embeddings of live faces.

    Args:
        model: decides whether a face is bona fide.
        verifier: makes embeddings.
        threshold: the similarity from which two of them are one person's; None for the verifier's own.
        calibration: from which score on a face is bona fide at one's own camera; None for what the model says.
    """

    def __init__(self, model: str, verifier: str, threshold: float | None, calibration: Path | None = None) -> None:
        from livegate.cli.notice import licences_once
        from livegate.gate import Gate
        from livegate.verifier import Verifier

        made = Verifier(verifier, threshold=threshold)
        self._gate = Gate(model, verifier=made, calibration=calibration)
        licences_once(self._gate.engine.manifest, made.manifest)
        self.identity = made.identity
        self.configuration = made.choose(None)
        self.threshold = made.threshold(self.configuration).value

    def capture(self, path: Path) -> Presented:
        """Whether the only face of a picture is live, and its embedding if it is."""
        return self._gate.present(path)
