"""Making the depth maps of an index: a run may be killed at any moment, and goes on where it stopped."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO

from livegate.data.depth.maps import FACTS, FAILED, MAP_BYTES, MAPS, DepthMaps, Facts, bona_fide, frame, sha256
from livegate.data.depth.teachers import Teacher, landmarks_of
from livegate.data.index import Index
from livegate.errors import DepthError, IndexFileError, LivegateError, PictureError
from livegate.faces import FaceFinder
from livegate.files import LOCK, claimed, replacing
from livegate.pictures import read
from livegate.sample import Sample

NO_MAP = bytes(MAP_BYTES)


@dataclass(frozen=True, slots=True)
class Plan:
    """The maps that a folder will hold, and how far it is.

    Attributes:
        folder: where they go.
        index: of which pictures.
        facts: what ``depth.json`` says until they are finished.
        samples: the pictures, in the order of their maps.
        done: how many an earlier run has finished.
    """

    folder: Path
    index: Path
    facts: Facts
    samples: tuple[Sample, ...]
    done: int

    @classmethod
    def of(cls, index: Index, folder: Path, teacher: Teacher, splits: Iterable[str] = ()) -> Plan:
        """What is to be done; makes nothing.

        Args:
            index: as it was read from its file.
            folder: where the maps go: a new one, an empty one, or one that was begun with the same index, teacher and splits.
            teacher: who makes them.
            splits: whose pictures; none for all.

        Raises:
            IndexFileError: if the index has no labels, no such split, no boxes, or there is no bona fide picture.
            DepthError: if the folder holds something else.
        """
        facts = Facts(
            teacher=teacher.name,
            teacher_sha256=teacher.sha256,
            index_sha256=sha256(index.path),
            splits=tuple(dict.fromkeys(splits)),
        )
        samples = tuple(bona_fide(index, facts.splits))
        if not samples:
            raise IndexFileError(index.path, ["has no bona fide picture there; only those have a depth map"])
        index.require_boxes()
        done = _done(folder, facts, len(samples))
        return cls(folder, index.path, facts, samples, done)


def write(plan: Plan, teacher: Teacher, advance: Callable[[int], None] = lambda _: None) -> DepthMaps:
    """Make the maps that are missing. One run at a time writes to a folder; a second one is refused (not on Windows).

    Args:
        plan: as it was made for this teacher.
        teacher: who makes them.
        advance: told 1 after each picture.

    Returns:
        The finished folder. A picture that cannot be read, or in which the teacher sees no face, has no map, is listed in ``failed.csv``
        and is not tried again.

    Raises:
        DepthError: if another run is writing to the folder, or has begun others than these there; or if all pictures fail: then the
            folder is left unfinished, and the next run tries them all again.
        LivegateError: if the folder cannot be written.
    """
    folder = plan.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _finished(folder):
            with claimed(folder) as mine:
                if not mine:
                    raise DepthError(folder, ["another livegate depth is writing to it; wait until that one has ended"])
                _complete(plan, teacher, advance)
    except OSError as error:
        raise LivegateError(f"{folder} cannot be written ({error.strerror}); give a folder for the maps") from None
    return DepthMaps.open(folder, plan.index)


def _finished(folder: Path) -> bool:
    return (folder / FACTS).exists() and bool(Facts.read(folder).maps_sha256)


def _complete(plan: Plan, teacher: Teacher, advance: Callable[[int], None]) -> None:
    """Make what is missing in a claimed folder, and sign the whole."""
    folder = plan.folder
    done = _done(folder, plan.facts, len(plan.samples))  # anew: another run may have written since the plan was made
    if _finished(folder):
        return
    if not (folder / FACTS).exists():
        _tell(folder, plan.facts)
    with (folder / MAPS).open("a+b") as maps:
        _draw(replace(plan, done=done), teacher, maps, advance)
        maps.seek(0)  # signed, the failures would be final
        if empty := all(maps.read(MAP_BYTES) == NO_MAP for _ in plan.samples):
            maps.truncate(0)
    if empty:
        what = f"holds no map: all pictures failed, {len(plan.samples):,} of them (listed in {folder / FAILED})"
        raise DepthError(folder, [f"{what}; mend that and run the same again, which tries them all"])
    _tell(folder, plan.facts.model_copy(update={"maps_sha256": sha256(folder / MAPS)}))


def _done(folder: Path, facts: Facts, wanted: int) -> int:
    """How many maps are there already.

    Raises:
        DepthError: if they are others than are wanted.
    """
    if not (folder / FACTS).exists():
        if folder.exists() and not _untouched(folder):
            raise DepthError(folder, [f"is no folder of depth maps and not empty: it has no {FACTS}; give a new folder"])
        return 0
    found = Facts.read(folder)
    pairs = {
        "another teacher": (found.teacher, facts.teacher),
        "another model of the teacher, by SHA-256": (found.teacher_sha256, facts.teacher_sha256),
        "another index, by SHA-256": (found.index_sha256, facts.index_sha256),
        "other splits": tuple(", ".join(sorted(one.splits)) or "all" for one in (found, facts)),
    }
    if faults := [f"is of {what}: {there} instead of {here}" for what, (there, here) in pairs.items() if there != here]:
        raise DepthError(folder, [*faults, "maps are never mixed: give a new folder"])
    size = (folder / MAPS).stat().st_size if (folder / MAPS).is_file() else 0
    if found.maps_sha256 and size != wanted * MAP_BYTES:
        raise DepthError(folder, [f"{MAPS} is not what livegate depth wrote; make the maps anew in another folder"])
    return min(size // MAP_BYTES, wanted)


def _untouched(folder: Path) -> bool:
    """Whether a folder is empty, but for what a run leaves that is killed before its first map."""
    return folder.is_dir() and all(
        path.name.startswith(f".{FACTS}.") or (path.name in {LOCK, MAPS} and not path.stat().st_size)
        for path in folder.iterdir()
    )


def _tell(folder: Path, facts: Facts) -> None:
    with replacing(folder / FACTS) as file:
        file.write(f"{facts.model_dump_json(indent=2)}\n")


def _draw(plan: Plan, teacher: Teacher, maps: BinaryIO, advance: Callable[[int], None]) -> None:
    """The maps from the first that is missing to the last."""
    finder = FaceFinder()
    _keep_failures(plan, maps)
    with (plan.folder / FAILED).open("a", encoding="utf-8", newline="") as failed:
        maps.truncate(plan.done * MAP_BYTES)
        for sample in plan.samples[plan.done :]:
            # The failure is written before its empty map, so that a run that is killed in between writes it again.
            maps.write(_map(sample, teacher, finder, failed))
            maps.flush()
            advance(1)


def _map(sample: Sample, teacher: Teacher, finder: FaceFinder, failed: IO[str]) -> bytes:
    """The bytes of a sample's map, zeros where there is none."""
    try:
        picture = read(sample.path)
        height, width = picture.shape[:2]
        return teacher.draw(picture, landmarks_of(sample, picture, finder), frame(width, height, sample.box)).tobytes()
    except PictureError as error:
        csv.writer(failed, quoting=csv.QUOTE_ALL).writerow([sample.name, str(error).removeprefix(f"{sample.path}: ")])
        failed.flush()
        return NO_MAP


def _keep_failures(plan: Plan, maps: BinaryIO) -> None:
    """List the finished pictures without a map: a run may have been killed in the middle of a line, and the list may be gone."""
    path, reasons = plan.folder / FAILED, dict[str, str]()
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            reasons = {row[0]: row[1] for row in csv.reader(file) if len(row) == 2}
    maps.seek(0)
    failed = [sample.name for sample in plan.samples[: plan.done] if maps.read(MAP_BYTES) == NO_MAP]
    with replacing(path) as file:
        rows = [[name, reasons.get(name, "the reason is lost")] for name in failed]
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["path", "reason"], *rows])
