"""What processes of this program do first."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading


def expect_many_rows() -> None:
    """Rows by the thousand are no garbage: looking through them costs a tenth of the time."""
    gc.set_threshold(20_000, 20, 20)


def start_worker() -> None:
    """Leave Ctrl-C, which reaches the whole process group, to the parent; and end when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "start_worker() is for child processes"
    parent.join()
    os._exit(1)
