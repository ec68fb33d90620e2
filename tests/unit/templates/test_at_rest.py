"""What lies on the disk: nothing plain, nothing that was deleted, and nothing that can be changed unseen."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from livegate.configuration import Configuration
from livegate.errors import StoreError
from livegate.templates.audit import Head
from livegate.templates.key import Key
from livegate.templates.store import TemplateStore

HHH = Configuration.parse("HHH")
PIECE = 16
"""So many bytes of a ciphertext must be found nowhere."""

Opened = Callable[[], TemplateStore]


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """The file in the hands of somebody without the key."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


@pytest.fixture
def opened(store, path, key, identity, clock) -> Opened:
    """Opens the store of three people again; it was closed."""
    store.close()
    return lambda: TemplateStore.open(path, key, identity, clock=clock)


def raw(path: Path) -> bytes:
    """Every byte of every file that lies beside the store."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def row_of(path: Path, identifier: str) -> tuple[bytes, ...]:
    """The columns of a subject as they stand in the file."""
    with closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute("SELECT * FROM subject WHERE id = ?", (bytes.fromhex(identifier),)).fetchall()
    return row


def pieces(data: bytes) -> list[bytes]:
    """A ciphertext cut up, since SQLite spreads a long one over pages."""
    return [data[start : start + PIECE] for start in range(0, len(data) - PIECE + 1, PIECE)]


def test_nothing_of_a_person_is_plain(store, path, units) -> None:
    """No name, consent, date or number of an embedding, in any file; also while the store is open."""
    data = raw(path)
    plain = ["Ada", "Grace", "Zoë", "door 3", "form signed", "HHH"]
    assert not [word for word in plain if word.encode() in data or word.encode("utf-16-le") in data]
    for seed in range(3):
        for dtype in (np.float32, np.float16, np.float64):
            assert units(seed)[0][:4].astype(dtype).tobytes() not in data
    ada = store.subjects()[0]
    assert int(ada.expires.timestamp()).to_bytes(4, "big") not in data


def test_forgetting_leaves_no_byte_of_it(store, path) -> None:
    """Of the sealed name, consent and templates and of the name's tag nothing is in any file; before, everything was."""
    ada = store.subjects()[0]
    _, tag, _, facts, embeddings = row_of(path, ada.id)
    gone = [tag, *pieces(facts), *pieces(embeddings)]
    assert len(gone) > 60
    assert all(piece in raw(path) for piece in [tag, *pieces(facts)])

    store.forget("Ada")

    assert [piece for piece in gone if piece in raw(path)] == []
    assert list(path.parent.iterdir()) == [path]


def test_of_the_id_only_the_log_is_left(store, path, opened) -> None:
    """The random number is still in the log; nothing leads from it to a name any more."""
    with opened() as again:
        ada = again.subjects()[0]
        again.forget("Ada")
    with tampering(path) as connection:
        found = [
            connection.execute(query, (bytes.fromhex(ada.id),)).fetchone()[0]
            for query in ("SELECT count(*) FROM subject WHERE id = ?", "SELECT count(*) FROM log WHERE subject = ?")
        ]
        assert found == [0, 2]
        texts = connection.execute("SELECT * FROM log").fetchall()
    assert not any("Ada" in str(value) for row in texts for value in row)


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_people_come_and_go_without_a_trace(tmp_path, key, identity, consent, units, seed: int) -> None:
    """Whatever pages SQLite moved rows through: templates of all sizes, forgotten in any order, leave no piece of 16 bytes."""
    random = np.random.default_rng(seed)
    path = tmp_path / "many.db"
    gone: list[bytes] = []
    with TemplateStore.open(path, key, identity, create=True) as store:
        names: list[str] = []
        for number in range(100):
            names.append(f"Person {number}")
            store.enroll(names[-1], units(number, int(random.integers(1, 9)), 64), HHH, consent, 10)
            if number % 2:
                name = names.pop(int(random.integers(len(names))))
                (subject,) = (one for one in store.subjects() if one.name == name)
                _, tag, _, facts, embeddings = row_of(path, subject.id)
                gone += [tag, *pieces(facts), *pieces(embeddings)]
                store.forget(name)
        assert store.names() == sorted(names)
    found = raw(path)
    left = {found[start : start + PIECE] for start in range(len(found))}
    assert len(gone) > 3000
    assert [piece for piece in gone if piece[:PIECE] in left] == []


