"""Manifests of the first schema version are read as what they mean today."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import ArtifactError
from livegate.preprocessing import Preprocessing
from livegate.runtime.artifact import Artifact
from livegate.runtime.entry import InputEntry
from livegate.runtime.migration import migrated

FILES = {"model.onnx": b"model", "golden.npz": b"golden", "LICENSE": b"licence"}
HASHES = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
VERSION_1: dict[str, Any] = {
    "schema_version": 1,
    "name": "old",
    "task": "liveness",
    "outputs": ["bona-fide", "attack"],
    "adaptive_blocks": 1,
    "default_configuration": "H",
    "preprocessing": {
        "size": 64,
        "margin": 1.0,
        "colour": "RGB",
        "mean": [151.2405, 119.595, 107.8395],
        "std": [63.0105, 56.457, 55.0035],
        "interpolation": "area",
        "layout": "NCHW",
        "detection": {"score": 0.6, "nms": 0.3, "longest_side": 480, "stretches": [1.0, 1.5, 2.0]},
    },
    "configurations": {"H": {"parameters": 2, "macs": 3, "threshold": {"value": 0.25, "rule": "bpcer=0.05", "split": "dev"}}},
    "variants": {
        "onnx": {
            "file": "model.onnx",
            "sha256": HASHES["model.onnx"],
            "bytes": 5,
            "precision": "fp32",
            "entry": {"kind": "input", "name": "configuration", "values": {"H": [0]}},
            "parity": {"pictures": 64, "largest": 2e-06, "tolerance": 0.0002},
        }
    },
    "golden": {"file": "golden.npz", "sha256": HASHES["golden.npz"], "tolerance": 0.0002},
    "provenance": {"recipe": {}, "training": {}, "versions": {"livegate": "0.1.0"}, "quality": {}},
    "licence": {"spdx": "CC0-1.0", "summary": "Free.", "file": "LICENSE"},
    "files": {"LICENSE": HASHES["LICENSE"]},
}
"""As livegate 0.1.0 wrote it, with one configuration."""


def folder_of(path: Path, manifest: object) -> Path:
    """An artifact with that manifest."""
    for name, data in FILES.items():
        (path / name).write_bytes(data)
    (path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return path


def test_a_manifest_of_version_1_opens(tmp_path: Path) -> None:
    """Its ONNX file is the fp32 variant of ONNX Runtime, with the same hash, entry, proof and threshold."""
    manifest = Artifact.open(folder_of(tmp_path, VERSION_1)).manifest
    (variant,) = manifest.variants.values()
    assert not manifest.preprocessing.standardised
    assert (manifest.schema_version, variant.target, variant.runtime, variant.precision) == (3, "onnx", "onnx", "fp32")
    assert {name: (file.sha256, file.bytes) for name, file in variant.files.items()} == {
        "model.onnx": (HASHES["model.onnx"], 5)
    }
    assert variant.entry == InputEntry(values={"H": (0,)})
    assert variant.parity is not None
    assert (variant.parity.pictures, variant.parity.largest, variant.parity.tolerance) == (64, 2e-06, 0.0002)
    assert not variant.thresholds
    assert manifest.configurations["H"].threshold.value == 0.25
    assert manifest.preprocessing == Preprocessing(size=64)
    assert (manifest.preprocessing.shape, manifest.preprocessing.detection.widened) == ("square", (1.0, 1.0))


def test_a_manifest_of_version_2_standardises_nothing() -> None:
    """It says nothing of it; whatever else is missing stays missing."""
    renewed = migrated({"schema_version": 2, "name": "old", "preprocessing": {"size": 64}})
    assert renewed == {"schema_version": 3, "name": "old", "preprocessing": {"size": 64, "standardised": False}}


def test_reading_it_writes_nothing(tmp_path: Path) -> None:
    """The file stays as it is, and so does what was read from it."""
    folder = folder_of(tmp_path, VERSION_1)
    before = (folder / "manifest.json").read_bytes()
    Artifact.open(folder)
    assert (folder / "manifest.json").read_bytes() == before
    kept = copy.deepcopy(VERSION_1)
    migrated(kept)
    assert kept == VERSION_1


def test_a_manifest_of_the_newest_version_is_left_alone() -> None:
    """Nothing is rewritten that needs no rewriting."""
    newest = {"schema_version": 3, "variants": {"onnx": {"file": "model.onnx"}}}
    assert migrated(newest) is newest


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("variants",), [], "variants"),
        (("variants", "onnx"), "model.onnx", "variants.onnx"),
        (("variants", "onnx", "file"), ["model.onnx"], "variants.onnx.files"),
        (("variants", "onnx", "file"), "../model.onnx", "must be the name of a file"),
        (("variants", "onnx", "sha256"), "abc", "sha256"),
        (("variants", "onnx", "speed"), 1, "variants.onnx.speed"),
        (("variants", "onnx", "entry"), None, "variants.onnx.entry"),
        (("golden",), 5, "golden"),
        (("golden", "size"), 5, "golden.size"),
        (("colour",), "blue", "colour"),
        (("preprocessing",), {"size": 64}, "lacks margin, colour, mean,"),
        (("preprocessing",), 5, "preprocessing"),
        (("preprocessing", "detection"), {"score": 0.6}, "lacks detection.nms,"),
        (("preprocessing", "detection"), [], "preprocessing.detection"),
    ],
)
def test_what_was_wrong_is_still_wrong(tmp_path: Path, place: tuple[str, ...], value: object, words: str) -> None:
    """Another type, a path out of the folder, an unknown key: told as a fault of the manifest."""
    manifest = copy.deepcopy(VERSION_1)
    inner = manifest
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ArtifactError) as caught:
        Artifact.open(folder_of(tmp_path, manifest))
    assert any(words in fault for fault in caught.value.faults)
