"""``livegate explain`` decides as ``check`` does and saves one picture for each face that it judges."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from livegate.cli.app import main
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.registry import ModelSpec
from livegate.pictures import read
from livegate.preprocessing import Preprocessing
from livegate.weights import GENERATOR

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with one adaptive block, untrained, that takes everything for an attack."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    spec = ModelSpec("mobilenet-v3-small-0.75", (3,))
    network = spec.build()
    torch.nn.init.constant_(network.blocks[-1][-1].bias[1:], 9.0)
    Checkpoint(spec, Preprocessing(size=64), as_weights(network), {}, {}).save(path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path) -> Run:
    """Run ``livegate explain`` in an empty folder; gives exit code, standard output and standard error."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def runner(*arguments: object, model: object = checkpoint, verb: str = "explain") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["livegate", verb, *map(str, arguments), "--model", str(model)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        assert isinstance(code, int)
        return (code, *capsys.readouterr())

    return runner


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """A picture without a face."""
    path = tmp_path / "blank.png"
    Image.new("RGB", (300, 200), (120, 120, 120)).save(path)
    return path


def files() -> list[str]:
    """What lies in the current folder."""
    return sorted(path.name for path in Path().iterdir())


def test_the_shipped_model_is_explained(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """The network comes out of the artifact: score, threshold and configuration are those of ``check``."""
    code, out, err = run(astronaut, "--method", "gradcam", "--out", tmp_path / "heat.png", model="default")
    _, told, _ = run(astronaut, "--json", model="default", verb="check")
    expected = json.loads(told)
    assert err == ""
    assert code == {"bona-fide": 0, "attack": 1}[expected["status"]]
    assert f"score {expected['score']:.4f} " in out
    assert f" threshold {expected['threshold']:.4f}, configuration HHH; {tmp_path / 'heat.png'}\n" in out
    assert read(tmp_path / "heat.png").shape[1] > 2 * 384


def test_a_folder_of_a_shipped_models_name_is_not_that_model(
    run: Run, astronaut: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What explains is what ``check`` judges with."""
    (tmp_path / "default").mkdir()
    monkeypatch.chdir(tmp_path)
    code, _, err = run(astronaut, "--method", "gradcam", "--out", "heat.png", model="default")
    assert (code in {0, 1}, err) == (True, "")


@pytest.mark.parametrize(("arguments", "ending"), [((), "occlusion-H"), (("--method", "gradcam"), "gradcam-H")])
def test_a_picture_is_saved_where_one_stands(run: Run, astronaut: Path, arguments: tuple[str, ...], ending: str) -> None:
    """Named after the picture, the method and the configuration, and told in one line; a second time it is the same."""
    code, out, err = run(astronaut, *arguments)
    (name,) = files()
    assert (code, err) == (1, "")
    assert name.startswith("astronaut-")
    assert name.endswith(f"-{ending}.png")
    assert out.startswith(f"{astronaut}: attack, score 0.0")
    assert out.endswith(f"< threshold 0.5000, configuration H; {name}\n")
    first = Path(name).read_bytes()
    assert run(astronaut, *arguments) == (code, out, err)
    assert Path(name).read_bytes() == first


def test_method_configuration_and_patch_change_the_picture(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """Each into the one file that is named."""
    chosen = [
        (),
        ("--method", "gradcam"),
        ("--configuration", "L"),
        ("--configuration", "heaviest"),
        ("--configuration", "lightest", "--method", "gradcam"),
        ("--patch", "16"),
    ]
    seen = []
    for arguments in chosen:
        assert run(astronaut, "--out", tmp_path / "heat.png", *arguments)[0] == 1
        seen.append(read(tmp_path / "heat.png"))
    assert len(seen) == 6
    assert not any(
        np.array_equal(one, other) for number, one in enumerate(seen) for other in seen[:number] if one.shape == other.shape
    )


def test_a_folder_is_looked_through_once(
    run: Run, blank: Path, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is compared with all that is read in one step, not with one after another."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        shutil.copy(astronaut, folder / f"{number}.jpg")
    compared: list[object] = []
    monkeypatch.setattr(Path, "samefile", lambda *paths: compared.append(paths))
    for _ in range(2):
        assert run(folder, "--method", "gradcam", "--out", tmp_path / "maps")[0] == 1
    assert len(list((tmp_path / "maps").iterdir())) == 3
    assert compared == []


def test_score_understands_the_same_words(run: Run, generated: Path, tmp_path: Path) -> None:
    """``score`` under heaviest is what it is under B, under lightest what it is under L, without a word what it is under H."""
    written = {}
    for text in ("heaviest", "B", "lightest", "L", "", "H"):
        out = tmp_path / f"{text}.csv"
        arguments = ("--configuration", text) if text else ()
        assert run("--index", generated, "--out", out, "--split", "dev", *arguments, verb="score") == (0, "", "")
        written[text] = out.read_text()
    assert written["heaviest"] == written["B"] != written["H"]
    assert written["lightest"] == written["L"] != written["B"]
    assert written[""] == written["H"] != written["L"]


def test_a_batch_goes_on_and_says_what_it_left_out(run: Run, astronaut: Path, blank: Path, tmp_path: Path) -> None:
    """Two pictures of one name get two files; a blank one is not judged, a damaged one and a video are errors; 2 comes first."""
    folder = tmp_path / "pictures"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        shutil.copy(astronaut, folder / name / "face.jpg")
    shutil.copy(blank, folder / "c.png")
    (folder / "d.jpg").write_text("no picture")
    (folder / "e.mp4").write_text("no video")
    code, out, err = run(folder, "--method", "gradcam", "--out", tmp_path / "deep" / "maps")
    assert code == 2
    assert [line.split(": ")[1][:10] for line in out.splitlines()] == ["attack, sc", "attack, sc", "not judged"]
    assert "not judged (no face was found)\n" in out
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(folder / "d.jpg"), str(folder / "e.mp4")]
    assert "only pictures are explained" in err
    assert len({path.name for path in (tmp_path / "deep" / "maps").iterdir()}) == 2
    assert files() == []


def test_what_is_not_judged_is_not_drawn(run: Run, blank: Path) -> None:
    """Exit code 3, as in ``check``, and no file."""
    assert run(blank) == (3, f"{blank}: not judged (no face was found)\n", "")
    assert files() == []


def test_a_picture_that_is_read_is_never_written(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """Neither by its name nor as a heat map of an earlier run that is now explained itself."""
    face = tmp_path / "face.png"
    Image.fromarray(read(astronaut)).save(face)
    before = face.read_bytes()
    for out in (face, tmp_path / "here" / ".." / "face.png"):
        code, told, err = run(face, "--out", out)
        assert (code, told) == (2, "")
        assert "is what is read; writing would destroy it" in err
        assert face.read_bytes() == before
    assert run(face)[0] == 1
    (name,) = files()
    earlier = Path(name).read_bytes()
    code, _, err = run(face, name)
    assert code == 2
    assert f"{name} is what is read" in err
    assert Path(name).read_bytes() == earlier


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--depth", "--method", "gradcam"), "--depth is --method depth, got --method gradcam as well; give one of them"),
        (("--depth", "--patch", "8"), "--patch is for --method occlusion, got --method depth"),
        (("--generator", "model.safetensors"), "--generator is for --method depth, got --method occlusion; leave it out"),
        (("--method", "relief"), "relief"),
        (("--patch", "0"), "a patch of 0 pixels cannot be slid over a crop of 64; give 2 to 32"),
        (("--patch", "8", "--method", "gradcam"), "--patch is for --method occlusion, got --method gradcam"),
        (("--configuration", "X"), "unknown branch 'X'"),
        (("--configuration", "HH"), "has length 2, the network has 1"),
        (("--out", "heat.jpg"), "is written as PNG; let its name end in .png"),
        (("second.jpg", "--out", "heat.png"), "names one file; for several pictures give a folder"),
        (("--model", "nowhere"), "nowhere"),
        (
            ("--calibration", "calibration.json"),
            "is a checkpoint, whose threshold is 0.5; leave out --calibration, or export it first",
        ),
    ],
)
def test_bad_input_gives_one_line_and_writes_nothing(
    run: Run, astronaut: Path, checkpoint: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2, nothing on standard output, no file."""
    model = "nowhere" if "nowhere" in arguments else checkpoint
    code, out, err = run(astronaut, *(word for word in arguments if word not in {"--model", "nowhere"}), model=model)
    assert (code, out) == (2, "")
    assert words in err
    assert files() == []
    if "relief" not in arguments:  # the usage of a command takes more
        assert err.count("\n") == 1


@pytest.mark.parametrize("package", ["torch", "onnx"])
def test_a_light_install_is_told_what_is_missing(astronaut: Path, package: str, tmp_path: Path) -> None:
    """One install line, whichever of the packages is not there; in an interpreter of its own, which has not imported it."""
    words = f"import sys; sys.modules[{package!r}] = None; from livegate.cli.app import main; main()"
    command = [sys.executable, "-c", words, "explain", str(astronaut)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"livegate: livegate explain (it uses {package}) needs the extras 'train' and 'onnx'; "
        "install with, in a clone of Livegate: pip install '.[train,onnx]'\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained depth-generator whose last layer takes everything to be as deep as 0.75."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("generator") / "model.safetensors"
    spec = ModelSpec("depth-generator", ())
    network = spec.build()
    torch.nn.init.zeros_(network.blocks[-1].last.weight)
    torch.nn.init.constant_(network.blocks[-1].last.bias, float(np.log(3)))
    Checkpoint(spec, Preprocessing(size=128, margin=1.2), as_weights(network), {}, {}).save(path)
    return path


def test_depth_is_shown_beside_the_face(run: Run, astronaut: Path, generator: Path) -> None:
    """The line and the exit code are those of the model; the map is the generator's, on a scale of 0 to 1."""
    code, out, err = run(astronaut, "--depth", "--generator", generator)
    (name,) = files()
    assert (code, err) == (1, "")
    assert name.endswith("-depth-H.png")
    assert out.endswith(f"< threshold 0.5000, configuration H; {name}\n")
    page = read(Path(name))
    assert (page[72 : 72 + 384, 432 : 432 + 384] == round(0.75 * 255)).all()
    first = Path(name).read_bytes()
    assert run(astronaut, "--method", "depth", "--generator", generator)[0] == 1
    assert Path(name).read_bytes() == first


def test_the_shipped_generator_draws_where_none_is_named(run: Run, astronaut: Path) -> None:
    """A face in the public domain rises: its middle is near, the picture's corners are far; and the licence is non-commercial."""
    code, out, err = run(astronaut, "--depth", "--out", "depth.png")
    assert (code, err) == (1, "")
    assert out.endswith("; depth.png\n")
    page = read(Path("depth.png")).astype(float)[72 : 72 + 384, 432 : 432 + 384]
    assert page[150:234, 150:234].mean() > 255 * 0.3
    assert max(page[:40, :40].mean(), page[-40:, -40:].mean()) < 255 * 0.1
    assert "non-commercial" in (GENERATOR / "LICENSE").read_text("utf-8")


def test_depth_of_what_is_not_judged_is_not_drawn(run: Run, blank: Path, generator: Path) -> None:
    """As for every method."""
    assert run(blank, "--depth", "--generator", generator)[0] == 3
    assert files() == []


def test_a_generator_that_is_none_is_refused(run: Run, astronaut: Path, checkpoint: Path, tmp_path: Path) -> None:
    """A network for liveness, another file, and nothing."""
    (tmp_path / "picture.safetensors").write_bytes(astronaut.read_bytes())
    for path, words in (
        (checkpoint, "is for liveness, not for depth"),
        (tmp_path / "picture.safetensors", "picture.safetensors"),
        (tmp_path / "none.safetensors", "none.safetensors"),
    ):
        code, out, err = run(astronaut, "--depth", "--generator", path)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err
    assert files() == []
