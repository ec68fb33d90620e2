"""The engine runs every configuration of one file, any after any, and remembers nothing."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, ConfigurationError, LivegateError, PictureError
from livegate.preprocessing import to_input
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.golden import GoldenVectors, replay


@pytest.fixture(scope="module")
def engine(artifact: Path) -> Engine:
    """The shipped default model, loaded."""
    return Engine(artifact)


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    """Five inputs of noise, each of another brightness: (5, 3, 128, 128), whole numbers within 0..255."""
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(0, top, (3, 128, 128)) for top in (32, 64, 128, 192, 256)]).astype(np.float32)


def resigned(folder: Path, name: str, data: bytes) -> None:
    """Replace a file of an artifact, its hash and its size, as somebody would who can write the folder."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    if name in manifest["variants"]["onnx"]["files"]:
        manifest["variants"]["onnx"]["files"][name] = facts
    else:
        manifest["golden"]["sha256"] = facts["sha256"]
    path.write_text(json.dumps(manifest), "utf-8")
    (folder / name).write_bytes(data)


def test_all_twenty_seven_configurations_run_and_differ(engine: Engine, images: NDArray[np.float32]) -> None:
    """Each gives (N, 2) finite logits, and no two compute the same."""
    assert len(set(engine.configurations)) == 27
    results = {str(configuration): engine.logits(images, configuration) for configuration in engine.configurations}
    for logits in results.values():
        assert logits.shape == (5, 2)
        assert logits.dtype == np.float32
        assert np.isfinite(logits).all()
    assert len({logits.tobytes() for logits in results.values()}) == 27


def test_the_golden_vectors_are_replayed(engine: Engine) -> None:
    """This machine computes, for every configuration, what the one that exported did."""
    with np.load(engine.artifact.folder / engine.manifest.golden.file, allow_pickle=False) as golden:
        assert len(set(golden["configurations"].tolist())) == 27
        assert golden["logits"].shape == (27, len(golden["images"]), 2)
        assert len(golden["images"]) >= 1
    assert replay(engine) <= engine.variant.parity.tolerance == 1e-4


def test_a_wrong_golden_logit_is_noticed(tampered: Path) -> None:
    """A replay that cannot fail would be none: one logit moved by 1 is the largest difference."""
    path = tampered / "golden.npz"
    with np.load(path, allow_pickle=False) as golden:
        arrays = {key: golden[key].copy() for key in golden}
    arrays["logits"][13, 0, 1] += 1
    other = tampered.parent / "other.npz"
    np.savez(other, **arrays)
    resigned(tampered, "golden.npz", other.read_bytes())
    assert replay(Engine(tampered)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"logits": np.zeros((27, 3, 2), np.float32)},
        {"logits": np.zeros((27, 4, 2), np.float64)},
        {"images": np.zeros((4, 3, 64, 64), np.uint8)},
        {"images": np.zeros((4, 3, 128, 128), np.float32)},
        {"configurations": np.arange(27)},
        {"images": np.zeros((0, 3, 128, 128), np.uint8), "logits": np.zeros((27, 0, 2), np.float32)},
    ],
)
def test_golden_vectors_of_other_shapes_are_refused(tampered: Path, change: dict[str, np.ndarray]) -> None:
    """Arrays that do not fit one another or the network, and those that hold nothing."""
    with np.load(tampered / "golden.npz", allow_pickle=False) as golden:
        arrays = {key: golden[key] for key in golden} | change
    np.savez(tampered.parent / "other.npz", **arrays)
    resigned(tampered, "golden.npz", (tampered.parent / "other.npz").read_bytes())
    with pytest.raises(ArtifactError, match="arrays of other shapes or types"):
        replay(Engine(tampered))


