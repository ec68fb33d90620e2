"""The paper's experiment from a folder laid out as CelebA-Spoof to its tables, on drawn faces."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from livegate.cli.app import app
from livegate.data.index import Index
from livegate.reproduce.pta_published import CLAIMS, ROWS
from livegate.sample import Sample

TINY = (
    "preprocessing.size=32",
    "crop.small_size=32",
    "optimiser.batch=16",
    "optimiser.epochs=2",
    "run.loader_workers=0",
    "run.threads=1",
)
SPOOF_TYPES = {"print": 1, "replay": 7}


def _livegate(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=code == 0)
    assert result.exit_code == code, result.output
    return result.stdout


def _label(sample: Sample) -> list[int]:
    """The 44 numbers of a picture: attributes, type of spoof, light, environment, live or spoof."""
    spoof = SPOOF_TYPES[sample.species] if sample.species else 0
    return [0] * 40 + [spoof, int(spoof > 0), int(spoof > 0), int(spoof > 0)]


@pytest.fixture(scope="module")
def celeba_spoof(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated set in the folders and files of CelebA-Spoof; its dev people are in train there, as in the real one."""
    root = tmp_path_factory.mktemp("CelebA_Spoof")
    labels: dict[str, dict[str, list[int]]] = {"train": {}, "test": {}}
    for number, sample in enumerate(Index.read(generated).samples):
        part = "test" if sample.split == "test" else "train"
        way = f"Data/{part}/{sample.subject}/{'live' if sample.bona_fide else 'spoof'}/{number:06}.png"
        (root / way).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample.path, root / way)
        height, width = cv2.imread(str(sample.path)).shape[:2]
        assert sample.box is not None
        x, y, w, h = (round(value * 224 / side) for value, side in zip(sample.box, (width, height) * 2, strict=True))
        (root / way).with_name(f"{number:06}_BB.txt").write_text(f"{x} {y} {w} {h} 0.99", encoding="utf-8")
        labels[part][way] = _label(sample)
    metas = root / "metas" / "intra_test"
    metas.mkdir(parents=True)
    for part, found in labels.items():
        (metas / f"{part}_label.json").write_text(json.dumps(found), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def experiment(celeba_spoof: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole experiment with one seed."""
    out = tmp_path_factory.mktemp("experiment")
    _livegate("reproduce", "pta", *TINY, "--celeba-spoof", celeba_spoof, "--seeds", 1, "--out", out)
    return out


def test_every_table_and_claim_is_there(experiment: Path) -> None:
    """Printed and measured figures of every row, the curves of every epoch, and nine judged claims."""
    found = json.loads((experiment / "reproduction.json").read_text("utf-8"))
    assert set(found["table_3"]) == set(found["table_4"]) == set(ROWS)
    assert found["table_3"]["HHH"]["printed_percent"] == {"accuracy": 96.89, "bpcer": 0.72, "apcer": 4.12, "acer": 2.42}
    assert (
        found["table_4"]["HHH"]["measured"]["parameters"] == found["table_4"]["No PTA"]["measured"]["parameters"] == 2_226_434
    )
    assert [len(curves[0]) for curves in (found["figure_2"][row]["dev_acer"] for row in ("No PTA", "HHH"))] == [2, 2]
    assert [claim["claim"] for claim in found["claims"]] == list(CLAIMS)
    assert {claim["outcome"] for claim in found["claims"]} <= {"held", "not held", "within noise"}
    text = (experiment / "reproduction.md").read_text("utf-8")
    assert all(f"| {row} |" in text for row in ROWS)
    assert 'BPCER (printed as "APCER")' in text


def test_rates_are_those_of_the_score_files(experiment: Path) -> None:
    """ACER of HHH counted again from the file, pictures of both classes at argmax."""
    (path,) = (experiment / "scores").glob("pta-0-*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["configuration"] == "HHH"]
    bona = [float(row["score"]) >= 0.5 for row in rows if not row["species"]]
    attacks = [float(row["score"]) >= 0.5 for row in rows if row["species"]]
    acer = ((len(bona) - sum(bona)) / len(bona) + sum(attacks) / len(attacks)) / 2
    found = json.loads((experiment / "reproduction.json").read_text("utf-8"))
    assert found["table_3"]["HHH"]["measured"]["acer"]["mean"] == pytest.approx(acer)


def test_the_same_command_goes_on_where_it_was(experiment: Path, celeba_spoof: Path) -> None:
    """Nothing is trained or scored a second time; only times are measured anew."""
    weights = {path: path.stat().st_mtime_ns for path in experiment.glob("runs/*/model.safetensors")}
    scores = {path: path.stat().st_mtime_ns for path in experiment.glob("scores/*.csv")}
    assert (len(weights), len(scores)) == (2, 2)
    _livegate("reproduce", "pta", *TINY, "--celeba-spoof", celeba_spoof, "--seeds", 1, "--out", experiment)
    assert {path: path.stat().st_mtime_ns for path in weights} == weights
    assert {path: path.stat().st_mtime_ns for path in experiment.glob("scores/*.csv")} == scores


def test_another_recipe_needs_another_folder(experiment: Path, celeba_spoof: Path) -> None:
    """What was trained under one recipe is never mixed with another."""
    changed = [*TINY, "optimiser.learning_rate=0.5"]
    result = CliRunner().invoke(
        app, ["reproduce", "pta", *changed, "--celeba-spoof", str(celeba_spoof), "--out", str(experiment)]
    )
    assert "another recipe (optimiser.learning_rate)" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either --celeba-spoof DIR or --index INDEX"),
        (("--index", "a.csv", "--celeba-spoof", "b"), "give either"),
        (("--index", "a.csv", "--by-subject"), "--by-subject is for --celeba-spoof"),
        (("--celeba-spoof", "nowhere"), "nowhere"),
    ],
)
def test_wrong_words_are_told(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """Before anything is trained."""
    result = CliRunner().invoke(app, ["reproduce", "pta", *arguments, "--out", str(tmp_path / "out")])
    assert message in str(result.exception)
