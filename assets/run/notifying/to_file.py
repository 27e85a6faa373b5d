"""Messages as lines of a file, one JSON object each (NDJSON): for tests, for CI, and for who reads no mail."""

from __future__ import annotations

from pathlib import Path

import orjson

from ....lineage.transports import FileDestination, FileTransport, Receipt
from .outgoing import Outgoing


class FileNotifier:
    """Appends a line a message; what is acknowledged is on the disk. Folders are made."""

    def __init__(self, path: Path) -> None:
        self._file = FileTransport(FileDestination(name="file", path=path))

    def send(self, message: Outgoing) -> Receipt:
        """Delivered, or postponed where the file cannot be written."""
        return self._file.deliver([orjson.dumps(message)])[0]

    def close(self) -> None:
        """Nothing is open between messages."""
