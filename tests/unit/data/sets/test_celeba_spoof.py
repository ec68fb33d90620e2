"""CelebA-Spoof is read by its lists, its boxes by its own rule, and whatever is odd about it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from livegate.data.index import Index
from livegate.data.sets.celeba_spoof import SET
from livegate.data.sets.dataset import Listing
from livegate.errors import DataSetError
from livegate.sample import Box, Sample

GOOD = "50 40 100 120 0.99"
LIVE = [0] * 44
ANN = "Data/train/10/live/000001.jpg"
ATTACK = "Data/train/10/spoof/000002.jpg"
BOB = "Data/train/11/spoof/000003.png"
TESTED = "Data/test/12/live/000004.jpg"


def spoof(kind: int = 1, light: int = 1, place: int = 1) -> list[int]:
    """The labels of an attack."""
    return [0] * 40 + [kind, light, place, 1]


@dataclass
class Tree:
    """A small CelebA-Spoof; pictures of 224 x 224 pixels, so that a box is what its file says."""

    root: Path
    labels: dict[str, dict[str, list[int]]] = field(default_factory=lambda: {"train": {}, "test": {}})
    metas: str = "metas/intra_test"

    def add(self, part: str, name: str, labels: list[int], box: str | None = GOOD, size: tuple[int, int] = (224, 224)) -> Path:
        """A picture, its box file, and its entry in a list."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (90, 120, 150)).save(path)
        if box is not None:
            path.with_name(f"{path.stem}_BB.txt").write_text(box)
        self.labels[part][name] = labels
        return path

    def write(self, texts: Mapping[str, str] | None = None) -> Path:
        """Write both lists; a text takes the place of one."""
        folder = self.root / self.metas
        folder.mkdir(parents=True, exist_ok=True)
        for part, labels in self.labels.items():
            (folder / f"{part}_label.json").write_text((texts or {}).get(part) or json.dumps(labels))
        return self.root

    def read(self, protocol: str = "intra-by-subject") -> Listing:
        """Write, then read."""
        return SET.read(self.write(), protocol)

    def samples(self, protocol: str = "intra-by-subject") -> dict[str, Sample]:
        """The samples by their names."""
        return {sample.name: sample for sample in self.read(protocol).samples}

    def faults(self, texts: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """What is wrong with it."""
        with pytest.raises(DataSetError) as caught:
            SET.read(self.write(texts), "intra-by-subject")
        assert "\n" not in str(caught.value)
        return caught.value.faults


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two people to train with and one to test with."""
    small = Tree(tmp_path / "CelebA_Spoof")
    small.add("train", ANN, LIVE)
    small.add("train", ATTACK, spoof(5, 1, 2))
    small.add("train", BOB, spoof(7, 4, 1))
    small.add("test", TESTED, LIVE)
    return small


def test_labels_are_read(tree: Tree) -> None:
    """The example of the set's own issue 18: upper-body mask, normal light, outdoors."""
    sample = tree.samples()[ATTACK]
    assert (sample.species, sample.subject, sample.source, sample.clip) == ("upper-body-mask", "10", "celeba-spoof", "")
    assert sample.facts == {
        "medium": "paper-cut",
        "illumination": "normal",
        "environment": "outdoor",
        "sex": "",
        "age": "",
        "eyeglasses": "",
        "attributes": "",
    }
    assert (sample.path, sample.path.is_file()) == (tree.root / ATTACK, True)


def test_attributes_are_facts_of_bona_fide(tree: Tree) -> None:
    """Eyeglasses, Male and Young are the 16th, 21st and 40th attribute of CelebA."""
    labels = list(LIVE)
    labels[15] = labels[20] = labels[39] = 1
    tree.add("test", "Data/test/12/live/000005.jpg", labels)
    samples = tree.samples()
    told = {
        name: [samples[name].facts[key] for key in ("sex", "age", "eyeglasses")]
        for name in (TESTED, "Data/test/12/live/000005.jpg")
    }
    assert list(told.values()) == [["female", "older", "no"], ["male", "young", "yes"]]
    digits = [place for place, digit in enumerate(samples["Data/test/12/live/000005.jpg"].facts["attributes"]) if digit == "1"]
    assert (digits, samples[TESTED].facts["attributes"]) == ([15, 20, 39], "0" * 40)
    assert samples[TESTED].bona_fide
    assert samples[TESTED].facts["illumination"] == samples[TESTED].facts["medium"] == ""


def test_every_spoof_type_light_and_place_has_its_name(tree: Tree) -> None:
    """Ten types in four media, counted from 1; four lights and two places."""
    for kind in range(1, 11):
        tree.add("test", f"Data/test/12/spoof/0001{kind:02d}.jpg", spoof(kind, (kind - 1) % 4 + 1, (kind - 1) % 2 + 1))
    found = [sample for name, sample in sorted(tree.samples().items()) if name.startswith("Data/test/12/spoof/")]
    species = ["photo", "poster", "a4", "face-mask", "upper-body-mask", "region-mask", "pc", "pad", "phone", "3d-mask"]
    assert [sample.species for sample in found] == species
    assert [sample.facts["medium"] for sample in found] == ["print"] * 3 + ["paper-cut"] * 3 + ["replay"] * 3 + ["3d"]
    assert [sample.facts["illumination"] for sample in found[:4]] == ["normal", "strong", "back", "dark"]
    assert [sample.facts["environment"] for sample in found[:2]] == ["indoor", "outdoor"]


def test_an_index_carries_every_label_that_is_learned(tree: Tree, tmp_path: Path) -> None:
    """From the lists of 44 numbers through an index file to the labels of training: type, light and attributes are those of the lists."""
    tasks = pytest.importorskip("livegate.training.tasks")
    labels = [number % 3 % 2 for number in range(40)] + [0] * 4
    tree.add("train", "Data/train/11/live/000008.jpg", labels)
    listing = tree.read()
    Index(tree.root / "-", listing.samples, labelled=True, boxed=True).write(tmp_path / "index.csv")
    samples = Index.read(tmp_path / "index.csv").samples
    assert len(samples) == 5
    lists = tree.labels["train"] | tree.labels["test"]
    for sample, row in zip(listing.samples, tasks.labels(samples).tolist(), strict=True):
        assert row == [*lists[sample.name][40:42], *lists[sample.name][:40]]


@pytest.mark.parametrize(
    ("size", "text", "box"),
    [
        ((224, 224), "61 45 61 112 0.9970805", Box(61, 45, 61, 112)),
        ((448, 112), "61 45 61 112 0.99", Box(122, 22, 122, 56)),  # each side by its own factor
        ((300, 200), "10.9 7.2 50.5 99.9 0.9", Box(13, 6, 66, 88)),  # cut off before and after: 13.39, 6.25, 66.96, 88.39
        ((224, 224), "-10 -5 60 70 0.9", Box(0, 0, 50, 65)),  # the right and lower edge stay; the other rule has 60 and 70
        ((224, 224), "-0.9 -0.2 60 70 0.9", Box(0, 0, 60, 70)),  # cut off towards zero
        ((224, 224), "200 180 60 70 0.9", Box(200, 180, 24, 44)),
        ((224, 224), "-10 0 230 100 0.9", Box(0, 0, 224, 100)),  # 0 + 230 is too far, though -10 + 230 is not
        ((224, 224), "5 6 3 3", Box(5, 6, 3, 3)),
        ((224, 224), "5\t6  30 40 0.9\n1 2 3 4 5\n", Box(5, 6, 30, 40)),
    ],
)
def test_boxes_follow_the_rule_of_the_set(tree: Tree, size: tuple[int, int], text: str, box: Box) -> None:
    """Counted by hand."""
    tree.add("test", TESTED, LIVE, text, size)
    listing = tree.read()
    (sample,) = (sample for sample in listing.samples if sample.name == TESTED)
    assert sample.box == box
    assert listing.boxed
    assert listing.notes == ()


def test_a_turned_picture_is_measured_upright(tree: Tree) -> None:
    """A JPEG of 100 x 200 pixels that is to be turned by a quarter is 200 wide and 100 high."""
    path = tree.add("test", TESTED, LIVE, "112 112 56 56 0.9")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 200)).save(path, exif=exif)
    assert tree.samples()[TESTED].box == Box(100, 50, 50, 25)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "\n",
        "1 2 3",
        "10 10 2.9 50 0.9",
        "10 10 50 2 0.9",
        "10 10 -50 50 0.9",
        "a b c d e",
        "nan 10 50 50 0.9",
        "10 10 inf 50 0.9",
        "10 10 1e300 50 0.9",
        "10 10 50 1e5 0.9",
        "230 10 50 50 0.9",
        "-60 10 50 50 0.9",
        "ü 1 2 3 4",
        "1" * 5000,
    ],
)
def test_a_picture_without_a_usable_box_is_counted(tree: Tree, text: str | None) -> None:
    """Left out of train, taken whole in test; never an error, never silent."""
    for part, name in (("train", "Data/train/10/live/000009.jpg"), ("test", TESTED)):
        tree.add(part, name, LIVE, text)
        if text is None:
            (tree.root / name).with_name(f"{Path(name).stem}_BB.txt").unlink(missing_ok=True)
    listing = tree.read()
    names = {sample.name: sample.box for sample in listing.samples}
    assert names.keys() == {ANN, ATTACK, BOB, TESTED}
    assert names[TESTED] is None
    assert listing.notes == (
        "1 picture(s) of train have no usable face box and are left out, such as 'Data/train/10/live/000009.jpg'",
        f"1 picture(s) of test have no usable face box and are taken whole, such as '{TESTED}'",
    )


