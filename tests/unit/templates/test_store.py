"""The store does what it says: enrol, find, forget, expire; what it should refuse is refused with a reason and nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from livegate.configuration import Configuration
from livegate.errors import StoreError
from livegate.templates.audit import Action
from livegate.templates.index import Index
from livegate.templates.key import Key
from livegate.templates.store import TemplateStore

HHH = Configuration.parse("HHH")
DAY = 86_400


def test_who_is_enrolled_is_there_when_it_is_opened_again(store, path, key, identity, consent, units, clock) -> None:
    """Name, consent, dates, configuration and, bit for bit, the templates."""
    store.close()
    with TemplateStore.open(path, key, identity, clock=clock) as again:
        assert again.names() == ["Ada", "Grace", "Zoë"]
        ada = again.subjects()[0]
        assert (ada.consent, ada.configuration, ada.templates) == (consent, "HHH", 2)
        assert ada.enrolled == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
        assert ada.expires - ada.enrolled == timedelta(days=30)
        found = again.templates("Ada")
        assert (found.subject, found.identity, found.configuration) == (ada.id, identity, "HHH")
        np.testing.assert_array_equal(found.embeddings, units(0))


def test_search_tells_names_and_the_nearest_templates_cosine(store, units) -> None:
    """One's own template has cosine 1; the others follow, best first."""
    found = store.search(units(1)[1], 3)
    assert found[0] == ("Grace", pytest.approx(1))
    assert {name for name, _ in found} == {"Ada", "Grace", "Zoë"}
    expected = {name: (units(seed) @ units(1)[1]).max() for seed, name in enumerate(["Ada", "Grace", "Zoë"])}
    assert dict(found) == pytest.approx(expected, abs=1e-6)
    assert found[1][1] >= found[2][1]


@pytest.mark.parametrize("threshold", [1.01, float("inf"), float("nan")])
def test_nobody_is_identified_below_the_threshold(store, units, threshold: float) -> None:
    """Not even with a threshold that is no number, and a threshold must be given."""
    assert store.identify(units(1)[0], threshold) is None
    assert store.identify(units(1)[0], 0.99) == ("Grace", pytest.approx(1))
    with pytest.raises(TypeError):
        store.identify(units(1)[0])


def test_nobody_is_found_in_an_empty_store(tmp_path, key, identity, units) -> None:
    """Searching and identifying find nobody, whatever the threshold."""
    with TemplateStore.open(tmp_path / "empty.db", key, identity, create=True) as empty:
        assert empty.names() == []
        assert empty.search(units(0)[0]) == []
        assert empty.identify(units(0)[0], -1.0) is None


def test_who_is_forgotten_is_found_by_nothing(store, path, key, identity, units, clock) -> None:
    """Not by name, not by face, not in the list, not after opening again; the others are."""
    assert store.search(units(0)[0])[0][0] == "Ada"
    identifier = store.forget("Ada")

    assert len(store._index) == 4, "the copy in memory goes at once, not with the next search"
    assert store.names() == ["Grace", "Zoë"]
    assert "Ada" not in dict(store.search(units(0)[0], 10))
    for refused in (store.templates, store.forget):
        with pytest.raises(StoreError, match="nobody named 'Ada'"):
            refused("Ada")
    store.close()
    with TemplateStore.open(path, key, identity, clock=clock) as again:
        assert "Ada" not in dict(again.search(units(0)[0], 10))
        assert again.search(units(1)[0])[0][0] == "Grace"
        assert [(entry.action, entry.subject.hex()) for entry in again.audit()][-1] == (Action.FORGOTTEN, identifier)


def test_a_name_is_free_again_once_forgotten(store, units, consent) -> None:
    """With another id: nothing ties the two enrolments together."""
    first = store.forget("Ada")
    second = store.enroll("Ada", units(5), HHH, consent, 10)
    assert first != second
    assert store.search(units(5)[0])[0] == ("Ada", pytest.approx(1))


