"""A configuration is one letter a block, read and printed without any guessing."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate import Branch, Configuration, LivegateError
from livegate.errors import ConfigurationError

LETTERS = st.text(alphabet="HLB", max_size=8)


@given(LETTERS)
def test_printing_undoes_parsing(text: str) -> None:
    """What was read is written back, letter by letter, and has that length."""
    configuration = Configuration.parse(text)
    assert str(configuration) == text
    assert [str(branch) for branch in configuration] == list(text)
    assert len(configuration) == len(text)


@given(st.lists(st.sampled_from(Branch), max_size=8))
def test_parsing_undoes_printing(branches: list[Branch]) -> None:
    """A configuration survives being written down; equal ones are equal keys."""
    configuration = Configuration(tuple(branches))
    assert {configuration: 1}[Configuration.parse(str(configuration), len(branches))] == 1


@given(st.text(max_size=6).filter(lambda text: set(text) - set("HLB")))
def test_nothing_but_the_three_letters_is_read(text: str) -> None:
    """No upper-casing, trimming or nearest match for anything."""
    with pytest.raises(ConfigurationError, match="unknown branch"):
        Configuration.parse(text)


@pytest.mark.parametrize(
    ("text", "letter", "position"),
    [("HXH", "X", 1), ("hh", "h", 0), ("HH ", " ", 2), ("BLb", "b", 2), ("Η", "Η", 0)],  # noqa: RUF001
)
def test_an_unknown_letter_is_named_with_its_place(text: str, letter: str, position: int) -> None:
    """What, got, allowed: the message is the one that the design shows."""
    with pytest.raises(ConfigurationError) as caught:
        Configuration.parse(text, 3)
    assert str(caught.value) == (
        f"configuration {text!r} has unknown branch {letter!r} at position {position}; branches are H, L, B"
    )


@pytest.mark.parametrize("text", ["HHHH", "HH", "B", ""])
def test_another_length_than_the_network_is_refused(text: str) -> None:
    """Nothing is padded, cut or repeated; the message tells both lengths and an example."""
    with pytest.raises(ConfigurationError, match=f"has length {len(text)}, the network has 3; give 3 letters, such as HHH"):
        Configuration.parse(text, 3)


def test_a_network_without_adaptive_blocks_has_the_empty_configuration() -> None:
    """The empty text is that configuration, and any letter is refused."""
    assert Configuration.parse("", 0) == Configuration(())
    assert list(Configuration.enumerate(0)) == [Configuration(())]
    with pytest.raises(ConfigurationError, match="give none"):
        Configuration.parse("H", 0)


def test_three_blocks_have_twenty_seven_configurations() -> None:
    """Each once, HHH first, none missing."""
    texts = [str(configuration) for configuration in Configuration.enumerate(3)]
    assert len(texts) == 27
    assert texts[0] == "HHH"
    assert set(texts) == {a + b + c for a in "HLB" for b in "HLB" for c in "HLB"}


def test_codes_are_those_of_the_exported_file() -> None:
    """0 heavy, 1 light, 2 both, as the contract of the ONNX input says."""
    assert Configuration.parse("HLB").codes == (0, 1, 2)
    assert [branch.code for branch in (Branch.HEAVY, Branch.LIGHT, Branch.BOTH)] == [0, 1, 2]


def test_uniform_repeats_one_branch() -> None:
    """The light branch in two blocks is LL."""
    assert str(Configuration.uniform(Branch.LIGHT, 2)) == "LL"


@pytest.mark.parametrize(
    ("text", "meant"), [(None, "HHH"), ("heaviest", "BBB"), ("lightest", "LLL"), ("HLB", "HLB"), ("LLL", "LLL")]
)
def test_words_are_understood(text: str | None, meant: str) -> None:
    """What costs most computes both branches, what costs least the light ones; without a word it is the heavy ones."""
    assert str(Configuration.chosen(text, 3)) == meant


@pytest.mark.parametrize("text", [None, "", "heaviest", "lightest"])
def test_a_network_without_adaptive_blocks_knows_the_same_words(text: str | None) -> None:
    """They all mean the one configuration that it has."""
    assert Configuration.chosen(text, 0) == Configuration(())


@pytest.mark.parametrize("text", ["", "HH", "Heaviest", "auto"])
def test_what_is_neither_word_nor_letters_is_refused(text: str) -> None:
    """As everywhere."""
    with pytest.raises(ConfigurationError):
        Configuration.chosen(text, 3)


def test_a_configuration_cannot_be_changed() -> None:
    """It is a value, never a state."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Configuration.parse("HHH").branches = ()  # type: ignore[misc]


def test_the_error_is_also_a_value_error() -> None:
    """A caller who knows nothing of Livegate's errors still catches it."""
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(ConfigurationError, LivegateError)
