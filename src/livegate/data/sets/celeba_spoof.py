"""CelebA-Spoof: recaptures of the pictures of CelebA, labelled by a list of 44 numbers each.

The labels come from the JSON lists and never from the folders: some pictures under ``live/`` are labelled spoof, and a list may name
pictures of either part. What the numbers mean is said by the set's own README and its authors (their issues 4, 10 and 12).

Two rules cut faces out. Here it is the one of the set's own code (intra_dataset_code/client.py), in which a box keeps its right and
lower edge when its corner lies outside; the other (of light-weight-face-anti-spoofing) shifts such a box inside.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from livegate.data.protocols import By, carve
from livegate.data.sets.dataset import Counts, DataSet, Listing
from livegate.data.sets.reading import text
from livegate.data.sets.stills import UNSPECIFIED, Root, Tally
from livegate.errors import DataSetError
from livegate.pictures import FORMATS
from livegate.sample import Box, Sample, Split

LAYOUT = """\
Data/{train,test}/<subject>/{live,spoof}/<number>.{jpg,png}     and <number>_BB.txt beside each
metas/intra_test/{train,test}_label.json
metas/protocol1/{train,test}_label.json
metas/protocol2/test_on_{low,middle,high}_quality_device/{train,test}_label.json"""
FOLDERS: Mapping[str, tuple[str, By]] = {
    "intra": ("intra_test", By.PICTURE),
    "intra-by-subject": ("intra_test", By.SUBJECT),
    "protocol1": ("protocol1", By.SUBJECT),
    "protocol2-low": ("protocol2/test_on_low_quality_device", By.SUBJECT),
    "protocol2-middle": ("protocol2/test_on_middle_quality_device", By.SUBJECT),
    "protocol2-high": ("protocol2/test_on_high_quality_device", By.SUBJECT),
}
"""Protocol → its folder below metas, and what dev is carved out of train by."""
PARTS = {Split.TRAIN: "train_label.json", Split.TEST: "test_label.json"}
MAX_LIST_BYTES = 512 * 1024 * 1024
"""The longest list has 494,405 pictures in some 85 MB."""

ENTRY = re.compile(r'\s*"((?:[^"\\]|\\.){1,4096})"\s*:\s*\[([^][{}"]{0,1024})\]\s*([,}])')
"""One picture of a list, and what stands after it."""
PICTURE = re.compile(r"Data/(?:train|test)/(?P<subject>[^/]+)/(?P<folder>live|spoof)/[^/]{5,}")
LABELS, ATTRIBUTES = 44, 40
EYEGLASSES, MALE, YOUNG, KIND, LIGHT, PLACE, SPOOF = 15, 20, 39, 40, 41, 42, 43
"""Places in the list of labels; the first 40 are the attributes of CelebA in its order, all 0 for a spoof."""
LARGEST = (*[1] * 40, 10, 4, 2, 1)
SPECIES = (
    UNSPECIFIED,
    *("photo", "poster", "a4", "face-mask", "upper-body-mask", "region-mask", "pc", "pad", "phone", "3d-mask"),
)
"""By the spoof type; a 3-D mask is a print worn on the face. Type 0 is that of live pictures, and of spoofs that nobody has named."""
MEDIA = ("", *["print"] * 3, *["paper-cut"] * 3, *["replay"] * 3, "3d")
LIGHTS = ("", "normal", "strong", "back", "dark")
PLACES = ("", "indoor", "outdoor")

FRAME = 224
"""Boxes are written as if every picture had this height and width."""
SMALLEST = 3
"""A box that is narrower or lower, in pixels of that frame, shows no face."""
FARTHEST = 10_000
"""Nor does one with a larger number, in either direction."""
MAX_BOX_BYTES = 200
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
"""The EXIF tag, and its values by which height and width change places."""
DEFECT = {Split.TRAIN: "left out", Split.TEST: "taken whole"}
"""What becomes of a picture whose box shows no face."""


class _Label(NamedTuple):
    species: str | None
    facts: dict[str, str]
    odd: bool


def read(root: Path, protocol: str) -> Listing:
    """List the pictures of one protocol with their faces.

    What has no usable box is left out of train, and counted; in test it stays, whole, and is counted too.

    Raises:
        DataSetError: with everything that is wrong with the lists, or missing.
    """
    base = Root(root)
    folder, by = FOLDERS[protocol]
    samples: list[Sample] = []
    with warnings.catch_warnings():
        # Only headers are read; what is odd about a picture is told when it is decoded.
        warnings.simplefilter("ignore")
        for split, path in _lists(base, f"metas/{folder}").items():
            found = (_sample(base, name, label, split) for name, label in _entries(path, base.faults))
            samples += (sample for sample in found if sample is not None)
    base.require_sound(samples)
    samples.sort(key=lambda sample: sample.name)
    try:
        return Listing(carve(samples, by), boxed=True, notes=base.notes.sentences())
    except ValueError as error:
        raise DataSetError(root, [str(error), *base.notes.sentences()]) from None


def _lists(base: Root, folder: str) -> dict[Split, Path]:
    """The two lists of a protocol, by what the folder really holds."""
    base.require(["Data", folder], LAYOUT)
    held = sorted(path.name for path in (base.path / folder).glob("*"))
    if missing := [name for name in PARTS.values() if name not in held]:
        holds = ", ".join(repr(name) for name in held[:8]) or "nothing"
        raise DataSetError(base.path, [f"has no {folder}/{name}; that folder holds {holds}" for name in missing])
    return {split: base.path / folder / name for split, name in PARTS.items()}


def _entries(path: Path, faults: Tally) -> Iterator[tuple[str, _Label]]:
    """The entries of a list, one by one: as objects all together they would take a gigabyte, and hostile ones more."""
    content = text(path, MAX_LIST_BYTES)
    place, end = content.find("{") + 1, ","
    while end == ",":
        entry = ENTRY.match(content, place)
        if entry is None:
            what = f"JSON list(s) break off where '\"path\": [{LABELS} numbers]' should stand"
            faults.add(what, f"{path.name} at character {place}: {content[place : place + 40]}")
            return
        name, numbers, end = entry.groups()
        place = entry.end()
        try:
            yield json.loads(f'"{name}"') if "\\" in name else name, _label(numbers)
        except json.JSONDecodeError:
            faults.add("name(s) are no JSON text", name)
        except ValueError as error:
            faults.add(str(error), name)


@lru_cache(maxsize=4096)
def _label(numbers: str) -> _Label:
    """What the labels of a picture say.

    Raises:
        ValueError: if there are not 44, or one is out of its range.
    """
    words = [word.strip() for word in numbers.split(",")]
    if len(words) != LABELS:
        raise ValueError(f"picture(s) have more or fewer labels than {LABELS}")
    if not all(word.isdecimal() and len(word) <= 2 and int(word) <= most for word, most in zip(words, LARGEST, strict=True)):
        raise ValueError("picture(s) have a label that is out of its range")
    labels = [int(word) for word in words]
    bona_fide = labels[SPOOF] == 0
    facts = {
        "medium": MEDIA[labels[KIND]],
        "illumination": LIGHTS[labels[LIGHT]],
        "environment": PLACES[labels[PLACE]],
        "sex": ("female", "male")[labels[MALE]] if bona_fide else "",
        "age": ("older", "young")[labels[YOUNG]] if bona_fide else "",
        "eyeglasses": ("no", "yes")[labels[EYEGLASSES]] if bona_fide else "",
        "attributes": "".join(map(str, labels[:ATTRIBUTES])) if bona_fide else "",
    }
    return _Label(None if bona_fide else SPECIES[labels[KIND]], facts, odd=bona_fide == (labels[KIND] > 0))


def _sample(base: Root, name: str, label: _Label, split: Split) -> Sample | None:
    match = PICTURE.fullmatch(name)
    if match is None:
        base.faults.add("path(s) are not of the form Data/{train,test}/<subject>/{live,spoof}/<picture>", name)
        return None
    if not base.admits(name):
        return None
    if label.odd:
        base.notes.add("picture(s) are live and have a spoof type, or the reverse", name)
    if (label.species is None) != (match["folder"] == "live"):
        base.notes.add("picture(s) lie in a folder that contradicts their label; the label counts", name)
    path = base.path / name
    box = _box(path)
    if box is None:
        base.notes.add(f"picture(s) of {split} have no usable face box and are {DEFECT[split]}", name)
        if split == Split.TRAIN:
            return None
    return Sample(
        name=name,
        folder=base.path,
        species=label.species,
        source=SET.name,
        split=split,
        subject=match["subject"],
        box=box,
        facts=label.facts,
    )


def _box(picture: Path) -> Box | None:
    """The face by the rule of the set's own code; None if the file beside the picture does not tell one."""
    size = _size(picture)
    try:
        with picture.with_name(f"{picture.name[:-4]}_BB.txt").open(encoding="ascii") as file:
            x, y, w, h = (int(float(word)) for word in file.readline(MAX_BOX_BYTES).split()[:4])
    except (OSError, ValueError, OverflowError):
        return None
    if size is None or min(w, h) < SMALLEST or max(map(abs, (x, y, w, h))) > FARTHEST:
        return None
    width, height = size
    x, w = int(x * (width / FRAME)), int(w * (width / FRAME))
    y, h = int(y * (height / FRAME)), int(h * (height / FRAME))
    left, top = max(x, 0), max(y, 0)
    right, bottom = width if left + w > width else x + w, height if top + h > height else y + h
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _size(picture: Path) -> tuple[int, int] | None:
    """Width and height of a picture as it is meant to be seen, from its header; None if that cannot be read."""
    try:
        with Image.open(picture, formats=FORMATS) as image:
            width, height = image.size
            # Asked for its EXIF, a PNG that has none is decoded as a whole.
            turned = "exif" in image.info and image.getexif().get(ORIENTATION) in TURNED
    except Exception:  # noqa: BLE001 - decoders answer hostile bytes with every kind of exception
        return None
    return (height, width) if turned else (width, height)