def test_a_picture_that_cannot_be_read_has_no_box(tree: Tree) -> None:
    """Its size is not known; scoring will say what is wrong with it."""
    (tree.root / TESTED).write_bytes(b"no picture")
    (tree.root / BOB).write_bytes(b"\x89PNG\r\n\x1a\n")
    tree.add("train", "Data/train/13/spoof/000007.jpg", spoof())
    samples = tree.samples()
    assert samples[TESTED].box is None
    assert BOB not in samples


def test_the_list_decides_and_not_the_folder(tree: Tree) -> None:
    """A picture under live may be an attack, and one under train may be tested."""
    odd, moved = "Data/train/11/live/000020.jpg", "Data/train/14/live/000021.jpg"
    tree.add("train", odd, spoof(0, 0, 0))
    tree.add("test", moved, LIVE)
    listing = tree.read()
    samples = {sample.name: sample for sample in listing.samples}
    assert samples[odd].species == "unspecified"
    assert samples[moved].split == "test"
    assert listing.notes == (
        f"1 picture(s) are live and have a spoof type, or the reverse, such as '{odd}'",
        f"1 picture(s) lie in a folder that contradicts their label; the label counts, such as '{odd}'",
    )


@pytest.fixture
def larger(tmp_path: Path) -> Tree:
    """Ten people to train with, five pictures of each."""
    many = Tree(tmp_path / "CelebA_Spoof")
    for person in range(10):
        for number in range(5):
            many.add(
                "train",
                f"Data/train/{person}/{'spoof' if number % 2 else 'live'}/{number:06d}.jpg",
                spoof() if number % 2 else LIVE,
            )
    many.add("test", TESTED, LIVE)
    return many


