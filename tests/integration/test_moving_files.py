"""Files that others cut short and write again while we look at them and read them: an answer, never a dead process.

A file that is mapped into memory and then cut short kills whoever touches the map (SIGBUS). So data of others is read
piece by piece; this is tried in a process of its own, which would not come back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 2.0
PROGRAM = """
import json, random, sys, threading, time
import polars as pl
from penstock.storage.errors import StorageFault
from penstock.storage.files.layout import Place
from penstock.storage.files.observe import observe, read_observed
from penstock.storage.types import ValueKind

root, suffix, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
place = Place(root=root, path="x" + suffix)
frame = pl.DataFrame({"a": pl.Series(range(100_000)).hash(), "b": ["text"] * 100_000})
write = {".csv": frame.write_csv, ".ndjson": frame.write_ndjson, ".arrow": frame.write_ipc, ".feather": frame.write_ipc,
         ".parquet": lambda path: frame.write_parquet(path, row_group_size=5_000)}[suffix]
kinds = [ValueKind.FRAME, ValueKind.LAZY_FRAME, ValueKind.FRAMES, ValueKind.TABLE, ValueKind.BYTES]
end = time.monotonic() + seconds
seen = {}

def disturb():
    while time.monotonic() < end:
        open(place.target, "wb").close()
        time.sleep(0.004)
        write(place.target)
        time.sleep(0.03)

write(place.target)
threading.Thread(target=disturb, daemon=True).start()
while time.monotonic() < end:
    try:
        found = observe(place, None)
        if found.manifest is None:
            continue
        kind = random.choice(kinds)
        value = read_observed(found.manifest, found.fingerprint, kind=kind, place=place, dataset="data")
        if kind is ValueKind.LAZY_FRAME:
            value.collect()
        elif kind is ValueKind.FRAMES:
            list(value)
        answer = "read"
    except StorageFault:
        answer = "fault"
    except (OSError, pl.exceptions.PolarsError):
        answer = "the query failed"  # of a lazy frame, which its producer collects
    seen[answer] = seen.get(answer, 0) + 1
print(json.dumps(seen))
"""


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv", ".ndjson"])
def test_a_file_that_moves_under_us_kills_nobody(tmp_path: Path, suffix: str) -> None:
    """Whatever state the file is in: it is read, or a fault says that it cannot be; the process lives."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), suffix, str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sum(json.loads(done.stdout).values()) > 0
