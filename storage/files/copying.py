"""A copy of a file that shares nothing with it, and a folder removed though it is read-only.

A copy's blocks are cloned where the disk can, else copied in the kernel.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import suppress

_FICLONE = 0x40049409  # linux/fs.h: the target shares the source's blocks until one of them is written
_NOT_HERE = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)


def copy_file(source: str, target: str) -> None:
    """`target`, which must not exist, has the bytes of `source`, and is writable by its owner.

    Raises
    ------
    OSError: the source cannot be read or the target not be written; a part of the target may stand.
    """
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            if not _cloned(read, write):
                _copy(read, write)
        finally:
            os.close(write)
    finally:
        os.close(read)


def _cloned(read: int, write: int) -> bool:
    try:
        fcntl.ioctl(write, _FICLONE, read)
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise
    return True


def _copy(read: int, write: int) -> None:
    try:
        while os.copy_file_range(read, write, 1 << 30):
            pass
    except AttributeError:  # not on this system
        _copy_through_memory(read, write)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        _copy_through_memory(read, write)


def _copy_through_memory(read: int, write: int) -> None:
    os.lseek(read, 0, os.SEEK_SET)
    os.ftruncate(write, 0)
    os.lseek(write, 0, os.SEEK_SET)
    with open(read, "rb", closefd=False) as source, open(write, "wb", closefd=False) as target:
        shutil.copyfileobj(source, target, 1 << 20)


def remove(path: str) -> None:
    """Nothing is at the path; there may have been a file, a folder or nothing."""
    if os.path.isdir(path) and not os.path.islink(path):
        remove_tree(path)
        return
    with suppress(FileNotFoundError):
        os.unlink(path)


def remove_tree(folder: str) -> None:
    """The folder is gone with everything in it, read-only or not; what others remove meanwhile does not matter."""
    for parent, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(parent, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