def people(listing: Listing, split: str) -> set[str]:
    """Who is in a split."""
    return {sample.subject for sample in listing.samples if sample.split == split}


def test_dev_of_the_paper_shares_people_with_train(larger: Tree) -> None:
    """A fifth of 50 pictures at random: of every person that is in dev, other pictures are in train."""
    listing = larger.read("intra")
    assert [sum(sample.split == split for sample in listing.samples) for split in ("train", "dev", "test")] == [40, 10, 1]
    assert people(listing, "dev") <= people(listing, "train")


def test_dev_by_subject_shares_nobody(larger: Tree) -> None:
    """A fifth of ten people, all their pictures."""
    listing = larger.read("intra-by-subject")
    assert [sum(sample.split == split for sample in listing.samples) for split in ("train", "dev", "test")] == [40, 10, 1]
    assert not people(listing, "dev") & people(listing, "train")


@pytest.mark.parametrize("protocol", ["intra", "intra-by-subject"])
def test_the_order_of_a_list_does_not_matter(larger: Tree, protocol: str) -> None:
    """The same pictures are dev, and the samples have the same order."""
    first = larger.read(protocol)
    larger.labels["train"] = dict(reversed(larger.labels["train"].items()))
    assert larger.read(protocol) == first


@pytest.mark.parametrize(
    ("protocol", "folder"),
    [
        ("intra", "intra_test"),
        ("protocol1", "protocol1"),
        ("protocol2-low", "protocol2/test_on_low_quality_device"),
        ("protocol2-middle", "protocol2/test_on_middle_quality_device"),
        ("protocol2-high", "protocol2/test_on_high_quality_device"),
    ],
)
def test_every_protocol_has_its_lists(tree: Tree, protocol: str, folder: str) -> None:
    """And only those are looked for."""
    tree.metas = f"metas/{folder}"
    assert tree.samples(protocol).keys() == {ANN, ATTACK, BOB, TESTED}
    other, lists = ("protocol1", "protocol1") if protocol == "intra" else ("intra", "intra_test")
    with pytest.raises(DataSetError, match=f"has no metas/{lists}; expected: "):
        SET.read(tree.root, other)


