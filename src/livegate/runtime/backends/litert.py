"""LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.entry import NamedEntry


class LiteRTBackend:
    """A model on the CPU, one signature a configuration.

    Args:
        model: one file.
        options: threads.

    Raises:
        MissingExtraError: if LiteRT is not installed.
        ArtifactError: if it cannot load the model.
    """

    def __init__(self, model: Model, options: Options = Options()) -> None:  # noqa: B008 - frozen
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise MissingExtraError("LiteRT", "litert") from None
        if not isinstance(model.entry, NamedEntry):
            raise ArtifactError("LiteRT model", [f"is run by signature, and its entry is of the kind {model.entry.kind!r}"])
        try:
            interpreter = Interpreter(model_content=model.only(), num_threads=options.threads)
            self._signatures = {
                Configuration.parse(text): interpreter.get_signature_runner(name) for text, name in model.entry.names.items()
            }
        except (ValueError, RuntimeError) as error:
            raise ArtifactError("LiteRT model", [f"LiteRT cannot load it ({' '.join(str(error).split())})"]) from None

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, D) float32, see `Backend`."""
        run = self._signatures[configuration]
        return np.concatenate([next(iter(run(image=image[np.newaxis]).values())) for image in images])
