"""A missed deadline, as people see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from penstock import Definitions
from penstock.assets.run.project.project import open_registered
from penstock.assets.run.tick import tick
from penstock.storage.settings import read_settings

Call = Callable[..., Any]

PROJECT = """
from penstock import Cron, Dataset, Deadline, Version, asset

docs = Dataset("warehouse://db/docs")
labels = Dataset("warehouse://db/labels")

@asset("both.json", on=docs & labels, deadline=Deadline(Cron("0 6 * * *")))
def both(docs: Version, labels: Version) -> str:
    return docs.digest + labels.digest
"""


def test_a_missed_deadline_stays_in_sight(tmp_path: Path, penstock: Call) -> None:
    """Once a planner has taken note, `why` and `status` show it with its reason until there is a run; `why` of a time
    before does not."""
    (tmp_path / "penstock.toml").write_text('project = "told"\ndefinitions = ["pipeline.py"]\n')
    (tmp_path / "pipeline.py").write_text(PROJECT)
    assert penstock(tmp_path, "materialize").code == 1  # nobody has told of a version of docs
    assert penstock(tmp_path, "event", "docs").code == 0
    now = datetime.now(UTC)
    first = (now + timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0)

    def passes(at: datetime) -> Any:
        definitions = Definitions.load("pipeline.py", folder=tmp_path)
        with open_registered(read_settings(tmp_path), definitions) as project:
            return tick(project, at=at).record

    assert [one.tick for one in passes(first).missed] == [first]
    assert passes(first).missed == ()
    assert "passed without a run: waiting for labels." in penstock(tmp_path, "why", "both").words
    assert penstock(tmp_path, "why", "both", "--json").json["deadline"]["reason"]["text"] == "waiting for labels"
    said = penstock(tmp_path, "status").words
    assert "both missed its deadline of" in said
    assert ": waiting for labels" in said
    (line,) = penstock(tmp_path, "status", "--json").json["assets"]
    assert line["missed"]["reason"]["text"] == "waiting for labels"
    earlier = penstock(tmp_path, "why", "both", "--at", now.isoformat(), "--json").json["deadline"]
    assert (earlier["missed"], earlier["reason"]) == (None, None)

    assert penstock(tmp_path, "event", "labels").code == 0
    assert [one.planned.asset for one in passes(first + timedelta(hours=1)).runs] == ["both"]
    assert "passed without a run" not in penstock(tmp_path, "why", "both").words
    assert "missed its deadline" not in penstock(tmp_path, "status").words
    (line,) = penstock(tmp_path, "status", "--json").json["assets"]
    assert line["missed"] is None