def test_a_sweep_and_a_rotation_leave_no_byte_either(store, path, clock) -> None:
    """What expired is gone; what was sealed with the old key is gone, too, though the people are there."""
    rows = [row_of(path, subject.id) for subject in store.subjects()]
    clock.now += 31 * 86_400
    store.sweep()
    assert not [piece for piece in [rows[0][1], *pieces(rows[0][3]), *pieces(rows[0][4])] if piece in raw(path)]
    assert [piece for piece in pieces(rows[1][3]) if piece in raw(path)]
    store.rotate(Key.new())
    for _, tag, _, facts, embeddings in rows:
        assert not [piece for piece in [tag, *pieces(facts), *pieces(embeddings)] if piece in raw(path)]
    assert store.names() == ["Grace", "Zoë"]


def test_a_wrong_key_opens_nothing(path, identity, opened) -> None:
    """The message names both keys by their ids and shows neither."""
    other = Key.new()
    with pytest.raises(StoreError, match=f"and this is key '{other.id}'"):
        TemplateStore.open(path, other, identity)


def test_a_forged_key_id_helps_nobody(path, identity, opened) -> None:
    """The id in the open is only a hint: the seal decides."""
    other = Key.new()
    with tampering(path) as connection:
        connection.execute("UPDATE store SET key = ?", (other.id.encode(),))
    with pytest.raises(StoreError, match="damaged"):
        TemplateStore.open(path, other, identity)


def answers(store: TemplateStore, units) -> object:
    """Everything that a store tells."""
    found = [store.search(units(seed)[0], 3) for seed in range(3)]
    templates = [store.templates(name).embeddings.tobytes() for name in ("Ada", "Grace", "Zoë")]
    return store.subjects(), found, templates, store.audit()


def test_a_flipped_byte_is_an_error_or_changes_nothing(path, opened, units) -> None:
    """Every byte of the header and of the schema's page, and a sample of all others: an error in words, or the right answers."""
    with opened() as whole:
        expected = answers(whole, units)
    sound = path.read_bytes()
    places = [*range(200), *np.random.default_rng(0).integers(200, len(sound), 500).tolist()]
    refused = 0
    for place in places:
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x41]) + sound[place + 1 :])
        try:
            with opened() as damaged:
                assert answers(damaged, units) == expected, place
        except StoreError:
            refused += 1
        assert list(path.parent.iterdir()) == [path]
    assert refused > 120


def test_a_name_that_the_index_of_the_file_has_lost_is_damage_and_not_nobody(path, opened) -> None:
    """The tag of a name stands in its row and in SQLite's index: a bit of either that is another is noticed on opening."""
    with opened() as whole:
        tag = row_of(path, whole.subjects()[0].id)[1]
    sound = path.read_bytes()
    places = [place for place in range(len(sound)) if sound.startswith(tag, place)]
    assert len(places) == 2
    for place in places:
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(StoreError, match="damaged"):
            opened()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused(path, opened, share: float) -> None:
    """Also one without a byte: that a store is gone does not go unnoticed."""
    sound = path.read_bytes()
    path.write_bytes(sound[: int(len(sound) * share)])
    with pytest.raises(StoreError):
        opened()


