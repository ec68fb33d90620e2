"""The score file and its rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.errors import LivegateError, ScoreFileError
from livegate.metrics import COLUMNS, Scores

HEADER = ",".join(COLUMNS)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a file with this content and tell where it lies."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "scores.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def example() -> Scores:
    """Two frames of an attack, one bona fide picture without response."""
    return Scores.build(
        ["a/1.png", "a/2.png", 'odd, "name"\n.png'],
        [0.1 + 0.2, 1e-300, math.nan],
        species=["print", "print", ""],
        clip=["a", "a", ""],
        reason=["", "", "no face"],
        source="übung",
        split="test",
        configuration="HLH",
    )


def test_write_and_read_keep_every_bit(tmp_path: Path) -> None:
    """A score file gives back the same rows, scores to the last bit, awkward names included."""
    scores = example()
    scores.write(tmp_path / "scores.csv")
    again = Scores.read(tmp_path / "scores.csv")
    assert again.labelled
    assert np.array_equal(again.values, scores.values, equal_nan=True)
    for name in ("names", *COLUMNS[2:]):
        assert getattr(again, name).tolist() == getattr(scores, name).tolist()
    assert (tmp_path / "scores.csv").read_text("utf-8").splitlines()[0] == HEADER
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_any_score_survives_the_file(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    """17 digits are enough for every float64 within 0..1, subnormal ones and negative zero included."""
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    Scores.build([str(place) for place in range(len(values))], values).write(path)
    assert Scores.read(path).values.tolist() == values


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the previous file as it was and nothing beside it."""
    path = tmp_path / "scores.csv"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LivegateError, match="No space left"):
        example().write(path)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["scores.csv"]


def test_write_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """An unwritable place is one sentence, not a trace."""
    with pytest.raises(LivegateError, match="cannot be written"):
        example().write(tmp_path / "none" / "scores.csv")


def test_unlabelled_file(tmp_path: Path) -> None:
    """Without the column species nobody knows which are attacks, and the file says so by not having the column."""
    Scores.build(["a"], [0.5], labelled=False).write(tmp_path / "scores.csv")
    assert "species" not in (tmp_path / "scores.csv").read_text()
    assert not Scores.read(tmp_path / "scores.csv").labelled


def test_byte_order_mark_and_column_order_do_not_matter(file: Callable[[str | bytes], Path]) -> None:
    """What a spreadsheet saves can be read."""
    backwards = ",".join(reversed(COLUMNS))
    scores = Scores.read(file(f"\ufeff{backwards}\r\nHHH,test,src,s1,c1,print,,ok,0.25,a.png\r\n"))
    assert (scores.names.tolist(), scores.values.tolist(), scores.species.tolist()) == (["a.png"], [0.25], ["print"])


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-inf", "1.5", "-0.1", "high", " 0.5", "0_1", "1e999", "\u0660", "0,5"])
def test_bad_score_names_its_line(file: Callable[[str | bytes], Path], cell: str) -> None:
    """Whatever is not a plain number within 0..1 is refused with its line; no response is an empty cell, never NaN."""
    quoted = f'"{cell}"'
    with pytest.raises(ScoreFileError, match=r"scores\.csv: line 3: score .* is not a number within 0..1"):
        Scores.read(file(f"{HEADER}\na,,,,,,,,,\nb,{quoted},,,,,,,,\n"))


def test_all_faults_are_told_together(file: Callable[[str | bytes], Path]) -> None:
    """One reading tells everything that is wrong, with lines that count line breaks inside names."""
    rows = ["a,0.5,,,,,,,,HHH", "a,0.6,,,,,,,,HHH", '"b\nc",0.5,,,,,,,,HHH', "d,2,,,,,,,,HHH", "e,0.5", "a,0.7,,,,,,,,LLL"]
    with pytest.raises(ScoreFileError) as caught:
        Scores.read(file("\n".join([HEADER, *rows])))
    assert [fault[:8] for fault in caught.value.faults] == ["line 7: ", "line 6: ", "line 3: "]
    assert "already on line 2" in caught.value.faults[2]


def test_duplicate_rows_name_both_lines(file: Callable[[str | bytes], Path]) -> None:
    """A picture occurs once a configuration."""
    with pytest.raises(ScoreFileError, match=r"line 4: name 'a', configuration 'H' is already on line 2"):
        Scores.read(file(f"{HEADER}\na,0.5,,,,,,,,H\na,0.5,,,,,,,,L\na,0.5,,,,,,,,H\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (HEADER + "\n", "no rows"),
        (HEADER.replace(",", ";") + "\na;0.5;;;;;;;;\n", "separates its cells by semicolons; save it with commas"),
        (HEADER.replace(",", "\t") + "\na\t0.5\t\t\t\t\t\t\t\t\n", "separates its cells by tabs; save it with commas"),
        ('"name";"score"\n"a";"0,5"\n', "separates its cells by semicolons"),
        ("name,species\na,\n", "lacks the column.* score, status"),
        (HEADER + ",clip\n", "repeats the column.* 'clip'"),
        (HEADER + ",mood,age,mood\n", "repeats the column.* 'mood'; the columns are name"),
        (HEADER + ", ,\n", "has no name for column.* number 11, number 12"),
        (HEADER + "\na,,,,bona-fide,,,,,\nb,,,, ,,,,,\n", "species 'bona-fide' is no attack.*; species ' ' is no attack"),
        (HEADER.encode() + b"\na,,,,,,,,,\nb\xff,,,,,,,,,\n", "line 3: not UTF-8"),
        (HEADER + '\n"a', "is not CSV"),
    ],
)
def test_broken_files(file: Callable[[str | bytes], Path], content: str | bytes, message: str) -> None:
    """Each way in which a file can be broken has its own sentence."""
    with pytest.raises(ScoreFileError, match=message):
        Scores.read(file(content))


