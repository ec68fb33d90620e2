"""Which rows belong together."""

from __future__ import annotations

from typing import Any

import pytest

from livegate.metrics import Scores
from livegate.metrics.clusters import By, cluster_codes


def together(by: By, **columns: Any) -> list[list[int]]:
    """The rows of each cluster, by the number of the cluster."""
    count = max(len(column) for column in columns.values() if isinstance(column, list))
    scores = Scores.build([f"{row}.png" for row in range(count)], [0.5] * count, **columns)
    found = cluster_codes(scores, by).tolist()
    return [[row for row, code in enumerate(found) if code == one] for one in range(max(found) + 1)]


def test_a_subject_counts_per_source() -> None:
    """One name in two sources is two people; in one source it is one, whatever the species, clip and split."""
    assert together("subject", subject=["p", "p", "q"], source=["x", "y", "x"]) == [[0], [2], [1]]
    assert together("subject", subject="p", species=["", "A"], clip=["1", "2"], split=["dev", "test"]) == [[0, 1]]


@pytest.mark.parametrize("column", ["source", "split", "species"])
def test_a_clip_is_what_by_clip_takes_for_one(column: str) -> None:
    """Clips of one name are others in another source, split or species; by clip, subjects do not matter."""
    assert together("clip", clip="c", **{column: ["x", "y"]}) == [[0], [1]]
    assert together("clip", clip="c", subject=["p", "q"]) == [[0, 1]]


def test_without_a_subject_the_clip_counts_and_without_a_clip_the_name() -> None:
    """Frames of one clip stay together though nobody knows whose they are; a lone row stays alone."""
    assert together("subject", subject=["", "", "p", "", "p"], clip=["c", "c", "c", "", ""]) == [[3], [0, 1], [2, 4]]
    assert together("clip", clip=["", "", "c"], subject="p") == [[0], [1], [2]]


def test_a_picture_is_one_cluster_under_all_configurations() -> None:
    """The same picture under two configurations is no two trials."""
    scores = Scores.build(["a", "a", "b"], [0.1, 0.2, 0.3], configuration=["H", "L", "H"])
    assert cluster_codes(scores, "clip").tolist() == [0, 0, 1]


def test_numbers_do_not_depend_on_the_order_of_rows() -> None:
    """A cluster has the same number wherever its rows stand, so a seed draws the same clusters."""
    scores = Scores.build(["a", "b", "c", "d"], [0.5] * 4, subject=["q", "p", "", "q"], source=["y", "x", "x", "y"])
    turned = scores.where(scores.names != "").where([3, 1, 0, 2])  # type: ignore[arg-type]
    assert cluster_codes(scores, "subject").tolist() == [2, 1, 0, 2]
    assert cluster_codes(turned, "subject").tolist() == [2, 1, 2, 0]
