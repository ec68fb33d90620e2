"""From a checkpoint to the files of the Open Model Zoo's contract, and from those to decisions, through the command line."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from livegate.cli.app import main
from livegate.configuration import Configuration
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest MobileNetV3 with random weights whose answers differ from picture to picture."""
    torch.manual_seed(0)
    spec = ModelSpec("mobilenet-v3-small-0.75", ())
    network = spec.build()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            layer.momentum = 1.0  # the statistics become those of the last batch
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.05)
    with torch.inference_mode():
        network.train()(torch.randn(8, 3, 64, 64), Configuration(()))
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d) and layer.running_var is not None:
                layer.running_var.clamp_(min=0.01)
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    Checkpoint(spec, Preprocessing(), as_weights(network), {}, {}).save(path)
    return path


@pytest.fixture(scope="module")
def zoo(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both files, written by the command; only to read."""
    pytest.importorskip("openvino")
    out = tmp_path_factory.mktemp("zoo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["livegate", "export", str(checkpoint), "--contract", "omz", "--out", str(out)])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 0
    return out


FORMS = {"omz-onnx": "anti-spoof-mn3.onnx", "omz-ir": "anti-spoof-mn3.xml"}


def test_export_then_check_says_the_same_in_both_runtimes(zoo: Path, run: Run, astronaut: Path) -> None:
    """One picture, both files, each in its own runtime: the scores differ by 1e-5 at most, under the contract's threshold."""
    assert sorted(path.name for path in zoo.iterdir()) == [
        "LICENSE",
        "anti-spoof-mn3.bin",
        "anti-spoof-mn3.onnx",
        "anti-spoof-mn3.xml",
    ]
    found = {}
    for contract, name in FORMS.items():
        outcome = run("check", astronaut, "--json", "--model", zoo / name, "--contract", contract)
        assert outcome.code in {0, 1}, outcome.err
        found[contract] = json.loads(outcome.out)
        assert (found[contract]["threshold"], found[contract]["configuration"]) == (0.6, "")
        assert outcome.code == (0 if found[contract]["score"] >= 0.6 else 1)
    one, other = found["omz-onnx"]["score"], found["omz-ir"]["score"]
    assert abs(one - other) <= 1e-5
    assert 0.001 < one < 0.999


def test_score_then_evaluate_with_the_contracts_threshold(zoo: Path, run: Run, generated: Path, tmp_path: Path) -> None:
    """Every picture of an index, the same in both runtimes, no configuration; the report's threshold is the contract's."""
    scores = {}
    for contract, name in FORMS.items():
        out = tmp_path / f"{contract}.csv"
        outcome = run(
            "score", "--index", generated, "--split", "test", "--out", out, "--model", zoo / name, "--contract", contract
        )
        assert outcome.code == 0, outcome.err
        with out.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert {row["configuration"] for row in rows} == {""}
        scores[contract] = [float(row["score"]) for row in rows]
    assert len(scores["omz-onnx"]) >= 6
    assert scores["omz-onnx"] == pytest.approx(scores["omz-ir"], abs=1e-5)
    assert max(scores["omz-onnx"]) - min(scores["omz-onnx"]) > 1e-3
    report = tmp_path / "report"
    model = ("--thresholds", zoo / FORMS["omz-onnx"], "--contract", "omz-onnx")
    outcome = run("evaluate", "--test", tmp_path / "omz-onnx.csv", "--out", report, "--replicates", "0", *model)
    assert outcome.code == 0, outcome.err
    (result,) = json.loads((report / "report.json").read_text("utf-8"))["results"]
    assert result["presentation"]["threshold"]["value"] == 0.6


def test_inspect_tells_what_is_known(zoo: Path, run: Run) -> None:
    """Another maker's file, its contract; what nobody told is a dash."""
    outcome = run("inspect", zoo / FORMS["omz-onnx"], "--contract", "omz-onnx")
    assert outcome.code == 0
    assert "a file of another maker" in outcome.out
    assert "0.600000" in outcome.out


def test_a_file_that_cannot_be_told_is_refused_in_one_line(
    zoo: Path, run: Run, astronaut: Path, generated: Path, tmp_path: Path
) -> None:
    """By check, score and inspect, with what to give; a contract for an artifact or a checkpoint is refused, too."""
    path = shutil.copy(zoo / FORMS["omz-onnx"], tmp_path)
    for words in (
        ("check", astronaut, "--model", path),
        ("score", "--index", generated, "--out", tmp_path / "scores.csv", "--model", path),
        ("inspect", path),
    ):
        outcome = run(*words)
        assert (outcome.code, outcome.out) == (2, "")
        assert "--contract omz-onnx (RGB with mean and scale applied) or --contract omz-ir (BGR 0..255)" in outcome.err
        assert outcome.err.count("\n") == 1
    assert not (tmp_path / "scores.csv").exists()
    wrong = run("check", astronaut, "--model", zoo / FORMS["omz-ir"], "--contract", "omz-onnx")
    assert (wrong.code, wrong.out) == (2, "")
    assert "give --contract omz-ir" in wrong.err
    assert run("check", astronaut, "--contract", "omz-onnx").code == 2
    against = run("bench", path)
    assert (against.code, against.out) == (2, "")
    assert "--against" in against.err


def test_a_checkpoint_takes_no_contract(run: Run, checkpoint: Path, generated: Path, tmp_path: Path) -> None:
    """It is Livegate's own."""
    out = ("--out", tmp_path / "scores.csv")
    outcome = run("score", "--index", generated, *out, "--model", checkpoint, "--contract", "omz-onnx")
    assert (outcome.code, outcome.out) == (2, "")
    assert "leave out --runtime, --precision, --contract and --calibration" in outcome.err


def test_options_that_the_contract_answers_are_refused(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    """Before any work, and nothing is written."""
    for words, line in (
        (("--contract", "zoo"), "unknown contract 'zoo'; there is omz"),
        (("--contract", "omz", "--name", "x"), "says all that --name could; leave it out"),
        (("--contract", "omz", "--to", "litert"), "has no file for litert"),
    ):
        outcome = run("export", checkpoint, "--out", tmp_path / "out", *words)
        assert (outcome.code, outcome.out) == (2, "")
        assert line in outcome.err
    assert list(tmp_path.iterdir()) == []
