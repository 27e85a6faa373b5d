"""What tests of your own use: `from penstock.testing import simulate`.

A face, like that of the package: it offers names and must hold no logic of its own.
"""

from __future__ import annotations

from .simulation import simulate as simulate

__all__ = ["simulate"]
