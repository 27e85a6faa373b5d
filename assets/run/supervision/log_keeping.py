"""The logs of the attempts that a worker has handed out: what comes from a warm process goes into the file of the
attempt that it is at."""

from __future__ import annotations

from ....storage.errors import EnvironmentFault, MissingSecret
from ....storage.logs.reading import tail_of
from ....storage.logs.sink import Sink
from ....storage.masking import mask
from ....storage.types import LogStream
from ...execute.executor import Stream
from ..attempt.secrets import resolved
from ..project.project import Project

_TAIL = 20
"""Lines of what a process wrote that are kept with its death."""


class Logs:
    """One log for each run that is handed out; a file once something is written to it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._sinks: dict[str, tuple[Sink, int]] = {}

    def begin(self, run_id: str, attempt: int, asset: str) -> None:
        """From now on what comes of this run belongs to this attempt."""
        self._know_secrets(asset)
        limit = self._project.settings.values.log_limit
        self._sinks[run_id] = Sink(self._project.logs, run_id, attempt, limit=limit, mask=mask), attempt

    def take(self, run_id: str, stream: Stream, data: bytes) -> None:
        """Bytes that its process has written."""
        if run_id in self._sinks:
            self._sinks[run_id][0].write(LogStream(stream), data)

    def end(self, run_id: str) -> str:
        """The log is whole; why it ends early, "" where it does not."""
        sink, _ = self._sinks.pop(run_id, (None, 0))
        if sink is None:
            return ""
        sink.close()
        return sink.fault

    def end_with_tail(self, run_id: str) -> str:
        """The log is whole; the last lines of it."""
        if run_id not in self._sinks:
            return ""
        attempt = self._sinks[run_id][1]
        self.end(run_id)
        return "\n".join(tail_of(self._project.logs, run_id, attempt, lines=_TAIL))

    def _know_secrets(self, asset: str) -> None:
        """What a producer may print is masked here: its process knows its secrets, and this one has to as well."""
        needs = self._project.definitions.needs.get(asset)
        if needs is None:
            return
        for one in (*needs.secrets.values(), *(one for use in needs.uses for one in use.secrets.values())):
            try:
                resolved(one, self._project.settings, whose=f"asset {asset}")
            except (MissingSecret, EnvironmentFault):  # the attempt says so
                continue
