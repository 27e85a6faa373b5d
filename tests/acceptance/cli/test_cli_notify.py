"""`penstock notify`, and what other commands say of who is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr")  # which Apprise imports where there is one
SETTINGS = """
[notifications.team]
url = "file://told.ndjson"
[notifications.hook]
url = "json://robot:pa55word@127.0.0.1:1/t0k3n"
on = ["failed"]
select = "bad"
"""


@pytest.fixture
def telling(broken: Path) -> Path:
    """A project in which one asset fails; a file is told, and a server that is not there."""
    with (broken / "penstock.toml").open("a") as file:
        file.write(SETTINGS)
    return broken


def test_a_test_says_what_came_of_it(telling: Path, penstock: Any) -> None:
    """For each destination, or for one; exit code 1 where one did not arrive."""
    said = penstock(telling, "notify", "test")
    assert said.code == 1
    assert said.out.splitlines()[0] == "team: delivered"
    assert said.out.splitlines()[1].startswith("hook: not delivered: A Connection error occurred")
    assert penstock(telling, "notify", "test", "team").code == 0
    assert penstock(telling, "notify", "test", "team", "--json").json == [
        {"destination": "team", "outcome": "delivered", "error": ""}
    ]
    assert len((telling / "told.ndjson").read_text().splitlines()) == 3


def test_a_destination_that_is_none_is_told(telling: Path, fresh: Path, penstock: Any) -> None:
    """With those that there are."""
    said = penstock(telling, "notify", "test", "taem")
    assert (said.code, said.err.splitlines()[:2]) == (
        2,
        ["Error: the settings name no destination 'taem'", "There is: team, hook."],
    )


def test_the_list_shows_what_was_told_and_what_is_to_be(telling: Path, penstock: Any) -> None:
    """And so does `status`; no address is shown anywhere."""
    assert penstock(telling, "notify", "list").out == "Nobody was told of anything.\n"
    made = penstock(telling, "materialize", "--quiet")
    assert made.code == 1
    listed = penstock(telling, "notify", "list", "--json").json
    assert {(one["destination"].rpartition("/")[2], one["state"]) for one in listed["messages"]} == {
        ("team", "delivered"),
        ("hook", "pending"),
    }
    assert [one["pending"] for one in listed["unsent"]] == [1]
    assert len(penstock(telling, "notify", "list", "team", "--json").json["messages"]) == 1
    status, shown = penstock(telling, "status"), penstock(telling, "notify", "list")
    for said in (status, shown):
        assert "1 message under way; last error: A Connection error occurred" in said.words
        assert "bad failed" in shown.words
    everything = "".join(one.out + one.err for one in (made, status, shown, penstock(telling, "config")))
    everything += penstock(telling, "config", "--json").out + (telling / "told.ndjson").read_text()
    assert not [secret for secret in ("pa55word", "t0k3n", "robot") if secret in everything]


def test_check_tells_who_cannot_be_told(telling: Path, penstock: Any) -> None:
    """A selection that selects nothing, and a name that no setting has."""
    assert penstock(telling, "check").code == 0
    pipeline, settings = telling / "pipeline.py", telling / "penstock.toml"
    pipeline.write_text(pipeline.read_text().replace('"bad.json", on=lines', '"bad.json", on=lines, notify=["taem"]'))
    settings.write_text(settings.read_text().replace('select = "bad"', 'select = "group:kb"'))
    said = penstock(telling, "check")
    assert said.code != 0
    assert "notifications.hook.select: the selection 'group:kb' selects nothing" in said.err
    assert "asset bad: notify= names 'taem', which no setting names" in said.err


def test_wrong_settings_are_told_together_and_without_the_address(telling: Path, penstock: Any) -> None:
    """A kind that is none, a rate that is none, a key that is none, no address or two."""
    (telling / "penstock.toml").write_text(
        'definitions = ["pipeline.py"]\n'
        '[notifications.a]\nurl = "slack://t0k3n"\non = ["fialed"]\nat_most = "10/fortnight"\nselct = "x"\n'
        '[notifications.b]\n[notifications.c]\nurl = "slack://t0k3n"\nurl_env = "C"\n'
        '[notifications.d]\nurl = 5\nrepeat = "soon"\n'
    )
    said = penstock(telling, "config")
    assert said.code != 0
    for line in (
        "notifications.a.on.0: found \"fialed\", expected one of 'failed', 'recovered', 'retry', 'late', 'paused'",
        'notifications.a.at_most: found "10/fortnight", expected a number per s, min, h or d, e.g. "10/h"',
        "notifications.a.selct: there is no such setting; did you mean select?",
        "notifications.b: found a table, expected either url or url_env, the variable that holds it",
        "notifications.c: found a table, expected either url or url_env, the variable that holds it",
        "notifications.d.url: found a number, expected a text in quotes",
        'notifications.d.repeat: found "soon", expected a number of m, h or d',
    ):
        assert line in said.err
    assert "t0k3n" not in said.err


def test_what_was_refused_is_sent_again(telling: Path, penstock: Any) -> None:
    """Once what was wrong is mended; and what arrived long ago is forgotten."""
    assert penstock(telling, "materialize", "--quiet").code == 1
    (database,) = telling.rglob("penstock.db")
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.execute("UPDATE messages SET state = 'dead', at = '2026-01-01 00:00:00.000000' WHERE state = 'pending'")
    assert "1 refused (`penstock notify resend`)" in penstock(telling, "notify", "list").words
    said = penstock(telling, "notify", "resend")
    assert (said.code, said.out) == (0, "team: nothing was refused\nhook: 1 message on the way again\n")
    settings = telling / "penstock.toml"
    settings.write_text(settings.read_text().replace("json://robot:pa55word@127.0.0.1:1/t0k3n", "file://again.ndjson"))
    for _ in range(10):  # each waits for it for a moment only
        penstock(telling, "materialize", "--quiet")
        if (telling / "again.ndjson").exists():
            break
    assert "bad failed" in (telling / "again.ndjson").read_text()
    assert "1 refused" not in penstock(telling, "notify", "list").words


def test_what_arrived_long_ago_is_forgotten(telling: Path, penstock: Any) -> None:
    """By `penstock clean`, with what it told; a dry run says how much that is, and a younger one stays."""
    penstock(telling, "materialize", "--quiet")
    assert penstock(telling, "clean", "--json").json["messages"] == 0
    (database,) = telling.rglob("penstock.db")
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.execute("UPDATE messages SET delivered_at = '2020-01-01 00:00:00.000000' WHERE state = 'delivered'")
    assert penstock(telling, "clean", "--dry-run", "--json").json["messages"] == 1
    assert "1 message to people" in penstock(telling, "clean").words
    left = penstock(telling, "notify", "list", "--json").json["messages"]
    assert [one["state"] for one in left] == ["pending"]
    assert penstock(telling, "db", "check").code == 0