SWAP = "UPDATE subject SET {0} = (SELECT {0} FROM subject AS other WHERE other.id != subject.id) WHERE id = (SELECT min(id) FROM subject)"
TAMPERED = {
    "the facts of another": [SWAP.format("facts")],
    "the templates of another": [SWAP.format("embeddings")],
    "two names changed over": [
        "CREATE TEMP TABLE both AS SELECT id, tag FROM subject ORDER BY id LIMIT 2",
        "UPDATE subject SET tag = randomblob(32) WHERE id IN (SELECT id FROM both)",
        "UPDATE subject SET tag = (SELECT tag FROM both WHERE both.id != subject.id) WHERE id IN (SELECT id FROM both)",
    ],
    "two people changed over": [
        "CREATE TEMP TABLE both AS SELECT id, facts, embeddings FROM subject ORDER BY id LIMIT 2",
        "UPDATE subject SET embeddings = (SELECT embeddings FROM both WHERE both.id != subject.id) WHERE id IN (SELECT id FROM both)",
        "UPDATE subject SET facts = (SELECT facts FROM both WHERE both.id != subject.id) WHERE id IN (SELECT id FROM both)",
    ],
    "another network's": ["UPDATE subject SET identity = zeroblob(32)"],
    "another id": ["UPDATE subject SET id = randomblob(16) WHERE id = (SELECT min(id) FROM subject)"],
    "somebody cut out": ["DELETE FROM subject WHERE id = (SELECT min(id) FROM subject)"],
    "somebody put in": [
        "INSERT INTO subject SELECT randomblob(16), randomblob(32), identity, facts, embeddings FROM subject LIMIT 1"
    ],
    "a text for a sealed part": ["UPDATE subject SET facts = 'Ada'"],
    "nothing for a sealed part": ["UPDATE subject SET embeddings = NULL"],
    "an entry cut out of the log": ["DELETE FROM log WHERE number = 2"],
    "the log's end cut off": ["DELETE FROM log WHERE number = 4"],
    "the log's end and the person": [
        "DELETE FROM subject WHERE id = (SELECT subject FROM log WHERE number = 4)",
        "DELETE FROM log WHERE number = 4",
    ],
    "another time in the log": ["UPDATE log SET time = time + 1 WHERE number = 2"],
    "another deed in the log": ["UPDATE log SET action = 'forgotten' WHERE number = 4"],
    "no deed at all": ["UPDATE log SET action = 'laughed' WHERE number = 4"],
    "a time that is none": ["UPDATE log SET time = 'noon' WHERE number = 2"],
    "a log that is empty": ["DELETE FROM log"],
    "a state of nothing": ["UPDATE store SET state = NULL"],
    "no state": ["DELETE FROM store"],
    "two states": ["INSERT INTO store SELECT * FROM store"],
    "a trigger": ["CREATE TRIGGER t AFTER DELETE ON subject BEGIN INSERT INTO subject SELECT OLD.id, OLD.tag, '', '', ''; END"],
    "a view in a table's place": ["ALTER TABLE subject RENAME TO s", "CREATE VIEW subject AS SELECT * FROM s"],
    "a column more": ["ALTER TABLE subject ADD COLUMN more"],
    "an index": ["CREATE INDEX i ON subject (identity)"],
    "another version": ["PRAGMA user_version = 2"],
    "another application": ["PRAGMA application_id = 1"],
}


@pytest.mark.parametrize("what", TAMPERED)
def test_who_lacks_the_key_changes_nothing_unseen(path, opened, units, what: str) -> None:
    """Opening, or using what was changed, is an error; nobody gets another one's name."""
    with tampering(path) as connection:
        for statement in TAMPERED[what]:
            connection.execute(statement)
    with pytest.raises(StoreError), opened() as tampered:
        answers(tampered, units)


def fault_of(call: Callable[[str], object], name: str) -> str:
    """What is told of an error; nothing where there is none."""
    try:
        call(name)
    except StoreError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", ["two names changed over", "another tag"])
def test_nobody_is_forgotten_in_anothers_place(path, opened, what: str) -> None:
    """The tag of a name stands in the open; what is sealed says whose it is. The audit tells it as well."""
    statements = TAMPERED.get(what) or ["UPDATE subject SET tag = randomblob(32)"]
    with tampering(path) as connection:
        for statement in statements:
            connection.execute(statement)
    with opened() as store:
        with pytest.raises(StoreError, match="damaged"):
            store.audit()
        # Only the two whose names were changed over in the first case, all three in the second.
        swapped = {name for name in ("Ada", "Grace", "Zoë") if "damaged" in fault_of(store.forget, name)}
    assert len(swapped) == (2 if what in TAMPERED else 3)
    with tampering(path) as connection:
        assert connection.execute("SELECT count(*) FROM subject").fetchone() == (len(swapped),)