def test_what_is_missing_is_named(tree: Tree, tmp_path: Path) -> None:
    """The folder, or the list, with what is there in its place."""
    with pytest.raises(DataSetError, match="is no folder"):
        SET.read(tmp_path / "nowhere", "intra")
    with pytest.raises(DataSetError, match="has no Data; has no metas/intra_test; expected: Data/"):
        SET.read(tmp_path, "intra")
    metas = tree.write() / "metas" / "intra_test"
    (metas / "train_label.json").rename(metas / "train_label.txt")
    with pytest.raises(
        DataSetError, match=r"has no metas/intra_test/train_label.json; that folder holds 'test_label.json', 'train_label.txt'"
    ):
        SET.read(tree.root, "intra")


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"' + "a" * 100_000,
        "[]",
        "{}",
        "null",
        "{",
        '{"a": 1}',
        '{"a": [1, 2',
        '{"a": [[0]]}',
        '{"a": {"b": []}}',
        "[" * 100_000,
        '{"a": [0]; "b": [0]}',
        '{"a": ["0"]}',
    ],
)
def test_a_list_of_another_form_is_refused(tree: Tree, text: str) -> None:
    """With the place where it breaks off, whatever stands there."""
    (fault, *_) = tree.faults({"test": text or " "})
    assert fault.startswith(
        "1 JSON list(s) break off where '\"path\": [44 numbers]' should stand, such as 'test_label.json at character "
    )


def test_a_list_that_is_no_text_is_refused(tree: Tree) -> None:
    """Bytes of another encoding."""
    path = tree.write() / "metas" / "intra_test" / "test_label.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(DataSetError, match="not text in UTF-8"):
        SET.read(tree.root, "intra")


