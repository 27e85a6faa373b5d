"""Backfills: what a trivial partition costs when it is made inline, of one asset, and of two of which each partition of
the second is planned for itself, once what it reads is made; and what a preview of a hundred thousand does."""

from __future__ import annotations

import tempfile

from _figures import best_of, show

from penstock import Daily, Definitions, Hourly, asset, backfill
from penstock.assets.run.api import prepared
from penstock.assets.run.backfilling.creating import Asked, foresee_backfill
from penstock.assets.run.project.project import open_registered

DAYS = Daily(start="2010-01-01", end="2022-01-01")
COUNT = 1_000


@asset("trivial/{day}.json", partitions=DAYS)
def trivial() -> int:
    """As little as a partition can be."""
    return 1


@asset("behind/{day}.json", partitions=DAYS, on=trivial)
def behind(trivial: int) -> int:
    """What reads it, day by day."""
    return trivial


@asset("hourly/{hour}.json", partitions=Hourly(start="2010-01-01", end="2022-01-01"))
def hourly() -> int:
    """An hour."""
    return 1


@asset("daily/{day}.json", partitions=DAYS, on=hourly)
def daily(hourly: dict[str, int]) -> int:
    """A day of hours."""
    return len(hourly)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"home": f"{folder}/home", "data_root": f"{folder}/data", "project": "bench"}
        result = backfill([trivial], partitions="2010-01-01..2012-09-26", project_folder=folder, **places)
        assert result.runs == {"success": COUNT}, result.runs
        show("a trivial partition of 1,000, inline", result.seconds / COUNT * 1000, "ms", target=6)
        keys = "2013-01-01..2014-05-15"
        result = backfill([trivial, behind], partitions=keys, project_folder=folder, **places)
        assert result.runs == {"success": COUNT}, result.runs
        show("… of 500 and 500 that read these, one behind the other", result.seconds / COUNT * 1000, "ms", target=6)
        known, definitions = prepared(Definitions(hourly, daily), folder, places)
        with open_registered(known, definitions) as project:
            asked = Asked(names=("hourly", "daily"), keys="2010-01-01..2021-05-31")
            assert foresee_backfill(project, asked).total == 104_225
            seconds = best_of(3, lambda: foresee_backfill(project, asked))
        show("preview of 104,225 partitions of two assets", seconds, "s", target=2)


main()
