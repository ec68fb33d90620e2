"""NUAA Imposter: one webcam, three sessions, printed photographs before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from livegate.data.protocols import By, carve
from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.reading import text
from livegate.data.sets.stills import Root
from livegate.errors import DataSetError
from livegate.sample import Sample, Split

LAYOUT = """\
raw/{client,imposter}_{train,test}_raw.txt
raw/{ClientRaw,ImposterRaw}/<ID>/<ID>_<glasses>_<position>_<session>_<number>.jpg"""
LISTS = {
    "raw/client_train_raw.txt": ("raw/ClientRaw", None, Split.TRAIN),
    "raw/imposter_train_raw.txt": ("raw/ImposterRaw", "print", Split.TRAIN),
    "raw/client_test_raw.txt": ("raw/ClientRaw", None, Split.TEST),
    "raw/imposter_test_raw.txt": ("raw/ImposterRaw", "print", Split.TEST),
}
"""List → folder, species and split of its pictures."""
LINE = re.compile(r"(?:.*/)?(?P<name>(?P<clip>(?P<subject>\d{4})/(?P=subject)_(?P<glasses>00|01)_\d\d_\d\d)_\d+\.jpg)")
"""Copies of the lists write folders before the subject, or backslashes."""
GLASSES = {"00": "without", "01": "with"}
"""As the pictures show it; descriptions of the set say the reverse."""


def read(root: Path, protocol: str) -> Listing:  # noqa: ARG001 - there is one
    """List the raw pictures; dev is one of five subjects of train.

    Raises:
        DataSetError: if a list or folder is missing, a line does not fit, or no listed picture is there.
    """
    base = Root(root)
    base.require([*LISTS, "raw/ClientRaw", "raw/ImposterRaw"], LAYOUT)
    samples = sorted((sample for name in LISTS for sample in _samples(base, name)), key=lambda sample: sample.name)
    base.require_sound(samples)
    try:
        return Listing(carve(samples, By.SUBJECT), notes=base.notes.sentences())
    except ValueError as error:
        raise DataSetError(root, [str(error), *base.notes.sentences()]) from None


def _samples(base: Root, list_name: str) -> Iterator[Sample]:
    folder, species, split = LISTS[list_name]
    for line in text(base.path / list_name).splitlines():
        match = LINE.fullmatch(line.strip().replace("\\", "/"))
        if match is None:
            if line.strip():
                base.faults.add("line(s) of the lists name no picture of this set", f"{list_name}: {line}")
            continue
        name = f"{folder}/{match['name']}"
        if not base.admits(name):
            continue
        yield Sample(
            name=name,
            folder=base.path,
            species=species,
            source=SET.name,
            split=split,
            subject=match["subject"],
            clip=f"{folder}/{match['clip']}",
            facts={"glasses": GLASSES[match["glasses"]]},
        )


SET = DataSet(
    name="nuaa",
    title="NUAA Imposter",
    description=(
        "12,614 frames of 15 subjects by one cheap webcam, in three sessions of other light. Attacks are photographs printed on "
        "paper and on photo paper, held flat, bent and moved. Train has the first two sessions and test the third, so subjects are "
        "in both. The versions with detected and with normalised faces are not read."
    ),
    citation=(
        "X. Tan, Y. Li, J. Liu, L. Jiang: Face liveness detection from a single image with sparse low rank bilinear "
        "discriminative model. European Conference on Computer Vision (ECCV), 2010"
    ),
    licence="free for research; may not be passed on",
    request="Nanjing University of Aeronautics and Astronautics: http://parnec.nuaa.edu.cn/xtan/data/nuaaimposterdb.html",
    layout=LAYOUT,
    protocols={"standard": "the set's own train and test; dev is one of five subjects of train, for the set has none"},
    read=read,
    expected={
        "standard": {
            (Split.TRAIN, True): 1_743,
            (Split.TRAIN, False): 1_748,
            (Split.TEST, True): 3_362,
            (Split.TEST, False): 5_761,
        }
    },
)
