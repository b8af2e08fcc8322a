"""AWS as moto's server plays it, in a process of its own: its threads share no lock, no collector and no log with a test."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def running_moto() -> Iterator[str]:
    """Its address. One server plays every service; a request's signature names which."""
    with subprocess.Popen(
        (sys.executable, "-m", "tests.moto"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url, f"moto ended with status {process.wait(timeout=10)}"
            yield url
        finally:
            process.stdin.close()  # it ends when nobody holds the other end, however we end


def serve() -> None:
    """Until standard input ends. Disabled keys are refused as AWS documents it, which moto alone does not."""
    from moto.kms.models import KmsBackend
    from moto.server import ThreadedMotoServer

    for method in ("encrypt", "decrypt"):
        setattr(KmsBackend, method, _refusing_disabled(getattr(KmsBackend, method)))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()


def _refusing_disabled(method: Any) -> Any:
    from moto.core.exceptions import JsonRESTError

    def checked(self: Any, *arguments: Any, **named: Any) -> Any:
        key_id = named.get("key_id") or (arguments[0] if isinstance(arguments[0], str) else None)
        key = self.keys.get(self.any_id_to_key_id(key_id)) if key_id else None
        if key is not None and not key.enabled:
            raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
        return method(self, *arguments, **named)

    return checked


if __name__ == "__main__":
    serve()