def test_facts_survive_the_file(tmp_path: Path) -> None:
    """A column that is not fixed is a fact: it is read under its name, kept in every row, and written after the fixed ones."""
    path = tmp_path / "scores.csv"
    Scores.build(["a", "b"], [0.1, 0.2], facts={"age": ["30", ""], "skin group": ["V", "ü,\n"]}).write(path)
    assert path.read_text("utf-8").splitlines()[0] == HEADER + ",age,skin group"
    facts = Scores.read(path).facts
    assert {name: fact.tolist() for name, fact in facts.items()} == {"age": ["30", ""], "skin group": ["V", "ü,\n"]}


def test_facts_may_stand_anywhere(file: Callable[[str | bytes], Path]) -> None:
    """A fact before and between the fixed columns moves none of them."""
    content = f"age,{HEADER.replace('clip', 'light,clip')}\n30,a,0.5,ok,,print,dim,c,s,src,test,HHH\n"
    scores = Scores.read(file(content))
    assert (scores.clip.tolist(), scores.configuration.tolist()) == (["c"], ["HHH"])
    assert {name: fact.tolist() for name, fact in scores.facts.items()} == {"age": ["30"], "light": ["dim"]}


def test_facts_are_checked_and_read_only() -> None:
    """A fact is as long as the other columns, has a name of its own, and cannot be written to."""
    with pytest.raises(ScoreFileError, match=r"age has shape \(1,\)"):
        Scores.build(["a", "b"], [0.1, 0.2], facts={"age": ["30"]})
    with pytest.raises(ScoreFileError, match=r"fact 'score' needs a name of its own; fact ' ' needs"):
        Scores.build(["a"], [0.1], facts={"score": ["30"], " ": [""]})
    scores = Scores.build(["a"], [0.1], facts={"age": ["30"]})
    with pytest.raises(ValueError, match="read-only"):
        scores.facts["age"][0] = "31"
    with pytest.raises(TypeError):
        scores.facts["age"] = np.array(["31"])  # type: ignore[index]


@pytest.mark.parametrize("name", ["bona-fide", " ", "\t"])
def test_species_that_is_no_attack(name: str) -> None:
    """Nobody could tell an attack of that name from bona fide, so there is none."""
    with pytest.raises(ScoreFileError, match="is no attack; leave the cell empty"):
        Scores.build(["a"], [0.1], species=[name])


@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "score"] + ["age"])
def test_text_holds_no_nul(file: Callable[[str | bytes], Path], column: str) -> None:
    """A NUL ends a text for some and not for others, so two names could pass for one: no column may hold it."""
    cells = {"name": "a", "score": "0.5", column: "x\0"}
    line = ",".join(cells.get(name, "") for name in (*COLUMNS, "age"))
    with pytest.raises(ScoreFileError, match=rf"line 2: {column} holds a NUL character"):
        Scores.read(file(f"{HEADER},age\n{line}\n"))
    told: dict[str, Any] = {"facts": {"age": ["x\0"]}} if column == "age" else {column: ["x\0"]}
    with pytest.raises(ScoreFileError, match=rf"row 0: {column} holds a NUL character"):
        Scores.build(told.pop("name", ["a"]), [0.5], **told)


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a fault of that file."""
    with pytest.raises(ScoreFileError, match="No such file"):
        Scores.read(tmp_path / "none.csv")


def test_rows_are_checked_on_construction() -> None:
    """Scores made in memory obey the rules of the file."""
    with pytest.raises(ScoreFileError, match=r"row 1: score 1\.5.*row 2: name 'a', configuration '' is already on row 0"):
        Scores.build(["a", "b", "a"], [0.5, 1.5, 0.5])
    with pytest.raises(ScoreFileError, match="equally long"):
        Scores.build(["a", "b"], [0.5])
    with pytest.raises(ScoreFileError, match="outside"):
        Scores.build(["a"], [math.inf])


def test_columns_are_read_only() -> None:
    """Frozen means frozen: the arrays cannot be written to, while the caller's own array stays writable."""
    values = np.array([0.5])
    scores = Scores.build(["a"], values)
    with pytest.raises(ValueError, match="read-only"):
        scores.values[0] = 0.1
    values[0] = 0.6


