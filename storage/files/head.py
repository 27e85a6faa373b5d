"""Head: make a dataset's own URI equal to a version, for the outside world."""

from __future__ import annotations

import os
from itertools import count

from ..manifest import Manifest
from .copying import copy_file
from .faults import faults
from .layout import Place
from .objects import located

_counter = count()


def show(manifest: Manifest, place: Place, *, dataset: str = "") -> None:
    """The dataset's URI has the content of the version; repeating it changes nothing."""
    target = place.target
    with faults(dataset=dataset or place.path, doing="writing", path=target):
        path = located(manifest.files[0], manifest, place, dataset=dataset or place.path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        made = f"{os.path.dirname(target)}/.penstock-{os.getpid()}-{next(_counter)}~"
        copy_file(path, made)
        os.replace(made, target)
