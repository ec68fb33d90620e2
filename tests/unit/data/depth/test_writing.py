"""Maps are made once, in any number of runs, for bona fide pictures alone, and nowhere but in their folder."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from livegate.data.depth import DepthMaps, Square
from livegate.data.depth.teachers import FivePoints
from livegate.data.depth.writing import Plan, write
from livegate.data.index import Index
from livegate.errors import DepthError, IndexFileError, LivegateError
from livegate.files import LOCK

HANGS = """
import sys, time
from pathlib import Path
from livegate.data.depth.teachers import FivePoints
from livegate.data.depth.writing import Plan, write
from livegate.data.index import Index

done = 0

def hang(_):
    global done
    done += 1
    if done == 3:
        print(done, "are done", flush=True)
        time.sleep(600)

write(Plan.of(Index.read(sys.argv[1]), Path(sys.argv[2]), FivePoints()), FivePoints(), hang)
"""
locks = pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but the lock, which is empty."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


def failures(folder: Path) -> list[list[str]]:
    """The rows of the list of failures, with its header."""
    with (folder / "failed.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_run_that_is_stopped_goes_on_to_the_same_folder(generated: Path, tmp_path: Path, numbered: Any) -> None:
    """Stopped at any picture, and killed in the middle of a map or of a line of the failures: not a byte differs in the end."""
    index = Index.read(generated)
    write(Plan.of(index, tmp_path / "whole", numbered()), numbered())
    expected = contents(tmp_path / "whole")
    assert set(expected) == {"depth.json", "maps.bin", "failed.csv"}
    for stop in (0, 1, 3, 15):
        folder = tmp_path / f"stopped {stop}"
        with pytest.raises(KeyboardInterrupt):
            write(Plan.of(index, folder, numbered()), numbered(stop=stop))
        with (folder / "maps.bin").open("ab") as file:
            file.write(b"\7" * 100)
        with (folder / "failed.csv").open("a", encoding="utf-8") as file:
            file.write('"bona-fide/half a na')
        told: list[int] = []
        plan = Plan.of(index, folder, numbered())
        write(plan, numbered(begin=stop), told.append)
        assert (plan.done, len(told)) == (stop, 16 - stop)
        assert contents(folder) == expected


@locks
def test_a_second_run_is_refused_until_the_first_has_ended(generated: Path, tmp_path: Path) -> None:
    """Without a trace of the second; killed in the middle, the first holds nothing, nor is what it leaves before its first map in the way."""
    folder, index = tmp_path / "depth", Index.read(generated)
    early = Plan.of(index, folder, FivePoints())
    with subprocess.Popen([sys.executable, "-c", HANGS, generated, folder], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "3 are done\n"
            before = contents(folder)
            for second in (early, Plan.of(index, folder, FivePoints())):
                with pytest.raises(DepthError, match="another livegate depth is writing to it; wait until that one has ended"):
                    write(second, FivePoints())
            assert contents(folder) == before
        finally:
            process.kill()
    plan = Plan.of(index, folder, FivePoints())
    assert (plan.done, write(plan, FivePoints()).made) == (3, 16)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / LOCK).touch()
    (folder / "maps.bin").touch()
    (folder / ".depth.json.0123456789abcdef.part").write_text("{")
    assert write(Plan.of(index, folder, FivePoints()), FivePoints()).made == 16


def test_what_another_run_has_done_since_the_plan_counts(generated: Path, tmp_path: Path, numbered: Any) -> None:
    """What it has finished is left alone, what it has begun goes on, and maps of another teacher are not mixed with these."""
    index, folder = Index.read(generated), tmp_path / "depth"
    early, other = Plan.of(index, folder, numbered()), Plan.of(index, folder, FivePoints())
    with pytest.raises(KeyboardInterrupt):
        write(Plan.of(index, folder, numbered()), numbered(stop=4))
    with pytest.raises(DepthError, match="is of another teacher: numbered instead of five-points"):
        write(other, FivePoints())
    told: list[int] = []
    write(early, numbered(begin=4), told.append)
    assert len(told) == 12
    before = contents(folder)
    write(early, numbered(), told.append)
    assert (len(told), contents(folder)) == (12, before)


def test_what_is_finished_is_left_alone(maps: DepthMaps, generated: Path, tmp_path: Path) -> None:
    """Nothing is drawn or written; and a damage is told, never signed anew."""
    folder = Path(shutil.copytree(maps.folder, tmp_path / "depth"))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    told: list[int] = []
    again = write(Plan.of(Index.read(generated), folder, FivePoints()), FivePoints(), told.append)
    assert (again.made, told) == (16, [])
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / "maps.bin").write_bytes(bytes(16 * 4096))
    with pytest.raises(DepthError, match=r"maps.bin is not what"):
        write(Plan.of(Index.read(generated), folder, FivePoints()), FivePoints())
    (folder / "maps.bin").unlink()
    with pytest.raises(DepthError, match=r"maps.bin is not what"):
        Plan.of(Index.read(generated), folder, FivePoints())


def test_failures_are_listed_with_their_reason(generated: Path, tmp_path: Path, numbered: Any) -> None:
    """Every third face: no map, a row each; the others have theirs."""
    index = Index.read(generated)
    names = [sample.name for sample in index.samples if sample.bona_fide]
    made = write(Plan.of(index, tmp_path / "depth", numbered()), numbered())
    assert (made.made, made.failed) == (11, 5)
    assert failures(made.folder) == [
        ["path", "reason"],
        *([names[n - 1], f'face {n} is hidden,\nat least\r"half"'] for n in (3, 6, 9, 12, 15)),
    ]
    for number, name in enumerate(names, start=1):
        found = made.of(name)
        assert (found is None) if number % 3 == 0 else (found is not None and (found == number).all())


def test_a_list_of_failures_that_is_lost_is_made_again(generated: Path, tmp_path: Path, numbered: Any) -> None:
    """In a folder that goes on; the reasons are gone, and it says so."""
    index, folder = Index.read(generated), tmp_path / "depth"
    with pytest.raises(KeyboardInterrupt):
        write(Plan.of(index, folder, numbered()), numbered(stop=7))
    (folder / "failed.csv").unlink()
    made = write(Plan.of(index, folder, numbered()), numbered(begin=7))
    names = [sample.name for sample in index.samples if sample.bona_fide]
    listed = failures(folder)[1:]
    assert (made.failed, [name for name, _ in listed]) == (5, [names[n - 1] for n in (3, 6, 9, 12, 15)])
    assert [reason == "the reason is lost" for _, reason in listed] == [True, True, False, False, False]


def test_pictures_that_cannot_be_read_or_show_no_face_are_failures(astronaut: Path, tmp_path: Path) -> None:
    """Counted and told, without the folder that the index lies in; where the index has no landmarks, the face is looked for."""
    Image.new("RGB", (200, 200), (120, 120, 120)).save(tmp_path / "blank.png")
    (tmp_path / "broken.png").write_bytes(b"none")
    shutil.copy(astronaut, tmp_path / "face.jpg")
    wide = np.full((512, 1400, 3), 120, np.uint8)
    wide[:, :512] = np.asarray(Image.open(astronaut))
    Image.fromarray(wide).save(tmp_path / "side.png")
    (tmp_path / "index.csv").write_text(
        "path,species,box\nblank.png,,\nbroken.png,,\ngone.png,,\nface.jpg,,\nside.png,,\nbroken.png.jpg,print,\n"
    )
    made = write(Plan.of(Index.read(tmp_path / "index.csv"), tmp_path / "depth", FivePoints()), FivePoints())
    assert (made.made, made.failed) == (1, 4)
    assert [(name, reason.split(";")[0]) for name, reason in failures(made.folder)[1:]] == [
        ("blank.png", "no face is found there"),
        ("broken.png", "is not a picture that can be read"),
        ("gone.png", "does not exist"),
        ("side.png", "the face lies outside the square that the map covers"),
    ]
    assert made.of("face.jpg") is not None


def test_boxes_are_needed_and_an_empty_one_means_the_whole_picture(astronaut: Path, tmp_path: Path) -> None:
    """As training takes it: a map lies over the picture that is cut out there. Without the column nothing is made."""
    shutil.copy(astronaut, tmp_path / "face.jpg")
    points = "200 110 250 110 228 145 205 165 245 165"
    (tmp_path / "bare.csv").write_text(f"path,species,landmarks\nface.jpg,,{points}\n")
    with pytest.raises(IndexFileError, match=r"has no column 'box'.*; let livegate index SET DIR --find-faces write it"):
        Plan.of(Index.read(tmp_path / "bare.csv"), tmp_path / "depth", FivePoints())
    (tmp_path / "index.csv").write_text(f"path,species,landmarks,box\nface.jpg,,{points},\n")
    index = Index.read(tmp_path / "index.csv")
    made = write(Plan.of(index, tmp_path / "depth", FivePoints()), FivePoints())
    landmarks = index.samples[0].landmarks
    assert landmarks is not None
    whole = FivePoints().draw(np.zeros((512, 512, 3), np.uint8), landmarks, Square(0, 0, 512))
    assert np.array_equal(made.of("face.jpg"), whole)


def test_splits_are_chosen_and_remembered(generated: Path, tmp_path: Path) -> None:
    """Only their pictures; a folder of other splits is another one."""
    index = Index.read(generated)
    made = write(Plan.of(index, tmp_path / "depth", FivePoints(), ["dev"]), FivePoints())
    assert made.made == sum(sample.bona_fide and sample.split == "dev" for sample in index.samples)
    outside = next(sample.name for sample in index.samples if sample.bona_fide and sample.split == "train")
    with pytest.raises(DepthError, match="holds the bona fide ones of splits dev"):
        made.of(outside)
    with pytest.raises(
        DepthError, match="is of other splits: dev instead of dev, train; maps are never mixed: give a new folder"
    ):
        Plan.of(index, tmp_path / "depth", FivePoints(), ["train", "dev"])
    with pytest.raises(IndexFileError, match="has no sample of split 'nowhere'"):
        Plan.of(index, tmp_path / "other", FivePoints(), ["nowhere"])


def test_maps_of_two_teachers_or_indexes_are_never_mixed(
    maps: DepthMaps, generated: Path, tmp_path: Path, numbered: Any
) -> None:
    """All that differs is told, and nothing is touched."""
    before = contents(maps.folder)
    other = tmp_path / "index.csv"
    index = Index.read(generated).write(other)
    with pytest.raises(
        DepthError, match=r"of another teacher: five-points instead of numbered; is of another model .* is of another index"
    ):
        Plan.of(index, maps.folder, numbered())
    assert contents(maps.folder) == before


def test_a_folder_of_something_else_is_not_written_to(generated: Path, tmp_path: Path) -> None:
    """One that holds a file, and a file; an empty one will do."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").touch()
    (tmp_path / "empty").mkdir()
    index = Index.read(generated)
    for name in ("full", "full/diary.txt"):
        with pytest.raises(DepthError, match="is no folder of depth maps and not empty"):
            Plan.of(index, tmp_path / name, FivePoints())
    plan = Plan.of(index, tmp_path / "full" / "diary.txt" / "depth", FivePoints())
    with pytest.raises(LivegateError, match="cannot be written"):
        write(plan, FivePoints())
    assert Plan.of(index, tmp_path / "empty", FivePoints()).done == 0


