"""WMCA: the set's own lists say who takes part; numbers of instruments become species."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.data.frames import extract
from livegate.data.sets.wmca import SET
from livegate.errors import DataSetError
from livegate.pictures import read as read_picture

STATION = "preprocessed-face-station_RGB"
ROWS = {
    "face-station/12.02.18/100_01_000_0_00": (None, "0", "train"),
    "face-station/12.02.18/100_03_015_2_10": ("paper-mask", "1", "train"),
    "face-station/12.02.18/100_03_015_2_18": ("flexible-mask", "1", "train"),
    "face-station/31.01.18/514_01_035_1_05": ("glasses", "1", "dev"),
    "face-station/31.01.18/514_01_035_1_13": ("rigid-mask", "1", "dev"),
    "face-station/31.01.18/514_01_035_2_12": ("rigid-mask", "1", "dev"),
    "face-station/31.01.18/515_02_000_0_01": (None, "0", "dev"),
    "face-station/01.03.18/600_01_000_3_01": ("print", "1", "eval"),
    "face-station/01.03.18/600_01_000_3_05": ("replay", "1", "eval"),
    "face-station/01.03.18/600_01_000_4_18": ("replay", "1", "eval"),
    "face-station/01.03.18/601_01_000_2_07": ("fake-head", "1", "eval"),
    "face-station/01.03.18/601_01_601_0_00": (None, "0", "eval"),
}


def write(root: Path, protocol: str, rows: list[str], folder: str = STATION) -> Path:
    """Write a list, and an empty recording for each of the rows above."""
    lists = root / "wmca-protocols-csv"
    lists.mkdir(exist_ok=True)
    (lists / f"PROTOCOL-{protocol}.csv").write_text("\n".join(rows) + "\n")
    for name in ROWS:
        path = root / folder / f"{name}.hdf5"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


LINES = [f"{name},{label},attack,{part}" for name, (_, label, part) in ROWS.items()]


@pytest.mark.parametrize("folder", [STATION, "WMCA_preprocessed_RGB/WMCA"])
@pytest.mark.parametrize("header", [[], ["path,label,type,group"]])
def test_lists_and_numbers_are_read(tmp_path: Path, folder: str, header: list[str]) -> None:
    """With and without a header, in either folder; eval is test; faces come cut out, so nobody looks for them."""
    listing = SET.read(write(tmp_path, "grandtest", header + LINES, folder), "grandtest")
    assert listing.boxed
    assert listing.notes == ()
    found = {s.name.removeprefix(f"{folder}/").removesuffix(".hdf5"): (s.species, s.split) for s in listing.samples}
    splits = {"train": "train", "dev": "dev", "eval": "test"}
    assert found == {name: (species, splits[part]) for name, (species, _, part) in ROWS.items()}
    one = listing.samples[1]
    assert (one.subject, one.facts) == ("100", {"session": "03", "presenter": "015"})
    assert all(sample.path.is_file() for sample in listing.samples)


def test_seven_attacks_can_be_held_back(tmp_path: Path) -> None:
    """Each by the list of its name, nothing is computed."""
    assert len(SET.protocols) == 8
    write(tmp_path, "LOO_fakehead", LINES[-2:])
    assert [sample.species for sample in SET.read(tmp_path, "LOO_fakehead").samples] == ["fake-head", None]
    with pytest.raises(DataSetError, match=r"PROTOCOL-LOO_prints.csv: cannot be read \(No such file"):
        SET.read(tmp_path, "LOO_prints")


def test_lines_that_contradict_themselves_are_counted(tmp_path: Path) -> None:
    """A label against the type, an instrument that has no name, a path that leads away."""
    bad = [
        "face-station/12.02.18/100_01_000_0_00,1,x,train",
        "face-station/12.02.18/100_03_015_2_10,0,x,train",
        "face-station/12.02.18/100_03_015_2_50,1,x,train",
        "../face-station/12.02.18/100_01_000_0_00,0,x,train",
        "face-station/12.02.18/100_01_000_0_00,0,x,test",
    ]
    listing = SET.read(write(tmp_path, "grandtest", [LINES[0], *bad]), "grandtest")
    assert len(listing.samples) == 1
    assert listing.notes == (f"5 video(s) left out that stand in a line that does not fit the list, such as {bad[0]!r}",)


def test_frames_are_taken_from_the_recordings(tmp_path: Path) -> None:
    """The colours are those of the array: red is first."""
    h5py = pytest.importorskip("h5py", reason="h5py, of the extra data, is not installed")
    listing = SET.read(write(tmp_path, "grandtest", LINES[:1]), "grandtest")
    with h5py.File(listing.samples[0].path, "w") as file:
        for number in (0, 1, 2, 10):
            file[f"Frame_{number}/array"] = np.stack([np.full((8, 6), value, np.uint8) for value in (200, 100, number)])
    frames = extract(listing, tmp_path / "cache", 3, lambda _: None)
    assert frames.boxed
    assert [Path(sample.name).name for sample in frames.samples] == ["000000.png", "000001.png", "000010.png"]
    assert read_picture(frames.samples[2].path).tolist() == [[[200, 100, 10]] * 6] * 8
