"""Formats are added to an artifact of the same network, whole or not at all, and nothing that is there is changed."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from livegate.cli.app import main
from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.errors import ArtifactError, ConfigurationError, LivegateError, MissingExtraError, ParityError
from livegate.export import exporter, onnx
from livegate.export.exporter import Order, Papers, derive, export, extend
from livegate.export.targets import TARGETS, Target
from livegate.export.written import Written
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.golden import replay

INT8 = replace(TARGETS["onnx-int8"], writer="stand-in")
"""Stands in for a quantised file: the fp32 one under another name, so that these tests are about the exporter."""


@pytest.fixture
def artifact(exported: Path, tmp_path: Path) -> Path:
    """A copy of the artifact of the checkpoint, its thresholds set on dev."""
    return Path(shutil.copytree(exported, tmp_path / "artifact"))


@pytest.fixture
def plain(checkpoint: Checkpoint, tmp_path: Path, quick: pytest.MonkeyPatch) -> Path:
    """The artifact of the checkpoint with thresholds that nobody measured."""
    return export(checkpoint, tmp_path / "plain", name="plain", papers=Papers())


@pytest.fixture
def seen(quick: pytest.MonkeyPatch) -> list[NDArray[np.float32]]:
    """The pictures that a stand-in for a quantised file was calibrated with."""
    pictures: list[NDArray[np.float32]] = []

    def write(
        network: Network,
        preprocessing: Preprocessing,
        configurations: Sequence[Configuration],
        folder: Path,
        calibration: NDArray[np.float32],
    ) -> Written:
        pictures.append(calibration)
        model = onnx.to_onnx(network, preprocessing)
        (folder / "model.int8.onnx").write_bytes(model.SerializeToString())
        return Written(("model.int8.onnx",), onnx.entry(configurations), ())

    quick.setattr(Target, "write", property(lambda _: write))
    return pictures


def hashes(folder: Path) -> dict[str, str]:
    """Every file of a folder with its hash."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_openvino_is_added_without_a_further_file(checkpoint: Checkpoint, artifact: Path, quick: pytest.MonkeyPatch) -> None:
    """It runs the ONNX file that is there, proven in OpenVINO for all 27 configurations; nothing but the manifest changes."""
    pytest.importorskip("openvino")
    before = hashes(artifact)
    assert extend(checkpoint, artifact, Order([TARGETS["openvino"]])) == artifact
    after = hashes(artifact)
    assert {name for name in after if after[name] != before.get(name)} == {"manifest.json"}
    manifest = Artifact.open(artifact).manifest
    assert list(manifest.variants) == ["onnx", "openvino"]
    assert manifest.variants["openvino"].files == manifest.variants["onnx"].files
    assert manifest.variants["openvino"].parity.largest <= 1e-4
    assert "openvino" in manifest.variants["openvino"].versions
    engine = Engine(artifact, runtime="openvino")
    assert len(engine.configurations) == 27
    assert replay(engine) <= 1e-4
    assert list(artifact.parent.iterdir()) == [artifact]


