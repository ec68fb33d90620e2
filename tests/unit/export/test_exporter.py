"""An artifact is written whole or not at all, with thresholds that hold on dev."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from livegate import evaluation
from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.errors import ArtifactError, LivegateError, ParityError
from livegate.export.exporter import NO_LICENCE, Order, Papers, export
from livegate.models.checkpoint import Checkpoint
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.golden import replay


def test_the_artifact_opens_with_every_configuration(exported: Path) -> None:
    """Its hashes hold and it lists all 27 configurations, all-heavy by default."""
    manifest = Artifact.open(exported).manifest
    assert len(manifest.configurations) == 27
    assert (manifest.name, manifest.adaptive_blocks, manifest.default_configuration) == ("random", 3, "HHH")
    assert set(manifest.variants["onnx"].entry.values) == set(manifest.configurations)
    assert manifest.variants["onnx"].entry.values["HLB"] == (0, 1, 2)
    assert manifest.variants["onnx"].parity.largest <= 1e-4
    assert manifest.variants["onnx"].parity.pictures >= 32


def test_the_folder_holds_what_the_contract_names_and_nothing_else(exported: Path) -> None:
    """Manifest, model, golden vectors, card and licence, each but the manifest with its hash in it; no scratch is left beside."""
    names = {"manifest.json", "model.onnx", "golden.npz", "CARD.md", "LICENSE"}
    assert {path.name for path in exported.iterdir()} == names
    assert list(exported.parent.iterdir()) == [exported]
    stated = (exported / "manifest.json").read_text(encoding="utf-8")
    for name in names - {"manifest.json"}:
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() in stated


def test_thresholds_hold_on_dev_for_each_configuration(exported: Path, dev: Index) -> None:
    """Scored again with the artifact, at most 5 % of the bona fide of each source are rejected, and no higher threshold would do."""
    engine = Engine(exported)
    assert len(engine.configurations) == 27
    scores = evaluation.score(engine, dev, engine.configurations)
    for configuration in engine.configurations:
        threshold = engine.threshold(configuration)
        mine = scores.where(scores.configuration == str(configuration))
        bona_fide = mine.where(mine.species == "")
        assert len(bona_fide) == 4
        # Two pictures of each source: 5 % of them is none.
        assert (bona_fide.values >= threshold.value).all()
        assert (bona_fide.values >= np.nextafter(threshold.value, 2)).mean() < 1
        assert (threshold.rule, threshold.split) == ("bpcer=0.05", "dev")


def test_the_manifest_counts_what_the_thresholds_rest_on(exported: Path) -> None:
    """For each configuration: 4 bona fide and 8 attacks of dev."""
    quality = Artifact.open(exported).manifest.provenance.quality
    assert len(quality) == 27
    assert {(fact.split, fact.bona_fide, fact.attacks) for fact in quality.values()} == {("dev", 4, 8)}


def test_the_floor_is_where_a_fifth_of_the_worst_species_comes_through(exported: Path, generated: Path) -> None:
    """Of the 8 attacks of dev, of each species at most a fifth reach the floor, unless the threshold itself lets more through."""
    engine = Engine(exported)
    scores = evaluation.score(engine, Index.read(generated).split("dev"), engine.configurations)
    for configuration in engine.configurations:
        mine = scores.where(scores.configuration == str(configuration))
        floor, threshold = engine.manifest.floor(str(configuration), engine.variant), engine.threshold(configuration).value
        assert 0 < floor <= threshold
        worst = max((mine.values[mine.species == name] >= floor).mean() for name in set(mine.species.tolist()) - {""})
        assert worst <= 0.2 or floor == threshold
        assert floor == threshold or max(mine.values[(mine.species != "") & (mine.values < floor)]) == np.nextafter(floor, 0)


def test_costs_are_the_papers(exported: Path) -> None:
    """Parameters of the manifest are those of the spec's section 7; multiply-adds at 64 x 64 order as at 128 x 128."""
    facts = Artifact.open(exported).manifest.configurations
    expected = {"HHH": 2_226_434, "LHH": 2_172_162, "HLH": 2_108_162, "HHL": 1_906_434, "LLL": 1_733_890, "BBB": 2_718_978}
    assert {name: facts[name].parameters for name in expected} == expected
    assert facts["LLL"].macs < facts["HLH"].macs < facts["HHL"].macs < facts["LHH"].macs < facts["HHH"].macs < facts["BBB"].macs


def test_the_golden_vectors_replay(exported: Path) -> None:
    """What torch computed at the export is what the engine computes here; the file has four pictures and all configurations."""
    assert replay(Engine(exported)) <= 1e-4
    with np.load(exported / "golden.npz", allow_pickle=False) as golden:
        assert golden["images"].shape == (4, 3, 64, 64)
        assert golden["images"].dtype == np.uint8
        assert golden["logits"].shape == (27, 4, 2)
        assert golden["configurations"].tolist() == [str(c) for c in Configuration.enumerate(3)]