def test_golden_vectors_that_unpack_to_too_much_are_not_unpacked(tampered: Path) -> None:
    """300 MB of nothing in 300 KB are refused by what the archive says of itself."""
    with zipfile.ZipFile(tampered.parent / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", bytes(300 * 1024 * 1024))
    resigned(tampered, "golden.npz", (tampered.parent / "bomb.npz").read_bytes())
    with pytest.raises(ArtifactError, match="unpacks to more than 268,435,456 bytes"):
        replay(Engine(tampered))


def test_a_configuration_without_golden_vectors_is_no_proof(tampered: Path) -> None:
    """All that the engine can run must be in the file."""
    with np.load(tampered / "golden.npz", allow_pickle=False) as golden:
        arrays = {"images": golden["images"], "configurations": golden["configurations"][1:], "logits": golden["logits"][1:]}
    np.savez(tampered.parent / "other.npz", **arrays)
    resigned(tampered, "golden.npz", (tampered.parent / "other.npz").read_bytes())
    with pytest.raises(ArtifactError, match="has no golden vectors of configuration 'HHH'"):
        replay(Engine(tampered))


@pytest.mark.parametrize("data", [b"", b"no zip", b"\x80\x04N.", b"\x93NUMPY"])
def test_golden_vectors_that_cannot_be_read_are_refused(tampered: Path, data: bytes) -> None:
    """Also a pickle: it is never loaded."""
    resigned(tampered, "golden.npz", data)
    with pytest.raises(ArtifactError, match=r"golden\.npz cannot be read"):
        replay(Engine(tampered))


@pytest.mark.parametrize("text", ["HHH", "LLL", "BBB", "HLB"])
def test_a_batch_is_its_pictures_one_by_one(engine: Engine, images: NDArray[np.float32], text: str) -> None:
    """N is free, and what else is in the batch changes nothing beyond rounding."""
    configuration = Configuration.parse(text)
    single = np.concatenate([engine.logits(images[number : number + 1], configuration) for number in range(5)])
    assert np.abs(engine.logits(images, configuration) - single).max() < 1e-4
    assert np.abs(single[0] - single[4]).max() > 1e-3


def test_switching_leaves_no_trace(artifact: Path, engine: Engine, images: NDArray[np.float32]) -> None:
    """Alternating over configurations picture by picture gives the bits that a fresh engine gives for each alone."""
    texts = ["HHH", "LLL", "BBB", "HLB", "LLL", "HHH"]
    for text, logits in [(text, engine.logits(images[:1], Configuration.parse(text))) for text in texts * 2]:
        assert np.array_equal(logits, Engine(artifact).logits(images[:1], Configuration.parse(text)))


def test_the_score_is_the_formula_of_the_contract(engine: Engine) -> None:
    """1 / (1 + exp(l_attack - l_bona)) of the logits of the same pixels, in float64."""
    crops = [np.random.default_rng(seed).integers(0, 256, (128, 128, 3), dtype=np.uint8) for seed in range(3)]
    configuration = Configuration.parse("HLH")
    logits = engine.logits(to_input(crops), configuration).astype(np.float64)
    scores = engine.scores(crops, configuration)
    assert scores.dtype == np.float64
    assert scores == pytest.approx(1 / (1 + np.exp(logits[:, 1] - logits[:, 0])), rel=1e-12)


def test_thresholds_are_those_of_the_manifest(engine: Engine, artifact: Path) -> None:
    """One a configuration."""
    facts = json.loads((artifact / "manifest.json").read_text("utf-8"))["configurations"]
    assert len(facts) == 27
    for configuration in engine.configurations:
        assert engine.threshold(configuration).value == facts[str(configuration)]["threshold"]["value"]


@pytest.mark.parametrize("text", ["", "HH", "HHHH"])
def test_a_configuration_of_another_length_is_refused(engine: Engine, images: NDArray[np.float32], text: str) -> None:
    """By the engine's own error, both when running and when asked for its threshold."""
    for use in (lambda c: engine.logits(images, c), engine.threshold):
        with pytest.raises(ConfigurationError, match=f"has length {len(text)}, the network has 3"):
            use(Configuration.parse(text))


def test_a_model_that_the_runtime_cannot_load_is_refused(tampered: Path) -> None:
    """Bytes that are no ONNX, with a fitting hash: one clear line."""
    resigned(tampered, "model.onnx", b"no model\n" * 10)
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot load it") as caught:
        Engine(tampered)
    assert "\n" not in str(caught.value)


def test_an_engine_takes_an_opened_artifact(artifact: Path) -> None:
    """Or the path of its folder, as text too; the threads do not change the answer beyond rounding."""
    crops = [np.full((128, 128, 3), 100, np.uint8)]
    engines = [Engine(Artifact.open(artifact)), Engine(str(artifact)), Engine(artifact, threads=2)]
    first, second, third = (float(engine.scores(crops, Configuration.parse("BBB"))[0]) for engine in engines)
    assert first == second
    assert third == pytest.approx(first, abs=1e-4)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        ([[1.0]], "is a list"),
        (np.zeros((1, 3, 128, 128), np.float64), "type float64"),
        (np.zeros((1, 3, 128, 128), np.uint8), "type uint8"),
        (np.zeros((3, 128, 128), np.float32), r"shape \(3, 128, 128\)"),
        (np.zeros((1, 128, 128, 3), np.float32), r"shape \(1, 128, 128, 3\)"),
        (np.zeros((1, 3, 64, 64), np.float32), r"shape \(1, 3, 64, 64\)"),
        (np.zeros((0, 3, 128, 128), np.float32), r"shape \(0, 3, 128, 128\)"),
        (np.full((1, 3, 128, 128), -1, np.float32), "values from -1 to -1"),
        (np.full((1, 3, 128, 128), 256, np.float32), "values from 256 to 256"),
        (np.full((1, 3, 128, 128), np.nan, np.float32), "values from nan to nan"),
    ],
)
def test_an_input_that_is_none_is_refused(engine: Engine, array: np.ndarray, words: str) -> None:
    """Another shape, type or range, each with what was expected; one number that is none is enough."""
    with pytest.raises(PictureError, match=words) as caught:
        engine.logits(array, Configuration.parse("HHH"))
    assert "expected (N, 3, 128, 128) float32, RGB, 0..255, N at least 1" in str(caught.value)


