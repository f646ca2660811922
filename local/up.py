"""`make up`: start everything, say where it is, stay until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from infra_cdk.bundle import BundleError
from local import configuration, seed, state_secrets
from local.bootstrap import ROOT
from local.child_process import StartError, is_listening
from local.configuration import ConfigurationError
from local.phone.phone_page import ConnectedSystem, PhonePage
from local.phone.routes import routes
from local.seed import Seed
from local.stack import StackError
from local.start_progress import spoken
from local.system import System, SystemPlan

STATE, REAL_STATE = ROOT / "build" / "local", ROOT / "build" / "local-real"  # a session of the one Telegram is nothing to the other
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

    os.umask(0o077)  # state and logs are for the person alone
    started, phone_page = False, PhonePage()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask_to_stop)
        with System(_plan(phone_page)) as system:
            with spoken("demo tenant and test people"):
                planted = seed.plant(system, system.url)
            started = True
            phone_page.connect(connected := _connected(system, planted))
            _say_where(system, connected)
            _say_how(connected)
            _stay(system, stop)
            print("\n  stopping ...", flush=True)
            phone_page.close()
    except KeyboardInterrupt:
        print("\n  stopped", flush=True)
    except (BundleError, ConfigurationError, StackError, StartError) as error:
        raise SystemExit(f"\n{error}") from None


def _plan(phone_page: PhonePage) -> SystemPlan:
    settings = configuration.read(os.environ, ROOT / ".env")
    port = int(settings.get("PORT") or DEFAULT_PORT)
    if is_listening(port):  # said before the slow part, not after it
        raise StartError(f"port {port} is taken; stop what listens there, or choose another: make up PORT={port + 80}")
    state = REAL_STATE if configuration.uses_real_telegram(settings) else STATE
    return SystemPlan(state, port, settings, pages=routes(phone_page), progress=spoken)


def _connected(system: System, planted: Seed) -> ConnectedSystem:
    api_url = f"{system.emulator.url}/_aws/execute-api/{system.outputs.api_id}"
    control_url = system.telegram.control_url if system.telegram else None
    return ConnectedSystem(
        system.url, api_url, control_url, planted, state_secrets.of(system.plan.state).phones, system.emulator.gateway_headers
    )


def _say_where(system: System, connected: ConnectedSystem) -> None:
    telegram = "the test server of this machine" if system.telegram else "the real one"
    print(
        f"""
  API          {system.url}
  reference    {system.url}/docs
  phones       {connected.page}
  Telegram     {telegram}
  admin token  {system.admin_token}
  logs         {system.plan.state / "logs"}
  listeners    .venv/bin/avio --local workers""",
        flush=True,
    )


def _say_how(connected: ConnectedSystem) -> None:
    """Print the three lines, each as one paragraph that can be pasted unchanged."""
    if connected.test_server:
        print("\n  Open the phones in a browser, and paste these three lines into another terminal:")
    else:
        print("\n  Three lines for another terminal; put in your phone, the code that you get, and your 2FA password if you have one:")
    for number, line in enumerate(connected.lines(connected.tenant.key.get_secret_value()), 1):
        print(f"\n  {number}. {line.title}\n\n{line.command}")
    if connected.seed.logged_in:
        print("\n  The account is logged in from last time: begin with line 3. Lines 1 and 2 answer already_authorized.")
    elif connected.test_server:
        print("\n  Then write back as Alice, on her phone: the message arrives at the webhook, beside it.")
    print("\n  Ctrl-C stops everything; what was made is there again next time.", flush=True)


def _stay(system: System, stop: threading.Event) -> None:
    """Wait to be stopped; what ends by itself is started again."""
    while not stop.wait(WATCH_EVERY_S):
        system.look(lambda line: print(f"\n  {line}", flush=True))
