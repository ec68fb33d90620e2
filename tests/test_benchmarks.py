"""The benchmarks of recipes: what they count, and what they refuse to mix."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from livegate.metrics import Scores
from livegate.training.recipe import Recipe

ROOT = Path(__file__).parent.parent


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/unseen.py as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "unseen", raising=False)
    import unseen

    return unseen


@pytest.fixture
def pseudo_depth(unseen: ModuleType) -> ModuleType:
    """benchmarks/pseudo_depth.py as a module."""
    import pseudo_depth

    return pseudo_depth


def scores(sources: Sequence[str], *, people: int, configuration: str = "HHH", split: str = "dev") -> Scores:
    """Of each source and person a bona fide picture and an attack, one of three attacks above every bona fide picture."""
    rows = [(source, person, kind) for source in sources for person in range(people) for kind in ("", "print")]
    values = [0.6 if not kind else 0.9 if person % 3 == 0 else 0.1 for _, person, kind in rows]
    return Scores.build(
        [f"{source}/{person}/{kind}.png" for source, person, kind in rows],
        values,
        species=[kind for _, _, kind in rows],
        source=[source for source, _, _ in rows],
        subject=[str(person) for _, person, _ in rows],
        clip=[f"{source}-{person}-{kind}" for source, person, kind in rows],
        split=split,
        configuration=configuration,
    )


def trial(unseen: ModuleType, folder: Path, rung: str, held: str) -> object:
    """A trial that is done: D-EER a third on both sources."""
    one = unseen.Trial(rung, held, 1, None, folder / rung / held)
    one.folder.mkdir(parents=True)
    scores(["nuaa", "replay-attack"], people=12).write(one.scores)
    return one


def test_a_rung_that_lacks_a_source_has_an_empty_cell(unseen: ModuleType, tmp_path: Path) -> None:
    """While another process has the rest, what is there is printed, and no mean of half the sources."""
    done = [trial(unseen, tmp_path, *of) for of in (("a", "nuaa"), ("b", "nuaa"), ("b", "replay-attack"))]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in unseen.tables(done).splitlines() if line]
    header, a, b = rows[0], rows[2], rows[3]
    assert header == ["rung", "configuration", "nuaa (seeds)", "replay-attack (seeds)", "mean", "worst source"]
    assert a[2].startswith("33.3% [")
    assert a[2].endswith("] (1)")
    assert a[3:] == ["", "", ""]
    assert b[4].startswith("33.3% [")
    assert b[5] == "nuaa 33.3%"


def test_counted_together_means_their_own_share(unseen: ModuleType) -> None:
    """Both ways of halving the people: the share beside the counts is theirs."""
    all_rows = scores(["nuaa", "replay-attack"], people=12)
    bpcer, worst, apcer, acer = unseen.rates_of(unseen.calibrated(all_rows, "nuaa"))
    assert (bpcer, worst, apcer, acer) == ("0/12 = 0.0%", "33.3% (print)", "4/12 = 33.3%", "16.7%")


def test_people_who_cannot_be_halved_give_no_row(unseen: ModuleType) -> None:
    """Not an error after hours of training."""
    assert unseen.calibrated(scores(["nuaa", "replay-attack"], people=1), "nuaa") == []


def test_sources_are_drawn_from_on_their_own(unseen: ModuleType) -> None:
    """The same clips under another source's name are drawn otherwise, and alike for every rung."""
    one, other = (unseen.d_eers([scores([source], people=12)], source, "HHH") for source in ("nuaa", "msu-mfsd"))
    assert one[0] == other[0]
    assert not np.array_equal(one, other)
    assert np.array_equal(one, unseen.d_eers([scores(["nuaa"], people=12)], "nuaa", "HHH"))


def test_a_folder_of_another_recipe_is_refused(unseen: ModuleType, tmp_path: Path) -> None:
    """Else its figures would be printed as if they were of this one."""
    unseen.require_same(tmp_path / "recipe.json", {"epochs": 1})
    unseen.require_same(tmp_path / "recipe.json", {"epochs": 1})
    with pytest.raises(SystemExit, match="holds a trial of another recipe"):
        unseen.require_same(tmp_path / "recipe.json", {"epochs": 99})


def test_intra_is_measured_on_test_and_inter_on_what_was_left_out(pseudo_depth: ModuleType) -> None:
    """Dev sets the equal error threshold of the half total error rate, and is not measured."""
    dev, test = scores(["nuaa"], people=12), scores(["celeba-spoof"], people=6, split="test")
    both = Scores.join([dev, test])
    assert set(pseudo_depth.figures(both, [])) == {"celeba-spoof"}
    assert set(pseudo_depth.figures(both, ["nuaa"])) == {"nuaa"}
    assert pseudo_depth.figures(both, [])["celeba-spoof"]["d_eer"] == pytest.approx(1 / 3)


def test_arms_see_the_same_number_of_epochs_and_maps(pseudo_depth: ModuleType, tmp_path: Path) -> None:
    """An arm without stage 1 trains for both; whoever learns depth takes the maps of stage 1."""
    maps = ["depth.maps='points'", "depth.teacher='five-points'"]
    for arm in pseudo_depth.ARMS:
        first, second = pseudo_depth.recipes(
            pseudo_depth.Trial(arm, "inter", 1, tmp_path), tmp_path, [3, 2], (maps, ["run.loader_workers=0"])
        )
        assert isinstance(second, Recipe)
        assert (first.optimiser.epochs if first else 0) + second.optimiser.epochs == 5
        assert {recipe.depth.teacher for recipe in (first, second) if recipe} == {"five-points"}
        assert second.data.leave_out == ("nuaa", "replay-attack")
        assert second.depth.weight == (0.5 if arm == "X" else 0)
