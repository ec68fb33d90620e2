"""Lists and packs to tables: printed beside measured, every figure with its counts, and what is missing is said."""

from __future__ import annotations

import io
import json
import pickle  # noqa: TID251 - packs are pickles: the test writes them
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from livegate.configuration import Configuration
from livegate.data.pairs import Pairs
from livegate.errors import PairsError
from livegate.matching import compare
from livegate.metrics.rate import Rate
from livegate.metrics.similarities import Similarities
from livegate.reproduce.seesaw import FLIPPED, PLAIN, Measured, Verified, counted, evaluate, measured, packs, read_packs, verify
from livegate.reproduce.seesaw_published import COUNTS, TABLE_4, TABLE_5
from livegate.reproduce.seesaw_report import as_json, as_markdown, write

WHOLE = Configuration(())


def face(person: int, shot: int) -> bytes:
    """A JPEG of 112 x 112, alike for one person."""
    pattern = np.random.default_rng(person).integers(0, 255, (5, 5, 3)).astype(np.uint8)
    noise = np.random.default_rng(1000 * person + shot).normal(0, 40, (112, 112, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(cv2.resize(pattern, (112, 112)) + noise, 0, 255).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two packs of 20 pairs, one of them known, and a file that is none."""
    same = [place % 2 == 0 for place in range(20)]
    pictures = [
        face(place, 0) if shot == 0 else face(place if same[place] else 50 + place, 1) for place in range(20) for shot in (0, 1)
    ]
    for name in ("agedb_30", "own"):
        (tmp_path / f"{name}.bin").write_bytes(pickle.dumps((pictures, same), 2))
    (tmp_path / "notes.txt").write_text("packs", "utf-8")
    return tmp_path


def verified(folder: Path, embedder: Any) -> Verified:
    """Both packs, measured with the stand-in."""
    found, missing = packs(folder)
    lists = tuple(verify(read_packs(found), lambda pairs: compare(embedder, pairs, WHOLE, WHOLE)))
    return Verified("pixels", "ab" * 32, ("", ""), lists, missing)


def test_packs_are_found_and_missing_ones_are_named(folder: Path, tmp_path: Path) -> None:
    """Known ones first; the others by name; a folder without any is refused."""
    found, missing = packs(folder)
    assert list(found) == ["agedb_30", "own"]
    assert missing == ("lfw", "cfp_ff", "cfp_fp", "calfw", "cplfw", "vgg2_fp")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PairsError, match=r"holds no pack \(lfw\.bin, "):
        packs(tmp_path / "empty")


def test_a_pack_is_measured_both_ways_and_over_both_folds(folder: Path, embedder: Any) -> None:
    """10 and 5 contiguous folds, with and without flip averaging; a pack knows no subjects."""
    one, own = verified(folder, embedder).lists
    assert (one.name, one.mated, one.non_mated, one.expected, own.expected) == ("agedb_30", 10, 10, 6000, None)
    assert list(one.ways) == [PLAIN, FLIPPED]
    for found in one.ways.values():
        assert list(found.accuracy) == ["10 contiguous folds", "5 contiguous folds"]
        assert found.accuracy["10 contiguous folds"].wrong.trials == 20
        assert found.intervals is None
    assert one.ways[PLAIN].accuracy["5 contiguous folds"].mean > 0.8


def spread(*, subjects: bool) -> Similarities:
    """Five folds of forty pairs."""
    rng = np.random.default_rng(4)
    mated = np.arange(200) % 40 < 20
    names = [f"s{number % 17}" for number in range(200)]
    others = [name if same else f"t{number % 13}" for number, (name, same) in enumerate(zip(names, mated, strict=True))]
    columns = {"reference_subject": names, "probe_subject": others} if subjects else {}
    values = np.clip(np.where(mated, 0.5, 0.1) + rng.normal(0, 0.15, 200), -1, 1)
    values[3] = np.nan
    return Similarities.build(values, mated, fold=[str(number // 40) for number in range(200)], **columns)


def test_a_list_brings_its_own_folds_and_subjects() -> None:
    """They are used as they are; a silent mated pair is counted; what cannot be shown is None."""
    found = evaluate(spread(subjects=True), replicates=50)
    assert list(found.accuracy) == ["5 folds of the list"]
    assert (found.silent_mated, found.silent_non_mated) == (Rate(1, 100), Rate(0, 100))
    assert found.intervals is not None
    assert found.intervals.accuracy is not None
    assert {target: point is not None for target, point in found.oracle.items()} == {
        0.1: True,
        0.01: True,
        0.001: False,
        0.0001: False,
        0.00001: False,
    }
    # Four folds have 80 non-mated pairs: one of them is more than 1 %.
    assert [target for target, point in found.held_out.items() if point] == [0.1]
    assert evaluate(spread(subjects=False)).intervals is None


def test_a_list_of_one_fold_is_cut_into_contiguous_ones() -> None:
    """One part is no cross-validation."""
    one = replace(spread(subjects=False), fold=np.full(200, "1", np.dtypes.StringDType()))
    assert list(evaluate(one).accuracy) == ["10 contiguous folds", "5 contiguous folds"]


def both(one: Similarities) -> Measured:
    """The same similarities with and without flips."""
    from livegate.matching import Compared

    return measured("mine", Compared(one, one), replicates=50)


def test_the_report_has_printed_beside_measured(folder: Path, embedder: Any, tmp_path: Path) -> None:
    """Every row of both tables, this model's lines, what is missing, and the true number of pairs."""
    found = verified(folder, embedder)
    text = write(found, {"seesaw-share": (1, 2)}, tmp_path / "out").read_text("utf-8")
    for row in (*TABLE_4, *TABLE_5):
        assert f"| {row.method} | {row.epochs} | {row.parameters} |" in text
    mean = 100 * found.lists[0].ways[FLIPPED].accuracy["5 contiguous folds"].mean
    assert f"| **here: pixels, 5 contiguous folds, flip averaging** | - | - | - | - | - | - | {mean:.2f} |" in text
    assert "Packs that are not there, and are left out: lfw, cfp_ff, cfp_fp, calfw, cplfw, vgg2_fp." in text
    assert "**The pack of this name has 6,000 pairs**: these are other 20." in text
    assert "| seesaw-share | 1,370,176 | 145,762,816 | 1 | 2 | 1.3 M / 146 M |" in text
    assert "| dw-seesaw-v1 | 4,246,944 | 526,478,592 | not counted | not counted |" in text
    assert "An FMR below 10 % cannot be told from 0 here" in text


def test_accuracy_is_never_said_alone(folder: Path, embedder: Any) -> None:
    """Wherever the word stands it is the k-fold one of the literature, or that of a pack's name."""
    text = as_markdown(verified(folder, embedder), {}) + as_markdown(
        Verified("m", "0", ("", ""), (both(spread(subjects=True)),), ()), {}
    )
    said = re.findall(r"(\S+ )accurac(?:y|ies)( \S+)?", text)
    assert said
    assert all(before in {"k-fold ", "first "} for before, _ in said)
    assert "imposter" not in text
    assert "genuine" not in text


def test_a_list_alone_has_no_table_of_packs() -> None:
    """Its figures, with intervals over its people; the configurations are named."""
    text = as_markdown(Verified("m", "0" * 64, ("HHH", "LLL"), (both(spread(subjects=True)),), ()), {})
    assert "Table 4" not in text
    assert "references under configuration HHH, probes under LLL" in text
    assert "over 30 subjects" in text
    assert (
        "| FMR aimed at 0.1 %, threshold from the other folds | not shown by these pairs | not shown by these pairs |" in text
    )


def test_the_json_has_every_count(folder: Path, embedder: Any) -> None:
    """The printed figures, each fold, and limits of what can be shown."""
    found = json.loads(as_json(verified(folder, embedder), {"seesaw-share": (1, 2)}))
    one = found["lists"]["agedb_30"]
    assert (one["mated"], one["non_mated"], one["pairs_expected"]) == (10, 10, 6000)
    assert one["fmr_support"]["smallest_step"] == 0.1
    accuracy = one["ways"][PLAIN]["k_fold_accuracy_literature"]["10 contiguous folds"]
    assert len(accuracy["folds"]) == 10
    assert sum(fold["wrong"]["trials"] for fold in accuracy["folds"]) == accuracy["wrong"]["trials"] == 20
    assert found["table_4_percent"][10]["accuracy"] == {"lfw": 99.60, "cfp_fp": 92.90, "agedb_30": 96.85}
    assert found["counts"]["seesaw-share"]["here"] == {"parameters": 1, "macs": 2}
    assert "here" not in found["counts"]["seesaw-shuffle"]
    assert json.loads(as_json(Verified("m", "0", ("", ""), (both(spread(subjects=True)),), ()), {}))["lists"]["mine"]["ways"][PLAIN][
        "over_subjects"
    ]["subjects"] == 30  # fmt: skip


def test_the_printed_figures_are_the_papers() -> None:
    """Claims 1, 2 and 4 of the paper can be read off the tables."""
    by = {(row.method, row.batch): row.accuracy for row in (*TABLE_4, *TABLE_5)}
    assert (by["Seesaw-shuffle", "192"]["cfp_fp"], by["MobileFaceNet, 512 numbers", "192"]["cfp_fp"]) == (92.90, 91.39)
    assert by["Seesaw-share", "160"]["cfp_fp"] > by["Seesaw-shuffle", "160"]["cfp_fp"]
    assert by["DW-Seesaw V2", "128"]["calfw"] > by["ArcFace R100", "512"]["calfw"]
    assert (len(TABLE_4), len(TABLE_5)) == (12, 7)


def test_the_networks_here_have_the_counts_of_the_papers_code() -> None:
    """To the digit."""
    pytest.importorskip("torch")
    assert counted() == {name: (wanted.parameters, wanted.macs) for name, wanted in COUNTS.items()}


def test_a_csv_is_measured_the_same_way(embedder: Any, tmp_path: Path) -> None:
    """From a file on disk to figures."""
    rows = ["fold,reference,probe,mated"]
    for number in range(12):
        for name, person, shot in ((f"{number}a", number, 0), (f"{number}b", number if number % 2 else 40 + number, 1)):
            (tmp_path / f"{name}.jpg").write_bytes(face(person, shot))
        rows.append(f"{number % 3},{number}a.jpg,{number}b.jpg,{number % 2}")
    (tmp_path / "own.csv").write_text("\n".join(rows), "utf-8")
    found = measured("own", compare(embedder, Pairs.read(tmp_path / "own.csv"), WHOLE, WHOLE))
    assert (found.mated, found.non_mated) == (6, 6)
    assert list(found.ways[PLAIN].accuracy) == ["3 folds of the list"]
