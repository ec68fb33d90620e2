"""Every data set is known by name and says all that a person needs to get and read it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livegate.data.sets import SETS, against_published, named
from livegate.data.sets.dataset import Listing
from livegate.errors import DataSetError, LivegateError
from livegate.sample import Sample

NAMES = [
    *("casia-fasd", "casia-surf", "celeba-spoof", "folder", "lcc-fasd", "msu-mfsd"),
    *("nuaa", "oulu-npu", "replay-attack", "rose-youtu", "siw", "wmca"),
]


def test_there_are_twelve() -> None:
    """Sorted by name; nobody can change them."""
    assert list(SETS) == NAMES
    assert len(SETS) == 12
    with pytest.raises(TypeError):
        SETS["own"] = SETS["folder"]  # type: ignore[index]


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_says_everything_of_itself(name: str) -> None:
    """One line each but for the layout; protocols that were counted are protocols that it has."""
    data_set = SETS[name]
    assert data_set.name == name
    for text in (data_set.title, data_set.description, data_set.citation, data_set.licence, data_set.request):
        assert text.strip() == text != ""
        assert "\n" not in text
    assert data_set.layout
    assert data_set.protocols
    assert data_set.expected.keys() <= data_set.protocols.keys()
    assert name == "folder" or re.search(r"(19|20)\d\d$", data_set.citation)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    """An empty folder, a file, nothing: with the path and what should be there, by the default protocol and by all."""
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for folder in ("file", "empty", "missing"):
        for protocol in SETS[name].protocols:
            with pytest.raises(DataSetError) as caught:
                SETS[name].read(tmp_path / folder, protocol)
            assert str(caught.value).startswith(str(tmp_path / folder))
            assert "\n" not in str(caught.value)


def test_an_unknown_name_is_answered_with_a_near_one() -> None:
    """Or with all of them."""
    assert named("nuaa") is SETS["nuaa"]
    with pytest.raises(LivegateError, match=r"there is no data set 'celebaspoof'; did you mean celeba-spoof\?"):
        named("celebaspoof")
    with pytest.raises(LivegateError, match="there is no data set 'x'; there are casia-fasd, casia-surf, "):
        named("x")


def listing(*counts: tuple[str, bool, int]) -> Listing:
    """Samples by split and label."""
    samples = [
        Sample(f"{split}{bona_fide}{number}", Path(), None if bona_fide else "print", split=split)
        for split, bona_fide, times in counts
        for number in range(times)
    ]
    return Listing(tuple(samples))


def test_counts_are_compared_with_the_published_ones() -> None:
    """A carved dev belongs to the train that was published; what is published and not there counts as none."""
    data_set = SETS["nuaa"]
    found = listing(("train", True, 3), ("dev", True, 2), ("test", False, 4))
    assert against_published(data_set, "standard", found) == {
        ("train", True): (5, 1_743),
        ("train", False): (0, 1_748),
        ("test", True): (0, 3_362),
        ("test", False): (4, 5_761),
    }
    assert against_published(SETS["lcc-fasd"], "standard", found)["dev", True] == (2, 405)
    assert against_published(SETS["lcc-fasd"], "all", found) == {
        ("test", True): (0, 1_942),
        ("test", False): (4, 16_885),
        ("train", True): (5, 0),
    }
    assert against_published(SETS["folder"], "by-name", found) == {}
