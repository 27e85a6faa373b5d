"""The commands on a project whose database is a PostgreSQL: the same answers, and a URL without its password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.databases("postgresql")


@pytest.fixture
def served(fresh: Path, databases: Any) -> Path:
    """The project that `penstock init` makes, with an empty database on a server."""
    url = databases.fresh(prepared=False).replace("postgres@", "postgres:s3cret@")
    settings = fresh / "penstock.toml"
    settings.write_text(f'database = "{url}"\n{settings.read_text()}')
    return fresh


def test_a_project_is_made_looked_at_and_made_again(served: Path, penstock: Any) -> None:
    """From an empty database to a second pass that has nothing to do; no file of SQLite is left anywhere."""
    assert penstock(served, "status").code == 0
    assert penstock(served, "materialize", "--quiet").code == 0
    made = {one["state"] for one in penstock(served, "runs", "--json").json["runs"]}
    assert made == {"success"}
    for command in (["status"], ["list"], ["plan"], ["runs"], ["db", "upgrade"], ["check"]):
        said = penstock(served, *command)
        assert (said.code, said.err) == (0, ""), command
        assert "s3cret" not in said.out
    runs = len(penstock(served, "runs", "--json").json["runs"])
    assert "3 skipped" in penstock(served, "materialize").words
    assert len(penstock(served, "runs", "--json").json["runs"]) == runs + 3
    assert list(served.rglob("*.db")) == []


def test_the_url_is_shown_without_its_password(served: Path, penstock: Any) -> None:
    """In the table and as JSON."""
    assert "postgresql://…@/test_" in penstock(served, "config").words
    values = {one["key"]: one["value"] for one in penstock(served, "config", "--json").json}
    assert values["database"].startswith("postgresql://…@/test_")
    assert "s3cret" not in str(values) + penstock(served, "config").out


def test_a_server_that_is_not_there_is_a_sentence(served: Path, penstock: Any) -> None:
    """Exit code 1, the URL without its password, the next step, no traceback."""
    settings = served / "penstock.toml"
    lines = settings.read_text().splitlines()
    settings.write_text("\n".join(['database = "postgresql://me:s3cret@127.0.0.1:9/kb"', *lines[1:]]))
    said = penstock(served, "status")
    assert said.code == 1
    assert "postgresql://me:***@127.0.0.1:9/kb cannot be used" in " ".join(said.err.split())
    assert "runs and can be reached" in " ".join(said.err.split())
    assert "s3cret" not in said.err
    assert "Traceback" not in said.err
