"""OULU-NPU: the set's own lists say who takes part; they must agree with the names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from livegate.data.sets.oulu_npu import SET
from livegate.errors import DataSetError

USERS = {"Train": range(1, 21), "Dev": range(21, 36), "Test": range(36, 56)}
PHONES = range(1, 7)


def members(protocol: str, part: str) -> Iterator[str]:
    """The videos of a list by the rule of the paper's section 4; fold k holds phone k back."""
    number, _, fold = protocol.partition(".")
    test = part == "Test"
    sessions = {"1": (3,) if test else (1, 2), "2": (1, 2, 3), "3": (1, 2, 3), "4": (3,) if test else (1, 2)}[number]
    types = ((1, 3, 5) if test else (1, 2, 4)) if number in "24" else (1, 2, 3, 4, 5)
    phones = [phone for phone in PHONES if not fold or (str(phone) == fold) == test]
    for phone, session, user, kind in product(phones, sessions, USERS[part], types):
        yield f"{phone}_{session}_{user:02d}_{kind}"


def write_list(root: Path, protocol: str, part: str, lines: list[str]) -> None:
    """Write a list where the set has it."""
    number, _, fold = protocol.partition(".")
    path = root / "Protocols" / f"Protocol_{number}" / (f"{part}_{fold}.txt" if fold else f"{part}.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\r\n".join(lines) + "\r\n")


@pytest.fixture(scope="module")
def root(plant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 4,950 videos and the lists of all folds; attacks are -1 in some lists and -1 and -2 in others."""
    folder = tmp_path_factory.mktemp("oulu")
    for part, users in USERS.items():
        videos = product(PHONES, range(1, 4), users, range(1, 6))
        plant(folder, [f"{part}_files/{phone}_{session}_{user:02d}_{kind}.avi" for phone, session, user, kind in videos])
    for protocol, part in product(SET.protocols, USERS):
        labels = {"1": "+1", "2": "-1", "3": "-1"} | dict.fromkeys("45", "-1" if protocol == "1" else "-2")
        write_list(folder, protocol, part, [f"{labels[name[-1]]},{name}" for name in members(protocol, part)])
    return folder


def test_every_protocol_has_the_published_counts(root: Path) -> None:
    """Fourteen: two, and two of six folds each; 1200, 900 and 600 videos in the first."""
    assert len(SET.protocols) == 14
    for protocol in SET.protocols:
        listing = SET.read(root, protocol)
        assert listing.counts() == SET.expected[protocol], protocol
        assert listing.notes == ()
    totals = {
        split: sum(SET.expected["1"][split, bona_fide] for bona_fide in (True, False)) for split in ("train", "dev", "test")
    }
    assert totals == {"train": 1200, "dev": 900, "test": 600}


def test_no_subject_is_in_two_splits(root: Path) -> None:
    """In each protocol there are 20, 15 and 20 subjects."""
    for protocol in SET.protocols:
        pairs = {(sample.subject, sample.split) for sample in SET.read(root, protocol).samples}
        assert len(pairs) == len(dict(pairs)) == 55


def test_a_protocol_holds_back_what_it_says(root: Path) -> None:
    """Protocol 4, fold 6: another phone, another session and other instruments in test."""
    samples = SET.read(root, "4.6").samples
    facts = {
        split: {(s.facts["device"], s.facts["session"]) for s in samples if s.split == split} for split in ("train", "test")
    }
    assert facts["test"] == {("phone-6", "3")}
    assert facts["train"] == {(f"phone-{phone}", session) for phone in range(1, 6) for session in "12"}
    species = {split: {s.species for s in samples if s.split == split} for split in ("train", "dev", "test")}
    assert species == {
        "train": {None, "print-printer-1", "replay-display-1"},
        "dev": {None, "print-printer-1", "replay-display-1"},
        "test": {None, "print-printer-2", "replay-display-2"},
    }


def test_lines_that_do_not_fit_and_videos_that_are_not_there_are_counted(plant: Callable[..., Path], tmp_path: Path) -> None:
    """A label against the type, a user of another split, a path, a repeated video: each is left out and told."""
    good = ["+1,1_1_01_1", "-2, 1_1_01_5"]
    bad = [
        "-1,1_1_01_1",
        "+1,1_1_01_2",
        "+1,1_1_21_1",
        "+1,../1_1_01_1",
        "+1,7_1_01_1",
        "+1,1_1_56_1",
        "+1, 1_1_01_1",
        "label,name",
    ]
    gone = ["+1,2_1_01_1", "-1,2_1_01_2"]
    write_list(tmp_path, "1", "Train", good + bad + gone)
    write_list(tmp_path, "1", "Dev", ["+1,1_1_21_1"])
    write_list(tmp_path, "1", "Test", [])
    plant(tmp_path, ["Train_files/1_1_01_1.avi", "Train_files/1_1_01_5.avi", "Dev_files/1_1_21_1.avi"])
    listing = SET.read(tmp_path, "1")
    assert [sample.name for sample in listing.samples] == [
        "Train_files/1_1_01_1.avi",
        "Train_files/1_1_01_5.avi",
        "Dev_files/1_1_21_1.avi",
    ]
    assert listing.notes == (
        "2 video(s) left out that are listed but not there, such as 'Train_files/2_1_01_1.avi'",
        "8 video(s) left out that stand in a line that does not fit the list, such as '-1,1_1_01_1'",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory); expected: {Train,Dev,Test}_files/"),
        (b"\xff\xfe\x00", "is no list of this set: it is not text"),
        (b"a" * 5_000_000, "is no list of this set: it has more than 4,194,304 bytes"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, no text, or endless."""
    path = tmp_path / "Protocols" / "Protocol_3" / "Train_2.txt"
    if content is not None:
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    with pytest.raises(DataSetError) as caught:
        SET.read(tmp_path, "3.2")
    assert str(caught.value).startswith(f"{path}: {message}")


def test_lists_without_their_videos_say_what_is_expected(root: Path, tmp_path: Path) -> None:
    """A copy of the lists alone is no data set."""
    for part in USERS:
        write_list(tmp_path, "2", part, [f"+1,1_1_{USERS[part][0]:02d}_1"])
    with pytest.raises(DataSetError, match="holds none of the videos that its lists name; expected: "):
        SET.read(tmp_path, "2")
