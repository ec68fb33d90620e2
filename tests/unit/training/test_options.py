"""Every loss, task, mixture and optimiser goes through real steps of training, and an interruption changes nothing of its result."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.errors import RecipeError
from livegate.models.checkpoint import Checkpoint, read_tensors, write_tensors
from livegate.models.counting import count
from livegate.training import log
from livegate.training.loop import STATE, train
from livegate.training.recipe import Recipe

Make = Callable[..., Recipe]
SGD = {"name": "sgd", "momentum": 0.9, "learning_rate": 1e-2, "epochs": 1}
SMALL: dict[str, Any] = {"name": "mobilenet-v3-small", "adaptive_stages": [], "dropout": 0.3}
OPTIONS: dict[str, dict[str, Any]] = {
    "sgd, mixup": {"optimiser": SGD, "mix": {"name": "mixup", "probability": 0.9}},
    "am-softmax, cutmix": {
        "model": SMALL | {"classifier": "cosine", "scale": 16.0},
        "loss": {"name": "am-softmax", "margin": 0.2, "ratio": [1.0, 2.0]},
        "mix": {"name": "cutmix", "probability": 0.9},
    },
    "arcface, challenge, tasks, half precision": {
        "model": SMALL | {"classifier": "cosine", "scale": 16.0},
        "loss": {"name": "arcface", "margin": 0.3},
        "challenge": {"features": 0.333, "pictures": 0.5},
        "tasks": {"attributes": 1.0},
        "run": {"precision": "bf16-mixed"},
    },
    "soft-triple, sgd": {
        "model": SMALL | {"classifier": "soft-triple"},
        "loss": {"name": "soft-triple"},
        "optimiser": SGD | {"schedule": "steps", "milestones": [1], "gamma": 0.5},
    },
    "statistics estimated anew": {"branches": {"recalibrated": 2}, "optimiser": {"epochs": 2}, "mix": {"style": 0.5}},
    "focal, tasks, mixup, sgd": {
        "loss": {"name": "cross-entropy", "focus": 2.0},
        "tasks": {"species": 0.1, "illumination": 0.1, "attributes": 1.0},
        "mix": {"name": "mixup", "probability": 0.5},
        "optimiser": SGD,
        "augment": {"iso_noise": 0.5, "brightness": 0.5, "motion": 0.5},
    },
}


class Interrupted(Exception):  # noqa: N818 - it is no error of the software
    """Stands for whatever ends a run."""


@pytest.fixture(scope="module")
def labelled(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated set as if it were CelebA-Spoof: its species, a light for each attack, attributes for bona fide."""
    path = tmp_path_factory.mktemp("labelled") / "index.csv"
    names = {"print": "photo", "replay": "phone", "": ""}
    with generated.open(encoding="utf-8", newline="") as file, path.open("w", encoding="utf-8", newline="") as out:
        rows = list(csv.DictReader(file))
        writer = csv.DictWriter(out, [*rows[0], "illumination", "attributes"])
        writer.writeheader()
        for number, row in enumerate(rows):
            attack = bool(row["species"])
            facts = {
                "path": str(generated.parent / row["path"]),
                "species": names[row["species"]],
                "illumination": ("normal", "dark")[number % 2] if attack else "",
                "attributes": "" if attack else f"{number % 2}" * 40,
            }
            writer.writerow(row | facts)
    return path


def _recipe(make_recipe: Make, index: Path, option: str) -> Recipe:
    tables = {"model": SMALL, "sampling": {"configurations": {"": 1.0}}, "optimiser": {"epochs": 1}} | OPTIONS[option]
    tables["optimiser"] = {"epochs": 1} | tables["optimiser"]
    return make_recipe(data={"index": str(index)}, **tables)


def _same(folder: Path, other: Path) -> bool:
    (tensors, header), (others, other_header) = (read_tensors(place / STATE) for place in (folder, other))
    return (
        header == other_header and tensors.keys() == others.keys() and all(torch.equal(tensors[k], others[k]) for k in tensors)
    )


