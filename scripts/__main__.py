"""`python3 -m scripts up|test|bench|soak|lock|messages|down|fresh|clean`: what the Makefile's targets run."""

from __future__ import annotations

import os
import sys

if sys.version_info < (3, 8):  # noqa: UP036  -- this is what tells people so
    sys.exit("Python 3.11 or newer is needed; this is %d.%d." % sys.version_info[:2])  # noqa: UP031

from scripts import checks, installation, serving, upkeep
from scripts.console import Trouble, say


def up() -> int:
    """Set up what is missing and serve until Ctrl-C."""
    port_text, town = os.environ.get("PORT") or "8000", os.environ.get("TOWN") or "demo"
    if not port_text.isdigit() or not 0 < int(port_text) < 65536:
        raise Trouble(f"PORT={port_text} is not a port number.", "For example: make up PORT=8001")
    if town not in installation.TOWNS:
        raise Trouble(f"TOWN={town} is not known.", "make up TOWN=demo (the default) or make up TOWN=empty")
    port = int(port_text)
    serving.check_port(port)
    installation.set_up_packages(development=False)
    with installation.database(town) as settings:
        installation.bring_up_to_date(settings)
        address = f"http://{serving.HOST}:{port}/"
        serving.serve(port, settings, lambda: installation.welcome(settings, address))
    return 0


TASKS = {
    "up": up,
    "test": checks.test,
    "bench": checks.bench,
    "soak": checks.soak,
    "lock": upkeep.lock,
    "messages": upkeep.messages,
    "down": upkeep.down,
    "fresh": upkeep.fresh,
    "clean": upkeep.clean,
}


def main() -> int:
    """Run one task; trouble is told in words, not in a traceback."""
    if len(sys.argv) != 2 or sys.argv[1] not in TASKS:
        say(f"python3 -m scripts {'|'.join(TASKS)}")
        return 2
    serving.stop_on_signals()
    try:
        return TASKS[sys.argv[1]]()
    except serving.Stopped:
        say("Stopped.")
        return 0 if sys.argv[1] == "up" else 130
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
