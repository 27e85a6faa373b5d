"""How long definitions take: 2,000 assets declared, bound and checked; 5,000 fingerprinted; and their plain form."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from types import ModuleType

from _figures import best_of, show

from penstock import Dataset, Definitions, asset
from penstock.assets.code.fingerprint import fingerprints
from penstock.assets.declare.asset import AssetFunction
from penstock.assets.declare.plain import from_plain, to_plain

COUNT = 2000
MANY = 5000


def declared(count: int) -> list[AssetFunction]:
    """A chain with cross-links, made in a loop: as many assets, one code object."""
    made: list[AssetFunction] = []
    for number in range(count):

        def producer(values: list[int], *, size: int = number) -> list[int]:
            """The first values."""
            return values[:size]

        newest = made[-1] if made else Dataset("raw.json")
        older = made[-7] if number > 7 else newest
        uri, inputs = f"layer/d{number}.json", {"values": newest}
        made.append(asset(uri, name=f"a{number}", on=newest | older, inputs=inputs)(producer))
    return made


def written(count: int) -> ModuleType:
    """A module with as many functions of eight lines, each written out, as generated code has them."""
    one = (
        'def f{0}(values: list[int], *, size: int = {0}) -> list[int]:\n    """Doc {0}."""\n    out = []\n'
        "    for value in values:\n        if value > LIMIT:\n            out.append(helper(value) + {0})\n"
        "    return out[:size]\n\n"
    )
    text = "LIMIT = 3\n\ndef helper(x):\n    return x + LIMIT\n\n" + "".join(one.format(n) for n in range(count))
    folder = tempfile.mkdtemp()
    Path(folder, "written_out.py").write_text(text, encoding="utf-8")
    sys.path.insert(0, folder)
    return importlib.import_module("written_out")


def seconds(work: object) -> float:
    """Of one call: what is cached afterwards would flatter the next."""
    start = perf_counter()
    assert callable(work)
    work()
    return perf_counter() - start


def main() -> None:
    """Print the figures."""
    show(f"declaring {COUNT} assets", best_of(3, lambda: declared(COUNT)), "s", target=None)
    assets = declared(COUNT)
    show(f"{COUNT} assets bound and checked", best_of(3, lambda: Definitions(assets).resolve()), "s", target=1)
    catalogue = Definitions(assets).resolve()
    show("their plain form and back", best_of(3, lambda: from_plain(to_plain(catalogue))), "s", target=None)
    loop = [one.function for one in declared(MANY)]
    show(f"fingerprints of {MANY} functions made in a loop", best_of(3, lambda: fingerprints(loop)), "s", target=1)
    module = written(MANY)
    functions = [getattr(module, f"f{number}") for number in range(MANY)]
    show(f"… of {MANY} written out (parsed and verified)", seconds(lambda: fingerprints(functions)), "s", target=None)
    show("… of the same again", seconds(lambda: fingerprints(functions)), "s", target=1)


if __name__ == "__main__":
    main()
