"""What of the Android project can be proved without Android: its crop rule, compiled for the Java machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from livegate.preprocessing import square
from livegate.sample import Box

KOTLIN = Path(__file__).parents[2] / ".examples" / "kotlin"
SOURCES = "android/app/src/main/kotlin/org/livegate/example"


def test_squares_are_those_of_livegate(examples: Path, boxes, tmp_path: Path) -> None:
    """Every box gives the same square, to the pixel."""
    if not KOTLIN.exists() or not shutil.which("java"):
        pytest.skip("needs java and a Kotlin compiler in .examples/kotlin: `make examples`")
    compiler, library = f"{KOTLIN}/*", next(KOTLIN.glob("kotlin-stdlib-*.jar"))
    sources = [examples / SOURCES / "Square.kt", Path(__file__).parent / "Boxes.kt"]
    compile_ = [
        "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        "-no-stdlib",
        "-no-reflect",
        "-Werror",
        "-cp",
        library,
        "-d",
        tmp_path,
    ]
    subprocess.run(["java", "-cp", compiler, *compile_, *sources], check=True, capture_output=True)
    lines = "\n".join(" ".join(map(repr, box)) for box in boxes)
    command = ["java", "-cp", f"{tmp_path}{os.pathsep}{library}", "BoxesKt"]
    done = subprocess.run(command, input=lines, check=True, capture_output=True, text=True)

    answers = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert answers == [square(Box(*box[:4]), int(box[4]), int(box[5]), box[6]) for box in boxes]
