"""Each check finds what it is there to find: rows that somebody damaged, and nothing else is said of them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from penstock.storage.meta.checking import every
from penstock.storage.meta.ticks import ticks
from tests.integration.checking.history import Place, damaged

_RUN_OF = (
    "(SELECT max(id) FROM runs WHERE state = '{state}' AND asset_id = (SELECT id FROM assets WHERE name = '{asset}'))"
)
SUMMARY = _RUN_OF.format(state="success", asset="summary")
BROKEN = _RUN_OF.format(state="failed", asset="broken")
SINGLE = _RUN_OF.format(state="success", asset="single")


def asset(name: str) -> str:
    """The id of an asset, in SQL."""
    return f"(SELECT id FROM assets WHERE name = '{name}')"


def dataset(name: str) -> str:
    """The id of a dataset, in SQL."""
    return f"(SELECT id FROM datasets WHERE name = '{name}')"


COMMAND = (
    "INSERT INTO commands (project, key, kind, about, arguments, asked_by, asked_at, state, steps, outcome) VALUES "
    "('kb', 'x', 'pause', 'single', '{{}}', 'local', '2026-01-05 00:00:00+00:00', 'waiting', {steps}, '{outcome}')"
)
DAMAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "commands": ((COMMAND.format(steps=1, outcome="{}"),), "waiting after 1 steps, ended none, nothing left to do"),
    "command-runs": ((COMMAND.format(steps=0, outcome='{"runs": ["lost"]}'),), "it made run lost, which is not there"),
    "references": (("DELETE FROM versions WHERE id = (SELECT version_id FROM observations)",), "rows name it"),
    "definitions": (
        ("UPDATE assets SET definition_digest = 'x' WHERE name = 'single'",),
        "no definition with the digest x",
    ),
    "agenda": ((f"DELETE FROM agenda WHERE asset_id = {asset('single')}",), "asset single: no row"),
    "aliases": (
        ("UPDATE aliases SET uri = 'numbers.json'",),
        "alias numbers.json of dataset docs, in project kb: dataset numbers has this URI",
    ),
    "producers": (
        ("UPDATE assets SET removed_at = registered_at WHERE name = 'numbers'",),
        "dataset numbers: written by numbers, which is declared no more",
    ),
    "event-numbers": (
        ("UPDATE datasets SET last_number = 7, planned_number = 7 WHERE name = 'docs'",),
        "dataset docs: 2 events, the newest has number 2, the dataset says 7",
    ),
    "event-kinds": (
        (f"UPDATE events SET kind = 'confirmed' WHERE number = 2 AND dataset_id = {dataset('docs')}",),
        "event 2 of dataset docs : confirmed, of version",
    ),
    "event-versions": (
        (
            f"UPDATE events SET version_id = (SELECT head_version_id FROM datasets WHERE name = 'numbers') "
            f"WHERE number = 1 AND dataset_id = {dataset('docs')}",
        ),
        "event 1 of dataset docs : version",
    ),
    "event-runs": ((f"UPDATE runs SET state = 'failed' WHERE id = {SINGLE}",), "which is failed"),
    "published-once": (
        (
            "INSERT INTO events (dataset_id, partition, number, kind, version_id, run_id, at, metadata, told_at) "
            "SELECT dataset_id, partition, number + 1, 'confirmed', version_id, run_id, at, metadata, told_at "
            f"FROM events WHERE run_id = {SUMMARY}",
        ),
        "2 events of dataset summary",
    ),
    "heads": (
        ("UPDATE datasets SET head_version_id = NULL WHERE name = 'numbers'",),
        "dataset numbers: its head is version none",
    ),
    "shown": (
        (
            "UPDATE datasets SET shown_version_id = (SELECT head_version_id FROM datasets WHERE name = 'train') "
            "WHERE name = 'numbers'",
        ),
        "dataset numbers: it shows version",
    ),
    "observations": (
        ("UPDATE observations SET version_id = (SELECT head_version_id FROM datasets WHERE name = 'numbers')",),
        "the last look at docs : version",
    ),
    "planned-numbers": (
        ("UPDATE datasets SET planned_number = 9 WHERE name = 'docs'",),
        "dataset docs: looked at up to event 9 of 2",
    ),
    "one-link": (
        (
            "DROP INDEX one_current_consumption",
            "INSERT INTO consumptions (asset_id, partition, event_id, run_id, outcome, current, at) "
            "SELECT asset_id, partition, event_id, run_id, outcome, current, at FROM consumptions "
            f"WHERE run_id = {SUMMARY}",
        ),
        "consumer summary : 2 current links to event",
    ),
    "links-runs": (
        (f"UPDATE consumptions SET run_id = {SINGLE} WHERE run_id = {SUMMARY}",),
        "the link of consumer summary  to event",
    ),
    "link-outcomes": (
        (f"UPDATE consumptions SET outcome = 'returned' WHERE run_id = {SUMMARY}",),
        "current, returned, by run",
    ),
    "settled-events": (
        (f"DELETE FROM consumptions WHERE run_id = {SUMMARY}",),
        "event 2 of dataset docs for consumer summary: changed, settled (up to 2), and linked to nothing: it is lost",
    ),
    "floors": (
        (f"UPDATE subscriptions SET floor = 9, summed = 9 WHERE asset_id = {asset('summary')}",),
        "the subscription of summary to dataset docs: settled up to 9, summed to 9",
    ),
    "tallies": (
        (
            """UPDATE subscriptions SET tally = '{"whole": {"count": 5, "changed": 5, "removed": 0, "newest": 2} }' """
            f"WHERE asset_id = {asset('summary')}",
        ),
        "the tally of summary and dataset docs up to event 2: {'count': 5",
    ),
    "ticks": ((f"UPDATE ticks SET run_id = {SUMMARY}",), "of hourly: taken by run"),
    "intervals": (
        (
            "UPDATE runs SET nominal_start = nominal_end, nominal_end = nominal_start "
            f"WHERE asset_id = {asset('hourly')}",
        ),
        "of hourly: it covers",
    ),
    "run-states": ((f"UPDATE runs SET ended_at = NULL WHERE id = {BROKEN}",), "of broken : failed after 1 attempts"),
    "attempts": (
        (f"UPDATE attempts SET ended_at = NULL, outcome = NULL WHERE run_id = {SUMMARY}",),
        "of summary : success, it says 1 attempts; there are 1 up to number 1, 1 open, 0 with success",
    ),
    "outputs": (
        (f"UPDATE events SET run_id = NULL WHERE run_id = {SUMMARY}",),
        "of summary : success, and no event of it",
    ),
    "edges": ((f"DELETE FROM edges WHERE run_id = {SUMMARY}",), "of summary : no edge from version"),
    "stray-edges": (
        (
            f"UPDATE edges SET input_version_id = (SELECT head_version_id FROM datasets WHERE name = 'numbers') "
            f"WHERE run_id = {SUMMARY}",
        ),
        "the run has not both pinned the one and published the other",
    ),
    "pins": (
        (
            f"UPDATE pins SET version_id = (SELECT head_version_id FROM datasets WHERE name = 'numbers') "
            f"WHERE run_id = {SUMMARY}",
        ),
        "pin docs of run",
    ),
    "head-runs": ((f"UPDATE assets SET head_run_id = {SINGLE} WHERE name = 'summary'",), "asset summary: run"),
    "failures": (
        ("UPDATE assets SET failures = 9 WHERE name = 'broken'",),
        "asset broken: 9 in a row, of 2 that failed",
    ),
    "one-pause": (
        (
            "DROP INDEX one_current_pause",
            "INSERT INTO pauses (asset_id, since, until, why, failed) SELECT asset_id, since, until, why, failed "
            "FROM pauses",
        ),
        "asset report: 2 pauses that last",
    ),
    "pauses": ((f"UPDATE pauses SET run_id = {SUMMARY}",), "of report: run"),
    "materializations": (("UPDATE materializations SET ended_at = NULL",), ": success, ended none"),
    "backfills": (("UPDATE backfills SET looked = 99",), "of 10 partitions 99 looked at"),
    "backfill-runs": (
        (
            "UPDATE runs SET state = 'scheduled', ended_at = NULL "
            f"WHERE id = (SELECT max(id) FROM runs WHERE asset_id = {asset('down')})",
        ),
        "of down 2026-01-07: scheduled, and its backfill",
    ),
    "partition-heads": (
        (f"DELETE FROM partition_heads WHERE partition = '2026-01-05' AND dataset_id = {dataset('up')}",),
        "dataset up 2026-01-05: its head is version none, of event none",
    ),
    "partition-head-events": (
        (
            "UPDATE partition_heads SET event_id = (SELECT max(id) FROM events) "
            f"WHERE partition = '2026-01-05' AND dataset_id = {dataset('up')}",
        ),
        "the head of dataset up 2026-01-05: event",
    ),
    "partition-head-runs": (
        (f"UPDATE partition_heads SET run_id = {SUMMARY} WHERE partition = '2026-01-05'",),
        "dataset up 2026-01-05: made by run",
    ),
    "partition-counts": (
        ("UPDATE datasets SET partitions_made = 6 WHERE name = 'up'",),
        "dataset up: it counts 6 made and 0 left; its ranges hold 5, its heads are 5 and 0",
    ),
    "partition-ranges": (
        (
            'INSERT INTO partition_ranges (dataset_id, line, start, "end", keys) '
            'SELECT dataset_id, line, start + 86400, "end", 1 FROM partition_ranges',
        ),
        "the range of dataset up on line '' from",
    ),
    "partition-agenda": (
        (
            'INSERT INTO partition_agenda (asset_id, line, start, "end", done, at, touched) '
            f"SELECT {asset('down')}, '2026-01-05', 0, 0, 0, registered_at, 0 FROM projects",
        ),
        "asset down, partitions of '2026-01-05' from 0 to 0: to be looked at at",
    ),
    "partition-news": (
        ("UPDATE partition_news SET number = 3",),
        "asset down and dataset up: heard up to event 3 of 5",
    ),
    "partition-holds": (
        (
            'INSERT INTO partition_holds (asset_id, line, start, "end", reason) '
            f"SELECT {asset('down')}, '', 10, 5, '{{}}' FROM projects",
        ),
        "asset down, partitions held on line '' from 10 to 5",
    ),
    "lineage": (
        (
            f"DELETE FROM outbox WHERE event_id = (SELECT max(id) FROM lineage_events WHERE run_id = {SUMMARY})",
            f"DELETE FROM lineage_events WHERE id = (SELECT max(id) FROM lineage_events WHERE run_id = {SUMMARY})",
        ),
        "of summary: success after 1 attempts, and lineage tells START; expected START, COMPLETE",
    ),
    "outbox": (
        (f"UPDATE outbox SET delivered_at = NULL, state = 'delivered' WHERE run_id = {SUMMARY}",),
        "delivered, delivered none",
    ),
    "addressed": (
        (f"DELETE FROM outbox WHERE event_id = (SELECT max(id) FROM lineage_events WHERE run_id = {SUMMARY})",),
        "not addressed to kb/file",
    ),
    "delivery-order": (
        (
            f"UPDATE outbox SET state = 'delivered', delivered_at = next_at WHERE run_id = {SUMMARY}",
            "UPDATE outbox SET state = 'pending', delivered_at = NULL, attempts = 0, error = NULL "
            f"WHERE event_id = (SELECT min(id) FROM lineage_events WHERE run_id = {SUMMARY})",
        ),
        "delivered to kb/file while event",
    ),
    "unsynced": (
        (
            "INSERT INTO unsynced (version_id, root, content, holder) "
            "SELECT head_version_id, '/data', CAST('other' AS {blob}), '' FROM datasets WHERE name = 'numbers'",
        ),
        "5 bytes with the digest",
    ),
    "active-runs": (
        (f"UPDATE runs SET state = 'scheduled', ended_at = NULL WHERE asset_id = {asset('single')}",),
        "asset single: 2 active runs; expected 1 at most",
    ),
    "given-back": (
        (
            "UPDATE consumptions SET current = {yes}, outcome = 'run' WHERE outcome = 'returned' "
            f"AND run_id = {BROKEN}",
        ),
        "of broken: failed, and it still has 2 events",
    ),
    "partition-places": (
        (f'UPDATE partition_ranges SET "end" = "end" - 86400 WHERE dataset_id = {dataset("up")}',),
        "dataset up 2026-01-07: made, and in no range of line ''",
    ),
    "lost-partitions": (
        (
            f"DELETE FROM consumptions WHERE asset_id = {asset('down')}",
            "UPDATE partition_news SET number = 5",
            f"UPDATE subscriptions SET completing = 0 WHERE asset_id = {asset('down')}",
        ),
        "asset down 2026-01-05: asleep: it is not on the agenda of partitions",
    ),
    "lost-news": (
        (
            f"DELETE FROM consumptions WHERE run_id = {SUMMARY}",
            f"UPDATE subscriptions SET floor = 1, summed = 1 WHERE asset_id = {asset('summary')}",
            f"UPDATE agenda SET at = NULL WHERE asset_id = {asset('summary')}",
        ),
        "asset summary: asleep until it has news; expected that a planner looks at it now: it would be made",
    ),
}


def spelled(place: Place, statement: str) -> str:
    """A statement in the words of the database."""
    served = place.url.startswith("postgresql")
    for word, (lite, post) in {"{yes}": ("1", "true"), "{blob}": ("BLOB", "BYTEA")}.items():
        statement = statement.replace(word, post if served else lite)
    return statement


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_told(place: Place, name: str) -> None:
    """The check of that name tells exactly which rows are damaged, and what to do."""
    statements, words = DAMAGES[name]
    with place.store() as store:
        found = damaged(store, place, *(text(spelled(place, one).replace(":", "\\:")) for one in statements))
    mine = [one for one in found if one.check == name]
    assert mine, Counter(one.check for one in found)
    assert any(words in one.text for one in mine), [one.text for one in mine]
    assert all(one.advice and "{" not in one.rows for one in mine)


def test_a_tick_that_nobody_waits_for_is_told(place: Place) -> None:
    """Nothing is to be made now; but when the next tick comes nobody would look."""
    lost = text(f"UPDATE agenda SET at = NULL WHERE asset_id = {asset('hourly')}")
    with place.store() as store:
        with store.read() as tx:
            taken = tx.execute(select(func.max(ticks.c.tick))).scalar_one()
        (found,) = damaged(store, place, lost, at=taken + timedelta(seconds=1))
    assert (found.check, found.rows, found.found) == ("lost-news", "asset hourly", "asleep until it has news")
    assert found.expected.startswith("that a planner looks at it at 20")
    assert ": it would be made (tick of " in found.expected


def test_a_sound_store_breaks_no_rule(place: Place) -> None:
    """Whatever happened to it: nothing was damaged."""
    assert place.damages() == []


def test_each_check_of_the_rows_is_tried(place: Place) -> None:
    """No check is there that was never seen to find anything."""
    assert {one.name for one in every.CHECKS} <= set(DAMAGES)


def test_what_a_check_cannot_read_is_told_and_the_others_go_on(place: Place) -> None:
    """A manifest that is no manifest ends no check but its own, on no database."""
    with place.store() as store:
        broken = damaged(store, place, text("UPDATE subscriptions SET tally = '[]'"))
    assert [one.found for one in broken if one.check == "tallies"] == [
        "it could not be finished: TypeError: list indices must be integers or slices, not str"
    ]
    assert not [one for one in broken if one.check in ("runs", "outputs", "lineage")]
