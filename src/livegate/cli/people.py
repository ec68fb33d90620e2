"""What the verbs about people share: where the store is, which key opens it, and the one face that a picture shows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from livegate.decision import Decision

if TYPE_CHECKING:
    from livegate.configuration import Configuration
    from livegate.templates.record import Embeddings
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


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture shows.

    Attributes:
        decision: on the only face in it; *not judged* where there is none, or more than one.
        embedding: (D,) of that face, exactly where the decision is bona fide.
    """

    decision: Decision
    embedding: Embeddings | None


class Eye(Protocol):
    """From pictures to embeddings of live faces.

    Attributes:
        identity: the network that makes the embeddings.
        configuration: with which it is run.
        threshold: the similarity from which two faces count as one person's.
    """

    identity: str
    configuration: Configuration
    threshold: float

    def capture(self, path: Path) -> Seen:
        """What a picture shows."""
        ...


def eye(model: str, verifier: str) -> Eye:
    """The networks of that name, ready to look at pictures."""
    return _GateEye(model, verifier)


def opened(store: Path | None, key_file: Path | None, identity: str | None = None, *, create: bool = False) -> TemplateStore:
    """The store that is meant, opened with the key that is meant."""
    from livegate.templates.key import Key
    from livegate.templates.store import TemplateStore

    return TemplateStore.open(store or _usual(), Key.find(key_file), identity, create=create)


def _usual() -> Path:
    if named := os.environ.get(STORE_VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "livegate" / "templates.db"


class _GateEye:
    """Liveness by a gate, the embedding by a verifier, of one and the same face."""

    def __init__(self, model: str, verifier: str) -> None:
        from livegate.gate import Gate
        from livegate.verifier import Verifier

        made = Verifier(verifier)
        self._gate = Gate(model, verifier=made)
        self.identity = made.identity
        self.configuration = made.choose(None)
        self.threshold = made.threshold(self.configuration).value

    def capture(self, path: Path) -> Seen:
        return Seen(*self._gate.present(path))
