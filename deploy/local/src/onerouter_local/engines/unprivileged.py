"""PostgreSQL refuses to run as root: run it as `nobody` then, from places that `nobody` can reach."""

import hashlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

_ACCOUNT = "nobody"
_OTHERS_MAY_PASS = 0o001
_OTHERS_MAY_READ = 0o004
_EVERYONE_READS = 0o755


def unprivileged_uid() -> int | None:
    """The uid to switch to when we are root, else None. `nobody` exists everywhere, so no account is created."""
    return pwd.getpwnam(_ACCOUNT).pw_uid if os.geteuid() == 0 else None


def reachable(path: Path) -> bool:
    """Whether another user can walk down to `path` (a checkout below /root, say, cannot be reached)."""
    return all(parent.stat().st_mode & _OTHERS_MAY_PASS for parent in path.resolve().parents if parent.exists())


def reachable_directory(wanted: Path, purpose: str) -> Path:
    """`wanted`, or a stand-in below the system's temporary directory that only depends on `wanted`.

    Opening up the parents would weaken somebody's home directory; a stand-in does not.
    """
    return wanted if os.geteuid() != 0 or reachable(wanted) else _stand_in(wanted, purpose)


def reachable_copy(root: Path, parts: Sequence[str], purpose: str) -> Path:
    """`root`, or a copy of these parts of it that another user can reach; made once and kept for the next time."""
    if os.geteuid() != 0 or all(_readable(root / part) for part in parts):
        return root
    target = _stand_in(root, purpose)
    if target.exists():
        if target.stat().st_uid != os.geteuid():  # the name can be guessed: run nothing that somebody else put there
            raise PermissionError(f"{target} belongs to another user; remove it.")
        return target
    unfinished = Path(tempfile.mkdtemp(prefix=target.name, dir=target.parent))
    for part in parts:
        shutil.copytree(root / part, unfinished / part)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(_EVERYONE_READS)
    try:
        unfinished.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(unfinished)
    return target


def _readable(tree: Path) -> bool:
    return reachable(tree) and bool(tree.stat().st_mode & _OTHERS_MAY_READ)


def _stand_in(wanted: Path, purpose: str) -> Path:
    digest = hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"onerouter-{purpose}-{digest}"
