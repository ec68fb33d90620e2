"""Labels of other tasks come from the columns of the index, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegate.errors import RecipeError
from livegate.sample import Sample
from livegate.training.recipe import Tasks
from livegate.training.tasks import labels, require

ALL = Tasks(species=0.1, illumination=0.1, attributes=1.0)
DIGITS = "01" * 20


def sample(species: str | None = None, **facts: str) -> Sample:
    """A sample with these columns."""
    return Sample("a.png", Path("-"), species=species, facts=facts)


def test_labels_are_those_of_the_columns() -> None:
    """Bona fide is class 0 of species and illumination; attributes of an attack are 0."""
    rows = labels([sample(attributes=DIGITS), sample("3d-mask", illumination="dark"), sample("photo", illumination="normal")])
    assert rows.tolist() == [[0, 0, *[0, 1] * 20], [10, 4, *[0] * 40], [1, 1, *[0] * 40]]


@pytest.mark.parametrize("digits", ["", "01", "2" * 40, "01" * 20 + "0", "0" * 39 + "x"])
def test_what_is_not_known_is_minus_one(digits: str) -> None:
    """Species of other data sets, an attack that nobody has named, no light, no 40 digits."""
    strange = [
        sample("print", illumination="normal"),
        sample("unspecified"),
        sample("pc", illumination="dim"),
        sample(attributes=digits),
    ]
    rows = labels(strange)
    assert rows[:3, :2].tolist() == [[-1, 1], [-1, -1], [7, -1]]
    assert rows[3].tolist() == [0, 0, *[-1] * 40]


def test_every_missing_label_is_named() -> None:
    """An index of another data set has none of them: three faults at once, each with the column and the way out."""
    with pytest.raises(RecipeError) as caught:
        require([sample(), sample("print")], ALL, "mine")
    assert len(caught.value.faults) == 3
    text = str(caught.value)
    assert text.startswith("recipe mine: tasks: species cannot be learned: no attack has one of the species photo, poster,")
    assert "no attack has one of normal, strong, back, dark in the column 'illumination'; set it to 0" in text
    assert "no bona fide sample has 40 digits, 0 or 1, in the column 'attributes'; set it to 0" in text


def test_only_what_is_learned_has_to_be_there() -> None:
    """A task that is off asks for nothing; one sample with a label is enough for one that is on."""
    require([sample(), sample("print")], Tasks(), "mine")
    require([sample(), sample("pc"), sample("print")], Tasks(species=1.0), "mine")
    require([sample(attributes=DIGITS), sample("pc", illumination="back")], ALL, "mine")
    with pytest.raises(RecipeError, match="attributes cannot be learned"):
        require([sample(), sample("pc", illumination="back", attributes=DIGITS)], ALL, "mine")
