"""What is different about the export of a network for verification: its targets, its rule, its thresholds, its golden vectors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.errors import ArtifactError, LivegateError, MetricError
from livegate.export import targets
from livegate.export.exporter import Order, fmr_of
from livegate.export.targets import TARGETS
from livegate.export.thresholds import Cosines, part_of
from livegate.models.checkpoint import Checkpoint
from livegate.models.embedding import Embedding
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing, aligned
from livegate.runtime.artifact import Artifact


@pytest.mark.parametrize(("rule", "share"), [("fmr=0.001", 0.001), ("fmr=1e-4", 1e-4), ("fmr=0.5", 0.5)])
def test_the_rule_of_verification_is_a_share(rule: str, share: float) -> None:
    """Of non-mated pairs that may be accepted."""
    assert fmr_of(rule) == share


@pytest.mark.parametrize(
    "rule",
    ["", "fmr", "fmr=", "fmr=0", "fmr=1", "fmr=-0.1", "fmr=2", "fmr=nan", "fmr=inf", "FMR=0.1", "bpcer=0.05", "fmr=0.1,pooled"],
)
def test_other_rules_are_refused(rule: str) -> None:
    """The message says what may be said."""
    with pytest.raises(MetricError, match=r"say fmr=X with X between 0 and 1"):
        fmr_of(rule)


def test_each_task_has_its_rule() -> None:
    """Where none is named; one of the other task is refused, both ways."""
    assert Order().thresholds("verification").fmr == 0.001
    assert str(Order().thresholds("liveness").rule) == str(Order(rule="bpcer=0.05").thresholds("liveness").rule)
    with pytest.raises(MetricError, match=r"'bpcer=0\.05' for verification"):
        Order(rule="bpcer=0.05").check(2, "verification")
    with pytest.raises(MetricError, match=r"fmr=0\.1"):
        Order(rule="fmr=0.1").check(2, "liveness")


def test_a_format_that_was_not_proven_with_verification_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of twelve were; the others say which."""
    monkeypatch.setattr(targets, "find_spec", lambda name: name)
    proven = [name for name, target in TARGETS.items() if "verification" in target.tasks]
    assert (proven, len(TARGETS)) == (["onnx", "onnx-fp16", "openvino"], 12)
    for name, target in TARGETS.items():
        if name in proven:
            Order([target]).check(2, "verification")
            continue
        with pytest.raises(LivegateError, match=f"export to {name} is for liveness; .* can go to onnx, onnx-fp16, openvino"):
            Order([target]).check(2, "verification")


class Brightness:
    """Embeds a face by how bright it is in red and in blue; under L, in green and in blue."""

    preprocessing: Preprocessing = aligned()

    def __init__(self) -> None:
        self.calls = 0

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[np.float32]:
        """(N, 3, 112, 112) to (N, 2)."""
        self.calls += 1
        found = images.mean(axis=(2, 3))[:, [1, 2] if str(configuration) == "L" else [0, 2]]
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_thresholds_are_set_on_all_pairs_of_dev(generated: Path) -> None:
    """Counted one by one: at the threshold at most one in ten of the non-mated pairs is accepted, just below it more are."""
    samples = Index.read(generated).split("dev")
    scorer, told = Brightness(), list[int]()
    configurations = [Configuration.parse(text) for text in ("H", "L")]
    found = Cosines(samples, 0.1, told.append).facts(scorer, configurations)
    assert (list(found), sum(told), scorer.calls) == (["H", "L"], len(samples.samples), 2)
    for configuration in configurations:
        threshold, quality = found[str(configuration)]
        pixels = [cv2_read(sample.path) for sample in samples.samples]
        rows = np.concatenate([scorer.run(one, configuration) for one in pixels]).astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        same, other = list[float](), list[float]()
        for (i, one), (j, two) in combinations(enumerate(samples.samples), 2):
            mated = (one.source, one.subject) == (two.source, two.subject)
            (same if mated else other).append(min(1.0, float(rows[i] @ rows[j])))
        assert (quality.mated, quality.non_mated, quality.split) == (len(same), len(other), "dev")
        assert (threshold.rule, threshold.split) == ("fmr=0.1", "dev")
        assert sum(value >= threshold.value + 1e-9 for value in other) <= 0.1 * len(other)
        assert sum(value >= threshold.value - 1e-6 for value in other) > 0.1 * len(other) - 1
        assert quality.fnmr == pytest.approx(sum(value < threshold.value for value in same) / len(same), abs=1.5 / len(same))
        assert quality.eer == quality.error


