"""``livegate export`` writes or adds, and is honest about what it left out; the exporter itself is a stand-in here."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from livegate.cli.app import main
from livegate.data.index import Index
from livegate.export import exporter, targets
from livegate.export.exporter import Order
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing
from livegate.runtime.artifact import Artifact

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the plain network."""
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    spec = ModelSpec(adaptive_stages=())
    Checkpoint(spec, Preprocessing(), as_weights(spec.build()), {}, {}).save(path)
    return path


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Order]]:
    """What the exporter was told to do, and that it was to write or to extend."""
    told: list[tuple[str, Order]] = []

    def write(_: Checkpoint, out: Path, *, order: Order, **__: object) -> Path:
        told.append(("write", order))
        return out

    def extend(_: Checkpoint, out: Path, order: Order) -> Path:
        told.append(("extend", order))
        return out

    monkeypatch.setattr(exporter, "export", write)

    def derive(_: Artifact, network: Checkpoint, out: Path, order: Order) -> Path:
        return extend(network, out, order)

    monkeypatch.setattr(exporter, "extend", extend)
    monkeypatch.setattr(exporter, "derive", derive)
    return told


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], checkpoint: Path) -> Run:
    """Run ``livegate export`` of the checkpoint or of something else; gives exit code, standard output and standard error."""

    def runner(*arguments: object, of: object = checkpoint) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["livegate", "export", str(of), *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        assert isinstance(code, int)
        return (code, *capsys.readouterr())

    return runner


@pytest.fixture
def only_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """No converter is installed but those of ONNX."""
    monkeypatch.setattr(targets, "find_spec", lambda name: name if name in targets.NEEDS else None)


@pytest.fixture
def folder(artifact: Path, tmp_path: Path) -> Path:
    """An artifact that holds ONNX alone."""
    return Path(shutil.copytree(artifact, tmp_path / "artifact"))


def test_a_new_folder_is_written(run: Run, orders: list[tuple[str, Order]], tmp_path: Path) -> None:
    """ONNX unless something else is named; the folder is told."""
    assert run("--out", tmp_path / "new") == (0, f"{tmp_path / 'new'}\n", "")
    ((verb, order),) = orders
    assert verb == "write"
    assert [target.name for target in order.targets] == ["onnx"]
    assert (list(order.configurations), order.fixed, order.dev, order.calibration) == ([], None, None, None)


def test_configurations_are_named(run: Run, orders: list[tuple[str, Order]], tmp_path: Path) -> None:
    """Those of the files, and the one that is to be alone."""
    assert run("--out", tmp_path / "new", "--configurations", "HHH,LLL", "--fixed", "HLB")[0] == 0
    ((_, order),) = orders
    assert [str(configuration) for configuration in order.configurations] == ["HHH", "LLL"]
    assert str(order.fixed) == "HLB"


def test_an_artifact_is_extended(run: Run, orders: list[tuple[str, Order]], folder: Path) -> None:
    """Its name, card and licence stand."""
    assert run("--to", "onnx-fp16", "--out", folder) == (0, f"{folder}\n", "")
    assert [(verb, [target.name for target in order.targets]) for verb, order in orders] == [("extend", ["onnx-fp16"])]
    code, out, err = run("--to", "onnx-fp16", "--out", folder, "--name", "other")
    assert (code, out) == (2, "")
    assert err.endswith("exists, and only formats are added to it; leave out --name\n")
    assert len(orders) == 1


@pytest.mark.parametrize("of", ["default", "folder"])
def test_an_artifact_can_be_exported_again(
    run: Run, orders: list[tuple[str, Order]], folder: Path, tmp_path: Path, of: str
) -> None:
    """By the name of a shipped model or by its folder: a copy with more formats, or one configuration alone under its licence."""
    made_of = folder if of == "folder" else of
    assert run("--to", "onnx-fp16", "--out", tmp_path / "new", of=made_of)[0] == 0
    assert run("--fixed", "LLL", "--name", "lll", "--out", tmp_path / "LLL", of=made_of)[0] == 0
    assert [(verb, [target.name for target in order.targets]) for verb, order in orders] == [
        ("extend", ["onnx-fp16"]),
        ("write", ["onnx"]),
    ]
    code, _, err = run("--to", "onnx-fp16", "--card", folder / "CARD.md", "--out", tmp_path / "new", of=made_of)
    assert (code, len(orders)) == (2, 2)
    assert "with more formats; leave out --card" in err


@pytest.mark.usefixtures("only_onnx")
def test_all_writes_what_it_can_and_says_what_it_could_not(
    run: Run, orders: list[tuple[str, Order]], tmp_path: Path, folder: Path
) -> None:
    """Exit code 2 with one install line for the rest; to an artifact only what is not there is added."""
    code, out, err = run("--to", "all", "--out", tmp_path / "new")
    assert (code, out) == (2, f"{tmp_path / 'new'}\n")
    assert "new is written, but not with all formats: openvino, litert, executorch, coreml, " in err
    assert "pip install '.[onnx,openvino,litert-torch,executorch,coreml,ncnn]'" in err
    assert err.count("\n") == 1
    assert run("--to", "all", "--out", folder)[0] == 2
    assert [(verb, [target.name for target in order.targets]) for verb, order in orders] == [
        ("write", ["onnx", "onnx-fp16"]),
        ("extend", ["onnx-fp16"]),
    ]


def test_all_of_nothing_is_an_error(
    run: Run, orders: list[tuple[str, Order]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact that has all that can be written here."""
    monkeypatch.setattr(targets, "TARGETS", {"onnx": targets.TARGETS["onnx"]})
    code, out, err = run("--to", "all", "--out", folder)
    assert (code, out, orders) == (2, "", [])
    assert "nothing can be added to" in err


@pytest.mark.usefixtures("only_onnx")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "tflite"), "unknown format 'tflite'; formats are onnx, "),
        (("--to", "ncnn"), "pip install '.[onnx,ncnn]'"),
        (("--configurations", "HXH"), "unknown branch 'X'"),
        (("--fixed", "HXH"), "unknown branch 'X'"),
        (("--calibration", "none.csv"), "none.csv"),
        (("--dev", "none.csv"), "none.csv"),
        (("--card", "none.md"), "none.md"),
    ],
)
def test_bad_input_gives_one_line_and_writes_nothing(
    run: Run, orders: list[tuple[str, Order]], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """An unknown format, one whose converter is missing, letters that are none, files that are not there."""
    code, out, err = run("--out", tmp_path / "new", *arguments)
    assert (code, out, orders) == (2, "", [])
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_dev_of_a_network_for_verification_is_the_people_put_aside(
    run: Run, orders: list[tuple[str, Order]], face_checkpoint: Callable[[int], Path], generated: Path, tmp_path: Path
) -> None:
    """Two whole people of the source that its recipe names, the same each time, whatever the splits of the index; the rule is its task's."""
    made_of = face_checkpoint(0)
    for name in ("one", "two"):
        assert run("--dev", generated, "--out", tmp_path / name, of=made_of)[::2] == (0, "")
    (_, order), (_, again) = orders
    assert order.rule == ""
    assert order.dev is not None
    assert order.dev == again.dev
    people = {sample.subject for sample in order.dev.samples}
    assert len(people) == 2
    assert {sample.source for sample in order.dev.samples} == {"generated-phone"}
    everyone = Index.read(generated).samples
    assert [sample for sample in everyone if sample.subject in people] == list(order.dev.samples)


def test_dev_of_a_network_for_liveness_is_the_split(
    run: Run, orders: list[tuple[str, Order]], generated: Path, tmp_path: Path
) -> None:
    """Of the index, as it says it."""
    assert run("--dev", generated, "--out", tmp_path / "new")[0] == 0
    assert orders[0][1].dev == Index.read(generated).split("dev")


def test_splits_and_sources_are_those_of_the_recipe(
    run: Run, orders: list[tuple[str, Order]], generated: Path, tmp_path: Path
) -> None:
    """For thresholds and for the ranges of int8: no picture of a source that was left out, whatever the splits are called."""
    spec = ModelSpec(adaptive_stages=())
    recipe = {"data": {"train": "dev", "dev": "test", "leave_out": ["generated-phone"]}}
    made_of = tmp_path / "model.safetensors"
    Checkpoint(spec, Preprocessing(), as_weights(spec.build()), recipe, {}).save(made_of)
    assert run("--dev", generated, "--calibration", generated, "--out", tmp_path / "new", of=made_of)[::2] == (0, "")
    ((_, order),) = orders
    for index, split in ((order.dev, "test"), (order.calibration, "dev")):
        assert index is not None
        assert {(sample.split, sample.source) for sample in index.samples} == {(split, "generated-webcam")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source,": "dataset,"}, "has 0 people with two pictures or more in 'generated-phone', fewer than data.dev_subjects"),
        ({"generated-phone": "celeba"}, "in 'generated-phone', fewer than"),
        ({"path,": "file,"}, "has no column 'path'"),
    ],
)
def test_an_index_that_the_network_was_not_trained_on_is_refused(
    run: Run,
    orders: list[tuple[str, Order]],
    face_checkpoint: Callable[[int], Path],
    generated: Path,
    tmp_path: Path,
    change: dict[str, str],
    words: str,
) -> None:
    """The people put aside cannot be drawn from it."""
    text = generated.read_text("utf-8")
    for old, new in change.items():
        text = text.replace(old, new)
    (tmp_path / "other.csv").write_text(text, "utf-8")
    code, out, err = run("--dev", tmp_path / "other.csv", "--out", tmp_path / "new", of=face_checkpoint(0))
    assert (code, out, orders) == (2, "", [])
    assert words in err
    assert err.count("\n") == 1


def test_help_names_the_rule_of_each_task(run: Run) -> None:
    """Whoever leaves it out knows what is taken."""
    out = " ".join(run("--help", of="")[1].split())
    assert "bpcer=0.05" in out
    assert "fmr=0.001" in out
