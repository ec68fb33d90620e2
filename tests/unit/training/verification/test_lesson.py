"""Learning to tell people from one another, from a recipe to a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from livegate.cli.app import app
from livegate.data.identities import FaceFiles
from livegate.errors import RecipeError
from livegate.models.checkpoint import WEIGHTS, Checkpoint, read_tensors
from livegate.pictures import read
from livegate.preprocessing import Pixels, resize
from livegate.training import loop
from livegate.training.loop import STATE, train
from livegate.training.verification import lesson as module
from livegate.training.verification.lesson import FaceLearner, Verification
from livegate.training.verification.losses import People
from livegate.training.verification.recipe import VerificationRecipe

Make = Callable[..., VerificationRecipe]


class Colours:
    """A teacher of 12 numbers: the mean colours of the quarters of a face."""

    identity, size = "c" * 64, 12

    def embed(self, face: Pixels) -> np.ndarray:
        """(S, S, 3) uint8 to (12,) float32."""
        return np.asarray(cv2.resize(face, (2, 2), interpolation=cv2.INTER_AREA).ravel() - 110.0, np.float32)


@pytest.fixture(autouse=True)
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a teacher gets `Colours`."""
    monkeypatch.setattr(module, "open_teacher", lambda *_: Colours())


LOSSES: list[dict[str, Any]] = [{"name": "arcface"}, {"name": "am-softmax", "margin": 0.35}, {"name": "distillation"}]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss["name"])
def test_a_run_makes_a_checkpoint_and_the_loss_falls(make_recipe: Make, tmp_path: Path, loss: dict[str, Any]) -> None:
    """Eight epochs of three steps: the loss of the last six is below that of the first six; the network holds no people."""
    recipe = make_recipe(loss=loss, optimiser={"learning_rate": 1e-2, "epochs": 8}, run={"checkpoint_every": 100})
    lines: list[float] = []
    descend = loop.descend

    def noted(*given: Any) -> float:
        lines.append(descend(*given))
        return lines[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "descend", noted)
        checkpoint = Checkpoint.load(train(recipe, tmp_path / "run", quiet=True))
    assert len(lines) == 24
    assert np.mean(lines[-6:]) < 0.9 * np.mean(lines[:6])
    assert set(checkpoint.notes) == {"epoch", "step", "dev_eer", "dev_fnmr"}
    assert 0 <= checkpoint.notes["dev_eer"] <= 0.6
    assert not any("people" in name for name in checkpoint.weights)
    assert checkpoint.preprocessing == recipe.deployed


