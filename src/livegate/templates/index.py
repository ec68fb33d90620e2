"""Who is most like a probe, among all who are enrolled: in memory only, since a plain index file would be a plain template store.

Up to `EXACT_UP_TO` templates every one is compared. Beyond, a sketch of 256 bits a template (the signs of its products with fixed random
orthogonal directions: two vectors at angle a differ in a / pi of them on average, Charikar 2002) tells which few are worth comparing; those are compared
exactly. The scan of sketches reads a sixteenth of what the templates of 128 numbers hold. It needs no library and no building of a graph,
adding and removing cost what one template costs, and a similarity that is returned is always the true one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from livegate.metrics.similarities import cosine
from livegate.templates.record import MAX_TEMPLATES, Embeddings

EXACT_UP_TO = 100_000
"""Templates."""
BLOCK = 32_768
"""Templates that are compared at once: their intermediate results stay in a processor's cache."""
WORDS = 4
"""Of 64 bits, in a sketch."""
SHORTLIST = 250
"""Beyond `EXACT_UP_TO`, about one template in so many is compared exactly."""
SAMPLE = 16
"""One sketch in so many tells how far the shortlist reaches."""

Number = TypeVar("Number", bound=np.generic)


class Index:
    """The embeddings of all subjects, one below the other. It serves one thread.

    Args:
        size: numbers in an embedding.
        exact_up_to: how many templates are all compared.
    """

    def __init__(self, size: int, exact_up_to: int = EXACT_UP_TO) -> None:
        self._size, self._exact_up_to = size, exact_up_to
        self._rows = 0
        self._embeddings = np.zeros((0, size), np.float32)
        self._owners = np.zeros((0, 2), np.uint64)
        self._sketches = np.zeros((WORDS, 0), np.uint64)
        self._directions = _directions(size)

    def __len__(self) -> int:
        """How many templates there are."""
        return self._rows

    def reserve(self, rows: int) -> None:
        """Have room for so many templates. What moves is overwritten where it was."""
        if rows > len(self._embeddings):
            room = max(rows, 2 * len(self._embeddings), 1024)
            self._embeddings = _moved(self._embeddings, (room, self._size))
            self._owners = _moved(self._owners, (room, 2))
            self._sketches = _moved(self._sketches, (WORDS, room))

    def add(self, subjects: Sequence[bytes], embeddings: Embeddings) -> None:
        """Take in templates.

        Args:
            subjects: K times 16 bytes: whose each one is.
            embeddings: (K, size).
        """
        self.reserve(self._rows + len(embeddings))
        rows = slice(self._rows, self._rows + len(embeddings))
        self._embeddings[rows] = embeddings
        self._owners[rows] = np.frombuffer(b"".join(subjects), np.uint64).reshape(-1, 2)
        self._sketches[:, rows] = self._sketch(embeddings).T
        self._rows = rows.stop

    def remove(self, subject: bytes) -> None:
        """Forget a subject: the last templates take the places of its own, and nothing of it stays in this memory."""
        own = np.flatnonzero((self._owners[: self._rows] == np.frombuffer(subject, np.uint64)).all(axis=1))
        for row in own[::-1]:
            self._rows -= 1
            for array in (self._embeddings, self._owners, self._sketches.T):
                array[row] = array[self._rows]
                array[self._rows] = 0

    def search(self, probe: Embeddings, count: int) -> list[tuple[bytes, float]]:
        """The subjects that are most like a probe, the best first.

        Args:
            probe: (size,) float32, of length 1.
            count: how many subjects at most.

        Returns:
            Subject and similarity, which is the cosine of the angle to that template of the subject that is nearest, in float64.
        """
        rows = self._candidates(probe) if self._rows > self._exact_up_to else np.arange(self._rows)
        similarities = self._compared(rows, probe)
        # So many rows hold so many subjects, even if the best ones have all the templates that one may have.
        best = min(count * MAX_TEMPLATES, len(rows))
        nearest = rows[np.argpartition(similarities, len(rows) - best)[len(rows) - best :]] if best else rows
        found: dict[bytes, float] = {}
        for row, similarity in zip(nearest, cosine(self._embeddings[nearest], probe), strict=True):
            subject = self._owners[row].tobytes()
            found[subject] = max(float(similarity), found.get(subject, -1.0))
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:count]

    def _candidates(self, probe: Embeddings) -> NDArray[np.intp]:
        """The rows whose sketch is near that of the probe."""
        sketch = self._sketch(probe[None])[0]
        distances = np.empty(self._rows, np.uint8)
        words, bits = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint8)
        for start in range(0, self._rows, BLOCK):
            block = slice(start, min(start + BLOCK, self._rows))
            length = block.stop - start
            distances[block] = 0
            for known, asked in zip(self._sketches, sketch, strict=True):
                np.bitwise_xor(known[block], asked, out=words[:length])
                np.bitwise_count(words[:length], out=bits[:length])
                # All 256 bits apart wraps to 0: the opposite of the probe is compared in vain, no more.
                np.add(distances[block], bits[:length], out=distances[block])
        counts = np.bincount(distances[::SAMPLE]).cumsum()
        return np.flatnonzero(distances <= np.searchsorted(counts, counts[-1] / SHORTLIST))

    def _compared(self, rows: NDArray[np.intp], probe: Embeddings) -> NDArray[np.float32]:
        """Similarities to rows in float32, a block at a time."""
        similarities = np.empty(len(rows), np.float32)
        whole = len(rows) == self._rows
        for start in range(0, len(rows), BLOCK):
            block = slice(start, min(start + BLOCK, len(rows)))
            np.matmul(self._embeddings[block if whole else rows[block]], probe, out=similarities[block])
        return similarities

    def _sketch(self, embeddings: Embeddings) -> NDArray[np.uint64]:
        """(K, WORDS) of 64 signs each."""
        return np.packbits(embeddings @ self._directions > 0, axis=1).view(np.uint64)


def _directions(size: int) -> Embeddings:
    """(size, 64 * WORDS): orthogonal as far as there is room, since that tells angles better than independent ones (Ji et al., NIPS 2012)."""
    # Fixed: the same templates give the same answer today and tomorrow.
    random = np.random.default_rng(0)
    columns = min(size, 64 * WORDS)
    bases = [np.linalg.qr(random.standard_normal((size, columns)))[0] for _ in range(-(-64 * WORDS // columns))]
    return np.concatenate(bases, axis=1)[:, : 64 * WORDS].astype(np.float32)


def _moved(old: NDArray[Number], shape: tuple[int, int]) -> NDArray[Number]:
    """An array in a larger one, zeros around it; zeros in its old place."""
    new = np.zeros(shape, old.dtype)
    new[: old.shape[0], : old.shape[1]] = old
    old.fill(0)
    return new
