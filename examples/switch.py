"""Loads the shipped model once and judges a picture under three configurations.

    python examples/switch.py face.jpg

For an artifact of your own: ``Gate("path/to/artifact")``; for another runtime: ``Gate(runtime="openvino")``.
"""

import sys

from livegate import Gate

gate = Gate()
for configuration in ("HHH", "LLL", "BBB"):
    decision = gate.check(sys.argv[1], configuration)
    print(configuration, decision.status, decision.score, decision.reason)
