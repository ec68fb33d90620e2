"""INT8 after training: files whose weights and activations are integers of eight bits, with every configuration that they hold.

Every part of the network, whether trunk or branch, is quantised once, with ranges that were seen while pictures ran through all
configurations, so that the parts fit together in any of them. What leaves a block has one scale, whichever branch computed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import LivegateError


def dealt(
    pictures: NDArray[np.float32], configurations: Sequence[Configuration]
) -> Iterator[tuple[Configuration, NDArray[np.float32]]]:
    """The pictures dealt to the configurations in turn; every configuration gets one at least.

    Raises:
        LivegateError: if there is no picture or no configuration.
    """
    if not len(pictures) or not configurations:
        raise LivegateError("int8 needs at least one picture and one configuration to see the ranges of values; give more")
    hands = max(len(pictures), len(configurations))
    for place, configuration in enumerate(configurations):
        yield configuration, pictures[np.arange(place, hands, len(configurations)) % len(pictures)]
