"""Child processes that cannot outlive us.

On Linux the kernel itself signals a child when its parent dies (PR_SET_PDEATHSIG), so that even a `kill -9` of the
parent leaves nothing behind. The signal follows the *thread* that started the child: start children from the main
thread, never from a pool whose threads come and go. Elsewhere an orderly stop is all there is.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: int | IO[bytes] = subprocess.DEVNULL,
    user: int | None = None,
    dies_by: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (a terminal's Ctrl-C reaches only us, we stop children in order).

    `output` receives stdout and stderr; `user` is the uid (and gid) to switch to, for a caller who is root;
    `dies_by` is the signal the kernel sends to the child when we die.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output == subprocess.DEVNULL else subprocess.STDOUT,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        # Runs after the switch of user, which is right: a change of credentials clears the death signal.
        preexec_fn=_die_with_parent(dies_by),  # noqa: PLW1509 - one prctl call, no Python locks are taken
    )


def _die_with_parent(dies_by: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl, number, parent = _libc.prctl, int(dies_by), os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # we died between fork and prctl
            os._exit(1)

    return ask_the_kernel
