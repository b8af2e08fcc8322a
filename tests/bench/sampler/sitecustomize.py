"""Samples the stacks of the process it is imported into (by `PYTHONPATH`), as often as the kernel looks at CPU time, and
keeps writing them to the file that BENCH_SAMPLES names: `a;b;c 12`, as flame graphs want it. A service ends by a signal, so
there is no end to wait for."""

import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

_EVERY_S = 0.001
_WRITE_EVERY = 200
_DEPTH = 60


class Sampler:
    """Handles the signal; one that comes while another is handled is passed over."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._samples: Counter[tuple[str, ...]] = Counter()
        self._taken = 0
        self._is_busy = False

    def __call__(self, _: int, frame: FrameType | None) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        stack: list[str] = []
        while frame is not None and len(stack) < _DEPTH:
            code = frame.f_code
            stack.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{code.co_qualname}:{frame.f_lineno}")
            frame = frame.f_back
        self._samples[tuple(reversed(stack))] += 1
        self._taken += 1
        if self._taken % _WRITE_EVERY == 0:
            lines = (f"{';'.join(one)} {count}\n" for one, count in self._samples.items())
            self._target.write_text("".join(lines))
        self._is_busy = False


if "BENCH_SAMPLES" in os.environ:
    signal.signal(signal.SIGPROF, Sampler(Path(os.environ["BENCH_SAMPLES"])))
    signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)
