"""How long it takes until penstock is there: imported, and on the command line. Whole processes, less a bare one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from _figures import best_of, show

COMMAND = Path(sys.executable).parent / "penstock"


def process(*command: str) -> float:
    """Milliseconds of a whole process, the fastest of ten."""
    return 1000 * best_of(10, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def main() -> None:
    """Print the figures."""
    bare = process(sys.executable, "-c", "pass")
    show("import penstock", process(sys.executable, "-c", "import penstock") - bare, "ms", target=80)
    declare = "from penstock import Cron, Dataset, asset"
    show("declaring: Cron, Dataset, asset", process(sys.executable, "-c", declare) - bare, "ms", target=80)
    show("penstock --help, with the interpreter", process(str(COMMAND), "--help"), "ms", target=300)


if __name__ == "__main__":
    main()
