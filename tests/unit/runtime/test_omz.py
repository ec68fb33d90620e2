"""Files of another maker: what they take is known or told, never guessed, and they are looked at before they run."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from livegate.configuration import Configuration
from livegate.decision import score_from_logits
from livegate.errors import ArtifactError, ConfigurationError, LivegateError, MissingExtraError
from livegate.gate import Gate
from livegate.runtime import foreign, omz
from livegate.runtime.artifact import MANIFEST, Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.foreign import opened
from livegate.runtime.golden import GoldenVectors

PLAIN = Configuration(())
MEAN = np.array([151.2405, 119.5950, 107.8395], np.float32).reshape(1, 3, 1, 1)
SCALE = np.array([63.0105, 56.4570, 55.0035], np.float32).reshape(1, 3, 1, 1)
"""As the Model Zoo's model.yml prints them."""
WEIGHTS = np.array([[0.9, -0.7], [-0.4, 0.2], [0.1, 0.8]], np.float32)
"""From the mean of each channel to the two logits of the model that stands in for the published one."""


def network(*, wide: int = 128, batch: int = 1, name: str = "actual_input_1", output: str = "output1") -> onnx.ModelProto:
    """Mean of each channel, linear, softmax: names and shapes as the contract has them unless told otherwise."""
    nodes = [
        helper.make_node("GlobalAveragePool", [name], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [output], axis=1),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3, wide, wide])]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, 2])]
    graph = helper.make_graph(nodes, "made", inputs, outputs, [numpy_helper.from_array(WEIGHTS, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``anti-spoof-mn3.onnx`` that follows the contract; only to read."""
    place = tmp_path_factory.mktemp("zoo")
    onnx.save(network(), place / "anti-spoof-mn3.onnx")
    return place


@pytest.fixture(scope="module")
def ir(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as an OpenVINO IR that takes raw BGR."""
    pytest.importorskip("openvino")
    from livegate.export.omz import write_ir

    path = tmp_path_factory.mktemp("ir") / "anti-spoof-mn3.xml"
    write_ir(onnx.load(folder / "anti-spoof-mn3.onnx"), path)
    return path


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    """Three pictures whose channels differ, so that another order gives other numbers."""
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(0, 80, (3, 128, 128)) + np.array([170, 90, 10])[:, None, None] for _ in range(3)]).astype(
        np.float32
    )


def by_hand(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """p(real) of the stand-in model: normalise in RGB, mean of each channel, linear, softmax."""
    logits = ((images - MEAN) / SCALE).astype(np.float64).mean(axis=(2, 3)) @ WEIGHTS
    return 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))


def test_the_onnx_file_gets_normalised_rgb(folder: Path, images: NDArray[np.float32]) -> None:
    """The score is p(real) as counted by hand from RGB pixels, mean and scale."""
    engine = Engine(opened(folder / "anti-spoof-mn3.onnx", "omz-onnx"))
    found = score_from_logits(engine.logits(images, PLAIN))
    np.testing.assert_allclose(found, by_hand(images), rtol=0, atol=1e-5)  # a mean of 16,384 pixels in float32
    assert not np.allclose(found, by_hand(images[:, ::-1]), rtol=0, atol=0.01)
    assert engine.variant.runtime == "onnx"


def test_the_ir_gets_raw_bgr_and_says_the_same(ir: Path, folder: Path, images: NDArray[np.float32]) -> None:
    """In OpenVINO, from the same crops, within 1e-5 of the ONNX file in ONNX Runtime."""
    engine = Engine(opened(ir, "omz-ir"))
    found = score_from_logits(engine.logits(images, PLAIN))
    other = score_from_logits(Engine(opened(folder / "anti-spoof-mn3.onnx", "omz-onnx")).logits(images, PLAIN))
    np.testing.assert_allclose(found, other, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found, by_hand(images), rtol=0, atol=1e-5)
    assert engine.variant.runtime == "openvino"