def test_the_licence_is_kept_and_summed_up(exported: Path) -> None:
    """The SPDX line and the first paragraph, in one line, are in the manifest; the short card repeats them."""
    licence = Artifact.open(exported).manifest.licence
    assert (licence.spdx, licence.summary) == ("CC0-1.0", "Random numbers, free for any use.")
    assert (exported / licence.file).read_text(encoding="utf-8").endswith("More words.\n")
    assert "CC0-1.0. Random numbers, free for any use." in (exported / "CARD.md").read_text(encoding="utf-8")


def test_recipe_and_notes_are_the_provenance(exported: Path) -> None:
    """What the checkpoint says of itself goes with the artifact, the versions that made it, and those that made each file."""
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    provenance = manifest["provenance"]
    assert (provenance["recipe"], provenance["training"]) == ({"name": "random"}, {"epoch": 1})
    assert {"livegate", "torch"} <= provenance["versions"].keys()
    assert {"livegate", "torch", "onnx", "onnxruntime"} <= manifest["variants"]["onnx"]["versions"].keys()


def test_without_dev_the_larger_logit_wins(checkpoint: Checkpoint, tmp_path: Path, quick: pytest.MonkeyPatch) -> None:
    """Thresholds are then 0.5 and say that they are fixed; nothing is claimed about quality, and the licence is unstated."""
    manifest = Artifact.open(export(checkpoint, tmp_path / "fixed", name="fixed", papers=Papers())).manifest
    assert {(f.threshold.value, f.threshold.rule, f.threshold.split) for f in manifest.configurations.values()} == {
        (0.5, "fixed=0.5", "")
    }
    assert not manifest.provenance.quality
    assert manifest.licence.spdx == NO_LICENCE.splitlines()[0].split(": ")[1]


def test_an_existing_folder_is_refused_and_left_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Nothing is overwritten, not even an empty folder or a file."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder"):
        with pytest.raises(ArtifactError, match="exists already; choose another folder or remove it"):
            export(checkpoint, tmp_path / name, name="a", papers=Papers())
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    assert not list((tmp_path / "folder").iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MIT",
        "Free for all.\n",
        "SPDX-License-Identifier: MIT\n",
        "SPDX-License-Identifier:\n\nFree.\n",
        "MIT: yes\n\nFree.\n",
        "SPDX-License-Identifier: ../MIT\n\nFree.\n",
    ],
)
def test_a_licence_without_its_spdx_line_or_sentence_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, quick: pytest.MonkeyPatch, text: str
) -> None:
    """Weights go nowhere without a licence that machines and people can read; nothing is left behind."""
    with pytest.raises(ArtifactError, match="must begin with 'SPDX-License-Identifier: …' and then one plain sentence"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers(licence=text))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "two words", "a/b", "a\n"])
def test_a_name_that_no_manifest_takes_is_refused_before_the_work(checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    """The folder may have any name, the artifact one of letters, digits and a few signs."""
    with pytest.raises(ArtifactError, match="must be made of letters, digits"):
        export(checkpoint, tmp_path / "out", name=name, papers=Papers())
    assert not list(tmp_path.iterdir())


def test_a_rule_that_is_unknown_is_refused_before_the_work(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The message lists the rules; nothing is left behind."""
    with pytest.raises(LivegateError, match="unknown rule 'best'"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers(), order=Order(rule="best"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["onnx.to_onnx", "source.Source.write_golden", "exporter._short_card"])
def test_a_failure_leaves_nothing_behind(checkpoint: Checkpoint, tmp_path: Path, quick: pytest.MonkeyPatch, where: str) -> None:
    """Wherever an export breaks, neither the folder nor a scratch folder stays."""

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    quick.setattr(f"livegate.export.{where}", fail)
    with pytest.raises(RuntimeError, match="the disk is full"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers())
    assert not list(tmp_path.iterdir())


def test_a_model_that_disagrees_is_not_written(
    checkpoint: Checkpoint, tmp_path: Path, model: onnx.ModelProto, quick: pytest.MonkeyPatch
) -> None:
    """An export whose file computes something else ends in a parity error, and leaves nothing behind."""
    wrong = onnx.ModelProto()
    wrong.CopyFrom(model)
    (std,) = (tensor for tensor in wrong.graph.initializer if tensor.name == "std")
    std.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(std) * np.float32(1.1), "std"))
    quick.setattr("livegate.export.onnx.to_onnx", lambda *_: wrong)
    with pytest.raises(ParityError, match="the onnx model in ONNX Runtime differs from the network"):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers())
    assert not list(tmp_path.iterdir())
