"""The bytes: where they lie, how they are staged, kept, read, shown at their URI, observed and swept.

Costs nothing to import. Knows nothing of the database (`storage/meta`): it makes manifests, others record them.
"""

from __future__ import annotations
