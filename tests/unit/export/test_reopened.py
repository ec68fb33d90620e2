"""Whoever has an artifact can make other formats of it: its ONNX file gives back the whole network."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from livegate.configuration import Configuration
from livegate.errors import ArtifactError
from livegate.export.exporter import Order, derive
from livegate.export.reopened import reopened
from livegate.export.source import Source
from livegate.export.targets import TARGETS
from livegate.models.checkpoint import Checkpoint
from livegate.models.counting import count
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.golden import replay


@pytest.fixture
def damaged(exported: Path, tmp_path: Path) -> Path:
    """A copy of the artifact, to be changed."""
    return Path(shutil.copytree(exported, tmp_path / "damaged"))


def test_the_network_comes_back(checkpoint: Checkpoint, exported: Path) -> None:
    """It has the parameters and gives the logits of the one that was exported, up to rounding, in every configuration."""
    again, original = reopened(Artifact.open(exported)), checkpoint.network()
    images = np.random.default_rng(0).uniform(0, 255, (2, 3, 64, 64)).astype(np.float32)
    source, expected = Source(again), Source(checkpoint)
    assert len(source.configurations) == 27
    for configuration in source.configurations:
        np.testing.assert_allclose(
            source.scorer.logits(images, configuration), expected.scorer.logits(images, configuration), rtol=0, atol=1e-4
        )
    heavy = Configuration.parse("HHH")
    assert count(again.network().fixed(heavy), 64) == count(original.fixed(heavy), 64)
    assert (again.preprocessing, again.recipe, again.notes) == (checkpoint.preprocessing, checkpoint.recipe, checkpoint.notes)


def test_a_shipped_model_gets_more_formats(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy with its thresholds, card and licence; the artifact itself stays as it is."""
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 2)
    artifact = Artifact.open(exported)
    order = Order([TARGETS["onnx-fp16"]])
    out = derive(artifact, reopened(artifact), tmp_path / "more", order)
    copy = Artifact.open(out)
    assert list(copy.manifest.variants) == ["onnx", "onnx-fp16"]
    assert copy.manifest.model_copy(update={"variants": artifact.manifest.variants}) == artifact.manifest
    assert (out / "CARD.md").read_bytes() == (exported / "CARD.md").read_bytes()
    assert copy.licence == artifact.licence
    assert replay(Engine(out, precision="fp16")) < 0.03
    assert [path.name for path in tmp_path.iterdir()] == ["more"]
    with pytest.raises(ArtifactError, match="exists already"):
        derive(artifact, reopened(artifact), out, order)


@pytest.mark.parametrize("harm", ["missing", "shape", "external", "rubbish", "recipe", "no onnx"])
def test_a_file_that_is_not_the_network_is_refused(damaged: Path, harm: str) -> None:
    """In words, and nothing outside the folder is read."""
    model = onnx.load(damaged / "model.onnx")
    manifest = json.loads((damaged / "manifest.json").read_text())
    words = "does not hold the network that the recipe names"
    match harm:
        case "missing":
            del model.graph.initializer[10:12]
        case "shape":
            tensor = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("weight"))
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros((1, 2), np.float32), tensor.name))
        case "external":
            tensor = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("weight"))
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="/etc/passwd")
            words = "lies in another file"
        case "recipe":
            manifest["provenance"]["recipe"]["model"] = {"name": "mobilenet-v2", "adaptive_stages": [4, 5]}
        case "no onnx":
            shutil.copy(damaged / "model.onnx", damaged / "model.tflite")
            variant = manifest["variants"].pop("onnx")
            entry = {"kind": "signature", "names": {"HHH": "HHH"}}
            manifest["variants"]["litert"] = {**variant, "runtime": "litert", "entry": entry, "files": {"model.tflite": {}}}
            words = "has no model.onnx, of which other formats are made"
    (damaged / "model.onnx").write_bytes(b"rubbish" if harm == "rubbish" else model.SerializeToString())
    for variant in manifest["variants"].values():
        variant["files"] = {name: facts(damaged / name) for name in variant["files"]}
    (damaged / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=words):
        reopened(Artifact.open(damaged))


def facts(path: Path) -> dict[str, object]:
    """What a manifest says of a file."""
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
