"""Each stage of a network learns on its own, from what the teacher's stages give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError, RecipeError
from livegate.models.checkpoint import WEIGHTS, read_tensors
from livegate.training.loop import STATE, train
from livegate.training.verification import lesson as module
from livegate.training.verification.lesson import Verification
from livegate.training.verification.recipe import VerificationRecipe
from livegate.training.verification.stages import InnerTeacher, ends, misses, outputs

onnx = pytest.importorskip("onnx")
Make = Callable[..., VerificationRecipe]
SHAPES = (16, 8, 8), (32, 4, 4)
"""Of the stages of the tiny network."""


@pytest.fixture(scope="session")
def file(faces: Path) -> Iterator[Path]:
    """A network with 24 channels of 8 x 8, "eight", then 40 of 4 x 4, "four", then their means."""
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=shape).astype(np.float32) / 5 for shape in ((24, 3, 4, 4), (40, 24, 2, 2))]
    helper, make = onnx.helper, onnx.helper.make_node
    nodes = [
        make("Conv", ["input", "first"], ["eight"], strides=[4, 4]),
        make("Conv", ["eight", "second"], ["four"], strides=[2, 2]),
        make("GlobalAveragePool", ["four"], ["pooled"]),
        make("Flatten", ["pooled"], ["embedding"]),
    ]
    value, number = helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "small",
        [value("input", number, ["N", 3, 32, 32])],
        [value("embedding", number, ["N", 40])],
        [onnx.numpy_helper.from_array(one, name) for one, name in zip(weights, ("first", "second"), strict=True)],
    )
    path = faces / "teacher.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    yield path
    path.unlink()


@pytest.fixture
def images() -> np.ndarray:
    """24 pictures of noise, (24, 3, 32, 32) float32, 0..255."""
    return np.random.default_rng(1).uniform(0, 255, (24, 3, 32, 32)).astype(np.float32)


class Answers:
    """A teacher of 12 numbers, whatever it sees."""

    identity, size = "c" * 64, 12

    def embed(self, face: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8 to (12,) float32."""
        return np.asarray(face.reshape(12, -1).mean(1) - 110, np.float32)


@pytest.fixture
def stagewise(make_recipe: Make, file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., VerificationRecipe]:
    """A function: a recipe of 12 steps, of which the first half teach the stages alone."""
    monkeypatch.setattr(module, "open_teacher", lambda *_: Answers())

    def make(**changes: Any) -> VerificationRecipe:
        stages = {"values": ["eight", "four"], "alone": 0.5} | changes
        return make_recipe(loss={"name": "distillation", "teacher": file.name, "stages": stages})

    return make


def test_a_stage_is_seen_in_its_principal_directions(file: Path, images: np.ndarray) -> None:
    """As many as were asked for, of mean 0 and, in the mean, variance 1, with as much of the whole as those of scikit-learn."""
    teacher = InnerTeacher(file, ["eight", "four"])
    teacher.look(np.split(images, 3), SHAPES, seed=0)
    seen = teacher(torch.from_numpy(images))
    assert [tuple(one.shape) for one in seen] == [(24, *shape) for shape in SHAPES]
    raw = teacher._values(images)
    for values, one, shape in zip(raw, seen, SHAPES, strict=True):
        rows, turned = (np.moveaxis(np.asarray(x), 1, -1).reshape(-1, x.shape[1]) for x in (values, one))
        assert np.abs(turned.mean(0)).max() < 1e-3
        assert turned.var(0).mean() == pytest.approx(1, abs=1e-3)
        expected = PCA(shape[0]).fit(rows).explained_variance_
        spectrum = np.linalg.eigvalsh(np.cov(turned.T))[::-1]
        assert spectrum == pytest.approx(expected / expected.mean(), rel=0.01)
        assert np.ptp(turned.var(0)) < np.ptp(spectrum) / 1.5, "the directions are not mixed"


def test_stages_are_a_chain_unless_they_are_given_their_input(make_recipe: Make) -> None:
    """A chain ends in what the network gives; a stage that is given its input does not see the one before it."""
    recipe = make_recipe()
    torch.manual_seed(0)
    network, after = recipe.model.build().eval(), ends(recipe.model.backbone)
    configuration, (one, other) = Configuration.parse("LH"), torch.randn(2, 2, 3, 32, 32)
    assert after == [2, 3]  # a stem, and two stages that are one adaptive block each
    with torch.inference_mode():
        chained = outputs(network, after, one, configuration)
        assert torch.equal(chained[-1], network(one, configuration))
        assert [tuple(value.shape[1:]) for value in chained[:-1]] == list(SHAPES)
        again = outputs(network, after, one, configuration, chained[:-1])
        assert all(torch.equal(a, b) for a, b in zip(chained, again, strict=True))
        given = [torch.randn_like(value) for value in chained[:-1]]
        found = [outputs(network, after, x, configuration, given) for x in (one, other)]
        assert [torch.equal(a, b) for a, b in zip(*found, strict=True)] == [False, True, True]


