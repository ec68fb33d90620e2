"""The whole way through the command line: generated pictures, training, export, scores, report, and a decision on a picture."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from livegate.cli.app import app
from livegate.runtime.artifact import Artifact

RECIPE = """
name = "flow"

[preprocessing]
size = 32

[crop]
small_size = 32

[sampling.configurations]
HHH = 0.5
LLL = 0.5

[optimiser]
batch = 12
epochs = 1

[run]
threads = 1
loader_workers = 0
"""
LICENCE = "SPDX-License-Identifier: CC0-1.0\n\nTrained on drawn faces, free for any use.\n"


@dataclass(frozen=True)
class Flow:
    """What the commands wrote."""

    run: Path
    artifact: Path
    dev: Path
    test: Path
    report: Path


def _livegate(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture(scope="module")
def flow(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Flow:
    """All commands in their order: train two steps, export, score dev and test, evaluate."""
    folder = tmp_path_factory.mktemp("flow")
    recipe, licence = folder / "flow.toml", folder / "LICENCE"
    recipe.write_text(RECIPE, encoding="utf-8")
    licence.write_text(LICENCE, encoding="utf-8")
    run, artifact, report = folder / "run", folder / "artifact", folder / "report"
    trained = _livegate("train", recipe, f"data.index={generated}", "optimiser.learning_rate=0.001", "--out", run)
    assert trained.strip() == str(run / "model.safetensors")
    written = _livegate("export", run, "--out", artifact, "--dev", generated, "--licence", licence)
    assert written.strip() == str(artifact)
    scores = {split: folder / f"{split}.csv" for split in ("dev", "test")}
    for split, out in scores.items():
        _livegate("score", "--index", generated, "--split", split, "--all", "--model", artifact, "--out", out)
    _livegate("evaluate", "--dev", scores["dev"], "--test", scores["test"], "--out", report)
    return Flow(run, artifact, scores["dev"], scores["test"], report)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_training_took_two_steps_under_the_overridden_recipe(flow: Flow) -> None:
    """24 pictures in batches of 12 are one epoch of two steps, and the log has its row."""
    assert [(row["step"], row["epoch"]) for row in _rows(flow.run / "log.csv")] == [("2", "1")]
    provenance = Artifact.open(flow.artifact).manifest.provenance
    assert provenance.recipe["optimiser"]["learning_rate"] == 0.001
    assert provenance.training["step"] == 2


def test_both_splits_are_scored_under_every_configuration(flow: Flow) -> None:
    """12 pictures a split under 27 configurations, each once, each with a score within 0..1."""
    for path, split in ((flow.dev, "dev"), (flow.test, "test")):
        rows = _rows(path)
        assert len(rows) == len({(row["name"], row["configuration"]) for row in rows}) == 12 * 27
        assert {row["split"] for row in rows} == {split}
        assert {row["name"].split("/")[0] for row in rows} == {split}
        assert all(0 <= float(row["score"]) <= 1 for row in rows)


def test_the_status_of_a_score_follows_the_artifacts_threshold(flow: Flow) -> None:
    """Bona fide exactly where the score reaches the threshold of its configuration; no bona fide picture of dev is rejected."""
    thresholds = {name: facts.threshold.value for name, facts in Artifact.open(flow.artifact).manifest.configurations.items()}
    for row in _rows(flow.dev) + _rows(flow.test):
        accepted = float(row["score"]) >= thresholds[row["configuration"]]
        assert row["status"] == ("bona-fide" if accepted else "attack")
    # Two bona fide pictures of a source are too few to reject one and stay at 5 %.
    assert {row["status"] for row in _rows(flow.dev) if not row["species"]} == {"bona-fide"}


def test_the_report_is_written_for_machines_and_people(flow: Flow) -> None:
    """Both files are there and speak of every configuration and of both species."""
    readable = (flow.report / "report.md").read_text(encoding="utf-8")
    plain = (flow.report / "report.json").read_text(encoding="utf-8")
    json.loads(plain)
    for word in ("HHH", "LLL", "BBB", "print", "replay", "APCER", "BPCER"):
        assert word in readable
    for word in ("HHH", "LLL", "BBB", "print", "replay"):
        assert word in plain


def test_the_artifact_judges_a_picture(flow: Flow, astronaut: Path) -> None:
    """``check`` with that artifact prints one JSON object whose status, threshold and exit code agree."""
    result = CliRunner().invoke(
        app,
        ["check", str(astronaut), "--model", str(flow.artifact), "--configuration", "LLL", "--json"],
        catch_exceptions=False,
    )
    (line,) = result.stdout.splitlines()
    answer = json.loads(line)
    assert answer["path"] == str(astronaut)
    assert answer["configuration"] == "LLL"
    assert answer["threshold"] == Artifact.open(flow.artifact).manifest.configurations["LLL"].threshold.value
    accepted = answer["score"] >= answer["threshold"]
    assert (answer["status"], result.exit_code) == (("bona-fide", 0) if accepted else ("attack", 1))


def test_a_format_is_added_to_the_artifact(flow: Flow, tmp_path: Path) -> None:
    """The half-size file of the same checkpoint: then both are replayed, and both judge."""
    artifact = Path(shutil.copytree(flow.artifact, tmp_path / "artifact"))
    assert _livegate("export", flow.run, "--to", "onnx-fp16", "--out", artifact).strip() == str(artifact)
    told = _livegate("doctor", "--artifact", artifact)
    assert all(f"{name}: golden vectors differ by" in told for name in ("onnx", "onnx-fp16"))
    sizes = {name: variant.bytes for name, variant in Artifact.open(artifact).manifest.variants.items()}
    assert 0.5 < sizes["onnx-fp16"] / sizes["onnx"] < 0.52


def test_the_artifact_is_inspected(flow: Flow) -> None:
    """``inspect`` states its licence and its configurations."""
    shown = _livegate("inspect", flow.artifact)
    assert "CC0-1.0" in shown
    assert "2,226,434" in shown
