"""The benchmark measures every variant, compares like with like, and says what it cannot run."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, LivegateError
from livegate.runtime.artifact import Artifact
from livegate.runtime.bench import fresh, run
from livegate.runtime.bench.fresh import Loading, Peak
from livegate.runtime.bench.run import Plan, measure
from livegate.runtime.bench.subjects import Subject, call, foreign, subjects


@pytest.fixture(scope="module")
def model(artifact: Path) -> Artifact:
    """The default model."""
    return Artifact.open(artifact)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for loading: what it tells is made up."""
    monkeypatch.setattr(run, "loading", lambda chosen: Loading(1.0, 2.0, 3.0 * len(chosen), 4.0))
    monkeypatch.setattr(run, "SWITCHING_ROUNDS", 1)


def static(folder: Path, artifact: Path, *names: str) -> Path:
    """Artifacts that stand for those of one configuration: the default model, whose only configuration is that one."""
    for name in names:
        copied = Path(shutil.copytree(artifact, folder / name))
        manifest = Artifact.open(copied).manifest
        variant = manifest.variants["onnx"]
        entry = variant.entry.model_copy(update={"values": {name: Configuration.parse(name).codes}})
        variants = {"onnx": variant.model_copy(update={"entry": entry})}
        (copied / "manifest.json").write_text(manifest.model_copy(update={"variants": variants}).model_dump_json(), "utf-8")
    return folder


@pytest.mark.usefixtures("still")
def test_every_configuration_is_measured_beside_its_static_twin(model: Artifact, artifact: Path, tmp_path: Path) -> None:
    """Three configurations, one of them and all-heavy with a file of its own; ratios to itself are one, and numbers are in order."""
    shares: list[float] = []
    plan = Plan(
        artifact=model,
        runtimes=["onnx"],
        configurations=[Configuration.parse(text) for text in ("HHH", "LLL", "BBB")],
        static=static(tmp_path / "static", artifact, "HHH", "LLL"),
        against=[artifact / "model.onnx"],
        rounds=3,
    )
    result = measure(plan, shares.append)
    assert [(row.variant, row.configuration, row.static) for row in result.rows] == [
        ("onnx", "HHH", False),
        ("onnx", "HHH", True),
        ("onnx", "LLL", False),
        ("onnx", "LLL", True),
        ("onnx", "BBB", False),
        ("onnx", str(artifact / "model.onnx"), False),
    ]
    rows = {(row.configuration, row.static): row for row in result.rows}
    for row in result.rows:
        assert 0 < row.median_ms <= row.p95_ms <= row.p99_ms
        assert row.drift is None
    assert rows["HHH", True].to_plain == 1
    assert [rows[key].to_static is not None for key in rows] == [True, False, True, False, False, False]
    # The stand-ins are the same network: on a machine that others share, too, the ratio is nowhere near that of other networks.
    assert 0.5 < rows["LLL", False].to_static < 2
    assert rows["LLL", False].to_plain < rows["BBB", False].to_plain
    assert all(0 < row.share < 2 for row in result.rows if row.configuration in {"HHH", "LLL", "BBB"})
    assert rows["LLL", False].error == model.manifest.provenance.quality["LLL"].d_eer
    other = result.rows[-1]
    assert (other.to_plain, other.to_static, other.share, other.error) == (None, None, None, None)
    assert sum(shares) == pytest.approx(1)
    assert result.rounds == 3
    (variant,) = result.variants
    assert variant.bytes == model.manifest.bytes
    assert (variant.loading.added_mb, variant.static_loading) == (3.0, Loading(1.0, 2.0, 6.0, 4.0))
    assert variant.switch_ms is not None
    assert json.loads(json.dumps(asdict(result)))["machine"]["threads"] == 1


@pytest.mark.usefixtures("still")
def test_without_static_files_the_heavy_configuration_of_the_same_file_is_the_measure(model: Artifact) -> None:
    """And the few that are measured are the named ones."""
    result = measure(Plan(artifact=model, runtimes=["onnx"], rounds=1))
    assert [row.configuration for row in result.rows] == ["HHH", "LHH", "HLH", "HHL", "LLL", "BBB"]
    assert result.rows[0].to_plain == 1
    assert all(row.to_static is None and row.to_plain for row in result.rows)


