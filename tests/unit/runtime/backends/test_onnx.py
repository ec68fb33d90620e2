"""ONNX Runtime with the form made for this machine: the same decisions, from a cache that can only fail to the portable file."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError
from livegate.runtime import cache
from livegate.runtime.backends import blocked
from livegate.runtime.backends import onnx as module
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.backends.onnx import OnnxBackend
from livegate.runtime.entry import InputEntry

CACHED = Options(cache=True)


def operators(model: bytes) -> list[str]:
    """What a model computes, gates included, in order."""
    found: list[str] = []

    def walk(graph: object) -> None:
        for node in graph.node:
            found.append(node.op_type)
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    walk(attribute.g)

    walk(blocked.messages()["Model"].FromString(model).graph)
    return found


def test_the_cached_form_computes_the_same(model: Model, images: NDArray[np.float32], folder: Path) -> None:
    """All 27 configurations, built, and again loaded from the cache: bit for bit the same both times, and near the portable file."""
    portable, built, loaded = OnnxBackend(model), OnnxBackend(model, CACHED), OnnxBackend(model, CACHED)
    assert len(list(folder.iterdir())) == 1
    configurations = list(Configuration.enumerate(3))
    assert len(configurations) == 27
    for configuration in configurations:
        expected, first, second = (b.run(images, configuration) for b in (portable, built, loaded))
        assert np.array_equal(first, second)
        np.testing.assert_allclose(first, expected, rtol=0, atol=1e-5)


def test_the_second_time_nothing_is_built(
    model: Model, images: NDArray[np.float32], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portable file is not even loaded."""
    first = OnnxBackend(model, CACHED).run(images, Configuration.parse("HLB"))
    monkeypatch.setattr(module, "_built", lambda _: pytest.fail("built again"))
    assert np.array_equal(OnnxBackend(model, CACHED).run(images, Configuration.parse("HLB")), first)
    assert folder.is_dir()


def test_no_value_is_reordered_at_a_gate(model: Model, folder: Path) -> None:
    """Of the layout changes only the one before the pooling is left, and every shortcut is part of a convolution."""
    OnnxBackend(model, CACHED)
    (path,) = folder.iterdir()
    kinds = operators(path.read_bytes()[cache.DIGEST_BYTES :])
    assert kinds.count("Conv") == 52 + 9
    assert kinds.count("If") == 9
    assert kinds.count("ReorderInput") == 0
    assert kinds.count("ReorderOutput") == 1
    # One sum for the mean of each block.
    assert kinds.count("Add") == 3


def test_without_the_option_nothing_is_kept(model: Model, folder: Path) -> None:
    """No folder is made."""
    OnnxBackend(model)
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_form_is_built_anew(model: Model, images: NDArray[np.float32], folder: Path, damage: str) -> None:
    """It is never loaded."""
    OnnxBackend(model, CACHED)
    (path,) = folder.iterdir()
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-1], "flipped": data[:-1] + bytes([data[-1] ^ 1]), "empty": b""}[damage])
    expected = OnnxBackend(model).run(images, Configuration.parse("LLL"))
    got = OnnxBackend(model, CACHED).run(images, Configuration.parse("LLL"))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    (again,) = folder.iterdir()
    assert again == path
    assert hashlib.sha256(path.read_bytes()[32:]).digest() == path.read_bytes()[:32]


def test_what_cannot_be_kept_is_said_and_the_portable_file_runs(
    model: Model, images: NDArray[np.float32], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that is not one's own alone: one warning with the reason, and the right logits."""
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    folder.chmod(0o755)
    with caplog.at_level(logging.WARNING):
        got = OnnxBackend(model, CACHED).run(images, Configuration.parse("HHH"))
    assert np.array_equal(got, OnnxBackend(model).run(images, Configuration.parse("HHH")))
    (record,) = caplog.records
    assert record.getMessage().startswith("ONNX Runtime runs the portable file")
    assert "chmod 700" in record.getMessage()


@pytest.mark.parametrize("wrong", ["logits", "bytes", "error"])
def test_a_form_that_is_wrong_is_not_kept(
    model: Model,
    images: NDArray[np.float32],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wrong: str,
) -> None:
    """It computes other logits, cannot be loaded, or cannot be made at all: the portable file runs."""

    def spoiled(optimised: bytes) -> bytes:
        if wrong == "error":
            raise KeyError("a node that nobody knows")
        return optimised.replace(np.float32(0.5).tobytes(), np.float32(0.25).tobytes()) if wrong == "logits" else b"no model"

    monkeypatch.setattr(blocked, "opened", spoiled)
    got = OnnxBackend(model, CACHED).run(images, Configuration.parse("BBB"))
    monkeypatch.undo()
    assert np.array_equal(got, OnnxBackend(model).run(images, Configuration.parse("BBB")))
    assert not list(folder.iterdir())
    assert len(caplog.records) == 1


def test_another_runtime_or_model_has_a_form_of_its_own(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is part of the name."""
    OnnxBackend(model, CACHED)
    monkeypatch.setattr(onnxruntime, "__version__", "0.0")
    OnnxBackend(model, CACHED)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("options", [Options(), CACHED])
@pytest.mark.parametrize("data", [b"", b"no model", os.urandom(1000)])
def test_bytes_that_are_no_model_are_refused(folder: Path, data: bytes, options: Options) -> None:
    """In one line, whether or not a form was to be built."""
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load it") as caught:
        OnnxBackend(Model({"model.onnx": data}, InputEntry(values={"H": (0,)})), options)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not list(folder.iterdir())


def test_weights_beside_the_model_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would look for them in the current folder, and nobody has checked them."""
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    monkeypatch.chdir(tmp_path)
    weights = np.ones((64, 64), np.float32)
    (tmp_path / "w.bin").write_bytes(weights.tobytes())
    tensor = onnx.numpy_helper.from_array(weights, "w")
    onnx.external_data_helper.set_external_data(tensor, "w.bin")
    tensor.ClearField("raw_data")
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 64]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], "g", value[:1], value[1:], [tensor])
    data = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    assert onnxruntime.InferenceSession(data).run(None, {"x": np.ones((1, 64), np.float32)})[0][0, 0] == 64
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load it"):
        module.open_session(data, Options())
