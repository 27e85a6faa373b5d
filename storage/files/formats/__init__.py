"""The seam Format: how one kind of file is written and read. `registry` is pure data; the rest loads libraries."""

from __future__ import annotations
