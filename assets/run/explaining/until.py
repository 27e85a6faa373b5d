"""What is foreseen up to a time, if nothing new arrives: the story of it, and which partitions ticks select."""

from __future__ import annotations

from dataclasses import dataclass

from ....storage.meta.database.engine import now as moment_of
from ...plan.simulate.script import read_until
from ...plan.simulate.story import Story
from ..project.project import Project
from ..project.trial import on_trial
from .foretelling import foresee_until
from .selecting import Selected, selected_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """What runs when, and which partitions planners will look at."""

    story: Story
    selected: tuple[Selected, ...]


def outlook_until(project: Project, until: str) -> Until:
    """What is foreseen up to then, by the definitions of an open project: `"+24h"`, or `"2026-01-05T10:00Z"`.

    Raises
    ------
    UsageError: it is no time, or lies in the past.
    """
    with on_trial(project) as trial:
        at = moment_of(trial.tx)
        end = read_until(until, at)
        return Until(
            story=foresee_until(trial.project, trial.tx, at, end),
            selected=tuple(selected_until(trial.project, trial.tx, at, end)),
        )
