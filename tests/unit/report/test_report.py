"""From score files to a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegate.errors import LivegateError, MetricError
from livegate.metrics import Rate, Scores
from livegate.report import Evaluation, evaluate, write


def made(split: str, *, clips: int = 8, configurations: tuple[str, ...] = ("HHH", "LLL"), **columns: Any) -> Scores:
    """Clips of two frames, half of them bona fide, the rest of one species; LLL scores every attack as bona fide."""
    rows = [(name, clip, frame) for name in configurations for clip in range(clips) for frame in range(2)]
    bona = [clip % 2 == 0 for _, clip, _ in rows]
    given: dict[str, Any] = {
        "species": ["" if fine else "print" for fine in bona],
        "clip": [f"{split}{clip}" for _, clip, _ in rows],
        "subject": [f"{split}{clip}" for _, clip, _ in rows],
        "source": "made",
        "split": split,
        "configuration": [name for name, _, _ in rows],
    }
    values = [(90 - clip) / 100 if fine or name == "LLL" else 0.1 for (name, clip, _), fine in zip(rows, bona, strict=True)]
    return Scores.build([f"{split}/{clip}/{frame}.png" for _, clip, frame in rows], values, **(given | columns))


def test_threshold_is_set_on_dev_and_taken_to_test() -> None:
    """Each configuration has its own dev threshold, and the headline counts clips, not frames."""
    heavy, light = evaluate(made("dev"), made("test")).results
    assert (heavy.configuration, light.configuration) == ("HHH", "LLL")
    assert heavy.presentation.threshold.split == "dev"
    assert heavy.presentation.threshold.value == 0.84
    assert (heavy.presentation.unit, heavy.presentation.bpcer) == ("presentation", Rate(0, 4))
    assert (heavy.picture.unit, heavy.picture.bpcer) == ("picture", Rate(0, 8))
    assert heavy.presentation.apcer == {"print": Rate(0, 4)}
    assert light.presentation.apcer == {"print": Rate(3, 4)}


def test_threshold_does_not_look_at_test() -> None:
    """Other test scores leave every threshold where it was."""
    test = made("test")
    other = Scores.build(
        test.names.tolist(), 1 - test.values, **{n: getattr(test, n).tolist() for n in ("species", "configuration")}
    )
    one, two = (evaluate(made("dev"), scores, "d-eer").results for scores in (test, other))
    assert [r.presentation.threshold for r in one] == [r.presentation.threshold for r in two]
    assert [r.picture.threshold for r in one] == [r.picture.threshold for r in two]


def test_sources_with_both_classes_stand_apart() -> None:
    """A source of bona fide only has no table of its own, yet counts in the headline."""
    test = made("test", configurations=("HHH",))
    alone = Scores.build(["z"], [0.1], source="alone", configuration="HHH")
    (result,) = evaluate(made("dev"), Scores.join([test, alone])).results
    assert list(result.sources) == ["made"]
    assert result.sources["made"].bpcer == Rate(0, 4)
    assert result.presentation.bpcer == Rate(1, 5)


def test_unlabelled_scores_are_refused() -> None:
    """Nobody can say what an error is without labels."""
    bare = Scores.build(["a"], [0.5], labelled=False)
    with pytest.raises(MetricError, match="dev scores have no labels"):
        evaluate(bare, made("test"))
    with pytest.raises(MetricError, match="test scores have no labels"):
        evaluate(made("dev"), bare)


def test_configuration_without_dev_scores_is_refused() -> None:
    """A threshold is never borrowed from another configuration."""
    with pytest.raises(MetricError, match="'LLL' of test has no dev scores"):
        evaluate(made("dev", configurations=("HHH",)), made("test"))


def test_empty_scores_and_one_class_are_refused() -> None:
    """Nothing to measure is an error that says what is missing."""
    with pytest.raises(MetricError, match="no rows"):
        evaluate(made("dev"), Scores.build([], []))
    with pytest.raises(MetricError, match="no presentation attacks"):
        evaluate(made("dev"), made("test", species=""))


def test_warnings() -> None:
    """Shared subjects and pictures, test rows in dev, a species new to dev and few trials are each stated."""
    dev = made("test", subject="one")
    test = made("test", subject="one", species=["", "", "screen", "screen"] * 8)
    warnings = "\n".join(evaluate(dev, test).warnings)
    for text in ("share 1 subject", "share 16 picture", "belong to the split test", "'screen' of test", "BPCER rests on 4 "):
        assert text in warnings
    assert len(evaluate(dev, test).warnings) == 6


def test_clean_sets_of_enough_trials_have_no_warnings() -> None:
    """Warnings are for doubts only."""
    assert evaluate(made("dev", clips=60), made("test", clips=60)).warnings == ()


def rates(node: Any) -> list[dict[str, Any]]:
    """Every rate in a JSON document."""
    if isinstance(node, list):
        return [found for item in node for found in rates(item)]
    if not isinstance(node, dict):
        return []
    return ([node] if "trials" in node else []) + [found for item in node.values() for found in rates(item)]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """An evaluation with a species whose name is hostile to tables, and clips without response."""
    values = np.where(np.arange(32) < 2, np.nan, made("test").values)
    test = made("test", species=["", "", "a|b\n<i>", "a|b\n<i>"] * 8)
    columns = {name: getattr(test, name).tolist() for name in ("species", "clip", "source", "configuration")}
    return evaluate(made("dev"), Scores.build(test.names.tolist(), values, **columns))


def test_json_is_strict_and_every_rate_has_its_counts(evaluation: Evaluation, tmp_path: Path) -> None:
    """The JSON holds no NaN, and each rate carries errors, trials, value and interval."""
    path, _ = write(evaluation, tmp_path / "new" / "folder", {"dev": "12ab", "test": "34cd"})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    found = rates(document)
    assert len(found) == 2 * 4 * 7
    for rate in found:
        assert rate["low"] <= rate["value"] == rate["errors"] / rate["trials"] <= rate["high"]
    assert document["sha256"] == {"dev": "12ab", "test": "34cd"}
    heavy = document["results"][0]["presentation"]
    assert heavy["bpcer"]["errors"] == heavy["bpnrr"]["errors"] == 1
    assert heavy["threshold"] == {"value": 0.84, "rule": "bpcer=0.05", "split": "dev"}
    assert document["counts"]["dev"] == {"pictures": 16, "presentations": 8, "subjects": 8, "sources": 1}


def test_markdown_reads_well(evaluation: Evaluation, tmp_path: Path) -> None:
    """Counts with intervals, the unit, what ACER is, and no claim that a report cannot make; names cannot break a table."""
    _, path = write(evaluation, tmp_path, {"dev": "12ab", "test": "34cd"})
    text = path.read_text("utf-8")
    for part in ("1/4 = 25.00 % [0.63, 80.59]", "one **presentation**", "not an ISO figure", "oracle", "12ab", "worst species"):
        assert part in text
    assert "certified" not in text.lower()
    assert "compliant" not in text.lower()
    assert "<i>" not in text.replace("\\<", "")
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 7
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_writing_leaves_no_part_behind(evaluation: Evaluation, tmp_path: Path) -> None:
    """Both files are complete and nothing else is there; a file in the folder's place is one sentence."""
    write(evaluation, tmp_path, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]
    with pytest.raises(LivegateError, match="cannot be made"):
        write(evaluation, tmp_path / "report.md", {})