def test_an_index_without_bona_fide_pictures_is_refused(tmp_path: Path) -> None:
    """Or without labels: a map of an attack would teach the wrong thing."""
    (tmp_path / "unlabelled.csv").write_text("path\na.png\n")
    (tmp_path / "attacks.csv").write_text("path,species\na.png,print\n")
    with pytest.raises(IndexFileError, match="has no column 'species'"):
        Plan.of(Index.read(tmp_path / "unlabelled.csv"), tmp_path / "depth", FivePoints())
    with pytest.raises(IndexFileError, match="has no bona fide picture"):
        Plan.of(Index.read(tmp_path / "attacks.csv"), tmp_path / "depth", FivePoints())
    assert not (tmp_path / "depth").exists()


def test_hostile_names_write_nothing_outside_the_folder(tmp_path: Path) -> None:
    """Paths that lead up, absolute ones, and ones that look like the folder's own files."""
    pixels = np.full((100, 100, 3), 90, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    names = ["../../x.png", str(tmp_path / "x.png"), "../b/../../x.png", "depth/maps.bin", "=1+1,depth.json"]
    rows = [f'"{name}",,"10 10 80 80","35 40 65 40 50 55 38 70 62 70"' for name in names]
    (home / "index.csv").write_text("\n".join(["path,species,box,landmarks", *rows]))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    made = write(Plan.of(Index.read(home / "index.csv"), home / "depth", FivePoints()), FivePoints())
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert written == {home / "depth" / name for name in ("depth.json", "maps.bin", "failed.csv", LOCK)}
    assert (made.made, made.failed) == (3, 2)