class Stub:
    """A backend that gives what it is told to, or fails with it."""

    def __init__(self, given: object) -> None:
        self.given = given

    def run(self, *_: object) -> object:
        """The same whatever comes."""
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.mark.parametrize("shape", [(5, 3), (5, 1), (1, 2), (4, 2), (2, 5), (5,), (5, 2, 1), ()])
def test_logits_of_another_shape_are_refused(
    artifact: Path, images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    """One row for all pictures, or a third logit, would be spread over the scores and be wrong without a word."""
    engine = Engine(artifact)
    monkeypatch.setattr(engine, "_backend", Stub(np.zeros(shape, np.float32)))
    with pytest.raises(
        ArtifactError, match=re.escape(f"gives an output of shape {shape} for 5 pictures; get the artifact again")
    ):
        engine.logits(images, Configuration.parse("HHH"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(
    artifact: Path, images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """An overflow would be a score of 1, and let anybody in."""
    engine = Engine(artifact)
    logits = np.zeros((5, 2), np.float32)
    logits[3, 0] = value
    monkeypatch.setattr(engine, "_backend", Stub(logits))
    with pytest.raises(ArtifactError, match="gives outputs that are not finite; get the artifact again"):
        engine.logits(images, Configuration.parse("HHH"))


def test_golden_vectors_that_are_no_numbers_are_no_match(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they stand; a comparison with one is never small enough."""
    engine = Engine(artifact)
    golden = GoldenVectors.of(engine.artifact)
    golden.outputs[engine.configurations[-1]][0, 0] = np.nan
    monkeypatch.setattr(GoldenVectors, "of", lambda _: golden)
    assert np.isnan(replay(engine))


@pytest.mark.parametrize(("shape", "fits"), [((5, 32), True), ((5, 7), True), ((1, 32), False), ((5, 0), False), ((5,), False)])
def test_embeddings_are_one_row_a_picture(
    face_artifact: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], *, fits: bool
) -> None:
    """How many numbers each has is the network's own affair."""
    engine = Engine(face_artifact)
    monkeypatch.setattr(engine, "_backend", Stub(np.zeros(shape, np.float32)))
    crops = [np.zeros((112, 112, 3), np.uint8)] * 5
    if fits:
        assert engine.embeddings(crops, Configuration.parse("HH")).shape == shape
    else:
        with pytest.raises(ArtifactError, match="gives an output of shape"):
            engine.embeddings(crops, Configuration.parse("HH"))


def test_a_runtime_that_fails_is_told_in_one_line(
    artifact: Path, images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own exceptions share no base; those of Livegate pass as they are."""
    engine = Engine(artifact)
    monkeypatch.setattr(engine, "_backend", Stub(RuntimeError("Non-zero status\n  while running Conv")))
    with pytest.raises(
        ArtifactError, match=r"ONNX Runtime cannot be run \(Non-zero status while running Conv\); get"
    ) as caught:
        engine.logits(images, Configuration.parse("HHH"))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(engine, "_backend", Stub(LivegateError("as it is")))
    with pytest.raises(LivegateError, match="as it is"):
        engine.logits(images, Configuration.parse("HHH"))


def test_a_file_that_takes_other_inputs_is_told(tampered: Path, images: NDArray[np.float32]) -> None:
    """A sound ONNX file whose input has another name loads, and fails when it runs."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(tampered / "model.onnx")
    for value in model.graph.input:
        value.name = value.name.replace("image", "picture")
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "image" else name for name in node.input]
    resigned(tampered, "model.onnx", model.SerializeToString())
    with pytest.raises(ArtifactError, match="its file for ONNX Runtime cannot be run"):
        Engine(tampered).logits(images, Configuration.parse("HHH"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtime": "ncnn"}, r"has no variant 'ncnn'; it has onnx; livegate export MODEL --to ncnn --out COPY writes a copy"),
        ({"precision": "int8"}, r"has no variant 'onnx-int8'"),
        ({"runtime": "pickle"}, r"has nothing for 'pickle'; runtimes are onnx, openvino, "),
        ({"threads": 0}, "threads must lie between 1 and 256, got 0"),
        ({"threads": 10**9}, "threads must lie between 1 and 256"),
    ],
)
def test_what_cannot_be_run_is_refused(artifact: Path, options: dict[str, object], words: str) -> None:
    """No other runtime is taken in its place; the message says how to add it."""
    with pytest.raises(LivegateError, match=words):
        Engine(artifact, **options)


def test_a_file_may_hold_fewer_configurations_than_the_artifact(tampered: Path, images: NDArray[np.float32]) -> None:
    """Words choose among those it holds, and the others are refused, not computed."""
    path = tampered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["variants"]["onnx"]["entry"]["values"] = {"HLH": [0, 1, 0], "LLH": [1, 1, 0]}
    path.write_text(json.dumps(manifest), "utf-8")
    few = Engine(tampered)
    assert [str(configuration) for configuration in few.configurations] == ["HLH", "LLH"]
    assert (str(few.choose("heaviest")), str(few.choose("lightest")), str(few.choose("LLH"))) == ("HLH", "LLH", "LLH")
    for use in (lambda: few.choose(None), lambda: few.threshold(Configuration.parse("HHH"))):
        with pytest.raises(ConfigurationError, match="configuration 'HHH' is not in this file; it has HLH, LLH"):
            use()
    with pytest.raises(ConfigurationError, match="'BBB' is not in this file"):
        few.logits(images, Configuration.parse("BBB"))
    assert replay(few) <= 1e-4


def test_a_file_may_have_thresholds_of_its_own(tampered: Path) -> None:
    """They go before the artifact's, which stay what they are."""
    path = tampered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["variants"]["onnx"]["thresholds"] = {
        text: {"value": 0.125, "rule": "bpcer=0.05", "split": "dev"} for text in manifest["configurations"]
    }
    path.write_text(json.dumps(manifest), "utf-8")
    assert {Engine(tampered).threshold(configuration).value for configuration in Engine(tampered).configurations} == {0.125}
