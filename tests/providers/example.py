"""Installs an example provider as pip would: its wheel is built and unpacked, and found by its entry point only."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent / "example_package"
PAYMENTS_PACKAGE: Final = Path(__file__).parent / "example_payments"
MODULES: Final = ("acme_messages", "acme_pay")


def build(into: Path, package: Path = PACKAGE) -> Path:
    """A folder like site-packages with the package and its metadata in it. Needs no network."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "build", "--wheel", "--offline", "--quiet", "--python", sys.executable, "--out-dir", into, package],
        check=True,
        timeout=60,
    )
    (wheel,) = into.glob("*.whl")
    site = into / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@contextmanager
def installed(site: Path) -> Iterator[None]:
    """While it lasts, this process finds what is in the folder."""
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        for name in [name for name in sys.modules if name.partition(".")[0] in MODULES]:
            del sys.modules[name]
