"""The artifacts that come with Livegate, by name, and a generator of maps of depth."""

from __future__ import annotations

from pathlib import Path

from livegate.errors import LivegateError

DEFAULT, VERIFIER = "default", "verifier"
"""The models that commands take for liveness and for verification where none is named."""
GENERATOR = Path(__file__).parent / "depth-generator"
"""The folder of the checkpoint that draws depth where none is named; its licence lies beside it."""


def shipped() -> dict[str, Path]:
    """The folder of each artifact in this package, by its name, the default one first."""
    folders = sorted(path.parent for path in Path(__file__).parent.glob("*/manifest.json"))
    return {folder.name: folder for folder in sorted(folders, key=lambda folder: folder.name != DEFAULT)}


def locate(model: str) -> Path:
    """What a user's words mean: the folder of a shipped model by its name, or a path that is there.

    Raises:
        LivegateError: if it is neither.
    """
    names = shipped()
    if model in names:
        return names[model]
    if Path(model).is_dir() or Path(model).is_file():
        return Path(model)
    raise LivegateError(
        f"model {model!r} is neither a shipped model ({', '.join(names) or 'none'}) nor the folder of an artifact, nor a file"
    )
