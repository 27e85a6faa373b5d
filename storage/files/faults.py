"""What the operating system says, as a sentence with the next step.

One translation for every place that touches a disk, so that a full disk reads the same wherever it is met.
"""

from __future__ import annotations

import errno
import re
from types import TracebackType

from ..errors import MissingExtra, StorageFault, worded

_HINTS = {
    errno.ENOSPC: "Free some space on that disk",
    errno.EDQUOT: "The quota of this user is used up: free some space",
    errno.EFBIG: "The file is larger than this process may write (ulimit -f) or than the file system can hold.",
    errno.EROFS: "The file system is read-only: mount it writable, or set another `data_root`.",
    errno.EACCES: "Give this user the right to read and write there, or set another `data_root`.",
    errno.EPERM: "Give this user the right to read and write there, or set another `data_root`.",
    errno.ENAMETOOLONG: "A part of that path is too long for the file system: shorten the URI.",
    errno.EMFILE: "Too many files are open: raise `ulimit -n`.",
    errno.ESTALE: "The network file system lost the file: mount it again.",
}
_READS = ("looking at", "reading", "fetching")
"""What is done without writing: who may only read is not to be told more."""
_WRITTEN = re.compile(r"\(os error (\d+)\)")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


def storage_fault(error: OSError, *, dataset: str, doing: str, path: str, kept: bool = False) -> StorageFault:
    """The fault that says which dataset, what was being done, where, and what the system answered. `kept`: its version
    is published already, and not what this is about."""
    reason = error.strerror or worded(error)
    number = error.errno or number_in(error)
    hint = _HINTS.get(number or 0, "Look at that path, then try again.")
    if number in (errno.EACCES, errno.EPERM) and doing in _READS:
        hint = "Give this user the right to read there."
    if number in (errno.ENOSPC, errno.EDQUOT):
        hint += "; the next materialization writes it." if kept else ", then try again; nothing was published."
    return StorageFault(f"{_of(dataset)}{doing} {path} failed: {reason}", hint=hint)


def _of(dataset: str) -> str:
    """Which dataset it is about; "" where it is about a root and all that lies there."""
    return f"dataset {dataset!r}: " if dataset else ""


def number_in(error: BaseException) -> int | None:
    """The errno that polars wrote into a message (`… (os error 28)`), if there is one."""
    found = _WRITTEN.search(worded(error))
    return int(found[1]) if found else None


def blames_the_file(error: BaseException) -> bool:
    """Whether what a library raised while it read a file speaks of the file.

    Everything but a lack of memory and a request to end; a panic of polars, which is no `Exception`, does.
    """
    return type(error).__name__ == "PanicException" or (
        isinstance(error, Exception) and not isinstance(error, MemoryError)
    )


def said(error: BaseException) -> str:
    """What a library says is wrong, in one line of at most 400 characters.

    Without polars' advice on how to call its readers: the reader is called here, and who reads the message cannot.
    """
    text, _, advice = worded(error).partition("\n\nThe current offset in the file")
    reason = _REASON.search(advice)
    text = _ADVICE.split(text)[0]
    line = " ".join((f"{text} ({_ADVICE.split(reason[1])[0]})" if reason else text).split())
    return line or type(error).__name__ if len(line) <= _LINE else f"{line[: _LINE // 2]} … {line[-_LINE // 2 :]}"


_ADVICE = re.compile(r"(?:\n\s*|(?<=\.)\s+)(?:You might |Consider |Try |Hint: )")
_REASON = re.compile(r"Original error: ```(.*)```", re.DOTALL)
_LINE = 400


def is_full(error: BaseException) -> bool:
    """Whether the disk took no more: full, over quota or limit, read-only, broken. No producer's code says this."""
    number = error.errno if isinstance(error, OSError) and error.errno else number_in(error)
    return number in _FULL


def lacks_room(error: BaseException) -> bool:
    """Whether it says that a disk, or a quota, was full: that of ours or another, whoever wrote there."""
    number = error.errno if isinstance(error, OSError) and error.errno else number_in(error)
    return number in (errno.ENOSPC, errno.EDQUOT)


class faults:  # noqa: N801  read as a word of the sentence `with faults(…)`, as `suppress` is
    """Inside, an OSError becomes a StorageFault that names the dataset and the path (see `storage_fault`); a library
    that is not there is told with the dataset that needs it.

    A class, because a generator takes three times as long, and every file that is looked at passes here.
    """

    __slots__ = ("_dataset", "_doing", "_kept", "_path")

    def __init__(self, *, dataset: str, doing: str, path: str, kept: bool = False) -> None:
        self._dataset, self._doing, self._path, self._kept = dataset, doing, path, kept

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, MissingExtra):
            about = _of(self._dataset) or f"{self._doing} {self._path}: "
            raise type(error)(f"{about}{error.message}", hint=error.hint) from error
        if isinstance(error, OSError):
            raise storage_fault(
                error, dataset=self._dataset, doing=self._doing, path=self._path, kept=self._kept
            ) from error
