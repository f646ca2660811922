"""`make up`: start everything, say where it is, stay until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from infra_cdk.bundle import BundleError
from local import configuration
from local.bootstrap import ROOT
from local.configuration import ConfigurationError
from local.processes import StartError, is_listening
from local.progress import spoken
from local.stack import StackError
from local.system import Plan, System

STATE = ROOT / "build" / "local"
DEFAULT_PORT = 8000
WATCH_EVERY_S = 1.0


def main(arguments: list[str]) -> None:
    """Run until SIGINT or SIGTERM. Settings come from the environment and from .env; PORT moves it from port 8000."""
    del arguments
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set() or not started:
            raise KeyboardInterrupt
        stop.set()

    started = False
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    try:
        with System(_plan()) as system:
            started = True
            _say_where(system)
            _stay(system, stop)
            print("\n  stopping ...", flush=True)
    except KeyboardInterrupt:
        print("\n  stopped", flush=True)
    except (BundleError, ConfigurationError, StackError, StartError) as error:
        raise SystemExit(f"\n{error}") from None


def _plan() -> Plan:
    settings = configuration.read(os.environ, ROOT / ".env")
    port = int(settings.get("PORT") or DEFAULT_PORT)
    if is_listening(port):  # said before the slow part, not after it
        raise StartError(f"port {port} is taken; stop what listens there, or choose another: make up PORT={port + 80}")
    return Plan(STATE, port, settings, progress=spoken)


def _say_where(system: System) -> None:
    telegram = "the test server of this machine" if system.telegram else "the real one"
    print(
        f"""
  API          {system.url}
  reference    {system.url}/docs
  admin token  {system.admin_token}
  Telegram     {telegram}
  logs         {system.plan.state / "logs"}

  Ctrl-C stops everything; what was made is there again next time.""",
        flush=True,
    )


def _stay(system: System, stop: threading.Event) -> None:
    """Wait to be stopped. A part that ends by itself is reported once; the rest goes on, so that its log can be read beside it."""
    reported: set[int] = set()
    while not stop.wait(WATCH_EVERY_S):
        for process in system.stopped:
            if process.pid not in reported:
                reported.add(process.pid)
                print(f"\n  {process.name} has ended:\n{process.log_tail()}", flush=True)