def test_all_faults_are_told_together(tree: Tree) -> None:
    """Each kind once, with how often and its first case: a million wrong entries stay readable."""
    attack = spoof()
    tree.labels["train"] |= {
        "Data/train/10/live/1.jpg": [0] * 43,
        "Data/train/10/live/2.jpg": [0] * 45,
        "Data/train/10/live/3.jpg": spoof(11),
        "Data/train/10/live/4.jpg": spoof(1, 5),
        "Data/train/10/live/5.jpg": spoof(1, 1, 3),
        "Data/train/10/live/6.jpg": [0] * 43 + [2],
        "Data/train/10/live/7.jpg": [2] + [0] * 43,
        "Data/train/10/live/8.jpg": [-1] + [0] * 43,
        "Data/train_2/10/live/9.jpg": attack,
        "../Data/train/10/live/9.jpg": attack,
        "/etc/passwd": attack,
        "Data/train/../live/000001.jpg": attack,
    }
    tree.labels["test"][ANN] = LIVE
    assert tree.faults() == (
        "2 picture(s) have more or fewer labels than 44, such as 'Data/train/10/live/1.jpg'",
        "6 picture(s) have a label that is out of its range, such as 'Data/train/10/live/3.jpg'",
        "3 path(s) are not of the form Data/{train,test}/<subject>/{live,spoof}/<picture>, such as 'Data/train_2/10/live/9.jpg'",
        "1 listed name(s) lead out of the folder, such as 'Data/train/../live/000001.jpg'",
        f"1 picture(s) are listed twice, such as '{ANN}'",
    )


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_that_leads_out_is_refused(tree: Tree, tmp_path: Path, link: str) -> None:
    """A list may not make anyone open what lies elsewhere; a link within the folder is fine."""
    name = "Data/train/66/live/000066.jpg"
    tree.add("train", name, LIVE)
    (tmp_path / "elsewhere").mkdir()
    source = tree.root / name if link == "file" else (tree.root / name).parent
    moved = source.rename(tmp_path / "elsewhere" / source.name)
    source.symlink_to(moved)
    assert tree.faults() == (f"1 listed name(s) lead out of the folder, such as '{name}'",)
    source.unlink()
    inside = moved.rename(tree.root / "Data" / moved.name)
    source.symlink_to(inside)
    assert name in tree.samples()


def test_missing_pictures_are_counted(tree: Tree) -> None:
    """A list names more than was unpacked; if nothing is there, that is an error."""
    tree.labels["test"] |= {f"Data/test/12/live/{number}.jpg": LIVE for number in ("a", "b", "c\\n", "\ud800")}
    assert tree.read().notes == ("4 picture(s) are listed but not there, such as 'Data/test/12/live/a.jpg'",)
    for name in (ANN, ATTACK, BOB, TESTED):
        (tree.root / name).unlink()
    assert tree.faults()[0] == "holds no picture of this set"


def test_escaped_names_are_read(tree: Tree) -> None:
    """JSON may write any letter as its number, and slashes with a backslash."""
    text = json.dumps(tree.labels["test"]).replace(TESTED, TESTED.replace("/", "\\/").replace("e", "\\u0065"))
    assert TESTED in {sample.name for sample in SET.read(tree.write({"test": text}), "intra").samples}
    assert tree.faults({"test": text.replace("\\u0065", "\\q")}) == (
        "1 name(s) are no JSON text, such as 'Data\\\\/t\\\\qst\\\\/12\\\\/liv\\\\q\\\\/000004.jpg'",
    )


def test_one_person_cannot_be_divided(tree: Tree) -> None:
    """Dev by subject needs two subjects."""
    del tree.labels["train"][BOB]
    assert tree.faults()[0] == "train has 1 subject(s); dev cannot be carved out of fewer than 2"


def test_published_counts_add_up() -> None:
    """561,575 public pictures: 494,405 and 67,170."""
    for protocol in ("intra", "intra-by-subject"):
        counts = SET.expected[protocol]
        assert [sum(number for (split, _), number in counts.items() if split == part) for part in ("train", "test")] == [
            494_405,
            67_170,
        ]
