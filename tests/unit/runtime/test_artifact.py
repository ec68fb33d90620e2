"""An artifact is opened whole and unchanged, or refused with everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import ArtifactError, ConfigurationError, LivegateError
from livegate.runtime.artifact import Artifact
from livegate.weights import locate, shipped

FILES = ("CARD.md", "LICENSE", "golden.npz", "model.onnx")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest of an artifact."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def faults(folder: Path) -> tuple[str, ...]:
    """What is wrong with an artifact; told in one line that begins with its folder."""
    with pytest.raises(ArtifactError) as caught:
        Artifact.open(folder)
    assert str(caught.value).startswith(f"{folder}: ")
    assert "\n" not in str(caught.value)
    return caught.value.faults


def test_the_shipped_artifact_is_whole(artifact: Path) -> None:
    """It opens, and its folder holds the manifest and the files that it names, and nothing else."""
    manifest = Artifact.open(artifact).manifest
    named = {*manifest.files, manifest.golden.file}.union(*(variant.files for variant in manifest.variants.values()))
    assert named == set(FILES)
    assert {path.name for path in artifact.iterdir()} == {*FILES, "manifest.json"}


def test_the_shipped_artifact_is_the_network_of_the_paper(artifact: Path) -> None:
    """Three blocks, 27 configurations, HHH the default; weights stored once in at most 11.5 MB."""
    manifest = Artifact.open(artifact).manifest
    assert manifest.adaptive_blocks == 3
    assert len(manifest.configurations) == 27
    assert manifest.default_configuration == "HHH"
    assert manifest.bytes == manifest.variants["onnx"].bytes == (artifact / "model.onnx").stat().st_size <= 11_500_000
    assert manifest.variants["onnx"].parity.largest <= manifest.variants["onnx"].parity.tolerance == 1e-4


def test_words_choose_a_configuration(artifact: Path) -> None:
    """Letters, heaviest, lightest, or nothing for the default; costs order them."""
    manifest = Artifact.open(artifact).manifest
    chosen = {text: str(manifest.choose(text)) for text in (None, "HLH", "heaviest", "lightest")}
    assert chosen == {None: "HHH", "HLH": "HLH", "heaviest": "BBB", "lightest": "LLL"}


@pytest.mark.parametrize("text", ["HXH", "hh", "HHHH", "", "auto", "Heaviest"])
def test_other_words_are_refused(artifact: Path, text: str) -> None:
    """No nearest match."""
    with pytest.raises(ConfigurationError):
        Artifact.open(artifact).manifest.choose(text)


def test_a_configuration_that_the_artifact_leaves_out_is_refused(tampered: Path) -> None:
    """The message lists those it has."""

    def keep_two(manifest: dict[str, Any]) -> None:
        for table in (manifest["configurations"], manifest["variants"]["onnx"]["entry"]["values"]):
            for name in set(table) - {"HHH", "LLL"}:
                del table[name]

    edit(tampered, keep_two)
    manifest = Artifact.open(tampered).manifest
    assert str(manifest.choose("heaviest")) == "HHH"
    with pytest.raises(ConfigurationError, match="configuration 'HLH' is not in this artifact; it has HHH, LLL"):
        manifest.choose("HLH")


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found_in_every_file(tampered: Path, name: str) -> None:
    """One bit of the model, the vectors, the card or the licence: refused by name."""
    data = bytearray((tampered / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tampered / name).write_bytes(data)
    (fault,) = faults(tampered)
    assert fault.startswith(f"{name} is not the file that the manifest names (its SHA-256 differs)")


def test_the_size_of_a_file_is_what_the_manifest_says(tampered: Path) -> None:
    """It is told to people, and a file of another size is not even read."""
    size = (tampered / "model.onnx").stat().st_size

    def shrink(manifest: dict[str, Any]) -> None:
        manifest["variants"]["onnx"]["files"]["model.onnx"]["bytes"] = 1

    edit(tampered, shrink)
    assert faults(tampered) == (f"model.onnx has {size:,} bytes, the manifest says 1; get the artifact again",)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(tampered: Path, name: str) -> None:
    """Every file that the manifest names must be there; a folder of that name is no file."""
    (tampered / name).unlink()
    assert faults(tampered) == (f"{name} is missing; get the artifact again",)
    (tampered / name).mkdir()
    assert faults(tampered) == (f"{name} is missing; get the artifact again",)


def test_all_damaged_files_are_told_together(tampered: Path) -> None:
    """One missing, two changed."""
    (tampered / "golden.npz").unlink()
    for name in ("CARD.md", "model.onnx"):
        (tampered / name).write_bytes(b"")
    assert [fault.split()[0] for fault in faults(tampered)] == ["CARD.md", "golden.npz", "model.onnx"]


def test_a_model_that_changes_after_it_was_opened_is_not_run(tampered: Path) -> None:
    """What runs is what was checked: the bytes are hashed once more when they are read."""
    opened = Artifact.open(tampered)
    variant = opened.manifest.variants["onnx"]
    model = opened.read(variant)
    assert hashlib.sha256(model.only()).hexdigest() == variant.files["model.onnx"].sha256
    assert (model.entry, model.precision) == (variant.entry, "fp32")
    with (tampered / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        opened.read(variant)
    (tampered / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        opened.read(variant)


def test_an_unknown_key_is_a_fault_wherever_it_stands(tampered: Path) -> None:
    """At the top, in a variant and its entry, in the preprocessing: a fact that nobody reads is a mistake."""

    def add(manifest: dict[str, Any]) -> None:
        manifest["colour"] = "blue"
        manifest["variants"]["onnx"]["speed"] = 1
        manifest["variants"]["onnx"]["entry"]["shape"] = 1
        manifest["preprocessing"]["blur"] = 2

    edit(tampered, add)
    told = faults(tampered)
    assert {fault.split(": ")[1] for fault in told} == {
        "colour",
        "variants.onnx.speed",
        "variants.onnx.entry.input.shape",
        "preprocessing.blur",
    }


def test_several_faults_are_told_at_once(tampered: Path) -> None:
    """A missing key, a wrong type, a number out of range, a hash that is none."""

    def spoil(manifest: dict[str, Any]) -> None:
        del manifest["task"]
        manifest["adaptive_blocks"] = "many"
        manifest["configurations"]["HHH"]["threshold"]["value"] = 1.5
        manifest["golden"]["sha256"] = "abc"
        manifest["preprocessing"]["size"] = 7

    edit(tampered, spoil)
    told = {fault.split(": ")[1] for fault in faults(tampered)}
    assert told == {"task", "adaptive_blocks", "configurations.HHH.threshold", "golden.sha256", "preprocessing"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(default_configuration="LX"), "unknown branch 'X'"),
        (lambda m: m.update(default_configuration="HH"), "has length 2, the network has 3"),
        (lambda m: m["configurations"].pop("HHH"), "default_configuration 'HHH' is not among the configurations"),
        (lambda m: m["configurations"].pop("LLL"), "variants.onnx holds configuration 'LLL', which the manifest does not list"),
        (
            lambda m: m["variants"]["onnx"]["entry"]["values"].update(HLB=[0, 2, 1]),
            "other numbers than 0 for H, 1 for L, 2 for B",
        ),
        (lambda m: m["licence"].update(file="CARD2.md"), "licence.file 'CARD2.md' is not among the files"),
        (lambda m: m.update(outputs=["attack", "bona-fide"]), "outputs"),
        (lambda m: m.update(variants={"pickle": m["variants"]["onnx"]}), "variants.pickle must be called 'onnx'"),
        (lambda m: m["variants"]["onnx"].update(precision="int8"), "variants.onnx must be called 'onnx-int8'"),
        (lambda m: m["variants"]["onnx"].update(runtime="litert"), "chooses by 'input', but litert chooses by 'signature'"),
        (lambda m: m["variants"]["onnx"].update(runtime="pickle"), "variants.onnx.runtime"),
        (lambda m: m["variants"]["onnx"].update(files={}), "variants.onnx.files"),
        (
            lambda m: m["variants"]["onnx"].update(thresholds={"HHH": m["configurations"]["HHH"]["threshold"]}),
            "variants.onnx has thresholds for other configurations than it holds",
        ),
        (
            lambda m: m["variants"].update(
                openvino={
                    **m["variants"]["onnx"],
                    "runtime": "openvino",
                    "files": {"model.onnx": {"sha256": "0" * 64, "bytes": 1}},
                }
            ),
            "model.onnx is two different files",
        ),
        (lambda m: m.update(variants={}), "variants"),
        (lambda m: m["preprocessing"].update(std=[1, 1, 0]), "std"),
        (
            lambda m: m.update(preprocessing={}),
            "preprocessing: Value error, lacks size, margin, shape, colour, mean, std, standardised, interpolation, layout, detection;",
        ),
        (
            lambda m: m["preprocessing"].update(detection={}),
            "lacks detection.score, detection.nms, detection.longest_side, detection.stretches, detection.widened;",
        ),
        (lambda m: (m["preprocessing"].pop("mean"), m["preprocessing"]["detection"].pop("nms")), "lacks mean, detection.nms;"),
        (lambda m: m["preprocessing"].pop("shape"), "lacks shape;"),
        (lambda m: m.update(preprocessing=[]), "preprocessing"),
        (lambda m: m["preprocessing"].update(detection=None), "preprocessing.detection"),
        (lambda m: m["licence"].update(spdx="../../.profile"), "licence.spdx"),
        (lambda m: m["licence"].update(spdx="MIT\x1b[2J"), "licence.spdx"),
        (lambda m: m["licence"].update(spdx="M" * 101), "licence.spdx"),
        (lambda m: m["licence"].update(spdx="MIT\n"), "licence.spdx"),
    ],
)
def test_facts_that_contradict_one_another_are_refused(
    tampered: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    """A manifest that is well formed but cannot be true."""
    edit(tampered, change)
    assert words in " ".join(faults(tampered))


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "a/b", "a\\b", "..", ".", "", "C:model.onnx", "a\0b"])
def test_a_file_name_cannot_leave_the_folder(tampered: Path, name: str) -> None:
    """As model, as vectors and as any other file: names of files in the folder, nothing else, and nothing is read.

    Only the files of a variant may lie in a folder of the artifact's.
    """

    def point_elsewhere(manifest: dict[str, Any]) -> None:
        manifest["variants"]["onnx"]["files"] = {name: manifest["variants"]["onnx"]["files"]["model.onnx"]}
        manifest["golden"]["file"] = name
        manifest["files"][name] = "0" * 64

    edit(tampered, point_elsewhere)
    told = faults(tampered)
    assert len(told) == (2 if name == "a/b" else 3)
    assert all("must be the name of a file in the artifact's folder" in fault for fault in told)


def test_a_newer_manifest_says_to_update(tampered: Path) -> None:
    """One line about the version, none about the keys that this version does not know."""
    edit(tampered, lambda manifest: manifest.update(schema_version=4, news="much"))
    assert faults(tampered) == ("manifest.json has schema_version 4, this Livegate reads 3; update livegate",)


@pytest.mark.parametrize("version", [0, -1, "1", "2", None, [1], 1.5])
def test_a_version_that_never_was_is_refused(tampered: Path, version: object) -> None:
    """Only the numbers 1 and 2 are versions."""
    edit(tampered, lambda manifest: manifest.update(schema_version=version))
    assert "schema_version" in faults(tampered)[0]


def test_a_huge_manifest_is_not_read(tampered: Path) -> None:
    """Five sparse megabytes are refused by their size."""
    with (tampered / "manifest.json").open("ab") as file:
        file.truncate(5 * 1024 * 1024)
    assert faults(tampered) == ("manifest.json has more than 4,194,304 bytes",)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"not json", b'{"a":' * 5000, b"{}"])
def test_a_manifest_that_is_none_is_refused(tampered: Path, content: bytes) -> None:
    """Empty, cut off, another type, not UTF-8, nested without end."""
    (tampered / "manifest.json").write_bytes(content)
    assert len(faults(tampered)) >= 1


def test_a_folder_without_a_manifest_is_no_artifact(tmp_path: Path) -> None:
    """The line says what writes one."""
    for folder in (tmp_path, tmp_path / "none"):
        assert "is no artifact: it has no manifest.json; give a folder that livegate export wrote" in faults(folder)[0]


def test_a_model_is_a_shipped_name_or_a_folder(tmp_path: Path) -> None:
    """The default stands first; anything else is refused with the names there are."""
    assert next(iter(shipped())) == "default"
    assert locate("default") == shipped()["default"]
    assert locate(str(tmp_path)) == tmp_path
    with pytest.raises(LivegateError, match=r"model 'nonsense' is neither a shipped model \(default.*\) nor the folder"):
        locate("nonsense")


def test_a_package_is_a_folder_of_files(tampered: Path) -> None:
    """Each file in it has its hash, is named by its path, and is missed and checked like any other."""
    inside = tampered / "model.mlpackage" / "Data"
    inside.mkdir(parents=True)
    (inside / "weights").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()

    def add(manifest: dict[str, Any]) -> None:
        manifest["variants"]["coreml"] = {
            "runtime": "coreml",
            "precision": "fp32",
            "files": {"model.mlpackage/Data/weights": {"sha256": digest, "bytes": 7}},
            "entry": {"kind": "function", "names": {"HHH": "hhh"}},
            "parity": None,
            "versions": {},
        }

    edit(tampered, add)
    opened = Artifact.open(tampered)
    variant = opened.manifest.variants["coreml"]
    assert opened.read(variant).files == {"model.mlpackage/Data/weights": b"weights"}
    assert (
        opened.manifest.bytes
        == variant.bytes + opened.manifest.variants["onnx"].bytes
        == 7 + (tampered / "model.onnx").stat().st_size
    )
    (inside / "weights").write_bytes(b"WEIGHTS")
    assert "model.mlpackage/Data/weights is not the file" in faults(tampered)[0]


@pytest.mark.parametrize("name", ["a/../b", "/a", "a//b", "a/", "./a", "a/b\\c", "/".join("abcdefghi")])
def test_a_path_in_a_package_cannot_leave_the_folder(tampered: Path, name: str) -> None:
    """Plain names with a slash between them, at most seven folders deep."""

    def point(manifest: dict[str, Any]) -> None:
        manifest["variants"]["onnx"]["files"] = {name: manifest["variants"]["onnx"]["files"]["model.onnx"]}

    edit(tampered, point)
    (told,) = faults(tampered)
    assert "must be" in told


def test_a_file_of_two_variants_counts_once(tampered: Path) -> None:
    """OpenVINO runs the ONNX file: the artifact is no larger for it."""
    edit(tampered, lambda m: m["variants"].update(openvino={**m["variants"]["onnx"], "runtime": "openvino"}))
    assert Artifact.open(tampered).manifest.bytes == (tampered / "model.onnx").stat().st_size


def test_a_file_that_livegate_can_run_states_its_parity(tampered: Path) -> None:
    """Null is for what cannot be run where files are written; elsewhere it would hide that nobody looked."""
    edit(tampered, lambda manifest: manifest["variants"]["onnx"].update(parity=None))
    assert any("states no parity" in fault for fault in faults(tampered))


def test_without_a_word_the_precision_is_fp32_or_what_there_is(artifact: Path) -> None:
    """An artifact that holds half precision alone runs without being asked for it; what is asked for is given or refused."""
    whole = Artifact.open(artifact)
    full = whole.manifest.variants["onnx"]
    half = full.model_copy(update={"precision": "fp16"})
    small = Artifact(whole.folder, whole.manifest.model_copy(update={"variants": {"onnx-fp16": half}}))
    both = Artifact(whole.folder, whole.manifest.model_copy(update={"variants": {"onnx-fp16": half, "onnx": full}}))
    assert (both.variant(), both.variant(precision="fp16"), small.variant()) == (full, half, half)
    with pytest.raises(ArtifactError, match="has no variant 'onnx'; it has onnx-fp16"):
        small.variant(precision="fp32")
    with pytest.raises(ArtifactError, match="has no variant 'openvino'"):
        small.variant("openvino")
