"""Several processes on one template store, and processes that are killed: nothing is lost, nothing is half done."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cryptography", reason="the extra templates is not installed")

from livegate.errors import StoreError
from livegate.templates.audit import Action
from livegate.templates.key import Key
from livegate.templates.store import TemplateStore

IDENTITY = "ab" * 32
OLD, NEW = Key(bytes(32)), Key(bytes(range(32)))
TIMEOUT = 120
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
import numpy as np
from livegate.configuration import Configuration
from livegate.templates.database import Database
from livegate.templates.key import Key
from livegate.templates.record import Consent
from livegate.templates.store import TemplateStore

OLD, NEW = Key(bytes(32)), Key(bytes(range(32)))
ran = Database.run

def units(seed, count=2, size=64):
    rows = np.random.default_rng(seed).standard_normal((count, size))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)

def enroll(name, seed, count=2, size=64):
    store.enroll(name, units(seed, count, size), Configuration.parse("HHH"), Consent("form signed", datetime.now(UTC)), 10)

def die_after(start, times=1):
    # Hardly a page is kept in memory, so that the file is half written and only the journal knows what was there.
    if "store" in globals():
        store._database.run("PRAGMA cache_size = 1")
    left = [times]
    def run(self, statement, *values):
        found = ran(self, statement, *values)
        left[0] -= statement.startswith(start)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    Database.run = run
"""
OPEN = f"store = TemplateStore.open(sys.argv[1], OLD, {IDENTITY!r}, create=True)\n"


def start(path: Path, code: str) -> subprocess.Popen[str]:
    """Run code on a store in a process of its own."""
    words = [sys.executable, "-c", CHILD + code, str(path)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """What a process printed that ended with this code."""
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, err
    return out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "templates.db"


def journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def test_two_processes_write_at_once(path: Path) -> None:
    """Both make the store, enrol, forget and search at the same time: everybody is there, and the log is whole."""
    code = """
for number in range(12):
    enroll(f"{os.getpid()} {number}", number)
    assert store.search(units(number)[0])[0][1] > 0.999
    if number % 4 == 3:
        store.forget(f"{os.getpid()} {number}")
print(os.getpid())
"""
    processes = [start(path, OPEN + code) for _ in range(2)]
    numbers = [ended(process).strip() for process in processes]
    with TemplateStore.open(path, OLD, IDENTITY) as store:
        assert store.names() == sorted(f"{pid} {number}" for pid in numbers for number in range(12) if number % 4 != 3)
        assert len(store.audit()) == 1 + 2 * (12 + 3)


def test_who_waits_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that holds the file makes others wait, not hang; when it is gone they go on."""
    holder = start(path, OPEN + "store._database.run('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    monkeypatch.setattr("livegate.templates.database.PATIENCE_S", 0.2)
    with TemplateStore.open(path, OLD, IDENTITY) as store:
        with pytest.raises(StoreError, match="another process has been writing"):
            store.sweep()
        holder.kill()
        holder.communicate(timeout=TIMEOUT)
        assert store.sweep() == ()


@pytest.mark.parametrize("statement", ["PRAGMA user_version =", "CREATE TABLE log", "INSERT INTO store", "UPDATE store"])
def test_killed_while_the_store_is_made(path: Path, statement: str) -> None:
    """What was there does not count as a store; the next process makes one."""
    ended(start(path, f"die_after({statement!r})\n{OPEN}"), -signal.SIGKILL)
    with pytest.raises(StoreError, match="is no template store yet"):
        TemplateStore.open(path, OLD, IDENTITY)
    with TemplateStore.open(path, OLD, IDENTITY, create=True) as store:
        assert [entry.action for entry in store.audit()] == [Action.CREATED]


@pytest.mark.parametrize("statement", ["INSERT INTO subject", "INSERT INTO log", "UPDATE store"])
def test_killed_in_the_middle_of_an_enrolment(path: Path, statement: str) -> None:
    """With half of it on the disk: nobody is half enrolled, who was there is, and the same person can be enrolled."""
    code = "enroll('Ada', 0, 32, 1024)\ndie_after({!r})\nenroll('Grace', 1, 32, 1024)"
    ended(start(path, OPEN + code.format(statement)), -signal.SIGKILL)
    assert journal(path).stat().st_size > 0
    with TemplateStore.open(path, OLD, IDENTITY) as store:
        assert store.names() == ["Ada"]
        assert len(store.audit()) == 2
        assert store.templates("Ada").embeddings.shape == (32, 1024)
    assert not journal(path).exists()
    ended(start(path, OPEN + "enroll('Grace', 1, 32, 1024)"))
    with TemplateStore.open(path, OLD, IDENTITY) as store:
        assert store.names() == ["Ada", "Grace"]


def test_killed_at_any_time_while_enrolling(path: Path) -> None:
    """Whoever was told to be enrolled is, at most one more is, and the store is whole, however often this happens."""
    told: list[str] = []
    random = np.random.default_rng(0)
    for life in range(6):
        process = start(
            path, OPEN + f"for n in range(10 ** 6):\n    enroll(f'{life} {{n}}', n)\n    print(f'{life} {{n}}', flush=True)"
        )
        assert process.stdout is not None
        told.append(process.stdout.readline().strip())
        time.sleep(float(random.uniform(0, 0.3)))
        process.kill()
        told += process.communicate(timeout=TIMEOUT)[0].split("\n")[:-1]
        with TemplateStore.open(path, OLD, IDENTITY) as store:
            names = store.names()
            assert len(store.audit()) == len(names) + 1
            assert all(store.templates(name).embeddings.shape == (2, 64) for name in names)
        assert set(told) <= set(names)
        assert len(names) <= len(told) + life + 1
    assert len(told) > 12


@pytest.mark.parametrize(
    ("statement", "times"),
    [("UPDATE subject", 1), ("UPDATE subject", 7), ("UPDATE store SET key", 1), ("UPDATE store SET state", 1)],
)
def test_killed_in_the_middle_of_a_rotation(path: Path, statement: str, times: int) -> None:
    """Everything is under the old key, nothing under the new one, and it can be done again."""
    code = f"for n in range(10):\n    enroll(str(n), n, 8, 512)\ndie_after({statement!r}, {times})\nstore.rotate(NEW)"
    ended(start(path, OPEN + code), -signal.SIGKILL)
    assert journal(path).stat().st_size > 0
    with pytest.raises(StoreError, match="sealed with key"):
        TemplateStore.open(path, NEW, IDENTITY)
    with TemplateStore.open(path, OLD, IDENTITY) as store:
        assert store.names() == sorted(map(str, range(10)))
        assert [store.templates(name).embeddings.shape for name in store.names()] == [(8, 512)] * 10
        store.rotate(NEW)
    with TemplateStore.open(path, NEW, IDENTITY) as store:
        assert len(store.names()) == 10


def test_killed_in_the_middle_of_a_deletion(path: Path) -> None:
    """Until it was told to be done a person is there whole, not half."""
    ended(start(path, OPEN + "enroll('Ada', 0, 32, 1024)\ndie_after('DELETE')\nstore.forget('Ada')"), -signal.SIGKILL)
    with TemplateStore.open(path, OLD, IDENTITY) as store:
        assert store.templates("Ada").embeddings.shape == (32, 1024)
        store.forget("Ada")
        assert store.names() == []
