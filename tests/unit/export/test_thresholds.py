"""Thresholds and the ranges of int8 rest on the pictures that the recipe says, and what cannot set a threshold is told at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from livegate.data.index import Index
from livegate.errors import IndexFileError, RecipeError
from livegate.export.exporter import Order, Papers, export
from livegate.export.thresholds import part_of
from livegate.models.checkpoint import Checkpoint

PHONE, WEBCAM = "generated-phone", "generated-webcam"
Part = Literal["train", "dev"]


@pytest.mark.parametrize("part", ["train", "dev"])
@pytest.mark.parametrize("recipe", [{}, {"name": "old"}, {"data": {"index": "mix.csv"}}])
def test_a_recipe_that_says_nothing_means_the_usual_split(generated: Path, part: Part, recipe: dict[str, Any]) -> None:
    """All of it, from both sources."""
    found = part_of(generated, part, "liveness", recipe)
    assert found == Index.read(generated).split(part)
    assert {sample.source for sample in found.samples} == {PHONE, WEBCAM}


@pytest.mark.parametrize("part", ["train", "dev"])
def test_sources_that_were_left_out_stay_out(generated: Path, part: Part) -> None:
    """Not one picture of them, and all of the other source."""
    found = part_of(generated, part, "liveness", {"data": {"leave_out": [PHONE]}})
    assert {sample.source for sample in found.samples} == {WEBCAM}
    assert found.samples == tuple(sample for sample in Index.read(generated).split(part).samples if sample.source == WEBCAM)


def test_splits_are_those_that_the_recipe_names(generated: Path) -> None:
    """Also where the index has one of the usual name beside it."""
    recipe = {"data": {"train": "dev", "dev": "test"}}
    assert part_of(generated, "train", "liveness", recipe) == Index.read(generated).split("dev")
    assert part_of(generated, "dev", "liveness", recipe) == Index.read(generated).split("test")
    with pytest.raises(IndexFileError, match="has no sample of split 'validation'; splits are dev, test, train"):
        part_of(generated, "dev", "liveness", {"data": {"dev": "validation"}})


def test_nothing_but_what_was_left_out_sets_no_threshold(generated: Path) -> None:
    """The split is there, and the message says why it is of no use."""
    with pytest.raises(IndexFileError, match="has in its split 'dev' only sources that the recipe of this network leaves out"):
        part_of(generated, "dev", "liveness", {"data": {"leave_out": [PHONE, WEBCAM]}})


@pytest.mark.parametrize("data", ["dev", {"dev": 1}, {"leave_out": "phone"}, {"split": "dev"}])
def test_a_recipe_that_is_none_is_refused(generated: Path, data: object) -> None:
    """It comes with a checkpoint or an artifact, which anybody may have written."""
    with pytest.raises(RecipeError, match="the recipe of this network, data: "):
        part_of(generated, "dev", "liveness", {"data": data})


@pytest.mark.parametrize(
    ("kept", "labelled", "words"),
    [
        (True, True, "has no attacks that can set thresholds"),
        (False, True, "has no bona fide pictures that can set thresholds"),
        (True, False, "has no column 'species'"),
    ],
)
def test_a_dev_that_cannot_set_thresholds_is_told_before_the_work(
    checkpoint: Checkpoint,
    dev: Index,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kept: bool,
    labelled: bool,
    words: str,
) -> None:
    """One class alone, or no labels: nothing is converted, and nothing is left behind."""

    def work(*_: object) -> None:
        pytest.fail("the export began")

    monkeypatch.setattr("livegate.export.source.Source.write_golden", work)
    monkeypatch.setattr("livegate.export.onnx.to_onnx", work)
    one = replace(dev, samples=tuple(sample for sample in dev.samples if sample.bona_fide == kept), labelled=labelled)
    assert len(one.samples) in {4, 8}
    with pytest.raises(IndexFileError, match=words):
        export(checkpoint, tmp_path / "out", name="a", papers=Papers(), order=Order(dev=one))
    assert not list(tmp_path.iterdir())
