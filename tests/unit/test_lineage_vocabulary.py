"""Loading the classes of openlineage-python without its client."""

from __future__ import annotations

import subprocess
import sys

import pytest

CLIENT = ("requests", "httpx2", "yaml", "urllib3", "openlineage.client.client")
PROGRAMS = {
    "classes alone": (
        f"import sys, penstock.lineage.events\nassert not [name for name in {CLIENT!r} if name in sys.modules]\n"
    ),
    "the client afterwards": (
        "import penstock.lineage.events\n"
        "from penstock.lineage.vocabulary import event_v2\n"
        "from openlineage.client import OpenLineageClient, set_producer\n"
        "import openlineage.client\n"
        "from openlineage.client.transport.http import HttpTransport\n"
        "assert openlineage.client.event_v2.RunEvent is event_v2.RunEvent\n"
        "assert OpenLineageClient(config={'transport': {'type': 'noop'}})\n"
    ),
    "the client before": (
        "import openlineage.client\n"
        "from penstock.lineage.vocabulary import event_v2\n"
        "assert openlineage.client.event_v2 is event_v2\n"
    ),
    "a submodule first": (
        "import penstock.lineage.events\n"
        "from openlineage.client import uuid, naming\n"
        "assert uuid.generate_new_uuid()\n"
        "import openlineage.client.transport.file\n"
    ),
    "a name that is not there": (
        "import penstock.lineage.events, openlineage.client\n"
        "try:\n    openlineage.client.nothing\n"
        "except AttributeError as error:\n    assert 'nothing' in str(error)\n"
        "else:\n    raise SystemExit('found')\n"
        "assert openlineage.client.OpenLineageClient\n"
    ),
    "many threads at once": (
        "import penstock.lineage.events\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def ask(_):\n"
        "    from openlineage.client import OpenLineageClient\n"
        "    return OpenLineageClient\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    assert len(set(pool.map(ask, range(32)))) == 1\n"
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_classes_and_client_live_together(program: str) -> None:
    """Our import loads no HTTP library, and a user's own use of the client works before and after it as ever."""
    done = subprocess.run([sys.executable, "-c", PROGRAMS[program]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