def cv2_read(path: Path) -> NDArray[np.float32]:
    """A picture as OpenCV reads it, area-averaged or enlarged to the input: (1, 3, 112, 112)."""
    import cv2

    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return cv2.resize(picture, (112, 112), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)[None].astype(np.float32)


def test_too_few_pairs_for_a_rule_are_an_error(generated: Path) -> None:
    """Below one in so many pairs no threshold can be told from another; told before a face is embedded."""
    dev = Index.read(generated).split("dev")
    with pytest.raises(MetricError, match=r"FMR 0\.001 needs at least 1,000 non-mated comparisons"):
        Order(dev=dev).check(2, "verification")
    Order(dev=dev, rule="fmr=0.1").check(2, "verification")


def test_without_dev_nothing_is_claimed() -> None:
    """The threshold is fixed and says so; no two faces reach it, not even one face and itself."""
    threshold, quality = Cosines(None, 0.001, lambda _: None).facts(Brightness(), [Configuration.parse("H")])["H"]
    assert (threshold.rule, threshold.split, quality) == (f"fixed={threshold.value}", "", None)
    assert threshold.value > 1


def test_dev_needs_the_recipe_of_the_training(generated: Path) -> None:
    """That of another task or none draws nobody."""
    with pytest.raises(LivegateError, match="the recipe of this network"):
        part_of(generated, "dev", "verification", {"name": "random"})


def test_one_configuration_alone_is_still_an_embedding(face_checkpoint: Callable[[int], Path]) -> None:
    """What `--fixed` exports ends as the whole network does, and so is called the same."""
    network = Checkpoint.load(face_checkpoint(0)).network()
    alone = Network(network.fixed(Configuration.parse("LH")))
    assert isinstance(alone.blocks[-1], Embedding)


def test_the_manifest_says_what_comes_out(face_artifact: Path) -> None:
    """An embedding, in the manifest, in both ONNX files and in the golden vectors, which have one of 32 numbers for each of nine configurations."""
    onnx = pytest.importorskip("onnx")
    manifest = Artifact.open(face_artifact).manifest
    assert (manifest.task, manifest.outputs, manifest.output) == ("verification", ("embedding",), "embedding")
    assert manifest.preprocessing == aligned()
    assert list(manifest.variants) == ["onnx", "onnx-fp16"]
    for variant in manifest.variants.values():
        (output,) = onnx.load_model(face_artifact / next(iter(variant.files))).graph.output
        assert (output.name, output.type.tensor_type.shape.dim[1].dim_value) == ("embedding", 32)
    with np.load(face_artifact / "golden.npz", allow_pickle=False) as golden:
        assert set(golden.files) == {"images", "configurations", "embedding"}
        assert (golden["embedding"].shape, golden["embedding"].dtype) == ((9, 4, 32), np.float32)
        assert np.linalg.norm(golden["embedding"], axis=-1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("task", "outputs"), [("liveness", ["embedding"]), ("verification", ["bona-fide", "attack"])])
def test_task_and_outputs_must_agree(face_artifact: Path, tmp_path: Path, task: str, outputs: list[str]) -> None:
    """A manifest that says one thing and its opposite is refused."""
    folder = Path(shutil.copytree(face_artifact, tmp_path / "odd"))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8")) | {"task": task, "outputs": outputs}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ArtifactError, match=f"outputs must be .* for {task}"):
        Artifact.open(folder)
