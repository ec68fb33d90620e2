"""What a depth map covers, and the folder that holds the maps of an index.

    depth.json    who made them (`Facts`)
    maps.bin      a map of 64 x 64 bytes for each bona fide picture of the splits, in the order of the index; all zero where the
                  teacher failed, which no map is
    failed.csv    the pictures that it failed on, and why

No file is named after a picture, so no path of an index leads out of the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from livegate.data.index import Index
from livegate.errors import DepthError
from livegate.preprocessing import square
from livegate.sample import Box, Sample

Map = NDArray[np.uint8]
"""How near each place is: (64, 64) uint8, row 0 on top, 255 nearest, 0 the farthest part of the face and where there is no face."""

SIZE: Final = 64
FRAME_MARGIN = 1.3
"""Side of what a map covers over the longer side of the face box."""
FACTS, MAPS, FAILED = "depth.json", "maps.bin", "failed.csv"
MAX_FACTS_BYTES = 64 * 1024
MAP_BYTES = SIZE * SIZE


class Square(NamedTuple):
    """A square of a picture, in its pixels: left upper corner and side."""

    x: float
    y: float
    side: float


class Facts(BaseModel):
    """What ``depth.json`` says.

    Attributes:
        schema_version: of the folder's layout, and of how maps are drawn.
        teacher: its name.
        teacher_sha256: of the model's file; empty for a teacher without one.
        index_sha256: of the index's file.
        splits: those whose pictures are here, in the order that they were asked for; empty for all.
        maps_sha256: of ``maps.bin``; empty until every map is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    teacher: str
    teacher_sha256: str
    index_sha256: str
    size: Literal[64] = SIZE
    splits: tuple[str, ...]
    maps_sha256: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The facts of a folder.

        Raises:
            DepthError: if there are none, or they are damaged.
        """
        try:
            with (folder / FACTS).open("rb") as file:
                return cls.model_validate_json(file.read(MAX_FACTS_BYTES))
        except OSError as error:
            what = f"is no folder of depth maps: {FACTS} cannot be read ({error.strerror}); make one with livegate depth"
            raise DepthError(folder, [what]) from None
        except ValidationError as error:
            faults = [f"{FACTS}: {'.'.join(map(str, e['loc'])) or 'whole'}: {e['msg']}" for e in error.errors()]
            raise DepthError(folder, faults) from None


@dataclass(frozen=True, slots=True, eq=False)
class DepthMaps:
    """The finished maps of an index; they stay on disk and are read when asked for.

    Attributes:
        folder: where they lie.
        teacher: who made them: ``mesh`` or ``five-points``.
        splits: whose pictures they are of; empty for all.
    """

    folder: Path
    teacher: str
    splits: tuple[str, ...]
    _rows: Mapping[str, int]
    _maps: NDArray[np.uint8]

    @classmethod
    def open(cls, folder: str | Path, index: str | Path) -> Self:
        """Open a folder and check that it is whole and of this index.

        Raises:
            DepthError: if it is missing, damaged, not finished, or of another index.
            IndexFileError: if the index cannot be read.
        """
        folder, index = Path(folder), Path(index)
        facts = Facts.read(folder)
        pictures = Index.read(index)
        if facts.index_sha256 != sha256(index):
            raise DepthError(
                folder,
                [f"is of another index than {index}: the SHA-256 differs; make the maps of this one with livegate depth"],
            )
        names = [sample.name for sample in bona_fide(pictures, facts.splits)]
        path = folder / MAPS
        size = path.stat().st_size if path.is_file() else 0
        if not facts.maps_sha256:
            done = size // MAP_BYTES
            raise DepthError(
                folder, [f"is not finished: {done:,} of {len(names):,} maps; run the same livegate depth again to go on"]
            )
        if size != len(names) * MAP_BYTES or sha256(path) != facts.maps_sha256:
            raise DepthError(folder, [f"{MAPS} is not what livegate depth wrote; make the maps anew in another folder"])
        return cls._mapped(folder, facts.teacher, facts.splits, {name: row for row, name in enumerate(names)})

    @classmethod
    def _mapped(cls, folder: Path, teacher: str, splits: tuple[str, ...], rows: Mapping[str, int]) -> Self:
        return cls(folder, teacher, splits, rows, np.memmap(folder / MAPS, np.uint8, "r", shape=(len(rows), SIZE, SIZE)))

    def __reduce__(self) -> tuple[Callable[..., DepthMaps], tuple[object, ...]]:
        """Another process opens the maps itself; they may be gigabytes."""
        return self._mapped, (self.folder, self.teacher, self.splits, self._rows)

    def of(self, name: str) -> Map | None:
        """The map of a bona fide picture by its name in the index; None where the teacher failed.

        Raises:
            DepthError: if there is none to be expected: an attack, a picture of another split, or not of the index.
        """
        if name not in self._rows:
            among = f"splits {', '.join(self.splits)}" if self.splits else "the index"
            raise DepthError(self.folder, [f"has no picture {name!r}: it holds the bona fide ones of {among}"])
        found = np.array(self._maps[self._rows[name]])
        return found if found.any() else None

    @property
    def made(self) -> int:
        """How many pictures have a map."""
        return sum(bool(one.any()) for one in self._maps)

    @property
    def failed(self) -> int:
        """On how many pictures the teacher failed."""
        return len(self._maps) - self.made


def frame(width: int, height: int, box: Box | None) -> Square:
    """What the map of a picture covers: the square about the face, as `Preprocessing` cuts one out, shifted to stay inside.

    Args:
        width: of the picture.
        height: of the picture.
        box: the face; without one the whole picture is taken for it, as in training: the square is in its middle.
    """
    return Square(*square(box or Box(0, 0, width, height), width, height, FRAME_MARGIN))


def cut(depth: Map, frame: Square, square: Square | tuple[float, float, float], size: int = SIZE) -> Map:
    """The part of a map that a square of the same picture shows.

    Args:
        depth: (64, 64) uint8.
        frame: what the map covers.
        square: left upper corner and side, in pixels of the picture; may reach beyond the frame, where nothing is known: 0.
        size: height and width of the result.

    Returns:
        (size, size) uint8.
    """
    left, top, side = square
    fine = max(1, round(side / frame.side * SIZE / size))  # so many samples a pixel, so that a small result is an average
    places = (np.arange(size * fine) + 0.5) / (size * fine) * side
    columns, rows = (left + places - frame.x) / frame.side, (top + places - frame.y) / frame.side
    within = [(along >= 0) & (along <= 1) for along in (rows, columns)]
    x, y = np.meshgrid((columns * SIZE - 0.5).astype(np.float32), (rows * SIZE - 0.5).astype(np.float32))
    seen = cv2.remap(depth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * np.outer(*within)
    return np.asarray(cv2.resize(seen.astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def bona_fide(index: Index, splits: tuple[str, ...]) -> list[Sample]:
    """The pictures that a folder has maps of, in the order of its maps.

    Raises:
        IndexFileError: if the index does not say which pictures are attacks, has no such split, or there is no bona fide picture.
    """
    index.require_labels()
    wanted = {sample.split for split in splits for sample in index.split(split).samples[:1]}
    return [sample for sample in index.samples if sample.bona_fide and (not splits or sample.split in wanted)]


def sha256(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
