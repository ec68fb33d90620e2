"""Faces are found once, and what shows none is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from livegate.data.finding import find_faces
from livegate.data.sets.dataset import Listing
from livegate.faces import FaceFinder
from livegate.pictures import read
from livegate.sample import Box, Sample


def test_the_largest_face_gets_a_box_and_landmarks(astronaut: Path, tmp_path: Path) -> None:
    """To a tenth of a pixel, as the finder has it; the small face beside it is left alone."""
    portrait = read(astronaut)
    scene = np.full((512, 800, 3), 128, np.uint8)
    scene[:, :512] = portrait
    scene[100:356, 540:796] = portrait[::2, ::2]
    Image.fromarray(scene).save(tmp_path / "two.png")
    (sample,) = find_faces(Listing((Sample("two.png", tmp_path),)), FaceFinder(), lambda _: None).samples
    face = max(FaceFinder().find(scene), key=lambda face: face.box.width)
    assert sample.box == Box(*np.round(face.box, 1))
    assert sample.landmarks == tuple(map(tuple, np.round(face.landmarks, 1)))
    assert sample.box.x < 300


def test_what_has_no_face_or_cannot_be_read_is_counted(astronaut: Path, tmp_path: Path) -> None:
    """No face: taken whole, wherever. Not readable: left out of train, kept elsewhere. The listing is boxed, progress is told."""
    samples = [Sample(astronaut.name, astronaut.parent, split="train")]
    for split in ("train", "test"):
        Image.new("RGB", (200, 200), (120, 120, 120)).save(tmp_path / f"{split} blank.png")
        (tmp_path / f"{split} broken.png").write_bytes(b"none")
        samples += [Sample(f"{split} {kind}.png", tmp_path, split=split) for kind in ("blank", "broken")]
    told: list[int] = []
    found = find_faces(Listing(tuple(samples), notes=("before",)), FaceFinder(), told.append)
    assert {sample.name: sample.box is not None for sample in found.samples} == {
        astronaut.name: True,
        "train blank.png": False,
        "test blank.png": False,
        "test broken.png": False,
    }
    assert found.boxed
    assert told == [1] * 5
    before, *notes = found.notes
    assert before == "before"
    assert [note.split(", such as ")[0] for note in notes] == [
        "1 picture(s) of train show no face that was found; each is taken whole",
        "1 picture(s) of train cannot be read",
        "1 picture(s) of test show no face that was found; each is taken whole",
        "1 picture(s) of test cannot be read",
    ]
