"""How an asset and what it writes are called in tables: alike in all of them."""

from __future__ import annotations

from collections.abc import Sequence


def titled(asset: str, outputs: Sequence[str]) -> str:
    """The asset, with the datasets it writes where they are called otherwise.

    >>> titled("chunks", ["chunks"]), titled("pairs", ["train", "test"]), titled("pairs", ["train"])
    ('chunks', 'pairs → train, test', 'pairs → train')
    """
    return asset if list(outputs) in ([asset], []) else f"{asset} → {', '.join(outputs)}"