def test_the_ir_holds_the_reversal_and_the_normalisation(ir: Path, images: NDArray[np.float32]) -> None:
    """Asked without Livegate: raw BGR gives what the hand counts from RGB, and raw RGB does not."""
    import openvino

    model = openvino.Core().compile_model(ir, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    bgr, rgb = (
        model({"actual_input_1": np.ascontiguousarray(image)})["output1"][0, 0] for image in (images[:1, ::-1], images[:1])
    )
    assert bgr == pytest.approx(by_hand(images[:1])[0], abs=1e-5)
    assert abs(rgb - bgr) > 0.01


def test_an_ir_of_the_older_format_runs(ir: Path, tmp_path: Path, images: NDArray[np.float32]) -> None:
    """Version 10, in which converters of 2021 wrote the published model: its ports have the names of their layers alone."""
    text = ir.read_text("utf-8")
    old = re.sub(r' names="[^"]*"', "", text.replace('version="11">', 'version="10">', 1))
    assert old.count('version="10"') == 1
    assert len(old) < len(text)
    (tmp_path / ir.name).write_text(old, "utf-8")
    shutil.copy(ir.with_suffix(".bin"), tmp_path)
    found = Engine(opened(tmp_path / ir.name, "omz-ir")).logits(images, PLAIN)
    assert np.array_equal(found, Engine(opened(ir, "omz-ir")).logits(images, PLAIN))


def test_crop_and_threshold_come_with_the_contract(folder: Path) -> None:
    """A given box as it is, a found one 1.1 x 1.05 as large, stretched, bicubic; p(spoof) > 0.4 is a spoof, so a score of 0.6 is none."""
    engine = Engine(opened(folder / "anti-spoof-mn3.onnx", "omz-onnx"))
    facts = engine.preprocessing
    assert (facts.size, facts.margin, facts.shape, facts.interpolation) == (128, 1.0, "box", "cubic")
    assert facts.detection.widened == (1.1, 1.05)
    assert facts.mean == tuple(round(float(value), 4) for value in MEAN.ravel())
    assert facts.std == tuple(round(float(value), 4) for value in SCALE.ravel())
    assert engine.threshold(PLAIN).value == 0.6
    assert [str(configuration) for configuration in engine.configurations] == [""]
    with pytest.raises(ConfigurationError):
        engine.choose("HHH")
    assert engine.choose("heaviest") == engine.choose("lightest") == engine.choose(None) == PLAIN


def test_the_whole_way(folder: Path, astronaut: Path) -> None:
    """From a picture to a decision with the contract's threshold and an empty configuration."""
    gate = Gate(folder / "anti-spoof-mn3.onnx", contract="omz-onnx")
    gate.warm_up()
    decision = gate.check(astronaut)
    assert (decision.threshold, decision.configuration) == (0.6, "")
    assert decision.score is not None
    assert decision.accepted == (decision.score >= 0.6)


def test_the_published_file_is_known_by_its_hash(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word its contract is taken, and its name and licence are told; the hash is the one that the Model Zoo prints."""
    assert list(omz.PUBLISHED) == ["c4c99af04603b62d7e44f6f4daeb33e0daeccec696008c0b1d62f6f5cebbb3262"]
    path = folder / "anti-spoof-mn3.onnx"
    with pytest.raises(ArtifactError, match="known by its SHA-256"):
        opened(path)
    monkeypatch.setattr(foreign, "PUBLISHED", {hashlib.sha256(path.read_bytes()).hexdigest(): "omz-onnx"})
    for artifact in (opened(path), Engine(path).artifact, opened(path, "omz-onnx")):
        assert (artifact.manifest.name, artifact.manifest.licence.spdx) == ("anti-spoof-mn3", "MIT")


def test_what_cannot_be_told_is_asked(folder: Path) -> None:
    """The line says why, and both things that can be given."""
    with pytest.raises(ArtifactError) as caught:
        opened(folder / "anti-spoof-mn3.onnx")
    text = str(caught.value)
    assert "names and shapes do not tell what it takes" in text
    assert "--contract omz-onnx (RGB with mean and scale applied)" in text
    assert "--contract omz-ir (BGR 0..255)" in text
    assert "\n" not in text


def test_a_wrong_contract_is_refused_where_it_can_be_told(folder: Path, tmp_path: Path) -> None:
    """By the kind of file; the right one is named."""
    with pytest.raises(ArtifactError, match="is an ONNX file, and omz-ir is an OpenVINO IR; give --contract omz-onnx"):
        opened(folder / "anti-spoof-mn3.onnx", "omz-ir")
    for name in ("model.xml", "model.bin"):
        (tmp_path / name).write_bytes(b"<net/>")
    with pytest.raises(ArtifactError, match="is an OpenVINO IR, and omz-onnx is an ONNX file; give --contract omz-ir"):
        opened(tmp_path / "model.xml", "omz-onnx")


def test_a_contract_of_nothing(folder: Path, artifact: Path) -> None:
    """An unknown one, and one for an artifact of Livegate's, whose manifest says everything."""
    with pytest.raises(LivegateError, match="unknown contract 'omz'; contracts are omz-onnx, omz-ir"):
        opened(folder / "anti-spoof-mn3.onnx", "omz")
    with pytest.raises(LivegateError, match="is for a file of another maker"):
        opened(artifact, "omz-onnx")


@pytest.mark.parametrize(
    ("probabilities", "scores"),
    [
        ([[1, 0]], [1.0]),
        ([[0, 1]], [0.0]),
        ([[0.6, 0.4]], [0.6]),
        ([[1e-30, 1]], [1e-30]),
        ([[1, 1e-42]], [1.0]),  # less than a normal float32
    ],
)
def test_certain_probabilities_give_finite_logits(probabilities: list[list[float]], scores: list[float]) -> None:
    """A softmax that says 0 has a logarithm that is no number; the logits stay finite, and the score is p(real) all the same."""
    found = omz.logits(np.array(probabilities, np.float32), "file")
    assert np.isfinite(found).all()
    np.testing.assert_allclose(score_from_logits(found), scores, rtol=1e-4, atol=2e-38)


@pytest.mark.parametrize("output", [[[0.7, 0.7]], [[2.0, -1.0]], [[math.nan, 0.5]], [[3.2, -1.7]], [[math.inf, 0]]])
def test_what_is_no_probability_is_refused(output: list[list[float]]) -> None:
    """Such as logits of a file without a softmax: a score made of them would mean nothing."""
    with pytest.raises(LivegateError, match=r"file gives output1 that are no probabilities"):
        omz.logits(np.array(output, np.float32), "file")


def nested(model: onnx.ModelProto) -> onnx.ModelProto:
    """A gate in the graph, which may as well be a loop without an end."""
    then = helper.make_graph(
        [helper.make_node("Identity", ["logits"], ["a"])], "a", [], [helper.make_empty_tensor_value_info("a")]
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["logits"], ["b"])], "b", [], [helper.make_empty_tensor_value_info("b")]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node[-1].input[0] = "gated"
    model.graph.node.insert(3, helper.make_node("If", ["yes"], ["gated"], then_branch=then, else_branch=other))
    return model


def function(model: onnx.ModelProto) -> onnx.ModelProto:
    """A function of its own, which can hold anything."""
    identity = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "Own", ["x"], ["y"], [identity], [helper.make_opsetid("", 13)]))
    return model


