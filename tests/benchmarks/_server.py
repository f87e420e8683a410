"""The service as it runs for users, on a free port of the loopback, for benchmarks over HTTP."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def served(workers: int = 1, **environment: str) -> Iterator[int]:
    """Run uvicorn with that many processes and give its port; it is ended with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "gridmap.asgi:application", "--port", str(port)]
    command += ["--workers", str(workers), "--no-access-log", "--log-level", "error"]
    surroundings = {"GRIDMAP_DEBUG": "0", "GRIDMAP_PUBLIC_RATE": "100000000/m"}
    server = subprocess.Popen(command, env=os.environ | surroundings | environment)
    try:
        _await_answer(port)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def connect(port: int) -> http.client.HTTPConnection:
    """A connection that is kept open between requests."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def _await_answer(port: int) -> None:
    client = connect(port)
    for _attempt in range(1200):
        try:
            client.request("GET", "/tiles/ground/8/0/0.mvt")
            client.getresponse().read()
            break
        except OSError:
            time.sleep(0.1)
        finally:
            client.close()
    else:
        raise TimeoutError("the service did not answer within two minutes")