def test_configurations_and_where() -> None:
    """Configurations come in order of first appearance; a mask picks rows of every column."""
    scores = Scores.build(["a", "a", "b"], [0.1, 0.2, 0.3], configuration=["L", "H", "L"])
    assert scores.configurations == ("L", "H")
    assert scores.where(scores.configuration == "L").values.tolist() == [0.1, 0.3]


def test_join() -> None:
    """Parts scored one after the other become one set, unlabelled as soon as one part is."""
    one, two = (Scores.build(["a"], [0.1], configuration=name) for name in "HL")
    assert Scores.join([one, two]).configurations == ("H", "L")
    assert not Scores.join([one, Scores.build(["b"], [0.1], labelled=False)]).labelled


def test_facts_go_where_their_rows_go() -> None:
    """A mask picks facts too; a fact that a joined part lacks is empty there."""
    one = Scores.build(["a", "b"], [0.1, 0.2], facts={"age": ["30", "40"]})
    two = Scores.build(["c"], [0.1], facts={"light": ["dim"]})
    assert one.where(one.names == "b").facts["age"].tolist() == ["40"]
    joined = Scores.join([one, two]).facts
    assert {name: fact.tolist() for name, fact in joined.items()} == {"age": ["30", "40", ""], "light": ["", "", "dim"]}


def test_clip_is_the_mean_of_the_logit() -> None:
    """Odds of 1 to 9 and 9 to 1 meet at one half; a frame without response is left out; without a clip a row stays alone."""
    scores = Scores.build(
        ["1", "2", "3", "4", "5", "6"],
        [math.nan, 0.1, 0.9, math.nan, 0.3, 0.3],
        clip=["c", "c", "c", "d", "", ""],
        reason=["no face", "", "", "no face", "", ""],
        facts={"frame": ["1", "2", "3", "4", "5", "6"]},
    )
    clips = scores.by_clip()
    assert clips.facts["frame"].tolist() == ["2", "4", "5", "6"]
    assert clips.names.tolist() == ["2", "4", "5", "6"]
    assert clips.reason.tolist() == ["", "no face", "", ""]
    assert clips.values == pytest.approx([0.5, math.nan, 0.3, 0.3], nan_ok=True)
    assert clips.values[2] == 0.3


def test_clips_of_another_source_species_or_configuration_are_others() -> None:
    """The same clip name means one presentation only within source, split, species and configuration."""
    for column in ("source", "split", "species", "configuration"):
        columns: dict[str, Any] = {"clip": "c", column: ["x", "y"]}
        assert len(Scores.build(["1", "2"], [0.5, 0.5], **columns).by_clip()) == 2
    assert len(Scores.build(["1", "2"], [0.5, 0.5], clip="c", subject=["x", "y"]).by_clip()) == 1


def test_presentations_come_in_order_of_appearance() -> None:
    """A presentation stands where its first frame stood, frames and sources of others in between or not."""
    columns: dict[str, Any] = {"clip": ["z", "a", "z", ""], "source": ["x", "y", "x", "x"]}
    clips = Scores.build(["1", "2", "3", "4"], [math.nan, 0.2, 0.3, 0.4], **columns).by_clip()
    assert clips.names.tolist() == ["3", "2", "4"]


def test_saturated_frames_have_a_finite_clip() -> None:
    """Scores of exactly 0 and 1 do not make a clip infinite or NaN."""
    values = Scores.build(["1", "2", "3", "4"], [0, 1, 1, 1], clip=["c", "c", "d", "d"]).by_clip().values
    assert 0 < values[0] < 1
    assert values[1] == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=12), st.randoms())
def test_order_of_frames_does_not_matter(values: list[float | None], random: object) -> None:
    """A clip has the same score to the bit, whatever the order of its frames, and lies between its frames."""
    numbers = [math.nan if value is None else value for value in values]
    turned = numbers.copy()
    random.shuffle(turned)  # type: ignore[attr-defined]
    names = [str(place) for place in range(len(values))]
    one, two = (Scores.build(names, column, clip="c").by_clip().values for column in (numbers, turned))
    assert np.array_equal(one, two, equal_nan=True)
    if not math.isnan(one[0]):
        assert np.nanmin(numbers) <= one[0] <= np.nanmax(numbers)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["", "x", "y"])] * 3), max_size=20))
def test_presentations_are_what_the_columns_say(rows: list[tuple[str, str, str]]) -> None:
    """By clip there are as many rows as there are different (source, clip, species), rows without a clip each their own."""
    source, clip, species = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    scores = Scores.build([str(row) for row in range(len(rows))], [0.5] * len(rows), source=source, clip=clip, species=species)
    assert len(scores.by_clip()) == len({(*row, row[1] == "" and place) for place, row in enumerate(rows)})


def test_no_rows_have_no_clips() -> None:
    """Nothing in, nothing out."""
    assert len(Scores.build([], []).by_clip()) == 0