def outside(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights in another file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    place = tensor.external_data.add()
    place.key, place.value = "location", "secret"
    return model


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """An input in half precision."""
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    cast = helper.make_node("Cast", ["actual_input_1"], ["wide"], to=TensorProto.FLOAT)
    model.graph.node[0].input[0] = "wide"
    model.graph.node.insert(0, cast)
    return model


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: network(wide=80), r"input actual_input_1 \[1, 3, 80, 80\], and the contract asks for"),
        (lambda: network(name="image"), r"input image \[1, 3, 128, 128\], and the contract asks for actual_input_1"),
        (lambda: network(output="logits1"), r"output logits1 \[1, 2\], and the contract asks for output1"),
        (lambda: network(batch=4), r"input actual_input_1 \[4, 3, 128, 128\]"),
        (lambda: halved(network()), "of another type"),
        (lambda: nested(network()), "graphs within its graph"),
        (lambda: function(network()), "graphs within its graph"),
        (lambda: outside(network()), "weights in another file"),
    ],
)
def test_an_onnx_file_is_looked_at_before_it_runs(tmp_path: Path, make: Callable[[], onnx.ModelProto], words: str) -> None:
    """Names, shapes and types of the contract, one plain graph, all weights inside; else one line, with both sides."""
    (tmp_path / "model.onnx").write_bytes(make().SerializeToString())
    with pytest.raises(ArtifactError, match=words) as caught:
        Engine(opened(tmp_path / "model.onnx", "omz-onnx"))
    assert "model.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def unfit() -> onnx.ModelProto:
    """Ends with logits, as files without a softmax do."""
    model = network()
    model.graph.node[-1].CopyFrom(helper.make_node("Identity", ["logits"], ["output1"]))
    return model


