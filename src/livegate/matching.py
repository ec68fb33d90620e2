"""From pictures to similarities: the pairs of a list, and attempts on the whole system. What is found goes into files; figures need no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.pairs import Pairs
from livegate.data.presentations import Presentations
from livegate.errors import PairsError, PictureError
from livegate.metrics.attempts import Attempts
from livegate.metrics.similarities import Similarities, cosine
from livegate.pictures import read
from livegate.preprocessing import Pixels, resize
from livegate.sample import Landmarks, Sample

SIDE = 112
"""Of an aligned picture, in pixels."""
BATCH = 32

Embeddings = NDArray[np.float32]


class Embedder(Protocol):
    """What turns aligned faces into embeddings: `livegate.verifier.Verifier`."""

    @property
    def size(self) -> int:
        """The numbers in an embedding."""
        ...

    @property
    def side(self) -> int:
        """Of the aligned faces that it takes, in pixels."""
        ...

    def align(self, picture: Pixels, landmarks: Landmarks) -> Pixels:
        """The aligned face, (side, side, 3) uint8 RGB."""
        ...

    def embed(self, crops: list[Pixels], configuration: Configuration) -> Embeddings:
        """(N, size) float32 of unit length.

        Raises:
            PictureError: if there is no embedding of one of these faces.
        """
        ...


class Compared(NamedTuple):
    """The similarities of a list, without and with flip averaging (the embedding of a face and of its mirror image, added)."""

    plain: Similarities
    flipped: Similarities


def compare(
    embedder: Embedder,
    pairs: Pairs,
    reference: Configuration,
    probe: Configuration,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Compared:
    """Compare every pair of a list of aligned pictures.

    Args:
        embedder: what gives the embeddings.
        pairs: whose pictures are 112 x 112; they are resized to what the network takes.
        reference: the configuration that references are embedded under.
        probe: the one that probes are; a picture is embedded once when both are equal.
        advance: called with the number of pictures done since the last call.

    Returns:
        Similarities in the order of the list; a picture that cannot be decoded gives no response.

    Raises:
        PairsError: if a picture does not exist, or is of another size: then the list leads to pictures that are not aligned.
        PictureError: if no picture gives an embedding.
    """
    pairs.require_pictures()
    rows = {role: [getattr(one, role) for one in pairs.comparisons] for role in ("reference", "probe")}
    shared = reference == probe
    wanted = [(reference, rows["reference"] + (rows["probe"] if shared else []))]
    wanted += [] if shared else [(probe, rows["probe"])]
    found: list[tuple[dict[str, int], Embeddings, Embeddings]] = []
    for configuration, names in wanted:
        place = {name: number for number, name in enumerate(dict.fromkeys(names))}
        crops = (_aligned(pairs, name, embedder.side) for name in place)
        plain, flipped = _embedded(embedder, crops, len(place), configuration, flip=True, advance=advance)
        if np.isnan(plain).all():
            raise PictureError(
                f"{pairs.name}: none of its {len(place)} pictures gives an embedding; is the network for such pictures?"
            )
        found.append((place, plain, flipped))
    columns = {
        "fold": [one.fold for one in pairs.comparisons],
        "reference_subject": [one.reference_subject for one in pairs.comparisons],
        "probe_subject": [one.probe_subject for one in pairs.comparisons],
    }
    mated = [one.mated for one in pairs.comparisons]
    (one_place, *ones), (other_place, *others) = found[0], found[-1]
    left, right = [one_place[name] for name in rows["reference"]], [other_place[name] for name in rows["probe"]]
    return Compared(
        *(
            Similarities.build(cosine(one[left], other[right]), mated, **columns)
            for one, other in zip(ones, others, strict=True)
        )
    )


def attempted(  # noqa: PLR0913 - both networks, and how each is run
    embedder: Embedder,
    presentations: Presentations,
    reference: Configuration,
    probe: Configuration,
    liveness: Mapping[str, float],
    liveness_configuration: str,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Attempts:
    """Compare every attempt with its template: the mean of the embeddings of the enrolled frames, brought to unit length.

    Args:
        embedder: what gives the embeddings.
        presentations: the templates and attempts.
        reference: the configuration that templates are made under.
        probe: the one that probes are embedded under.
        liveness: the score of each probe by its name; none where it gave no response.
        liveness_configuration: the one that gave it, for the file.
        advance: called with the number of pictures done since the last call.

    Returns:
        One row for each attempt; a picture that cannot be decoded, or has no landmarks, gives no similarity.

    Raises:
        PictureError: if no frame of an enrolled clip can be embedded.
    """
    templates = {}
    for one in presentations.enrolled:
        frames, _ = _embedded(
            embedder, map(_face(embedder), one.samples), len(one.samples), reference, flip=False, advance=advance
        )
        mean = np.nanmean(frames.astype(np.float64), axis=0) if not np.isnan(frames).all() else None
        if mean is None or not np.linalg.norm(mean):
            raise PictureError(
                f"template {one.name}: none of its {len(one.samples)} pictures gives an embedding; leave the subject out"
            )
        templates[one.person] = (mean / np.linalg.norm(mean)).astype(np.float32)
    probes = presentations.probes
    embeddings, _ = _embedded(embedder, map(_face(embedder), probes), len(probes), probe, flip=False, advance=advance)
    place = {sample.name: number for number, sample in enumerate(probes)}
    enrolled, samples = zip(*presentations.attempts, strict=True)
    similarity = cosine(
        np.stack([templates[one.person] for one in enrolled]), embeddings[[place[sample.name] for sample in samples]]
    )
    return Attempts.build(
        reference=[one.name for one in enrolled],
        probe=[sample.name for sample in samples],
        mated=[one.subject == sample.subject for one, sample in presentations.attempts],
        species=[sample.species or "" for sample in samples],
        liveness=[liveness.get(sample.name) for sample in samples],
        similarity=similarity.tolist(),
        clip=[sample.clip for sample in samples],
        reference_subject=[one.subject for one in enrolled],
        probe_subject=[sample.subject for sample in samples],
        source=[sample.source for sample in samples],
        configuration=[f"{liveness_configuration}/{reference}/{probe}"] * len(samples),
    )


def _embedded(  # noqa: PLR0913 - two results of one pass
    embedder: Embedder,
    crops: Iterator[Pixels | None],
    count: int,
    configuration: Configuration,
    *,
    flip: bool,
    advance: Callable[[int], None],
) -> tuple[Embeddings, Embeddings]:
    """The embeddings (count, size) of crops and, if ``flip``, those averaged with their mirror images; NaN where there is no crop."""
    plain, flipped = (np.full((count, embedder.size), np.nan, np.float32) for _ in range(2))
    for start in range(0, count, BATCH):
        batch = {place: next(crops) for place in range(start, min(start + BATCH, count))}
        there = {place: crop for place, crop in batch.items() if crop is not None}
        if there:
            plain[list(there)] = _answers(embedder, list(there.values()), configuration)
        if there and flip:
            mirrored = _answers(embedder, [np.ascontiguousarray(crop[:, ::-1]) for crop in there.values()], configuration)
            flipped[list(there)] = _unit(plain[list(there)] + mirrored)
        advance(len(batch))
    return plain, flipped


def _answers(embedder: Embedder, crops: list[Pixels], configuration: Configuration) -> Embeddings:
    """(N, size); NaN for a crop of which the network makes no embedding, such as one that is black."""
    try:
        return embedder.embed(crops, configuration)
    except PictureError:
        if len(crops) == 1:
            return np.full((1, embedder.size), np.nan, np.float32)
        return np.concatenate([_answers(embedder, [crop], configuration) for crop in crops])


def _unit(vectors: Embeddings) -> Embeddings:
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(vectors / length, np.float32)


def _aligned(pairs: Pairs, name: str, side: int) -> Pixels | None:
    picture = _decoded(pairs.pictures[name])
    if picture is None:
        return None
    if picture.shape != (SIDE, SIDE, 3):
        height, width = picture.shape[:2]
        raise PairsError(
            pairs.name, [f"picture {name!r} is {width} x {height}; aligned faces are {SIDE} x {SIDE}: align them first"]
        )
    return resize(picture, side, side)


def _face(embedder: Embedder) -> Callable[[Sample], Pixels | None]:
    def face(sample: Sample) -> Pixels | None:
        picture = None if sample.landmarks is None else _decoded(sample.path)
        try:
            return None if picture is None or sample.landmarks is None else embedder.align(picture, sample.landmarks)
        except PictureError:  # its points are none of a face
            return None

    return face


def _decoded(picture: Path | bytes) -> Pixels | None:
    try:
        return read(picture)
    except PictureError:
        return None
