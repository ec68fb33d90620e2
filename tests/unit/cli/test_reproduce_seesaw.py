"""``livegate reproduce seesaw``: from a list or packs to a report, with whatever embeds faces."""

from __future__ import annotations

import json
import pickle  # noqa: TID251 - packs are pickles: the test writes one
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from livegate.cli.app import app
from livegate.configuration import Configuration


@pytest.fixture
def verifier(embedder: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The stand-in instead of the network; gives the models that were asked for."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def opened(model: str, **options: Any) -> Any:
        asked.append((model, options))
        embedder.identity = "ab" * 32
        embedder.choose = lambda text: Configuration.parse(text or "H")
        return embedder

    monkeypatch.setitem(sys.modules, "livegate.verifier", SimpleNamespace(Verifier=opened))  # type: ignore[misc]
    return asked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight people with two pictures each, a CSV of pairs, a pairs.txt of the same, and a pack."""
    names, rows, lines = [], ["fold,reference,probe,mated"], ["2\t2"]
    for person in range(8):
        pattern = np.random.default_rng(person).integers(0, 255, (112, 112, 3))
        for shot in (1, 2):
            path = tmp_path / f"p{person}" / f"p{person}_000{shot}.jpg"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray((pattern * (0.8 + 0.1 * shot)).astype(np.uint8)).save(path)
            names.append(path)
    for fold in range(2):
        for person in (4 * fold, 4 * fold + 1):
            rows.append(f"{fold},p{person}/p{person}_0001.jpg,p{person}/p{person}_0002.jpg,1")
            lines.append(f"p{person}\t1\t2")
        for person in (4 * fold + 2, 4 * fold + 3):
            rows.append(f"{fold},p{person}/p{person}_0001.jpg,p{person - 2}/p{person - 2}_0002.jpg,0")
            lines.append(f"p{person}\t1\tp{person - 2}\t2")
    (tmp_path / "own.csv").write_text("\n".join(rows), "utf-8")
    (tmp_path / "pairs.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "packs").mkdir()
    pictures = [path.read_bytes() for path in names]
    (tmp_path / "packs" / "lfw.bin").write_bytes(pickle.dumps((pictures, [True] * 4 + [False] * 4), 2))
    return tmp_path


def report(folder: Path, *words: str) -> dict[str, Any]:
    """What the command wrote."""
    out = folder / "out"
    done = CliRunner().invoke(app, ["reproduce", "seesaw", "--out", str(out), *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out / "verification.md")
    return json.loads((out / "verification.json").read_text("utf-8"))


def test_a_list_of_ones_own(folder: Path, verifier: Any) -> None:
    """Its folds, its people, the model that was named, and the configurations of both sides."""
    found = report(folder, "--pairs", str(folder / "own.csv"), "--subject-folders", "--model", "mine", "--probes", "L")
    assert verifier == [("mine", {"threshold": 0.0, "runtime": None, "precision": None})]
    assert (found["model"], found["identity"]) == ("mine", "ab" * 32)
    assert found["configurations"] == {"reference": "H", "probe": "L"}
    one = found["lists"]["own.csv"]
    assert (one["mated"], one["non_mated"], one["pairs_expected"]) == (4, 4, None)
    ways = one["ways"]["no flip averaging"]
    assert list(ways["k_fold_accuracy_literature"]) == ["2 folds of the list"]
    assert ways["over_subjects"]["subjects"] == 8


def test_packs_and_a_classic_list(folder: Path, verifier: Any) -> None:
    """Both in one report; packs that are not there are named."""
    words = ["--packs", str(folder / "packs"), "--pairs", str(folder / "pairs.txt"), "--aligned", str(folder)]
    found = report(folder, *words)
    assert list(found["lists"]) == ["pairs.txt", "lfw"]
    assert found["lists"]["lfw"]["pairs_expected"] == 6000
    assert found["missing_packs"] == ["cfp_ff", "cfp_fp", "agedb_30", "calfw", "cplfw", "vgg2_fp"]
    assert "| **here: verifier, 5 contiguous folds, flip averaging** |" in (folder / "out" / "verification.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --packs DIR, --pairs FILE or both"),
        (["--aligned", "x", "--packs", "y"], "--aligned is for a pairs.txt"),
        (["--pairs", "none.csv"], "none.csv"),
        (["--packs", "none"], "holds no pack"),
    ],
)
def test_wrong_words_are_told_before_a_network_is_loaded(words: list[str], message: str, tmp_path: Path, verifier: Any) -> None:
    """Nothing is written, either."""
    done = CliRunner().invoke(app, ["reproduce", "seesaw", "--out", str(tmp_path / "out"), *words])
    assert message in str(done.exception)
    assert not verifier
    assert not (tmp_path / "out").exists()
