"""The engine runs every configuration of one file, any after any, and remembers nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, ConfigurationError
from livegate.preprocessing import to_input
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.golden import replay


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
    """Replace a file of an artifact and its hash, as somebody would who can write the folder."""
    path = folder / "manifest.json"
    old = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(path.read_text("utf-8").replace(old, hashlib.sha256(data).hexdigest()), "utf-8")
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
    assert replay(engine) <= engine.manifest.golden.tolerance == 1e-4


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
