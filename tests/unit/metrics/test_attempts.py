"""A file of attempts: what is written is read to the bit, and what cannot be is refused with its line."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from livegate.errors import ScoreFileError
from livegate.metrics.attempts import COLUMNS, Attempts
from livegate.metrics.scores import mean_score


def some() -> Attempts:
    """Two frames of a mated clip, one zero-effort attempt, an attack without a response."""
    return Attempts.build(
        reference=["t/ann"] * 4,
        probe=["1.jpg", "2.jpg", "3.jpg", "4.jpg"],
        mated=[True, True, False, True],
        species=["", "", "", "print"],
        liveness=[0.9, 0.6, 1 / 3, None],
        similarity=[0.5, 0.7, -0.1, 0.8],
        clip=["c", "c", "", ""],
        reference_subject=["ann"] * 4,
        probe_subject=["ann", "ann", "bob", "ann"],
        source=["x"] * 4,
        configuration=["HHH/LLL"] * 4,
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every column, scores to the last bit, no response as an empty cell."""
    some().write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text("utf-8").splitlines()[0] == ",".join(COLUMNS)
    found = Attempts.read(tmp_path / "a.csv")
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(found, name), getattr(some(), name))


def test_frames_become_presentations() -> None:
    """Liveness by the mean of logits, similarity by the mean; a lone frame and a silent one stay as they are."""
    found = some().by_clip()
    assert found.probe.tolist() == ["1.jpg", "3.jpg", "4.jpg"]
    assert found.liveness[0] == mean_score(np.array([0.9, 0.6]))
    assert found.similarity.tolist() == [pytest.approx(0.6), -0.1, 0.8]
    assert found.liveness[1] == 1 / 3
    assert math.isnan(found.liveness[2])


def test_frames_of_one_clip_against_two_templates_stay_apart() -> None:
    """A clip is one presentation for each template that it is compared with."""
    two = Attempts.build(
        reference=["a", "a", "b", "b"], probe=["1", "2"] * 2, mated=[True, True, False, False], clip=["c"] * 4,
        liveness=[0.5] * 4, similarity=[0.8, 0.6, 0.1, 0.3],
    )  # fmt: skip
    assert two.by_clip().similarity.tolist() == pytest.approx([0.7, 0.2])


def test_halves_share_nobody() -> None:
    """Every source is in both halves, and an impostor of the other half is in neither."""
    names = [f"{source}{number}" for source in "xy" for number in range(4)]
    rows = [(one, other) for one in names for other in names if one[0] == other[0]]
    attempts = Attempts.build(
        reference=[one for one, _ in rows],
        probe=[f"{one}-{other}.jpg" for one, other in rows],
        mated=[one == other for one, other in rows],
        liveness=[0.5] * len(rows),
        similarity=[0.5] * len(rows),
        reference_subject=[one for one, _ in rows],
        probe_subject=[other for _, other in rows],
        source=[one[0] for one, _ in rows],
    )
    people = [set(half.reference_subject.tolist()) | set(half.probe_subject.tolist()) for half in attempts.halves()]
    assert people == [{"x0", "x2", "y0", "y2"}, {"x1", "x3", "y1", "y3"}]
    assert [len(half) for half in attempts.halves()] == [8, 8]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"liveness": [1.2, 0, 0, 0]}, "row 0: liveness 1.2 is outside 0..1"),
        ({"similarity": [0, -1.2, 0, 0]}, "row 1: similarity -1.2 is outside -1..1"),
        ({"species": ["", "", "print", ""]}, "row 2: an attack that is not mated"),
        ({"mated": [False, True, False, True]}, "row 0: mated is 0, the subjects say otherwise"),
        ({"species": ["bona-fide", "", "", ""]}, "is no attack"),
        ({"clip": ["c"]}, "equally long"),
    ],
)
def test_contradictions_are_refused(change: dict[str, list[object]], message: str) -> None:
    """On construction, wherever the attempts come from."""
    columns = {name: getattr(some(), name).tolist() for name in COLUMNS} | change
    with pytest.raises(ScoreFileError) as caught:
        Attempts.build(**columns)
    assert message in str(caught.value)


def test_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    """Each with its line."""
    path = tmp_path / "a.csv"
    head = ",".join(COLUMNS)
    path.write_text(f"{head}\nt,p,yes,,0.1,0.2,,,,,\nt,p,1,,x,0.2,,,,,\nt,p,1,,nan,0.2,,,,,\nt,p\n", "utf-8")
    with pytest.raises(ScoreFileError) as caught:
        Attempts.read(path)
    for message in (
        "line 2: mated is 'yes'",
        "line 3: liveness 'x' is no number",
        "line 4: liveness 'nan'",
        "line 5: has more or fewer",
    ):
        assert message in str(caught.value)
    for text, message in (
        ("", "has no column"),
        (head.replace(",", ";"), "semicolons"),
        (head + "\n", "no rows"),
        (head + "\nt,p\0,1,,0.1,0.2,,,,,\n", "line 2: holds a NUL"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(ScoreFileError, match=message):
            Attempts.read(path)
    with pytest.raises(ScoreFileError, match="cannot be read"):
        Attempts.read(tmp_path / "none.csv")
