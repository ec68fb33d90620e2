"""A log that can only grow: every change to it shows, and it says who is enrolled."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from livegate.templates.audit import Action, Entry, Head, members, since
from livegate.templates.cipher import DamagedError

STORE = b"s" * 16
ADA, GRACE = b"a" * 16, b"g" * 16


@pytest.fixture
def log() -> list[Entry]:
    """Created, Ada, Grace, Ada forgotten, rotated."""
    head, entries = Head.of(STORE), []
    acts = [
        (Action.CREATED, b""),
        (Action.ENROLLED, ADA),
        (Action.ENROLLED, GRACE),
        (Action.FORGOTTEN, ADA),
        (Action.ROTATED, b""),
    ]
    for moment, (action, subject) in enumerate(acts, 100):
        entries.append(head.next(moment, action, subject))
        head = Head(entries[-1].number, entries[-1].hash)
    return entries


def test_each_entry_holds_the_hash_of_the_one_before(log: list[Entry]) -> None:
    """The hash, counted by hand from the bytes that the docstrings name."""
    told = (2).to_bytes(8, "big") + (101).to_bytes(8, "big") + b"enrolled".ljust(16, b"\0") + ADA
    assert log[1].hash == sha256(log[0].hash + told).digest()
    assert Head.of(STORE).after(log) == Head(5, log[-1].hash)
    assert Head(2, log[1].hash).after(log[2:]) == Head(5, log[-1].hash)


def test_every_change_shows(log: list[Entry]) -> None:
    """Another time, action, subject or hash; an entry cut out, doubled or moved; the log of another store."""
    changed = [
        [*log[:2], replace(log[2], **change), *log[3:]]
        for change in ({"time": 0}, {"action": Action.EXPIRED}, {"subject": ADA}, {"hash": bytes(32)}, {"number": 9})
    ]
    changed += [log[1:], [*log[:2], *log[3:]], [*log[:3], log[2], *log[3:]], [log[1], log[0], *log[2:]]]
    assert len(changed) == 9
    for entries in changed:
        with pytest.raises(DamagedError):
            Head.of(STORE).after(entries)
    with pytest.raises(DamagedError):
        Head.of(b"t" * 16).after(log)


def test_a_tail_that_was_cut_off_leaves_another_end(log: list[Entry]) -> None:
    """The chain of what is left holds, so its end must be compared with one that is kept elsewhere."""
    assert Head.of(STORE).after(log[:-1]) != Head.of(STORE).after(log)


def test_the_log_says_who_is_enrolled(log: list[Entry]) -> None:
    """Those who were enrolled and not removed; nobody is enrolled twice, or removed who is not there."""
    assert members(log) == {GRACE}
    for wrong in ([log[1], log[1]], [log[3]], [log[1], log[3], log[3]]):
        with pytest.raises(DamagedError):
            members(wrong)


def test_a_hash_that_was_noted_is_found_again(log: list[Entry]) -> None:
    """With how many entries came since; a hash of another log is not."""
    assert since(log, log[4].hash.hex()) == 0
    assert since(log, log[1].hash.hex().upper()) == 3
    assert since(log, "no hash") is None
    assert since(log[:3], log[4].hash.hex()) is None
