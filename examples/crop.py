"""Writes the face of a picture as the model takes it: a PPM file, for the programs in C++ and JavaScript.

    python examples/crop.py face.jpg face.ppm

Without a face nothing is written and the exit code is 1.
"""

import sys

from PIL import Image

from livegate import pictures
from livegate.capture import Capture
from livegate.runtime.artifact import Artifact
from livegate.weights import locate

preprocessing = Artifact.open(locate("default")).manifest.preprocessing
captured = Capture(preprocessing).largest(pictures.read(sys.argv[1]))
if captured is None:
    sys.exit("no face was found")
Image.fromarray(captured.crop).save(sys.argv[2])
