"""Memory that is given back is used again, by whichever thread asks next."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # malloc.h of glibc; mallopt(3)


def share_one_heap() -> None:
    """Let all threads of this process allocate from one heap; nothing where the C library has no such thing.

    glibc gives threads heaps of their own, up to eight times the cores, and each keeps what its threads
    freed. A service whose dumps, segments and packs are made by ever new threads grew so by 12 MiB a dump: on
    97 MiB of data to 370 MiB within eight minutes, and with one heap to 136 (2026-11-26; ``./dr bench
    service`` measures it). Python's own lock lets the threads allocate one at a time anyway.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl, macOS
        return
    mallopt(_M_ARENA_MAX, 1)