def test_a_log_that_was_written_anew_is_noticed(path, opened) -> None:
    """Somebody who knows how the hashes are made, but has no key, makes a chain that holds: its end is not the one that was sealed."""
    with tampering(path) as connection:
        (store,) = connection.execute("SELECT id FROM store").fetchone()
        rows = connection.execute("SELECT number, time, action, subject FROM log ORDER BY number").fetchall()
        head = Head.of(store)
        for number, moment, action, subject in rows:
            entry = head.next(moment + 1, action, subject)
            connection.execute("UPDATE log SET time = ?, hash = ? WHERE number = ?", (entry.time, entry.hash, number))
            head = Head(number, entry.hash)
    with pytest.raises(StoreError, match="damaged"):
        opened()


def test_who_was_forgotten_cannot_be_put_back(path, opened) -> None:
    """The old row, kept from a copy of the file, is of the right key and place, and still not taken."""
    with opened() as store:
        ada = store.subjects()[0]
        row = row_of(path, ada.id)
        store.forget("Ada")
    with tampering(path) as connection:
        connection.execute("INSERT INTO subject VALUES (?, ?, ?, ?, ?)", row)
    with pytest.raises(StoreError, match="damaged"):
        opened()


def test_a_row_of_another_store_is_not_taken(tmp_path, path, opened, key, identity, consent, units) -> None:
    """Not even of one with the same key and network, under an id that is enrolled here."""
    with TemplateStore.open(tmp_path / "other.db", key, identity, create=True) as other:
        theirs = row_of(tmp_path / "other.db", other.enroll("Ada", units(9), HHH, consent, 10))
    with opened() as store:
        ours = store.subjects()[0].id
    with tampering(path) as connection:
        connection.execute("UPDATE subject SET facts = ?, embeddings = ? WHERE id = ?", (*theirs[3:], bytes.fromhex(ours)))
    with pytest.raises(StoreError, match="damaged"), opened() as store:
        store.names()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_or_write_is_refused(path, opened, mode: int) -> None:
    """The message says the mode and what to do."""
    path.chmod(mode)
    with pytest.raises(StoreError, match=f"mode {mode:04o}.*chmod 600"):
        opened()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(path, opened, key, identity, mode: int) -> None:
    """They could put another store, or a journal, in its place; no new one is made there either."""
    path.parent.chmod(mode)
    try:
        with pytest.raises(StoreError, match="others can write to its folder"):
            opened()
        with pytest.raises(StoreError, match="others can write to its folder"):
            TemplateStore.open(path.with_name("new.db"), key, identity, create=True)
    finally:
        path.parent.chmod(0o700)
    assert list(path.parent.iterdir()) == [path]


def test_a_link_or_folder_is_no_store(path, opened, key, identity) -> None:
    """Only the file itself is taken."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    for wrong in (link, path.parent):
        with pytest.raises(StoreError, match="no regular file"):
            TemplateStore.open(wrong, key, identity)


def test_another_programs_database_is_left_alone(tmp_path, key, identity) -> None:
    """Also where a store is to be made: it is told, and not one byte is written."""
    path = tmp_path / "other.db"
    with tampering(path) as connection:
        connection.execute("CREATE TABLE subject (id BLOB)")
    path.chmod(0o600)
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(StoreError, match="is no template store"):
            TemplateStore.open(path, key, identity, create=create)
    assert path.read_bytes() == before
    path.write_bytes(b"name,score\n" * 1000)
    with pytest.raises(StoreError):
        TemplateStore.open(path, key, identity, create=True)
    assert path.read_bytes() == b"name,score\n" * 1000
