"""`python -m local <command>`: what the Makefile runs."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

COMMANDS = {
    "up": "start the whole system and stay",
    "demo": "do the main job, unattended",
    "synth": "write the CloudFormation template for AWS",
    "check_template": "check the template for AWS, without building anything",
    "openapi": "write docs/openapi.json and docs/errors.md",
}


def _stop_at_once(_number: int, _frame: object) -> None:
    """End while nothing runs yet that would have to be stopped: commands that start something set a handler of their own."""
    os.write(2, b"\n  stopped\n")
    os._exit(130)


signal.signal(signal.SIGINT, _stop_at_once)  # before the imports of a command, which take a second


def main(arguments: list[str]) -> None:
    """Run one command; each is the module of that name."""
    if not arguments or arguments[0] not in COMMANDS:
        lines = "\n".join(f"  {name:14} {what}" for name, what in COMMANDS.items())
        raise SystemExit(f"python -m local <command>, one of:\n{lines}")
    import_module(f"local.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