@pytest.mark.parametrize(
    ("loss", "settings"),
    [(LOSSES[0], {"name": "sgd", "momentum": 0.9}), (LOSSES[2], {"name": "adamw"})],
    ids=["arcface-sgd", "distillation-adamw"],
)
def test_a_run_that_was_stopped_ends_the_same(
    make_recipe: Make, tmp_path: Path, stopped_at: Callable[..., None], loss: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Stopped within the second epoch and again at its end, bit for bit: weights, people, optimiser, best epoch."""
    recipe = make_recipe(loss=loss, optimiser=settings | {"epochs": 3})
    train(recipe, tmp_path / "whole", quiet=True)
    stopped_at(recipe, tmp_path / "parts", 4, 6)
    for name in (STATE, WEIGHTS):
        one, other = (read_tensors(tmp_path / run / name) for run in ("whole", "parts"))
        assert one[1] == other[1]
        assert one[0].keys() == other[0].keys()
        assert all(torch.equal(one[0][key], other[0][key]) for key in one[0])
    assert ("people.weight" in read_tensors(tmp_path / "parts" / STATE)[0]) is (loss["name"] == "arcface")


def decays(recipe: VerificationRecipe, folder: Path) -> tuple[FaceLearner, dict[str, float]]:
    """What is trained, and the weight decay of each of its parameters."""
    lesson = Verification(recipe)
    lesson.open(folder, quiet=True)
    learner, optimiser = lesson.fresh(torch.device("cpu"))
    by_id = {id(parameter): group["weight_decay"] for group in optimiser.param_groups for parameter in group["params"]}
    named = dict(learner.named_parameters())
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(by_id) == len(named)
    return learner, {name: by_id[id(parameter)] for name, parameter in named.items()}


@pytest.mark.parametrize("biases", [False, True])
def test_what_decays(make_recipe: Make, tmp_path: Path, biases: bool) -> None:  # noqa: FBT001 - pytest's
    """The last linear layer and people by their own rate, kernels by the ordinary one; slopes and biases where they are to; norms never."""
    model = {"name": "seesaw-shuffle", "adaptive_stages": [], "dropout": 0.0}
    tables: dict[str, Any] = {"model": model, "sampling": {"configurations": {"": 1.0}}, "size": 112, "decay_biases": biases}
    recipe = make_recipe(**tables, embedding_decay=4e-4, optimiser={"weight_decay": 4e-5})
    learner, found = decays(recipe, tmp_path)
    kinds = {
        f"{name}.{key}": type(layer)
        for name, layer in learner.named_modules()
        for key, _ in layer.named_parameters(recurse=False)
    }
    assert kinds.keys() == found.keys()
    expected = {}
    for name, kind in kinds.items():
        slight = name.endswith(".bias") or kind is nn.PReLU
        if kind in {nn.BatchNorm1d, nn.BatchNorm2d}:
            expected[name] = 0.0
        elif slight:
            expected[name] = 4e-5 if biases else 0.0
        else:
            expected[name] = 4e-4 if kind in {nn.Linear, People} else 4e-5
    assert found == expected
    # 15 blocks, each with one PReLU and two biases of squeeze-and-excite; one last layer, one of people.
    assert sum(kind is nn.PReLU for kind in kinds.values()) == 15
    assert [name for name, decay in found.items() if decay == 4e-4] == ["network.blocks.17.3.weight", "people.weight"]
    assert found["network.blocks.17.0.weight"] == 4e-5


def test_a_size_that_the_network_does_not_take_is_refused(make_recipe: Make, tmp_path: Path) -> None:
    """Networks that end in a filter of 7 x 7 take 112 pixels alone; the run ends before its first step."""
    model = {"name": "mobilefacenet-128", "adaptive_stages": []}
    recipe = make_recipe(model=model, sampling={"configurations": {"": 1.0}}, size=64)
    with pytest.raises(RecipeError, match="tiny: 'mobilefacenet-128' takes no pictures of 64 pixels; set size"):
        train(recipe, tmp_path / "run", quiet=True)


def test_a_teacher_of_more_numbers_than_the_network_is_refused(
    make_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is asked anything."""
    wide = Colours()
    monkeypatch.setattr(wide, "size", 17, raising=False)
    monkeypatch.setattr(module, "open_teacher", lambda *_: wide)
    with pytest.raises(RecipeError, match="cannot learn the 17 numbers of the teacher, the network has 16"):
        Verification(make_recipe(loss={"name": "distillation"})).open(tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


def test_targets_and_people_follow_their_pictures(make_recipe: Make, tmp_path: Path) -> None:
    """The row of a position is what the teacher says of that very picture; equal numbers are the same person, from 0 without a gap."""
    still = {"augment": {"flip": 0, "jitter": 0, "noise": 0}, "wobble": {"degrees": 0, "shift": 0, "scale": 0}}
    taught = Verification(make_recipe(loss={"name": "distillation"}, **still))
    batch = taught.open(tmp_path, quiet=True)[2]
    assert taught._targets is not None
    for picture, position in zip(batch.pictures.numpy(), batch.positions.tolist(), strict=True):
        face = np.ascontiguousarray(picture.transpose(1, 2, 0))
        sides = [Colours().embed(side) for side in (face, np.ascontiguousarray(face[:, ::-1]))]
        total = sum(side / np.linalg.norm(side) for side in sides)
        assert taught._targets[position].numpy() == pytest.approx(total / np.linalg.norm(total), abs=1e-5)
    named = Verification(make_recipe(**still))
    batches = named.open(tmp_path, quiet=True)
    assert named._people is not None
    assert sorted(set(named._people.tolist())) == [0, 1, 2, 3]
    folders = [Path(str(batches.faces.source(place))).parent for place in batches.places.tolist()]
    persons = set(zip(named._people.tolist(), folders, strict=True))
    assert len(persons) == 4


def test_a_small_dev_is_measured_at_the_rate_that_it_can_show(make_recipe: Make, tmp_path: Path) -> None:
    """Two people of six pictures have 36 non-mated pairs: one of them may be accepted, 2.8 %. Five people have 360: 0.3 %."""
    for people, rate in ((2, "2.8%"), (5, "0.3%")):
        lesson = Verification(make_recipe(data={"dev_subjects": people}))
        lesson.open(tmp_path, quiet=True)
        found = lesson.errors(lesson.fresh(torch.device("cpu"))[0].network)
        assert found.words.endswith(f"at FMR {rate}")
        assert next(iter(found.notes)) == "dev_eer"


@pytest.mark.parametrize("kind", ["folder", "index"])
def test_a_folder_trains_as_an_index_does(make_recipe: Make, tmp_path: Path, kind: str) -> None:
    """People are folders, or cells: one step of each kind, with the same pictures in the same places."""
    index = {"folder": ".", "index": "index.csv"}[kind]
    recipe = make_recipe(data={"index": index}, optimiser={"epochs": 1})
    assert train(recipe, tmp_path / "run", quiet=True).is_file()
    assert read_tensors(tmp_path / "run" / STATE)[0]["people.weight"].shape == (4, 16)


def test_the_papers_recipe_trains_on_records(
    make_recipe: Make, tmp_path: Path, write_records: Callable[[Path, Sequence[tuple[int, Pixels]]], Path]
) -> None:
    """``livegate train seesaw_paper`` on a small ``.rec``: two steps of four pictures of 112 pixels."""
    drawn = FaceFiles.of_folder(make_recipe().data.folder)
    chosen = [place for label in range(6) for place in np.flatnonzero(drawn.labels == label)[:2].tolist()]
    write_records(tmp_path, [(int(drawn.labels[place]), resize(read(drawn.source(place)), 112, 112)) for place in chosen])
    words = [f"data.root={tmp_path}", "data.index=train.rec", "data.dev_subjects=2", "run.loader_workers=0", "run.threads=1"]
    words += ["optimiser.batch=4", "optimiser.epochs=1", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, ["train", "seesaw_paper", *words], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'run' / WEIGHTS}\n")
    assert read_tensors(tmp_path / "run" / STATE)[0]["people.weight"].shape == (4, 512)
    assert Checkpoint.load(tmp_path / "run" / WEIGHTS).notes["step"] == 2