@pytest.mark.parametrize("option", OPTIONS)
def test_an_interrupted_run_ends_as_if_nothing_had_happened(
    make_recipe: Make, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """Three steps, stopped after the second and resumed: state and result are those of the straight run, bit for bit."""
    recipe = _recipe(make_recipe, labelled, option)
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    train(recipe, straight, quiet=True)
    step = log.Log.step

    def stop(self: log.Log, number: int, loss: float) -> None:
        step(self, number, loss)
        if number == 3:  # done, and in no file yet
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(log.Log, "step", stop)
        with pytest.raises(Interrupted):
            train(recipe, stopped, quiet=True)
    assert read_tensors(stopped / STATE)[1]["step"] == "2"
    torch.manual_seed(99)  # whatever chance the process had before
    train(recipe, stopped, resume=True, quiet=True)
    assert _same(straight, stopped)
    tensors = read_tensors(straight / STATE)[0]
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    kept = {name.split(".")[1] for name in tensors if name.startswith("optimiser.")}
    assert kept == ({"momentum_buffer"} if recipe.optimiser.name == "sgd" else {"step", "exp_avg", "exp_avg_sq"})


def test_a_checkpoint_keeps_the_network_alone(make_recipe: Make, labelled: Path, tmp_path: Path) -> None:
    """The heads of other tasks are trained and resumed, and are in no checkpoint: what is exported is exactly the plain network."""
    recipe = _recipe(make_recipe, labelled, "focal, tasks, mixup, sgd")
    checkpoint = Checkpoint.load(train(recipe, tmp_path / "run", quiet=True))
    tensors = read_tensors(tmp_path / "run" / STATE)[0]
    heads = {name.split(".")[1] for name in tensors if name.startswith("tasks.")}
    assert heads == {"species", "illumination", "attributes"}
    assert any(
        tensor.abs().sum() > 0 for name, tensor in tensors.items() if name.startswith("optimiser.momentum_buffer.tasks.")
    )
    assert checkpoint.weights.keys() == recipe.model.build().state_dict().keys()
    assert count(checkpoint.network().fixed(Configuration(())), 32).parameters == 975_010


def test_the_onnx_file_has_one_head(make_recipe: Make, labelled: Path, tmp_path: Path) -> None:
    """Of all numbers in the file one matrix takes the 1024 of the embedding, that of the two logits."""
    onnx = pytest.importorskip("livegate.export.onnx")
    recipe = _recipe(make_recipe, labelled, "focal, tasks, mixup, sgd")
    checkpoint = Checkpoint.load(train(recipe, tmp_path / "run", quiet=True))
    graph = onnx.to_onnx(checkpoint.network(), checkpoint.preprocessing).graph
    shapes = [tuple(tensor.dims) for tensor in graph.initializer]
    assert [value.name for value in graph.output] == ["logits"]
    assert [shape for shape in shapes if len(shape) == 2 and 1024 in shape] in ([(2, 1024)], [(1024, 2)])


def test_tasks_without_labels_are_refused_before_anything_is_written(
    make_recipe: Make, generated: Path, tmp_path: Path
) -> None:
    """The generated set has species of its own, no light and no attributes: three faults."""
    recipe = _recipe(make_recipe, generated, "focal, tasks, mixup, sgd")
    with pytest.raises(RecipeError, match=r"species cannot be learned: .* illumination cannot .* attributes cannot") as caught:
        train(recipe, tmp_path / "run", quiet=True)
    assert len(caught.value.faults) == 3
    assert not (tmp_path / "run").exists()


def test_a_run_of_a_time_with_fewer_tables_is_resumed(make_recipe: Make, generated: Path, tmp_path: Path) -> None:
    """Its recipe knew neither losses nor tasks; what was not there is taken as the default, and anything else is still refused."""
    recipe = make_recipe(
        data={"index": str(generated)}, model=SMALL, sampling={"configurations": {"": 1.0}}, optimiser={"epochs": 1}
    )
    train(recipe, tmp_path, quiet=True)
    tensors, header = read_tensors(tmp_path / STATE)
    old = recipe.model_dump(mode="json", exclude={"loss", "tasks", "mix", "challenge"})
    old["optimiser"] = {key: old["optimiser"][key] for key in ("learning_rate", "weight_decay", "batch", "epochs")}
    del old["model"]["classifier"], old["model"]["scale"]
    write_tensors(
        tmp_path / STATE, tensors, header | {"recipe": Recipe.from_plain(old, "old").model_dump_json(exclude_unset=True)}
    )
    train(recipe, tmp_path, resume=True, quiet=True)
    other = make_recipe(**recipe.model_dump(mode="json") | {"mix": {"name": "mixup"}})
    with pytest.raises(RecipeError, match=r"another recipe \(mix\.name\)"):
        train(other, tmp_path, resume=True, quiet=True)


def test_labels_of_a_split_are_read_from_its_columns(labelled: Path) -> None:
    """So that the runs above learn what they are meant to learn."""
    samples = Index.read(labelled).split("train").samples
    assert {sample.species for sample in samples} == {None, "photo", "phone"}
    assert {len(sample.facts["attributes"]) for sample in samples if sample.bona_fide} == {40}
