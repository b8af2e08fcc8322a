"""`python -m onerouter_sandbox`: the sandbox as a process of its own."""

import gc

import uvicorn

from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings


def main() -> None:
    settings = Settings()
    app = create_app(settings)
    gc.freeze()  # what was loaded stays; collections look at what requests make
    # uvicorn takes uvloop and httptools when they are installed.
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,
        timeout_graceful_shutdown=int(settings.drain_timeout_s),
    )


if __name__ == "__main__":
    main()
