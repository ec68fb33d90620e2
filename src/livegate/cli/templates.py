"""``livegate templates``: look after the store of who is enrolled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from livegate.cli import people
from livegate.cli.check import printable

templates = typer.Typer(help="Look after the template store: make a key, list, sweep, rotate, check the log.")

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@templates.command("new-key")
def new_key(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to write it; readable by you alone.")] = None,
    in_keyring: Annotated[
        bool, typer.Option("--keyring", help="Put it into the keyring of the operating system instead.")
    ] = False,
) -> None:
    """Make a key. Whoever loses it loses the store; whoever has it and the store has the templates."""
    from livegate.errors import LivegateError
    from livegate.templates.key import Key

    if (file is None) is not in_keyring:
        raise LivegateError("give either a FILE for the key or --keyring")
    key = Key.new()
    if file is None:
        key.keep()
    else:
        key.write(file)
    print(f"key {key.id} written to {'the keyring' if file is None else printable(str(file))}")


@templates.command("list")
def show(store: people.Store = None, key_file: people.KeyFile = None, as_json: Json = False) -> None:
    """List who is enrolled, with consent and dates."""
    from rich.markup import escape
    from rich.table import Table

    from livegate.cli.console import tables

    with people.opened(store, key_file) as opened:
        subjects = opened.subjects()
    if as_json:
        for one in subjects:
            facts = {"name": one.name, "subject": one.id, "templates": one.templates, "configuration": one.configuration}
            facts |= {"consent": one.consent.what, "given": one.consent.when.isoformat()}
            print(json.dumps(facts | {"enrolled": one.enrolled.isoformat(), "expires": one.expires.isoformat()}))
        return
    table = Table("name", "templates", "consent", "enrolled", "expires", "in the log")
    for one in subjects:
        days = (f"{day:%Y-%m-%d}" for day in (one.enrolled, one.expires))
        table.add_row(escape(one.name), str(one.templates), escape(one.consent.what), *days, one.id)
    tables().print(table)


@templates.command()
def sweep(store: people.Store = None, key_file: people.KeyFile = None) -> None:
    """Delete everybody whose time is over. Let a timer run this every day."""
    with people.opened(store, key_file) as opened:
        gone = opened.sweep()
    for subject in gone:
        print(f"{subject}: expired, deleted")
    print(f"{len(gone)} deleted")


@templates.command()
def rotate(
    new: Annotated[Path, typer.Argument(metavar="NEWKEY", help="The file of the new key; see new-key.")],
    store: people.Store = None,
    key_file: people.KeyFile = None,
) -> None:
    """Encrypt the store anew with another key: all of it, or nothing if it is interrupted."""
    from livegate.templates.key import Key

    key = Key.read(new)
    with people.opened(store, key_file) as opened:
        opened.rotate(key)
    print(f"sealed with key {key.id} now; destroy the old key and every copy of the store that it opens")


@templates.command("verify-audit")
def verify_audit(
    noted: Annotated[
        str | None, typer.Option(metavar="HASH", help="The last hash of an earlier check: the log must still hold it.")
    ] = None,
    store: people.Store = None,
    key_file: people.KeyFile = None,
    as_json: Json = False,
) -> None:
    """Check the log and that it agrees with who is in the store. Note the hash elsewhere: only so an older copy of the file is noticed."""
    from livegate.errors import LivegateError
    from livegate.templates.audit import since

    with people.opened(store, key_file) as opened:
        entries = opened.audit()
    more = None if noted is None else since(entries, noted)
    if noted is not None and more is None:
        raise LivegateError(
            "the log does not hold the hash that was noted: the store is an older copy, another one, or was written anew"
        )
    if as_json:
        for one in entries:
            facts = {"number": one.number, "time": one.when.isoformat(), "action": one.action, "subject": one.subject.hex()}
            print(json.dumps(facts | {"hash": one.hash.hex()}))
        return
    print(f"{len(entries)} entries, sound; last hash {entries[-1].hash.hex()}")
    if more is not None:
        print(f"{more} since the one that was noted")
