"""``livegate evaluate`` and ``livegate compare``, from score files to reports, through the command line."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegate.runtime.engine import Engine

SCORE_COLUMNS = ("name", "score", "status", "reason", "species", "clip", "subject", "source", "split", "configuration")
KINDS = ("html", "json", "md")


Run = Callable[..., Any]


def scores_file(
    path: Path, split: str, *, shift: float = 0.0, configurations: tuple[str, ...] = ("HHH",), **facts: str
) -> Path:
    """Twenty bona fide pictures at 0.51 .. 0.70 plus the shift, ten prints at 0.1 and ten replays at 0.6, a subject each."""
    rows = [(f"b{number}", 0.51 + number / 100 + shift, "") for number in range(20)]
    rows += [(f"p{number}", 0.1, "print") for number in range(10)] + [(f"r{number}", 0.6, "replay") for number in range(10)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*SCORE_COLUMNS, *facts])
        for configuration in configurations:
            for name, score, species in rows:
                cells = [f"{score:.17g}", "", "", species, "", f"{split} {name}", "phone", split, configuration]
                writer.writerow([f"{split}/{name}", *cells, *facts.values()])
    return path


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """Scores of dev."""
    return scores_file(tmp_path / "dev.csv", "dev")


@pytest.fixture
def test(tmp_path: Path) -> Path:
    """Scores of test."""
    return scores_file(tmp_path / "test.csv", "test", age="old")


def document(folder: Path, name: str = "report") -> Any:
    """The JSON of a report."""
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def one_line(outcome: Any, *words: str) -> None:
    """An error: exit 2, nothing on stdout, one line on stderr with these words."""
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_evaluate_writes_three_files(run: Run, dev: Path, test: Path, tmp_path: Path) -> None:
    """Threshold on dev at BPCER 5 % (0.52: one of twenty below), then every replay passes and no print; hashes are those of the files."""
    out = tmp_path / "report"
    outcome = run("evaluate", "--dev", dev, "--test", test, "--out", out, "--by", "age", "--replicates", "20", "--seed", "7")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [f"report.{kind}" for kind in KINDS]
    for words in ("10/10 = 100.00 %", "1/20 = 5.00 %", "0.52", f"Report: {out / 'report.html'}", "Warning: BPCER rests on 20"):
        assert words in outcome.out
    found = document(out)
    presentation = found["results"][0]["presentation"]
    assert presentation["threshold"] == {"value": 0.52, "rule": "bpcer=0.05", "split": "dev"}
    assert {name: rate["errors"] for name, rate in presentation["apcer"].items()} == {"print": 0, "replay": 10}
    assert found["sha256"] == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in (("dev", dev), ("test", test))
    }
    assert (found["bootstrap"]["replicates"], found["bootstrap"]["seed"], found["bootstrap"]["by"]) == (20, 7, "subject")
    assert found["results"][0]["detail"]["groups"][0]["column"] == "age"
    for name in ("report.html", "report.md", "report.json"):
        assert str(tmp_path) not in (out / name).read_text("utf-8")


def test_a_seed_gives_the_same_report(run: Run, dev: Path, test: Path, tmp_path: Path) -> None:
    """All three files, to the byte."""
    texts = []
    for out in (tmp_path / "one", tmp_path / "two"):
        assert run("evaluate", "--dev", dev, "--test", test, "--out", out, "--replicates", "20").code == 0
        texts.append([(out / f"report.{kind}").read_bytes() for kind in KINDS])
    assert texts[0] == texts[1]


def test_thresholds_of_an_artifact_need_no_dev(run: Run, artifact: Path, test: Path, tmp_path: Path) -> None:
    """Those of its manifest."""
    out = tmp_path / "report"
    outcome = run("evaluate", "--thresholds", artifact, "--test", test, "--out", out, "--replicates", "0")
    assert (outcome.code, outcome.err) == (0, "")
    shipped = json.loads((artifact / "manifest.json").read_text("utf-8"))["configurations"]["HHH"]["threshold"]
    found = document(out)
    assert found["set_on"] == "artifact"
    assert found["results"][0]["presentation"]["threshold"] == shipped
    assert found["sha256"]["model"] == hashlib.sha256((artifact / "manifest.json").read_bytes()).hexdigest()
    text = (out / "report.html").read_text("utf-8")
    assert "as the model ships it" in text
    assert "set the threshold anew" not in text


@pytest.fixture
def with_int8(tampered: Path) -> Path:
    """The shipped model with a variant that holds HHH alone, at a threshold of its own."""
    path = tampered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    own = {"value": 0.605, "rule": "bpcer=0.05", "split": "dev"}
    entry = manifest["variants"]["onnx"]["entry"] | {"values": {"HHH": [0, 0, 0]}}
    int8 = {"precision": "int8", "entry": entry, "thresholds": {"HHH": own}}
    manifest["variants"]["onnx-int8"] = manifest["variants"]["onnx"] | int8
    path.write_text(json.dumps(manifest), "utf-8")
    return tampered


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--precision", "int8"), 0.605),
        (("--runtime", "onnx", "--precision", "int8"), 0.605),
        (("--precision", "fp32"), 0.4528598315864798),
        (("--runtime", "onnx"), 0.4528598315864798),
    ],
)
def test_thresholds_are_those_of_what_gave_the_scores(
    run: Run, with_int8: Path, test: Path, tmp_path: Path, options: tuple[str, ...], expected: float
) -> None:
    """As ``check`` and ``score`` take them for the same options."""
    out = tmp_path / "report"
    outcome = run("evaluate", "--thresholds", with_int8, "--test", test, "--out", out, "--replicates", "0", *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert document(out)["results"][0]["presentation"]["threshold"]["value"] == expected
    chosen = {name.removeprefix("--"): value for name, value in zip(options[::2], options[1::2], strict=True)}
    engine = Engine(with_int8, **chosen)
    assert engine.threshold(engine.choose("HHH")).value == expected


def test_thresholds_that_differ_between_variants_are_not_guessed(
    run: Run, with_int8: Path, test: Path, dev: Path, tmp_path: Path
) -> None:
    """A score file does not say what made it; nor is a variant named where it says nothing, or one that is not there."""
    here = ("evaluate", "--test", test, "--out", tmp_path / "report")
    one_line(run(*here, "--thresholds", with_int8), "has other thresholds for onnx-int8; say with --runtime or --precision")
    one_line(run(*here, "--dev", dev, "--precision", "int8"), "--runtime and --precision say which file of --thresholds")
    one_line(run(*here, "--thresholds", with_int8, "--runtime", "ncnn"), "has no variant 'ncnn'; it has onnx, onnx-int8")
    assert not (tmp_path / "report").exists()


def test_trivial_cues_stand_beside_the_model(run: Run, generated: Path, tmp_path: Path) -> None:
    """Fitted on train of the index, measured on the pictures of the score files."""
    with generated.open(encoding="utf-8", newline="") as file:
        samples = list(csv.DictReader(file))
    for split in ("dev", "test"):
        with (tmp_path / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, SCORE_COLUMNS, extrasaction="ignore", restval="")
            writer.writeheader()
            chosen = [sample for sample in samples if sample["split"] == split]
            writer.writerows(
                {**sample, "name": sample["path"], "score": "0.3" if sample["species"] else "0.7"} for sample in chosen
            )
    arguments = ("--dev", tmp_path / "dev.csv", "--test", tmp_path / "test.csv", "--replicates", "0")
    assert run("evaluate", *arguments, "--out", tmp_path / "report", "--cues", generated).code == 0
    found = document(tmp_path / "report")
    assert found["baseline"]["name"] == "trivial cues"
    assert found["baseline"]["picture"]["bpcer"]["trials"] == found["results"][0]["picture"]["bpcer"]["trials"]
    assert set(found["sha256"]) == {"dev", "test", "cues"}
    assert "Trivial cues" in (tmp_path / "report" / "report.md").read_text("utf-8")


def test_without_matplotlib_evaluate_says_what_is_missing(
    run: Run, dev: Path, test: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line on stderr with the install line; the report is there."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = run("evaluate", "--dev", dev, "--test", test, "--out", tmp_path / "report", "--replicates", "0")
    assert outcome.code == 0
    assert outcome.err.count("\n") == 1
    assert "pip install '.[report]'" in outcome.err
    assert (tmp_path / "report" / "report.html").is_file()


def test_bad_input_of_evaluate_is_one_line(run: Run, dev: Path, test: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    out = tmp_path / "report"
    here = ("evaluate", "--test", test, "--out", out)
    one_line(run(*here), "--dev SCORES", "--thresholds ARTIFACT")
    one_line(run(*here, "--dev", dev, "--thresholds", "default"), "give one of them")
    one_line(run(*here, "--dev", dev, "--by", "height"), "no column 'height'", "age")
    one_line(run(*here, "--dev", dev, "--rule", "best"), "unknown rule 'best'")
    one_line(run(*here, "--thresholds", "default", "--rule", "d-eer"), "--rule sets others")
    silent = scores_file(tmp_path / "attacks.csv", "dev")
    silent.write_text("\n".join(line for line in silent.read_text("utf-8").splitlines() if "/b" not in line) + "\n", "utf-8")
    one_line(run("evaluate", "--dev", silent, "--test", test, "--out", out), "the dev scores set no threshold")
    one_line(run(*here, "--thresholds", "nowhere"), "nowhere")
    one_line(run(*here, "--dev", dev, "--cues", tmp_path / "none.csv"), "none.csv")
    bad = tmp_path / "bad.csv"
    bad.write_text(test.read_text("utf-8").replace("0.10000000000000001", "nan"), "utf-8")
    one_line(run("evaluate", "--dev", dev, "--test", bad, "--out", out), "'nan' is not a number")
    twice = tmp_path / "twice.csv"
    twice.write_text(test.read_text("utf-8") + test.read_text("utf-8").splitlines()[1] + "\n", "utf-8")
    one_line(run("evaluate", "--dev", dev, "--test", twice, "--out", out), "is already on line 2")
    assert not out.exists()


def test_compare_tells_differences(run: Run, dev: Path, test: Path, tmp_path: Path) -> None:
    """B scores everybody bona fide 0.09 higher on test alone: one person more passes, and the attacks stay what they were."""
    other = scores_file(tmp_path / "other.csv", "test", shift=0.09)
    out = tmp_path / "comparison"
    outcome = run("compare", test, other, "--dev-a", dev, "--dev-b", dev, "--out", out, "--replicates", "50")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [f"comparison.{kind}" for kind in KINDS]
    (pair,) = document(out, "comparison")["pairs"]
    assert pair["differences"]["bpcer"]["difference"] == -0.05
    assert pair["differences"]["worst_apcer"]["difference"] == 0
    assert pair["bona_fide"] == {"both_right": 19, "only_a_wrong": 1, "only_b_wrong": 0, "both_wrong": 0, "p_value": 1.0}
    assert "-5.00 points" in outcome.out
    assert set(document(out, "comparison")["sha256"]) == {"a", "b", "dev a", "dev b"}
    assert document(out, "comparison")["files"] == {"a": str(test), "b": str(other), "dev a": str(dev), "dev b": str(dev)}
    for kind in ("html", "md"):
        text = (out / f"comparison.{kind}").read_text("utf-8").replace("\\_", "_")
        assert text.count("other.csv”") == 2
        assert text.count("test.csv”") == 2


def test_compare_at_a_fixed_threshold_needs_no_dev(run: Run, test: Path, tmp_path: Path) -> None:
    """Any other rule does, and says so."""
    out = tmp_path / "comparison"
    one_line(run("compare", test, test, "--out", out), "--dev-a", "--rule fixed=0.5")
    assert not out.exists()
    assert run("compare", test, test, "--out", out, "--rule", "fixed=0.5", "--replicates", "10").code == 0
    assert document(out, "comparison")["pairs"][0]["attacks"]["both_wrong"] == 10
    assert any("same model twice" in warning for warning in document(out, "comparison")["warnings"])


def test_compare_refuses_other_presentations(run: Run, dev: Path, test: Path, tmp_path: Path) -> None:
    """One line that names some."""
    one_line(
        run("compare", test, dev, "--out", tmp_path / "out", "--rule", "fixed=0.5"),
        "did not score the same presentations",
        "test/b0",
    )
