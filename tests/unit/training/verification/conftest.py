"""Fixtures for training of verification: a network of 32 pixels, aligned faces that were drawn, a recipe that runs in seconds."""

from __future__ import annotations

import csv
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from torch import nn

from livegate.data.identities import FaceFiles, Person
from livegate.data.index import Index
from livegate.models.backbone import Backbone, convolution
from livegate.models.embedding import Unit
from livegate.models.registry import BACKBONES, register
from livegate.pictures import read
from livegate.preprocessing import Pixels, aligned
from livegate.training import loop
from livegate.training.verification.recipe import VerificationRecipe

Make = Callable[..., VerificationRecipe]
NUMBERS, SIDE = 16, 32


class Block(NamedTuple):
    """A convolution, as plain data."""

    c_in: int
    c_out: int
    stride: int

    def build(self) -> nn.Module:
        """With batch normalisation and PReLU."""
        return nn.Sequential(*convolution(self.c_in, self.c_out, nn.PReLU(self.c_out), kernel=3, stride=self.stride))

    def joined(self, following: Block) -> Block:
        """One for two."""
        return self._replace(c_out=following.c_out)


def _tail(numbers: int, _: float) -> list[nn.Module]:
    last = nn.Linear(SIDE, numbers, bias=False), nn.BatchNorm1d(numbers), Unit()
    return [nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *last)]


STAGES = [[Block(8, 16, 2), Block(16, 16, 1)], [Block(16, 32, 2), Block(32, 32, 1)]]
TINY = Backbone(Block(3, 8, 2).build, STAGES, _tail, outputs=NUMBERS, task="verification")


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    """There is a network ``tiny-verifier`` for as long as a file of tests runs."""
    register("tiny-verifier", TINY)
    yield
    del BACKBONES["tiny-verifier"]


@pytest.fixture(scope="session")
def faces(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of 48 aligned faces of 32 pixels, ``SUBJECT/NUMBER.png``, and their index.csv: two sources, four people of each."""
    folder = tmp_path_factory.mktemp("faces")
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "source", "subject"))
        for number, sample in enumerate(Index.read(generated).samples):
            assert sample.landmarks is not None
            name = f"{sample.subject}/{number:02}.png"
            (folder / name).parent.mkdir(exist_ok=True)
            face = aligned(SIDE).align(read(sample.path), sample.landmarks)
            assert cv2.imwrite(str(folder / name), face[..., ::-1])
            rows.writerow((name, sample.source, sample.subject))
    return folder


@pytest.fixture(scope="session")
def make_recipe(faces: Path) -> Make:
    """A function: a recipe for the tiny network and the drawn faces, 4 epochs of 3 batches of 8 on one thread, changed by table."""

    def make(**tables: Any) -> VerificationRecipe:
        plain: dict[str, Any] = {
            "name": "tiny",
            "task": "verification",
            "seed": 5,
            "size": SIDE,
            "data": {"root": str(faces), "index": "index.csv", "dev_subjects": 4},
            "model": {"name": "tiny-verifier", "adaptive_stages": [1, 2]},
            "sampling": {"configurations": {"HH": 0.4, "LH": 0.2, "HL": 0.2, "LL": 0.2}},
            "augment": {"jitter": 0.5, "noise": 0.5},
            "wobble": {"degrees": 5, "shift": 0.02, "scale": 0.05},
            "loss": {"name": "arcface"},
            "optimiser": {"learning_rate": 1e-3, "batch": 8, "epochs": 4, "weight_decay": 0.01},
            "run": {"threads": 1, "loader_workers": 0, "checkpoint_every": 1},
        }
        for name, table in tables.items():
            merged = isinstance(table, dict) and name not in {"loss", "sampling"}
            plain[name] = {**plain.get(name, {}), **table} if merged else table
        return VerificationRecipe.from_plain(plain, "tiny")

    return make


@pytest.fixture
def stopped_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function: train, stopped before each of these steps and taken up again, to the end."""

    def run(recipe: VerificationRecipe, folder: Path, *steps: int) -> None:
        descend = loop.descend
        for stop in steps:

            def stopped(*given: Any, at: int = stop) -> float:
                if given[4] == at:
                    raise KeyboardInterrupt
                return descend(*given)

            monkeypatch.setattr(loop, "descend", stopped)
            with pytest.raises(KeyboardInterrupt):
                loop.train(recipe, folder, resume=True, quiet=True)
        monkeypatch.setattr(loop, "descend", descend)
        loop.train(recipe, folder, resume=True, quiet=True)

    return run


@pytest.fixture
def greys(tmp_path: Path) -> FaceFiles:
    """20 pictures of nobody knows whom, 40 x 40, each of one grey of its own: picture ``n`` is 5 + 10 n."""
    names = [f"{number:02}.png" for number in range(20)]
    for number, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), np.full((40, 40, 3), 5 + 10 * number, np.uint8))
    return FaceFiles(tmp_path, names, [Person("", "")] * 20)


@pytest.fixture
def write_records() -> Callable[[Path, Sequence[tuple[int, Pixels]]], Path]:
    """A function: people and their pictures as RecordIO without a header; returns the ``.rec``."""

    def write(folder: Path, pictures: Sequence[tuple[int, Pixels]]) -> Path:
        data, lines = b"", []
        for key, (label, picture) in enumerate(pictures):
            content = struct.pack("<IfQQ", 0, label, key, 0) + cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
            lines.append(f"{key}\t{len(data)}\n")
            data += struct.pack("<II", 0xCED7230A, len(content)) + content + bytes(-len(content) % 4)
        (folder / "train.rec").write_bytes(data)
        (folder / "train.idx").write_text("".join(lines), "ascii")
        return folder / "train.rec"

    return write