INTRA: Counts = {
    (Split.TRAIN, True): 162_462,
    (Split.TRAIN, False): 331_943,
    (Split.TEST, True): 19_923,
    (Split.TEST, False): 47_247,
}
"""Labels of the public lists, as others counted them; the whole set of the paper is larger."""

SET = DataSet(
    name="celeba-spoof",
    title="CelebA-Spoof",
    description=(
        "561,575 public pictures of about 9,200 people. Bona fide are web photographs, those of CelebA; attacks are recaptures of "
        "them in eight scenes by more than ten cameras: prints, paper cut to masks, screens, and a print worn on the face. How a "
        "picture was taken therefore differs by its label. Sex, age and eyeglasses are what the annotators of CelebA saw."
    ),
    citation=(
        "Y. Zhang, Z. Yin, Y. Li, G. Yin, J. Yan, J. Shao, Z. Liu: CelebA-Spoof: large-scale face anti-spoofing dataset with rich "
        "annotations. European Conference on Computer Vision (ECCV), 2020"
    ),
    licence="non-commercial research only; neither pictures nor what is derived from them may be passed on",
    request="https://github.com/ZhangYuanhan-AI/CelebA-Spoof",
    layout=LAYOUT,
    protocols={
        "intra": "all attacks in both parts; dev is a fifth of the pictures of train, so its people are in train: Khabarlak 2022",
        "intra-by-subject": "the same, but dev is a fifth of the people of train",
        "protocol1": "another medium: A4 prints, face masks and PC screens are held back for test; dev by subject",
    }
    | {
        f"protocol2-{quality}": f"another sensor: those of {quality} quality are held back for test; dev by subject"
        for quality in ("low", "middle", "high")
    },
    read=read,
    expected={"intra": INTRA, "intra-by-subject": INTRA},
)
