"""The embeddings of aligned faces, by a network in torch or by a runtime; needs none of what training needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.identities import Faces
from livegate.pictures import read
from livegate.preprocessing import Preprocessing, resize, to_input
from livegate.training.verification.division import Places

BATCH = 32


class Embedder(Protocol):
    """What gives embeddings: a network in torch, or a runtime."""

    @property
    def preprocessing(self) -> Preprocessing:
        """What its input goes through."""
        ...

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32 RGB 0..255 to (N, D) of unit length."""
        ...


def embedded(
    scorer: Embedder,
    faces: Faces,
    places: Places,
    configurations: Sequence[Configuration],
    advance: Callable[[int], None] = lambda _: None,
) -> dict[Configuration, NDArray[np.float32]]:
    """The embeddings of the aligned faces at some places under each configuration: (N, D). Each picture is read once, and reported."""
    rows = {configuration: list[NDArray[Any]]() for configuration in configurations}
    for batch in pictures(faces, places, scorer.preprocessing.size):
        for configuration, found in rows.items():
            found.append(scorer.run(batch, configuration))
        advance(len(batch))
    return {configuration: np.concatenate(found) for configuration, found in rows.items()}


def pictures(faces: Faces, places: Places, size: int) -> Iterator[NDArray[np.float32]]:
    """Aligned faces in batches (N, 3, size, size) float32 RGB 0..255; each picture is read once."""
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH].tolist()
        yield to_input([resize(read(faces.source(place)), size, size) for place in batch])