def failing() -> onnx.ModelProto:
    """Fits until it is run: the place that it looks at is a pixel, and there are two."""
    model = network()
    nodes = [
        helper.make_node("ReduceMax", ["actual_input_1"], ["largest"], keepdims=0),
        helper.make_node("Cast", ["largest"], ["place"], to=TensorProto.INT64),
        helper.make_node("Add", ["place", "far"], ["beyond"]),
        helper.make_node("Gather", ["weights", "beyond"], ["row"], axis=1),
        helper.make_node("Mul", ["row", "nothing"], ["none"]),
        helper.make_node("ReduceMax", ["none"], ["zero"], keepdims=0),
        helper.make_node("Add", ["logits", "zero"], ["moved"]),
    ]
    for place, node in enumerate(nodes):
        model.graph.node.insert(3 + place, node)
    model.graph.node[-1].input[0] = "moved"
    model.graph.initializer.append(numpy_helper.from_array(np.array(1000, np.int64), "far"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, np.float32), "nothing"))
    return model


@pytest.mark.parametrize(("make", "words"), [(unfit, "are no probabilities"), (failing, "cannot be run")])
def test_a_file_that_goes_wrong_when_it_runs_is_told(
    tmp_path: Path, images: NDArray[np.float32], make: Callable[[], onnx.ModelProto], words: str
) -> None:
    """In one line, whichever the runtime's exception is."""
    (tmp_path / "model.onnx").write_bytes(make().SerializeToString())
    with pytest.raises(LivegateError, match=words) as caught:
        Engine(opened(tmp_path / "model.onnx", "omz-onnx")).logits(images, PLAIN)
    assert "model.onnx (omz-onnx)" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"no model", b"\x80\x04N.", bytes(1000), b"\x0a" * 100_000, b"\x3a\xff\xff\xff\xff\x0f"])
def test_bytes_that_are_no_onnx_model_are_refused(tmp_path: Path, data: bytes) -> None:
    """Also a pickle: it is never loaded."""
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(ArtifactError):
        Engine(opened(tmp_path / "model.onnx", "omz-onnx"))


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "no bytes"), (bytes(2048), r"more than 1,024 bytes; the published model has 12,270,179")]
)
def test_the_size_of_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, words: str) -> None:
    """Before it is looked at."""
    monkeypatch.setattr(foreign, "MAX_BYTES", 1024)
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(ArtifactError, match=words):
        opened(tmp_path / "model.onnx", "omz-onnx")


def test_other_files_are_no_models(tmp_path: Path) -> None:
    """A picture, a missing .bin, a pipe, nothing: one sentence each, and nothing waits."""
    (tmp_path / "picture.jpg").write_bytes(b"x")
    (tmp_path / "model.xml").write_bytes(b"<net/>")
    with pytest.raises(ArtifactError, match=r"give the folder of an artifact, or a file \.onnx or \.xml"):
        opened(tmp_path / "picture.jpg", "omz-onnx")
    with pytest.raises(ArtifactError, match=r"model\.bin: is missing; the two files of an OpenVINO IR"):
        opened(tmp_path / "model.xml", "omz-ir")
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(LivegateError):
        opened(tmp_path / "pipe.onnx", "omz-onnx")
    with pytest.raises(ArtifactError):
        opened(tmp_path / "pipe.onnx")


def test_a_file_that_changes_after_it_was_looked_at_is_not_run(folder: Path, tmp_path: Path) -> None:
    """What runs is what was hashed."""
    path = Path(shutil.copy(folder / "anti-spoof-mn3.onnx", tmp_path))
    artifact = opened(path, "omz-onnx")
    path.write_bytes(network(wide=80).SerializeToString())
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        Engine(artifact)