def test_a_search_sees_what_another_connection_wrote(store, path, key, identity, consent, units, clock) -> None:
    """Enrolled, forgotten, expired and enrolled and forgotten in between: the index follows the log."""
    assert store.search(units(0)[0])[0][0] == "Ada"
    with TemplateStore.open(path, key, identity, clock=clock) as other:
        other.forget("Ada")
        other.enroll("Lin", units(7), HHH, consent, 10)
        other.enroll("Mia", units(8), HHH, consent, 10)
        other.forget("Mia")
    assert "Ada" not in dict(store.search(units(0)[0], 10))
    assert store.search(units(7)[0])[0] == ("Lin", pytest.approx(1))
    assert "Mia" not in dict(store.search(units(8)[0], 10))
    assert len(store._index) == 6


def test_who_has_expired_is_not_used_even_before_the_sweep(store, units, clock) -> None:
    """From the very second on: not found by face, no templates by name; still listed, so that it can be seen and forgotten."""
    clock.now += 30 * DAY - 1
    assert store.search(units(0)[0])[0][0] == "Ada"
    assert store.templates("Ada").embeddings.shape == (2, 64)
    clock.now += 1
    assert dict(store.search(units(0)[0], 10)).keys() == {"Grace", "Zoë"}
    assert store.search(units(0)[0], 1)[0][0] in {"Grace", "Zoë"}
    with pytest.raises(StoreError, match="expired"):
        store.templates("Ada")
    assert store.names() == ["Ada", "Grace", "Zoë"]
    store.forget("Ada")


def test_who_has_expired_costs_no_search(store, path, key, identity, consent, units, clock, monkeypatch) -> None:
    """However many they are, the index is searched once; who expires while it is in use is searched past, and answers to nothing."""
    for number in range(20):
        store.enroll(f"Old {number}", units(0), HHH, consent, 1)
    store.enroll("Lin", units(7), HHH, consent, 40)
    clock.now += 31 * DAY
    searched: list[int] = []
    search = Index.search
    monkeypatch.setattr(Index, "search", lambda *given: searched.append(len(given[0])) or search(*given))
    with TemplateStore.open(path, key, identity, clock=clock) as again:
        assert again.search(units(0)[0])[0][0] in {"Grace", "Zo\u00eb", "Lin"}
        assert searched == [6], "templates of the three who are left"
        store.enroll("Mia", units(8), HHH, consent, 1)
        clock.now += 2 * DAY
        assert "Mia" not in dict(again.search(units(8)[0], 10))
        assert searched == [6, 6], "nor is who was enrolled and expired meanwhile"
        assert again.search(units(7)[0])[0] == ("Lin", pytest.approx(1))
        clock.now += 7 * DAY
        assert "Lin" not in dict(again.search(units(7)[0], 10))
        assert searched == [6, 6, 6, 6, 4]


def test_a_sweep_removes_those_whose_time_is_over(store, units, clock) -> None:
    """And nobody else; a second one finds nothing."""
    ada = store.subjects()[0].id
    store.search(units(0)[0])
    assert store.sweep() == ()
    clock.now += 31 * DAY
    assert store.sweep() == (ada,)
    assert len(store._index) == 4
    assert store.sweep() == ()
    assert store.names() == ["Grace", "Zoë"]
    assert store.sweep(datetime(2033, 1, 1, tzinfo=UTC)) == tuple(entry.subject.hex() for entry in store.audit()[-2:])
    assert store.names() == []
    assert [entry.action for entry in store.audit()] == [Action.CREATED, *[Action.ENROLLED] * 3, *[Action.EXPIRED] * 3]


def test_rotation_changes_the_key_and_nothing_else(store, path, key, identity, units, clock) -> None:
    """The old key opens it no more, the new one does; names, templates and the log are as they were."""
    before = store.subjects()
    assert store.search(units(0)[0])[0][0] == "Ada"
    new = Key.new()
    store.rotate(new)

    assert store.subjects() == before
    assert store.search(units(1)[0])[0] == ("Grace", pytest.approx(1))
    store.forget("Zoë")
    store.close()
    with pytest.raises(StoreError, match=f"sealed with key '{new.id}', and this is key '{key.id}'"):
        TemplateStore.open(path, key, identity)
    with TemplateStore.open(path, new, identity, clock=clock) as again:
        assert again.names() == ["Ada", "Grace"]
        np.testing.assert_array_equal(again.templates("Ada").embeddings, units(0))
        assert [entry.action for entry in again.audit()][-2:] == [Action.ROTATED, Action.FORGOTTEN]


