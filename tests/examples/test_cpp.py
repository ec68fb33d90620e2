"""The program in C++ compiles with ONNX Runtime's headers, links to the library of its wheel, and computes what torch computed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import onnxruntime
import pytest

ROOT = Path(__file__).parents[2]
FETCHED, INSTALLED = ROOT / ".examples/onnxruntime/usr/include/onnxruntime", "/usr/include/onnxruntime"
HEADERS = [Path(folder) for folder in (os.environ.get("ONNXRUNTIME_INCLUDE"), FETCHED, INSTALLED) if folder]


@pytest.fixture(scope="module")
def program(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    headers = next((folder for folder in HEADERS if (folder / "onnxruntime_cxx_api.h").exists()), None)
    libraries = list((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    if not headers or not libraries or not shutil.which("cmake"):
        pytest.skip(
            "needs cmake, a Linux wheel of onnxruntime, and ONNX Runtime's headers: `make examples`, or ONNXRUNTIME_INCLUDE=DIR"
        )
    root, build = tmp_path_factory.mktemp("onnxruntime"), tmp_path_factory.mktemp("build")
    (root / "include").symlink_to(headers)
    (root / "lib").mkdir()
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (root / "lib" / name).symlink_to(libraries[0])
    subprocess.run(
        ["cmake", "-S", examples / "cpp", "-B", build, f"-DONNXRUNTIME_ROOT={root}"], check=True, capture_output=True
    )
    subprocess.run(["cmake", "--build", build], check=True, capture_output=True)
    return build / "switch"


def test_the_logits_are_golden(program: Path, artifact: Path, face) -> None:
    """One loaded model gives the logits of torch under several configurations, one after the other."""
    command = [program, artifact / "model.onnx", face.ppm, *face.configurations]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    face.judged(done.stdout.splitlines())


@pytest.mark.parametrize(("configuration", "reason"), [("HXH", "branches are H, L and B"), ("HH", "has 3 adaptive blocks")])
def test_a_wrong_configuration_is_refused(program: Path, artifact: Path, face, configuration: str, reason: str) -> None:
    """A letter too few or an unknown one ends in one line on stderr and exit code 2."""
    done = subprocess.run(
        [program, artifact / "model.onnx", face.ppm, configuration], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert reason in done.stderr
    assert not done.stdout


def test_a_picture_that_is_no_face_of_the_right_size_is_refused(program: Path, artifact: Path, face, tmp_path: Path) -> None:
    """A PPM file that is cut short is an error, never a guess."""
    (tmp_path / "short.ppm").write_bytes(face.ppm.read_bytes()[:-1])
    command = [program, artifact / "model.onnx", tmp_path / "short.ppm", "HHH"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "128 x 128" in done.stderr
