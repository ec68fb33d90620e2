"""Faces in files: who is shown is a number, and millions of them are an array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.data.identities import UNKNOWN, FaceFiles, Person
from livegate.data.index import Index
from livegate.errors import DataSetError
from livegate.sample import Sample


def test_a_folder_for_each_person(tmp_path: Path) -> None:
    """Pictures at any depth, people in the order of their names; other files and pictures beside the folders are left."""
    for name in ("bob/1.jpg", "ann/2.PNG", "ann/more/3.jpg", "ann/notes.txt", "stray.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = FaceFiles.of_folder(tmp_path)
    assert [found.source(place) for place in range(len(found))] == [
        tmp_path / n for n in ("ann/2.PNG", "ann/more/3.jpg", "bob/1.jpg")
    ]
    assert found.labels.tolist() == [0, 0, 1]
    assert (found.people, found.labels.dtype) == (2, np.int32)
    assert [found.person(label) for label in (0, 1)] == [Person("", "ann"), Person("", "bob")]
    assert found.name(1) == "ann/more/3.jpg"


def test_an_index_of_faces(tmp_path: Path) -> None:
    """The same name in another source is another person; who is unknown has no number."""
    rows = [("1.jpg", "x", "ann"), ("2.jpg", "y", "ann"), ("3.jpg", "y", ""), ("4.jpg", "x", "ann")]
    samples = tuple(Sample(name, tmp_path, None, source, "", subject) for name, source, subject in rows)
    found = FaceFiles.of_index(Index(tmp_path / "index.csv", samples, labelled=False, boxed=False))
    assert found.labels.tolist() == [0, 1, UNKNOWN, 0]
    assert (found.people, found.source(3)) == (2, tmp_path / "4.jpg")
    assert [found.person(label) for label in (0, 1)] == [Person("x", "ann"), Person("y", "ann")]
    assert found.name(3) == "4.jpg"


def test_people_are_numbered_in_the_order_of_their_names(tmp_path: Path) -> None:
    """By source, then by name, in whatever order they come."""
    people = [Person(source, name) for source, name in (("y", "a"), ("x", "b"), ("", ""), ("x", "a"), ("y", "a"))]
    found = FaceFiles(tmp_path, [f"{n}.jpg" for n in range(5)], people)
    assert found.labels.tolist() == [2, 1, UNKNOWN, 0, 2]
    assert [found.person(label) for label in range(3)] == [people[3], people[1], people[0]]


def test_no_picture(tmp_path: Path) -> None:
    """An empty folder, one that is not there."""
    with pytest.raises(DataSetError, match="holds no picture"):
        FaceFiles.of_folder(tmp_path)
    with pytest.raises(DataSetError, match="cannot be listed"):
        FaceFiles.of_folder(tmp_path / "none")
