"""A renderer process: reads questions from standard input, writes answers to standard output, each with its length before it.

`python -I -m onerouter_messaging.template.renderer MEMORY_BYTES CPU_S`. It ends with its standard input. A question that
takes more than CPU_S of processor time ends it by SIGPROF, also within one long call; more memory than that by an answer.
"""

import signal
import sys
from typing import BinaryIO, Final

import orjson

from onerouter_messaging.template.renderer.work import answer

_LENGTH_BYTES: Final = 4
_TOO_MUCH: Final = {"unusable": {"message": "it takes too much memory", "part": "", "missing": None}, "is_last": True}


def main(questions: BinaryIO, answers: BinaryIO, memory_bytes: int, cpu_s: float) -> None:
    _bound(memory_bytes)
    while length := questions.read(_LENGTH_BYTES):
        question = questions.read(int.from_bytes(length, "big"))
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        try:
            said = answer(question)
        except MemoryError:
            _say(answers, orjson.dumps(_TOO_MUCH))
            return  # who knows what is left half-done
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        _say(answers, said)


def _say(answers: BinaryIO, said: bytes) -> None:
    answers.write(len(said).to_bytes(_LENGTH_BYTES, "big") + said)
    answers.flush()


def _bound(memory_bytes: int) -> None:
    import resource

    if sys.platform == "linux":  # others do not let it be set, or count otherwise
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]), float(sys.argv[2]))
