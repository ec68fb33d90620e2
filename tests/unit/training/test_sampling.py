"""What a step draws: configurations by the table, pictures evenly by label within their source."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from livegate.sample import Sample
from livegate.training.sampling import balanced, draw_configuration, group_shares, shuffled

PAPER = {"HHH": 0.45, "LHH": 0.15, "HLH": 0.15, "HHL": 0.15, "LLL": 0.10, "BBB": 0.0}


def _samples(**numbers: tuple[int, int]) -> list[Sample]:
    """By source: how many bona fide and how many attacks."""
    return [
        Sample(f"{source}-{kind}-{number}", Path("-"), species="print" if kind else None, source=source)
        for source, counts in numbers.items()
        for kind, count in enumerate(counts)
        for number in range(count)
    ]


def _drawn(samples: list[Sample], shares: dict[str, float], seed: int = 0) -> Counter[tuple[str, bool]]:
    order = balanced(samples, shares, np.random.default_rng(seed))
    return Counter((samples[place].source, samples[place].bona_fide) for place in order)


def test_configurations_are_drawn_as_often_as_the_papers_table_says() -> None:
    """Over 4,000 draws the chi-square statistic of the five that occur stays below its 99.9 % point of 4 degrees, 18.47."""
    rng, draws = np.random.default_rng(0), 4000
    counts = Counter(str(draw_configuration(PAPER, rng)) for _ in range(draws))
    occurring = {name: share for name, share in PAPER.items() if share}
    assert len(occurring) == 5
    assert sum((counts[name] - draws * share) ** 2 / (draws * share) for name, share in occurring.items()) < 18.47


def test_what_has_no_probability_is_never_drawn() -> None:
    """BBB has 0 in the paper's table: it is never trained jointly; what is not in the table does not come up either."""
    rng = np.random.default_rng(1)
    assert {str(draw_configuration(PAPER, rng)) for _ in range(2000)} == set(PAPER) - {"BBB"}


def test_shuffled_is_every_sample_once() -> None:
    """The paper's epoch shows every picture exactly once, in an order that changes with the generator."""
    samples = _samples(a=(30, 70))
    orders = [shuffled(samples, np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert orders[0] == orders[1] != orders[2]


def test_balanced_draws_both_labels_equally_within_each_source() -> None:
    """A source of 10 bona fide and 90 attacks gives 50 of each, and a source keeps the share of its size."""
    assert _drawn(_samples(a=(10, 90), b=(240, 60)), {}) == {
        ("a", True): 50,
        ("a", False): 50,
        ("b", True): 150,
        ("b", False): 150,
    }


def test_the_size_of_the_epoch_is_that_of_the_data() -> None:
    """An epoch has as many draws as there are samples, whatever has to be rounded."""
    for numbers in ((1, 1, 1), (7, 13, 3), (2, 5, 17)):
        first, second, third = numbers
        samples = _samples(a=(first, second), b=(third, 1), c=(0, 4))
        assert len(balanced(samples, {"c": 0.3}, np.random.default_rng(0))) == len(samples)


def test_a_source_of_attacks_alone_is_paired_with_bona_fide_drawn_evenly_from_the_others() -> None:
    """Half of the share of axon, 100 of 500, is bona fide, which comes in equal parts from a and b, though b is three times as large."""
    counts = _drawn(_samples(a=(50, 50), b=(100, 200), axon=(0, 100)), {})
    assert counts == {("a", True): 75, ("a", False): 50, ("b", True): 175, ("b", False): 150, ("axon", False): 50}


def test_a_source_of_bona_fide_alone_is_paired_with_attacks() -> None:
    """The same holds the other way round."""
    assert _drawn(_samples(a=(50, 50), faces=(100, 0)), {}) == {("a", True): 50, ("a", False): 100, ("faces", True): 50}


def test_the_shares_are_honoured() -> None:
    """A source that is given 20 % has 20 % of the draws with the bona fide that it is paired with; the others share the rest by size."""
    counts = _drawn(_samples(a=(100, 200), b=(50, 50), axon=(0, 600)), {"axon": 0.2})
    # 1000 draws: axon 200, of them 100 attacks and 50 + 50 bona fide of a and b; a 800 * 3 / 4 = 600, b 200.
    assert counts == {
        ("axon", False): 100,
        ("a", True): 300 + 50,
        ("a", False): 300,
        ("b", True): 100 + 50,
        ("b", False): 100,
    }


def test_a_share_of_nothing_leaves_a_source_out() -> None:
    """With a share of 0 no picture of the source is drawn, and the epoch is as long as ever."""
    samples = _samples(a=(10, 10), b=(10, 10))
    assert _drawn(samples, {"b": 0.0}) == {("a", True): 20, ("a", False): 20}


def test_shares_for_all_sources_may_leave_nothing_for_the_rest() -> None:
    """Where each source has its share, they need not be those of the sizes."""
    counts = _drawn(_samples(a=(10, 10), b=(90, 90)), {"a": 0.5, "b": 0.5})
    assert counts == {("a", True): 50, ("a", False): 50, ("b", True): 50, ("b", False): 50}


def test_no_sample_comes_up_again_before_all_of_its_group_have() -> None:
    """Whatever is drawn k times, no other of its group is drawn less than k - 1 times."""
    samples = _samples(a=(7, 93), b=(31, 29))
    for seed in range(5):
        order = Counter(balanced(samples, {}, np.random.default_rng(seed)).tolist())
        for source in "ab":
            for bona_fide in (True, False):
                group = [place for place, s in enumerate(samples) if (s.source, s.bona_fide) == (source, bona_fide)]
                times = [order[place] for place in group]
                assert max(times) - min(times) <= 1


def test_the_labels_are_mixed_along_the_epoch() -> None:
    """No part of an epoch is all of one label: the groups are shuffled into one another."""
    samples = _samples(a=(200, 200))
    order = balanced(samples, {}, np.random.default_rng(0))
    labels = [samples[place].bona_fide for place in order]
    # 199 or so changes in 400 fair draws, with a standard deviation of 10.
    assert 150 < sum(first != second for first, second in pairwise(labels)) < 250


def test_the_same_generator_gives_the_same_epoch() -> None:
    """The draw depends on the generator alone."""
    samples = _samples(a=(10, 20), axon=(0, 30))
    orders = [balanced(samples, {"axon": 0.1}, np.random.default_rng(seed)).tolist() for seed in (3, 3, 4)]
    assert orders[0] == orders[1] != orders[2]


def test_group_shares_add_up_to_one() -> None:
    """All draws are accounted for, half of them bona fide."""
    groups = {("a", True): [0], ("a", False): [1, 2], ("axon", False): [3]}
    shares = group_shares(groups, {"axon": 0.06})
    assert sum(shares.values()) == pytest.approx(1)
    assert shares == pytest.approx({("a", True): 0.47 + 0.03, ("a", False): 0.47, ("axon", False): 0.03})


def test_a_share_of_an_unknown_source_is_refused() -> None:
    """The message names it and the sources that there are."""
    with pytest.raises(ValueError, match="shares name sources without samples: axn; sources are a, axon"):
        _drawn(_samples(a=(1, 1), axon=(0, 1)), {"axn": 0.1})


@pytest.mark.parametrize(("counts", "missing"), [((5, 0), "attack"), ((0, 5), "bona fide")])
def test_one_label_alone_cannot_be_balanced(counts: tuple[int, int], missing: str) -> None:
    """The message says which label is missing."""
    with pytest.raises(ValueError, match=f"the training split has no {missing} sample"):
        _drawn(_samples(a=counts), {})
