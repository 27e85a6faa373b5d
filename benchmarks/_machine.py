"""What the machine itself costs whoever sleeps: on some, memory that lies untouched is taken away by what they run on,
and has to be brought back page by page. No counter of such a machine tells it, only the time that passes."""

from __future__ import annotations

from time import process_time, sleep

from _figures import show

_PAGE, _PAGES = 4096, 12_800


def show_memory(seconds: float) -> None:
    """Print what a page costs that was touched just now, and one that lay for so long: beside a figure of what waits
    most of the time. Where the second is many times the first, that figure is the machine's."""
    held = bytearray(_PAGE * _PAGES)
    _touched(held)
    show("touching a page that was touched just now", _touched(held), "µs", target=None)
    sleep(seconds)
    show(f"touching a page that lay for {seconds:g} s", _touched(held), "µs", target=None)


def _touched(held: bytearray) -> float:
    """Microseconds of processor time a page."""
    begun = process_time()
    for place in range(0, len(held), _PAGE):
        held[place] = 1
    return 1e6 * (process_time() - begun) / _PAGES