def test_the_loss_is_that_of_the_stages_first_and_of_the_embedding_then(
    stagewise: Callable[..., VerificationRecipe], tmp_path: Path
) -> None:
    """The first half of the steps adds what the stages miss; later ones ask the embedding alone."""
    recipe = stagewise()
    lesson = Verification(recipe)
    batches = lesson.open(tmp_path, quiet=True)
    assert [batches[step].alone for step in range(len(batches))] == [True] * 6 + [False] * 6
    learner, _ = lesson.fresh(torch.device("cpu"))
    batch, heavy, rng = batches[0], Configuration.parse("HH"), np.random.default_rng(0)
    learner.eval()
    lesson._augment = lambda pictures: pictures.float()  # type: ignore[assignment]
    with torch.inference_mode():
        assert lesson._inner is not None
        expected = lesson._inner(batch.pictures.float())
        alone = lesson.loss(learner, batch, heavy, rng)
        x = module.normalise(batch.pictures.float(), recipe.deployed)
        *inner, embedding = learner(x, "HH", expected)
        targets = lesson._targets[batch.positions]  # type: ignore[index]
        told = 1 - (embedding[:, :12] * targets).sum(1).mean()
        missed = sum(float(((a - b) ** 2).mean()) for a, b in zip(inner, expected, strict=True))
        assert float(misses(inner, expected)) == pytest.approx(missed, rel=1e-5)
        assert float(alone) == pytest.approx(float(told) + missed, rel=1e-5)
        chained = 1 - (learner(x, "HH")[-1][:, :12] * targets).sum(1).mean()
        assert float(lesson.loss(learner, batch._replace(alone=False), heavy, rng)) == pytest.approx(float(chained), rel=1e-5)


def test_a_run_that_was_stopped_ends_the_same(
    stagewise: Callable[..., VerificationRecipe], tmp_path: Path, stopped_at: Callable[..., None]
) -> None:
    """Stopped while the stages learn alone, and where they become a chain: bit for bit."""
    train(stagewise(), tmp_path / "whole", quiet=True)
    stopped_at(stagewise(), tmp_path / "parts", 2, 6)
    for name in (STATE, WEIGHTS):
        one, other = (read_tensors(tmp_path / run / name)[0] for run in ("whole", "parts"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["eight", "nine"], "shows no values eight, nine of its stages"),
        (["four", "eight"], r"value 'four' has the shape \(40, 4, 4\), which cannot teach a stage of \(16, 8, 8\)"),
        (["eight", "embedding"], r"value 'embedding' has the shape \(40,\), which cannot teach a stage of \(32, 4, 4\)"),
    ],
)
def test_values_that_cannot_teach_are_an_error(
    stagewise: Callable[..., VerificationRecipe], tmp_path: Path, values: list[str], words: str
) -> None:
    """Before the first step, with the file's name."""
    with pytest.raises(ArtifactError, match=words):
        Verification(stagewise(values=values)).open(tmp_path, quiet=True)


def test_a_file_that_is_no_network_is_an_error(tmp_path: Path) -> None:
    """Not one of the reader's own."""
    for content in (b"", b"nothing of the kind" * 9):
        (tmp_path / "teacher.onnx").write_bytes(content)
        with pytest.raises(ArtifactError, match="shows no values four"):
            InnerTeacher(tmp_path / "teacher.onnx", ["four"])
    with pytest.raises(ArtifactError, match=r"none\.onnx"):
        InnerTeacher(tmp_path / "none.onnx", ["four"])


def test_onnx_is_asked_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"\.\[onnx\]"):
        InnerTeacher(file, ["four"])


def test_stages_have_to_fit_the_network_and_the_teacher(make_recipe: Make) -> None:
    """One name for each stage, of an ONNX file."""
    with pytest.raises(RecipeError, match="has 1 names, 'tiny-verifier' 2 stages"):
        make_recipe(loss={"name": "distillation", "teacher": "teacher.onnx", "stages": {"values": ["four"]}})
    with pytest.raises(RecipeError, match="dlib shows nothing of its stages"):
        make_recipe(loss={"name": "distillation", "stages": {"values": ["eight", "four"]}})