def test_a_new_artifact_may_hold_several(checkpoint: Checkpoint, tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    """OpenVINO alone brings the ONNX file with it; both together bring it once."""
    pytest.importorskip("openvino")
    alone = export(checkpoint, tmp_path / "alone", name="alone", papers=Papers(), order=Order([TARGETS["openvino"]]))
    both = export(
        checkpoint, tmp_path / "both", name="both", papers=Papers(), order=Order([TARGETS["onnx"], TARGETS["openvino"]])
    )
    for folder, variants in ((alone, ["openvino"]), (both, ["onnx", "openvino"])):
        manifest = Artifact.open(folder).manifest
        assert list(manifest.variants) == variants
        assert manifest.bytes == (folder / "model.onnx").stat().st_size


def test_what_is_there_is_not_written_again(checkpoint: Checkpoint, artifact: Path) -> None:
    """Told before the work, and nothing changes."""
    before = hashes(artifact)
    with pytest.raises(ArtifactError, match="has onnx already; leave it out, or export into a new folder"):
        extend(checkpoint, artifact, Order([TARGETS["openvino"], TARGETS["onnx"]]))
    assert hashes(artifact) == before


def test_another_network_is_refused(
    checkpoint: Checkpoint, artifact: Path, seen: list[NDArray[np.float32]], dev: Index
) -> None:
    """Other weights give other golden vectors, another preprocessing another input; nothing changes."""
    weights = {name: torch.clone(tensor) for name, tensor in checkpoint.weights.items()}
    bias = next(name for name in reversed(weights) if name.endswith("bias"))
    weights[bias] += 0.01
    before = hashes(artifact)
    order = Order([INT8], dev=dev, calibration=dev)
    for other in (replace(checkpoint, weights=weights), replace(checkpoint, preprocessing=Preprocessing(size=64, margin=1.5))):
        with pytest.raises(ArtifactError, match="was made of another network: its golden vectors differ"):
            extend(other, artifact, order)
    assert not seen
    assert hashes(artifact) == before
    assert [path.name for path in artifact.parent.iterdir()] == ["artifact"]


def test_a_file_that_disagrees_is_not_added(
    checkpoint: Checkpoint, artifact: Path, seen: list[NDArray[np.float32]], dev: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The artifact stays as it was."""
    before = hashes(artifact)
    monkeypatch.setattr("livegate.export.parity.largest_difference", lambda *_: 1e9)
    with pytest.raises(ParityError, match="the onnx-int8 model in ONNX Runtime differs from the network"):
        extend(checkpoint, artifact, Order([INT8], dev=dev, calibration=dev))
    assert len(seen) == 1
    assert hashes(artifact) == before


def test_int8_is_calibrated_and_has_thresholds_of_its_own(
    checkpoint: Checkpoint, artifact: Path, seen: list[NDArray[np.float32]], dev: Index
) -> None:
    """The writer gets the crops of the calibration index; the file is added, and its thresholds are set on dev like the artifact's."""
    extend(checkpoint, artifact, Order([INT8], dev=dev, calibration=dev))
    (pictures,) = seen
    assert (pictures.shape, pictures.dtype) == ((12, 3, 64, 64), np.float32)
    assert 0 <= pictures.min() < pictures.max() <= 255
    manifest = Artifact.open(artifact).manifest
    variant = manifest.variants["onnx-int8"]
    assert list(variant.files) == ["model.int8.onnx"]
    assert len(variant.thresholds) == 27
    # The stand-in computes what the fp32 file computes, so that its thresholds are the same.
    assert variant.thresholds == {text: facts.threshold for text, facts in manifest.configurations.items()}
    assert Engine(artifact, precision="int8").threshold(Configuration.parse("HLB")) == variant.thresholds["HLB"]


def test_thresholds_of_fp32_are_not_lent_to_int8(
    checkpoint: Checkpoint, artifact: Path, plain: Path, seen: list[NDArray[np.float32]], dev: Index
) -> None:
    """Where they were measured int8 needs dev; where they were not the larger logit wins for both."""
    with pytest.raises(ArtifactError, match="has thresholds that were set in fp32; onnx-int8 needs its own, give --dev INDEX"):
        extend(checkpoint, artifact, Order([INT8], calibration=dev))
    extend(checkpoint, plain, Order([INT8], calibration=dev))
    assert not Artifact.open(plain).manifest.variants["onnx-int8"].thresholds


def test_dev_without_use_is_refused(checkpoint: Checkpoint, artifact: Path, dev: Index) -> None:
    """Formats in fp32 take the thresholds that are there."""
    with pytest.raises(ArtifactError, match="has its thresholds already; leave out --dev"):
        extend(checkpoint, artifact, Order([TARGETS["openvino"]], dev=dev))


def test_int8_without_pictures_is_refused_before_the_work(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Nothing is guessed about the ranges."""
    with pytest.raises(LivegateError, match="export to onnx-int8 needs pictures of the training mix; give --calibration INDEX"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers(), order=Order([TARGETS["onnx-int8"]]))
    assert not list(tmp_path.iterdir())


def test_a_missing_converter_is_told_before_the_work(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """With the install line; nothing is written."""
    absent = replace(TARGETS["onnx"], runtime="coreml", needs=("a_package_that_is_not_there",), extra="coreml")
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[onnx,coreml\]'"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers(), order=Order([absent]))
    assert not list(tmp_path.iterdir())


def test_the_configurations_of_a_file_can_be_named(checkpoint: Checkpoint, tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    """The file lists them and no others, the artifact lists all; one of another network is refused."""
    named = [Configuration.parse(text) for text in ("HHH", "LLL")]
    folder = export(checkpoint, tmp_path / "few", name="few", papers=Papers(), order=Order(configurations=named))
    manifest = Artifact.open(folder).manifest
    assert manifest.variants["onnx"].configurations == tuple(named)
    assert len(manifest.configurations) == 27
    with pytest.raises(ConfigurationError, match="has length 2, the network has 3"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers(), order=Order(configurations=[Configuration.parse("HH")]))


@pytest.mark.parametrize("text", ["LLL", "BBB"])
def test_one_configuration_can_be_exported_alone(
    checkpoint: Checkpoint, exported: Path, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no gates and no input to choose by, is smaller, and computes what the switchable file computes.

    The form of that file that is made for this machine computes it bit for bit: its gates cost no rounding.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 2)
    alone = Order(fixed=Configuration.parse(text))
    folder = export(checkpoint, tmp_path / text, name=text, papers=Papers(), order=alone)
    engine, whole, cached = Engine(folder), Engine(exported), Engine(exported, cache=True)
    assert (engine.manifest.adaptive_blocks, [str(c) for c in engine.configurations]) == (0, [""])
    assert engine.manifest.configurations[""].parameters == whole.manifest.configurations[text].parameters
    sizes = [(place / "model.onnx").stat().st_size for place in (folder, exported)]
    assert sizes[0] < (0.7 if text == "LLL" else 1) * sizes[1]
    for seed in range(4):
        images = np.random.default_rng(seed).uniform(0, 255, (2, 3, 64, 64)).astype(np.float32)
        expected = engine.run(images, Configuration.parse(""))
        np.testing.assert_allclose(whole.run(images, Configuration.parse(text)), expected, rtol=0, atol=1e-5)
        assert np.array_equal(cached.run(images, Configuration.parse(text)), expected)


def test_one_configuration_keeps_the_threshold_that_was_measured(
    checkpoint: Checkpoint,
    artifact: Path,
    dev: Index,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its scores are the same, so what the artifact knows of them holds; of int8, whose scores are others, it does not."""
    manifest = Artifact.open(artifact).manifest
    for text in ("HHH", "LLL"):
        monkeypatch.setattr(sys, "argv", ["livegate", "export", str(artifact), "--fixed", text, "--out", str(tmp_path / text)])
        with pytest.raises(SystemExit, match="0"):
            main()
        alone = Artifact.open(tmp_path / text).manifest
        assert alone.configurations[""].threshold == manifest.configurations[text].threshold
        assert alone.provenance.quality[""] == manifest.provenance.quality[text]
        assert alone.floor("", next(iter(alone.variants.values()))) == manifest.floor(text, manifest.variants["onnx"])
    known = (manifest.configurations["LLL"].threshold, None)
    order = Order([INT8], fixed=Configuration.parse("LLL"), calibration=dev, known=known)
    with pytest.raises(ArtifactError, match="has thresholds that were set in fp32; onnx-int8 needs its own, give --dev INDEX"):
        export(checkpoint, tmp_path / "int8", name="int8", papers=Papers(), order=order)


def test_a_copy_without_a_new_format_is_refused(checkpoint: Checkpoint, artifact: Path, tmp_path: Path) -> None:
    """By the names that the user gave."""
    with pytest.raises(ArtifactError, match=r"copy: becomes a copy of .*, which has onnx already; ask for another with --to"):
        derive(Artifact.open(artifact), checkpoint, tmp_path / "copy", Order())


def test_a_copy_holds_what_the_manifest_names_and_nothing_else(
    checkpoint: Checkpoint, artifact: Path, dev: Index, seen: list[NDArray[np.float32]], tmp_path: Path
) -> None:
    """What else lies in the folder, be it a file or a link to one, stays there: a copy is what people publish."""
    (artifact / "notes.txt").write_text("private", "utf-8")
    (tmp_path / "key").write_text("private", "utf-8")
    (artifact / "key").symlink_to(tmp_path / "key")
    (artifact / "pictures").symlink_to(dev.path.parent)
    names = {"manifest.json", "model.onnx", "golden.npz", "CARD.md", "LICENSE"}
    kept = artifact.parent / "kept"
    artifact.joinpath("model.onnx").rename(kept)
    artifact.joinpath("model.onnx").symlink_to(kept)  # as a cache of downloads has its files
    before = hashes(artifact)
    copy = derive(Artifact.open(artifact), checkpoint, tmp_path / "copy", Order([INT8], dev=dev, calibration=dev))
    assert len(seen) == 1
    assert {path.name for path in copy.rglob("*")} == {*names, "model.int8.onnx"}
    assert not any(path.is_symlink() for path in copy.rglob("*"))
    assert {name: before[name] for name in names - {"manifest.json"}}.items() <= hashes(copy).items()
    assert set(Artifact.open(copy).manifest.variants) == {"onnx", "onnx-int8"}
    assert hashes(artifact) == before


def test_a_file_that_was_changed_since_is_not_copied(
    checkpoint: Checkpoint, artifact: Path, seen: list[NDArray[np.float32]], dev: Index, tmp_path: Path
) -> None:
    """What is copied is what was opened, or nothing is."""
    opened = Artifact.open(artifact)
    (artifact / "CARD.md").write_text("another card", "utf-8")
    with pytest.raises(ArtifactError, match=r"CARD\.md is not the file that the manifest names"):
        derive(opened, checkpoint, tmp_path / "copy", Order([INT8], dev=dev, calibration=dev))
    assert not seen
    assert not (tmp_path / "copy").exists()


def test_another_export_that_ended_meanwhile_is_kept(
    checkpoint: Checkpoint, plain: Path, seen: list[NDArray[np.float32]], dev: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is read once more before it is replaced: what was added while this export worked is not lost."""
    pytest.importorskip("openvino")
    real = exporter._variant

    def slow(*arguments: object) -> object:
        variant = real(*arguments)
        if "openvino" not in Artifact.open(plain).manifest.variants:
            monkeypatch.setattr(exporter, "_variant", real)
            monkeypatch.setattr(Target, "write", property(lambda _: TARGETS_WRITE))
            extend(checkpoint, plain, Order([TARGETS["openvino"]]))
        return variant

    from livegate.export.openvino import write as TARGETS_WRITE  # noqa: N812 - the real one

    monkeypatch.setattr(exporter, "_variant", slow)
    extend(checkpoint, plain, Order([INT8], calibration=dev))
    assert set(Artifact.open(plain).manifest.variants) == {"onnx", "openvino", "onnx-int8"}