@pytest.mark.parametrize(
    ("xml", "weights"),
    [
        (lambda _: b"<net", lambda weights: weights),
        (lambda _: b"", lambda weights: weights),
        (lambda xml: xml, lambda weights: weights[:4]),
        (lambda xml: xml.replace(b"output1", b"output2"), lambda weights: weights),
        (lambda xml: xml.replace(b"actual_input_1", b"other_input_1"), lambda weights: weights),
        (
            lambda _: b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><net name="&b;" version="11"/>',
            lambda weights: weights,
        ),
    ],
)
def test_an_ir_is_looked_at_before_it_runs(
    ir: Path, tmp_path: Path, xml: Callable[[bytes], bytes], weights: Callable[[bytes], bytes]
) -> None:
    """Damaged, cut short, other names: refused, and no crash."""
    (tmp_path / "model.xml").write_bytes(xml(ir.read_bytes()))
    (tmp_path / "model.bin").write_bytes(weights(ir.with_suffix(".bin").read_bytes()))
    with pytest.raises(ArtifactError):
        Engine(opened(tmp_path / "model.xml", "omz-ir"))


def test_an_ir_without_openvino_names_the_install_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a trace of an import."""
    for name in ("model.xml", "model.bin"):
        (tmp_path / name).write_bytes(b"<net/>")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[openvino\]'"):
        Engine(opened(tmp_path / "model.xml", "omz-ir"))


def test_another_runtime_or_precision_is_refused(folder: Path) -> None:
    """The file is for one runtime; an export does not add another."""
    artifact = opened(folder / "anti-spoof-mn3.onnx", "omz-onnx")
    for options in ({"runtime": "litert"}, {"precision": "int8"}):
        with pytest.raises(ArtifactError, match=r"it has onnx$"):
            Engine(artifact, **options)


def test_what_livegate_cannot_know_is_null_and_said(folder: Path, artifact: Path) -> None:
    """Golden vectors, counts and a licence text; the manifest of an artifact of Livegate's must have them all."""
    foreign_manifest = opened(folder / "anti-spoof-mn3.onnx", "omz-onnx").manifest
    assert foreign_manifest.foreign
    assert foreign_manifest.golden is None
    assert foreign_manifest.configurations[""].macs is None
    with pytest.raises(ArtifactError, match="has no golden vectors: it describes a file of another maker"):
        GoldenVectors.of(opened(folder / "anti-spoof-mn3.onnx", "omz-onnx"))
    own = Artifact.open(artifact).manifest
    assert not own.foreign
    text = own.model_copy(update={"golden": None}).model_dump_json()
    with pytest.raises(ValueError, match="golden is null, which it is for a file of another maker alone"):
        type(own).model_validate_json(text)


def test_an_artifact_may_describe_such_a_file(folder: Path, tmp_path: Path) -> None:
    """The facts in memory are a manifest like any other: written beside the file, it opens as an artifact."""
    shutil.copy(folder / "anti-spoof-mn3.onnx", tmp_path)
    manifest = opened(tmp_path / "anti-spoof-mn3.onnx", "omz-onnx").manifest
    (tmp_path / MANIFEST).write_text(manifest.model_dump_json(), "utf-8")
    assert Artifact.open(tmp_path).manifest == manifest
    assert Engine(tmp_path).variant.target == "onnx"


def test_a_manifest_may_name_the_files_in_any_order(ir: Path, tmp_path: Path, images: NDArray[np.float32]) -> None:
    """Of an IR, which has two; one alone is refused."""
    for file in (ir, ir.with_suffix(".bin")):
        shutil.copy(file, tmp_path)
    manifest = opened(tmp_path / ir.name, "omz-ir").manifest
    variant = manifest.variants["openvino"]
    files = dict(reversed(variant.files.items()))
    for held, fits in ((files, True), ({ir.name: files[ir.name]}, False)):
        changed = manifest.model_copy(update={"variants": {"openvino": variant.model_copy(update={"files": held})}})
        (tmp_path / MANIFEST).write_text(changed.model_dump_json(), "utf-8")
        if fits:
            assert np.array_equal(Engine(tmp_path).logits(images, PLAIN), Engine(opened(ir, "omz-ir")).logits(images, PLAIN))
        else:
            with pytest.raises(ArtifactError, match=r"has 0 files \.bin, and the contract asks for one"):
                Engine(tmp_path)