def test_the_same_key_again_is_no_rotation(store, key) -> None:
    """It would promise what it does not do."""
    with pytest.raises(StoreError, match="already"):
        store.rotate(Key(key.secret))


def test_a_process_with_the_old_key_notices_a_rotation(store, path, key, identity, consent, units) -> None:
    """It neither reads nor writes any more."""
    with TemplateStore.open(path, key, identity) as other:
        other.search(units(0)[0])
        store.rotate(Key.new())
        for refused in (other.names, other.audit, other.sweep, lambda: other.search(units(0)[0]), lambda: other.forget("Ada")):
            with pytest.raises(StoreError, match="sealed with key"):
                refused()
        with pytest.raises(StoreError, match="sealed with key"):
            other.enroll("Lin", units(7), HHH, consent, 10)
    assert store.names() == ["Ada", "Grace", "Zoë"]


def test_templates_of_two_networks_are_never_compared(store, path, key, identity, consent, units) -> None:
    """A store of one network does not open for another; the message says which, and what to do."""
    with pytest.raises(StoreError, match=r"abababababababab…, and this is cdcdcdcdcdcdcdcd….*enrol anew"):
        TemplateStore.open(path, key, "cd" * 32)


def test_without_a_network_a_store_can_only_be_looked_after(store, path, key, consent, units, clock) -> None:
    """List, forget, sweep, audit, rotate need none; enrolling and comparing do."""
    with TemplateStore.open(path, key, clock=clock) as other:
        for refused in (
            lambda: other.enroll("Lin", units(7), HHH, consent, 10),
            lambda: other.search(units(0)[0]),
            lambda: other.templates("Ada"),
        ):
            with pytest.raises(StoreError, match="without the identity of a network"):
                refused()
        assert other.names() == ["Ada", "Grace", "Zoë"]
        other.forget("Ada")
        other.rotate(Key.new())
        assert other.sweep() == ()
        assert len(other.audit()) == 6
    with pytest.raises(StoreError, match="without the identity"):
        TemplateStore.open(path.with_name("new.db"), key, create=True)


def test_what_cannot_be_enrolled_changes_nothing(store, path, consent, units) -> None:
    """A name that is taken, an embedding of another size, no embedding, no days: an error, and the file byte for byte as it was."""
    before = path.read_bytes()
    for name, embeddings, days, why in (
        ("Ada", units(7), 10, "enrolled already"),
        ("Zoe\N{COMBINING DIAERESIS}", units(7), 10, "enrolled already"),
        ("Lin", units(7, size=32), 10, "embeddings of 64 numbers, got 32"),
        ("Lin", units(7) * 2, 10, "length 2"),
        ("Lin", units(7, 33), 10, "1 to 32 rows"),
        ("Lin", units(7), 0, "1 to 3660"),
        ("", units(7), 10, "1 to 200 characters"),
    ):
        with pytest.raises(StoreError, match=why):
            store.enroll(name, embeddings, HHH, consent, days)
    with pytest.raises(StoreError, match="agreed to"):
        replace(consent, what="")
    assert path.read_bytes() == before
    assert len(store.audit()) == 4


def test_a_probe_must_be_an_embedding_of_the_stores_size(store, units) -> None:
    """Not shorter, not longer than 1, not a matrix."""
    for probe in (units(0, 1, 32)[0], units(0)[0] * 3, units(0), np.full(64, np.nan)):
        with pytest.raises(StoreError):
            store.search(probe)


@pytest.mark.parametrize("count", [0, -1])
def test_a_search_is_for_somebody(store, units, count: int) -> None:
    """For one person at least."""
    with pytest.raises(StoreError, match="ask for at least one"):
        store.search(units(0)[0], count)


def test_a_store_is_not_made_by_mistake(tmp_path: Path, key, identity) -> None:
    """Only where it is asked for; a folder that was missing is the user's own."""
    path = tmp_path / "folder" / "templates.db"
    with pytest.raises(StoreError, match="there is no template store"):
        TemplateStore.open(path, key, identity)
    assert not path.parent.exists()
    TemplateStore.open(path, key, identity, create=True).close()
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_closed_store_says_so(store) -> None:
    """It does not speak of damage."""
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.names()