@pytest.mark.usefixtures("still")
def test_sustained_load_goes_on_for_its_minutes(model: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of rounds; the drift compares its ends."""
    monkeypatch.setattr(run, "WINDOW", 0.05)
    plan = Plan(artifact=model, runtimes=["onnx"], configurations=[Configuration.parse("LLL")], rounds=1, minutes=0.05)
    result = measure(plan)
    assert result.seconds >= 3
    assert result.rounds > 1
    assert result.rows[0].drift is not None


def test_the_cached_form_is_measured_beside_the_portable_one(
    model: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it cannot be kept nothing else is measured in its place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    chosen = subjects(model, ["onnx"], 1, cache=True)
    assert [subject.name for subject in chosen] == ["onnx", "onnx (cached form)"]
    chosen[1].load()
    (tmp_path / "xdg" / "livegate" / "models").chmod(0o755)
    chosen[0].load()
    with pytest.raises(LivegateError, match=r"onnx \(cached form\) cannot be measured: .* chmod 700"):
        chosen[1].load()


def test_what_is_not_there_is_said(model: Artifact, tmp_path: Path) -> None:
    """A runtime without a file, a folder without artifacts, a file without the configuration."""
    with pytest.raises(ArtifactError, match="has nothing for ncnn; it has onnx"):
        subjects(model, ["onnx", "ncnn"], 1, cache=False)
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(LivegateError, match=r"has no folder .*/HHH or the like; make it with livegate export … --fixed"):
            measure(Plan(artifact=model, runtimes=["onnx"], static=folder))


def test_loading_is_measured_in_a_fresh_process(model: Artifact) -> None:
    """It takes time and memory: at least that of the weights, and less than the whole process has."""
    found = fresh.loading([Subject(model.folder, "onnx", "fp32", 1)], runs=1)
    assert found.load_ms > 0
    assert found.first_ms > 0
    if found.added_mb is not None and found.peak_mb is not None:
        assert 5 < found.added_mb < found.peak_mb < 1000


def test_a_model_that_cannot_be_loaded_there_is_told(model: Artifact) -> None:
    """In one line, with the reason."""
    with pytest.raises(LivegateError, match=r"a model cannot be loaded in a fresh process: .*has no variant 'onnx-int8'"):
        fresh.loading([Subject(model.folder, "onnx", "int8", 1)], runs=1)


def test_the_peak_is_that_of_a_product_of_matrices() -> None:
    """More than a loop in Python could do, less than any core; asked for again and again of one process."""
    with Peak(threads=1) as peak:
        rates = [peak.rate() for _ in range(2)]
    assert all(1e8 < rate < 1e13 for rate in rates)
    with pytest.raises(LivegateError, match="has ended"):
        peak.rate()


def test_another_model_runs_on_noise_of_the_shape_that_it_asks_for(artifact: Path) -> None:
    """The open batch becomes one, whole numbers become zero; what it gives is two logits."""
    (logits,) = foreign(artifact / "model.onnx", 128, 1)()
    assert logits.shape == (1, 2)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("data", [b"", b"no model", os.urandom(500)])
def test_another_model_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    """In one line that names it."""
    path = tmp_path / "other.onnx"
    path.write_bytes(data)
    with pytest.raises(LivegateError, match=r"other\.onnx: ONNX Runtime cannot load it") as caught:
        foreign(path, 128, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        ("FLOAT", [1, 100_000, 100_000], "is too large"),
        ("STRING", [1], "only plain arrays can be made up"),
        ("FLOAT", [3], "it does not run on noise"),
    ],
)
def test_another_model_that_cannot_be_fed_is_refused(tmp_path: Path, kind: str, shape: list[int], words: str) -> None:
    """Words for input, more numbers than memory, or noise that it cannot take: here a sum with a row of two."""
    onnx = pytest.importorskip("onnx")
    inner = onnx.TensorProto.DataType.Value(kind)
    value = onnx.helper.make_tensor_value_info("x", inner, [None] if shape == [3] else shape)
    nodes = [onnx.helper.make_node("Identity", ["x"], ["y"])]
    if shape == [3]:
        nodes = [onnx.helper.make_node("Reshape", ["x", "two"], ["y"])]
    two = onnx.numpy_helper.from_array(np.array([2, 2], np.int64), "two")
    output = onnx.helper.make_tensor_value_info("y", inner, None)
    graph = onnx.helper.make_graph(nodes, "g", [value], [output], [two])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 9
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(LivegateError, match=words):
        foreign(tmp_path / "other.onnx", 128, 1)


def test_a_call_is_one_of_the_network(model: Artifact) -> None:
    """On noise of the network's size."""
    engine = Subject(model.folder, "onnx", "fp32", 1).load()
    assert call(engine, Configuration.parse("HLB"))().shape == (1, 2)
