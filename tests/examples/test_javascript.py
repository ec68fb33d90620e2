"""The programs in JavaScript compute what torch computed, in Node and in a browser, and cut faces out as Livegate does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegate.preprocessing import resize, square
from livegate.sample import Box

NODE = shutil.which("node")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_node = pytest.mark.skipif(not NODE, reason="needs node")


@pytest.fixture(scope="module")
def javascript(examples: Path) -> Path:
    """The folder of the programs, with the packages that they need."""
    if not (examples / "javascript" / "node_modules").exists():
        pytest.skip("needs examples/javascript/node_modules: `make examples`")
    return examples / "javascript"


@needs_node
@pytest.mark.parametrize("where", [[], ["--web"]], ids=["onnxruntime-node", "onnxruntime-web"])
def test_the_logits_are_golden(javascript: Path, artifact: Path, face, where: list[str]) -> None:
    """One loaded model gives the logits of torch under several configurations, one after the other, in both runtimes."""
    command = [NODE, javascript / "switch.mjs", artifact, face.ppm, *face.configurations, *where]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    face.judged(done.stdout.splitlines())
    assert all(re.search(r"score 0\.\d+ (<|>=) threshold 0\.\d+$", line) for line in done.stdout.splitlines())


@needs_node
def test_a_wrong_configuration_is_refused(javascript: Path, artifact: Path, face) -> None:
    """A configuration that the file does not hold is an error that names those it does."""
    command = [NODE, javascript / "switch.mjs", artifact, face.ppm, "HXH"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "HXH is none of HHH" in done.stderr


def asked(examples: Path, questions: Sequence[dict[str, Any]]) -> list[list[float]]:
    """What the crop of the example answers."""
    command = [NODE, Path(__file__).parent / "crop.mjs", examples / "javascript" / "livegate.mjs"]
    text = "\n".join(map(json.dumps, questions))
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_node
def test_squares_are_those_of_livegate(examples: Path, boxes) -> None:
    """Every box gives the same square, to the pixel."""
    expected = [list(square(Box(*box[:4]), int(box[4]), int(box[5]), box[6])) for box in boxes]

    assert asked(examples, [{"box": box} for box in boxes]) == expected


@needs_node
@pytest.mark.parametrize("side", [1, 2, 31, 32, 33, 64, 75, 160])
def test_resized_faces_are_those_of_livegate(examples: Path, side: int) -> None:
    """Smaller, larger or as it is, a face has the grey levels of OpenCV, give or take one of its rounding."""
    size = 32
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    opaque = np.dstack([pixels, np.full((side, side), 255, np.uint8)])
    picture = {"data": opaque.ravel().tolist(), "width": side, "height": side}
    (answer,) = asked(examples, [{"picture": picture, "side": side, "size": size}])

    expected = resize(pixels, size, size).transpose(2, 0, 1)
    assert np.abs(np.reshape(answer, (3, size, size)) - expected).max() <= 1


def loaded(examples: Path, *artifacts: dict[str, Any]) -> list[dict[str, Any]]:
    """What the example makes of manifests, under a runtime that computes nothing."""
    command = [NODE, Path(__file__).parent / "load.mjs", examples / "javascript" / "livegate.mjs"]
    text = "\n".join(map(json.dumps, artifacts))
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_node
def test_the_threshold_is_that_of_the_file(examples: Path, artifact: Path) -> None:
    """Of the configuration, unless the variant has its own; a variant that is not there is an error."""
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    own = {"value": 0.875, "rule": "bpcer=0.05", "split": "dev"}
    manifest["variants"]["onnx-int8"] = {**manifest["variants"]["onnx"], "precision": "int8", "thresholds": {"HHH": own}}

    variants = {}, {"variant": "onnx-int8"}, {"variant": "ncnn"}
    plain, int8, missing = loaded(examples, *({"manifest": manifest, **variant} for variant in variants))

    assert plain["threshold"] == manifest["configurations"]["HHH"]["threshold"]["value"]
    assert (plain["score"], plain["accepted"]) == (pytest.approx(0.7310585786300049), True)
    assert (int8["threshold"], int8["accepted"]) == (0.875, False)
    assert missing == {"error": "RangeError: ncnn is none of onnx, onnx-int8"}


@needs_node
def test_a_model_that_wants_other_crops_is_refused(examples: Path, artifact: Path) -> None:
    """By its task, its shape or its interpolation, and when nothing is said of them."""
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    others = [
        manifest | {"task": "verification"},
        *(manifest | {"preprocessing": manifest["preprocessing"] | {"shape": shape}} for shape in ("box", "aligned", None)),
        manifest | {"preprocessing": manifest["preprocessing"] | {"interpolation": "cubic"}},
    ]

    found = loaded(examples, *({"manifest": other} for other in others))

    assert [one["error"].rpartition("; got ")[2] for one in found] == [
        "verification, square, area",
        "liveness, box, area",
        "liveness, aligned, area",
        "liveness, null, area",
        "liveness, square, cubic",
    ]


@pytest.fixture
def site(artifact: Path, javascript: Path, face, tmp_path: Path) -> Iterator[str]:
    """Where a server on this machine shows the page, the artifact and a picture."""
    for name, target in {"page": javascript, "artifact": artifact, "face.png": face.png}.items():
        (tmp_path / name).symlink_to(target)
    handler = partial(_Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.skipif(not BROWSER, reason="needs chromium")
def test_the_page_shows_golden_logits(site: str, face, tmp_path: Path) -> None:
    """A browser that opens the page on a picture shows the logits of torch under each configuration."""
    query = f"artifact=../artifact&picture=../face.png&configurations={','.join(face.configurations)}"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [BROWSER, *options, "--virtual-time-budget=60000", "--dump-dom", f"{site}/page/index.html?{query}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    (shown,) = re.findall(r"<pre>(.*?)</pre>", done.stdout, flags=re.DOTALL)
    face.judged(shown.strip().splitlines())
