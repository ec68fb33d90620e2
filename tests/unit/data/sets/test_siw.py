"""SiW: three protocols by what is held back; the first by how much of a video is seen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from livegate.data.frames import extract
from livegate.data.sets.siw import SET
from livegate.errors import DataSetError

SUBJECTS = {"032": "Train", "003": "Train", "001": "Test"}


@pytest.fixture(scope="module")
def root(plant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A subject of each split, with 8 bona fide videos, 4 prints and 16 replays; and a file of boxes, which is not read."""
    names = []
    for subject, part in SUBJECTS.items():
        live, spoof = f"{part}/live/{subject}/{subject}", f"{part}/spoof/{subject}/{subject}"
        names += [f"{live}-{sensor}-1-{medium}-{session}.mov" for sensor, medium, session in product((1, 2), (1, 2), (1, 2))]
        names += [f"{spoof}-1-2-{medium}-{session}.mov" for medium, session in product((1, 2), (1, 2))]
        names += [
            f"{spoof}-{sensor}-3-{medium}-{session}.mov" for sensor, medium, session in product((1, 2), range(1, 5), (1, 2))
        ]
    folder = plant(tmp_path_factory.mktemp("siw"), names)
    (folder / "Train/live/032/032-1-1-1-1.face").write_text("785 425 1070 710\n")
    return folder


def species(root: Path, protocol: str) -> dict[str, set[str]]:
    """The species of each split of a protocol; there must be 8 bona fide videos in each."""
    listing = SET.read(root, protocol)
    assert [number for (_, bona_fide), number in listing.counts().items() if bona_fide] == [8, 8, 8]
    return {split: {s.species for s in listing.samples if s.split == split and s.species} for split in ("train", "dev", "test")}


PRINTS, REPLAYS = {"print-kind-1", "print-kind-2"}, {"replay-screen-1", "replay-screen-2", "replay-screen-3", "replay-screen-4"}


def test_protocol_1_has_all_attacks_and_little_of_training_videos(root: Path) -> None:
    """28 videos a subject; the first 60 frames of those of train and dev, all of those of test."""
    listing = SET.read(root, "1")
    assert species(root, "1") == dict.fromkeys(("train", "dev", "test"), PRINTS | REPLAYS)
    assert len(listing.samples) == 3 * 28
    assert {(s.split, s.facts.get("first_frames")) for s in listing.samples} == {("train", "60"), ("dev", "60"), ("test", None)}


@pytest.mark.parametrize("medium", [1, 2, 3, 4])
def test_protocol_2_holds_one_screen_back(root: Path, medium: int) -> None:
    """Three screens to train, the fourth alone in test, no prints."""
    held = {f"replay-screen-{medium}"}
    assert species(root, f"2.{medium}") == {"train": REPLAYS - held, "dev": REPLAYS - held, "test": held}


def test_protocol_3_holds_one_kind_back(root: Path) -> None:
    """Prints against replays, and the reverse; no bound on frames."""
    assert species(root, "3.1") == {"train": PRINTS, "dev": PRINTS, "test": REPLAYS}
    assert species(root, "3.2") == {"train": REPLAYS, "dev": REPLAYS, "test": PRINTS}
    assert not [s for s in SET.read(root, "3.1").samples if "first_frames" in s.facts]


def test_published_counts_are_consistent() -> None:
    """Each screen is held back once and trained on three times; protocol 3 divides the attacks of protocol 1."""
    table = SET.expected
    assert sum(table["1"].values()) == 4478
    for split, total in (("train", table["3.2"]["train", False]), ("dev", table["3.2"]["dev", False])):
        assert sum(table[f"2.{medium}"][split, False] for medium in range(1, 5)) == 3 * total
    assert sum(table[f"2.{medium}"]["test", False] for medium in range(1, 5)) == table["3.1"]["test", False]
    for split in ("train", "dev", "test"):
        assert table["3.1"][split, False] + table["3.2"][split, False] == table["1"][split, False]


def test_names_tell_the_rest(root: Path) -> None:
    """Subject, device, medium and session; dev is carved from train by subject."""
    samples = {sample.name: sample for sample in SET.read(root, "3.1").samples}
    one = samples["Train/spoof/003/003-1-2-2-1.mov"]
    assert (one.subject, one.split, one.species) == ("003", "dev", "print-kind-2")
    assert one.facts == {"device": "canon-eos-t6", "medium": "2", "session": "1"}
    pairs = {(sample.subject, sample.split) for sample in samples.values()}
    assert pairs == {("032", "train"), ("003", "dev"), ("001", "test")}


def test_the_bound_reaches_the_frames(root: Path, tmp_path: Path) -> None:
    """The fact stays with the frames, as a column of the index."""
    listing = SET.read(root, "1")
    few = [sample for sample in listing.samples if sample.subject == "032"][:1]
    frames = extract(type(listing)(tuple(few)), tmp_path, 2, lambda _: None).samples
    assert [frame.facts["first_frames"] for frame in frames] == ["60", "60"]


@pytest.mark.parametrize(
    "name",
    [
        "Train/live/032/033-1-1-1-1.mov",
        "Train/live/032/032-1-2-1-1.mov",
        "Train/spoof/032/032-1-1-1-1.mov",
        "Train/spoof/032/032_1_2_1_1.mov",
        "Dev/live/032/032-1-1-1-1.mov",
    ],
)
def test_a_name_that_contradicts_its_folder_is_left_out(plant: Callable[..., Path], tmp_path: Path, name: str) -> None:
    """Subject, type and part must agree."""
    with pytest.raises(DataSetError, match="holds no video of this set"):
        SET.read(plant(tmp_path, [name]), "1")
