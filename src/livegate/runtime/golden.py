"""Replaying the golden vectors of an artifact: does this machine compute what it should?"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine

MAX_BYTES = 256 * 1024 * 1024
"""Of all arrays together, unpacked."""


@dataclass(frozen=True, slots=True)
class GoldenVectors:
    """Pixels and what torch gave for them.

    Attributes:
        images: (N, 3, size, size) float32, 0..255.
        outputs: (N, D) float32 by configuration: logits, or embeddings.
    """

    images: NDArray[np.float32]
    outputs: dict[Configuration, NDArray[np.float32]]

    @classmethod
    def of(cls, artifact: Artifact) -> GoldenVectors:
        """Read the file of an artifact.

        Raises:
            ArtifactError: if it cannot be read, or its arrays do not fit one another and the artifact.
        """
        if artifact.manifest.golden is None:
            raise ArtifactError(artifact.folder, ["has no golden vectors: it describes a file of another maker"])
        name, size = artifact.manifest.golden.file, artifact.manifest.preprocessing.size
        path = artifact.folder / name
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                    raise ArtifactError(artifact.folder, [f"{name} unpacks to more than {MAX_BYTES:,} bytes"])
            with np.load(path, allow_pickle=False) as file:
                images, names, outputs = (file[key] for key in ("images", "configurations", artifact.manifest.output))
        except (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, zipfile.BadZipFile) as error:
            if isinstance(error, ArtifactError):
                raise
            raise ArtifactError(artifact.folder, [f"{name} cannot be read ({error})"]) from None
        shapes = [images.shape[1:] == (3, size, size), outputs.shape[:-1] == (len(names), len(images)), outputs.size > 0]
        types = images.dtype == np.uint8, names.dtype.kind == "U", outputs.dtype == np.float32
        if artifact.manifest.task == "liveness":
            shapes.append(outputs.shape[-1] == 2)
        if not all((*shapes, *types)):
            raise ArtifactError(artifact.folder, [f"{name} holds arrays of other shapes or types than golden vectors have"])
        texts = [Configuration.parse(str(text), artifact.manifest.adaptive_blocks) for text in names]
        return cls(images.astype(np.float32), dict(zip(texts, outputs, strict=True)))


def replay(engine: Engine) -> float:
    """The largest absolute difference of an output from the golden one, over all pictures and the engine's configurations.

    Raises:
        ArtifactError: if the golden vectors cannot be read or lack a configuration.
    """
    golden = GoldenVectors.of(engine.artifact)
    if missing := [str(c) for c in engine.configurations if c not in golden.outputs]:
        raise ArtifactError(engine.artifact.folder, [f"has no golden vectors of configuration {missing[0]!r}"])
    differences = [np.abs(engine.run(golden.images, c) - golden.outputs[c]).max() for c in engine.configurations]
    return float(np.max(differences))  # which keeps one that is no number
