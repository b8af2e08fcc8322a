"""What users install: it builds, passes PyPI's checks, and works in a clean environment of each Python there is here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from onerouter import __version__

PACKAGE: Final = Path(__file__).parents[1]
PROGRAM: Final = Path(__file__).with_name("users_program.py")
WORKSPACE: Final = Path(__file__).parents[3]
PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What it wrote. Where it fails the test shows that."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv(*arguments: str | Path) -> str:
    return run(sys.executable, "-m", "uv", *arguments)


def interpreter(version: str) -> Path | None:
    """One that really runs: a version manager's stand-in for a Python that is not chosen does not."""
    managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    for found in (shutil.which(f"python{version}"), *managed):
        if found is None:
            continue
        tried = subprocess.run([found, "-c", "import venv, ensurepip"], capture_output=True, check=False)
        if tried.returncode == 0:
            return Path(found)
    return None


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--out-dir", place, PACKAGE)
    yield place


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module", params=PYTHONS)
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of a clean environment with the wheel, and only what the wheel asks for."""
    found = interpreter(request.param)
    if found is None:
        pytest.skip(f"There is no Python {request.param} here.")
    place = tmp_path_factory.mktemp(f"python{request.param}")
    uv("venv", "--quiet", "--python", found, place / "venv")
    python = place / "venv" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, wheel)
    return python


class TestDistributions:
    def test_what_is_in_them(self, dist: Path, wheel: Path) -> None:
        (source,) = dist.glob("*.tar.gz")
        assert wheel.name == f"onerouter-{__version__}-py3-none-any.whl"
        packed = set(zipfile.ZipFile(wheel).namelist())
        assert {"onerouter/py.typed", "onerouter/_sync/_client.py", "onerouter/resources/payments.py"} <= packed
        assert not {name for name in packed if not name.startswith(("onerouter/", f"onerouter-{__version__}"))}
        with tarfile.open(source) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert {"README.md", "pyproject.toml", "src/onerouter/__init__.py"} <= names
        assert not {name for name in names if name.startswith("tests")}

    def test_its_only_dependency(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            metadata = archive.read(f"onerouter-{__version__}.dist-info/METADATA").decode()
        asked = [line for line in metadata.splitlines() if line.startswith("Requires-")]
        assert asked == ["Requires-Python: >=3.10", "Requires-Dist: httpx2<3,>=2"]

    def test_twine_accepts_them(self, dist: Path) -> None:
        said = uv(
            "tool", "run", "--quiet", "--from", "twine>=6,<8", "twine", "check", "--strict", *dist.glob("onerouter*")
        )
        assert said.count("PASSED") == 2


class TestInstalled:
    def test_a_users_program_runs(self, installed: Path, tmp_path: Path) -> None:
        said = run(installed, "-I", "-W", "error", PROGRAM, cwd=tmp_path)
        assert said.startswith(f"{__version__} OneRouterSync(api_key='unf_test_0000…'")

    def test_mypy_knows_its_types(self, installed: Path, tmp_path: Path) -> None:
        version = run(installed, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        said = run(
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file", "/dev/null"),
            *("--python-executable", installed, "--python-version", version, PROGRAM),
            cwd=tmp_path,
        )
        assert "no issues found" in said

    def test_pyright_knows_its_types(self, installed: Path, tmp_path: Path) -> None:
        (tmp_path / "program.py").write_text(PROGRAM.read_text())
        settings = {
            "typeCheckingMode": "strict",
            "enableTypeIgnoreComments": False,
            "reportUnnecessaryTypeIgnoreComment": "error",
        }
        (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
        said = uv(
            *("tool", "run", "--quiet", "--from", "pyright>=1.1.400,<2", "pyright"),
            *("--project", tmp_path, "--pythonpath", installed),
        )
        assert "0 errors" in said


@pytest.mark.parametrize(("version", "resolution"), [("3.10", "lowest-direct"), ("3.13", "highest")])
def test_broken_connections_are_the_same_everywhere(version: str, resolution: str, wheel: Path, tmp_path: Path) -> None:
    """With the oldest HTTP client that is allowed, and with the newest."""
    found = interpreter(version)
    if found is None:
        pytest.skip(f"There is no Python {version} here.")
    uv("venv", "--quiet", "--python", found, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--resolution", resolution, wheel)
    uv(
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "pytest>=9",
        "pytest-asyncio>=1.2",
        "pytest-timeout",
        "hypothesis",
        "cryptography",
    )
    tests = [PACKAGE / "tests" / name for name in ("test_faults.py", "test_events.py")]
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=WORKSPACE)
    assert " passed" in said and "failed" not in said
