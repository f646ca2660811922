"""The whole system on one machine, composed once for `make up`, the demo, the tests and the measurements.

    emulator -> stack (the real template) -> secret and tokens -> Telegram test server -> listener -> front

Parts start in this order and end in the opposite one. Each has its log in <state>/logs.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.routing import BaseRoute

from local import emulator, front, listener_process, own_ports, secret, stack, synth, telegram_server
from local.bootstrap import ROOT
from local.configuration import uses_real_telegram
from local.emulator import Emulator
from local.preflight import by_function
from local.processes import Process, StartError, free_port
from local.progress import Progress, silent
from local.stack import Outputs
from local.telegram_server import TelegramServer


@dataclass(frozen=True)
class Plan:
    """What to start. `port` 0 takes a free one; `settings` are the person's (see `configuration`); `sources` is where code comes from."""

    state: Path
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    persist: bool = True
    telegram: bool = True
    listener: bool = True
    pages: Sequence[BaseRoute] = ()
    sources: Path = ROOT
    progress: Progress = silent


class System:
    """The running system. A context manager: on exit nothing it started is left. Raises `StartError`, `StackError`, `BundleError`."""

    url: str
    emulator: Emulator
    outputs: Outputs
    tokens: Mapping[str, str]
    telegram: TelegramServer | None = None

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.listeners: list[Process] = []
        self._started = 0
        self._parts = ExitStack()

    def __enter__(self) -> System:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @property
    def admin_token(self) -> str:
        """The token that may do everything."""
        return self.tokens["ADMIN_TOKEN"]

    @property
    def stopped(self) -> list[Process]:
        """Parts that ended although nobody told them to."""
        processes = [*self.listeners, *([self.telegram.process] if self.telegram else [])]
        return [process for process in processes if not process.running]

    def start_listener(self) -> Process:
        """Start one more listener; it ends with the system, or earlier by its own `stop`."""
        plan = self.plan
        self._started += 1
        name, level = f"listener-{self._started}", plan.settings.get("POWERTOOLS_LOG_LEVEL", "INFO")
        settings = self._telegram_settings()
        listener = listener_process.start(self.emulator, self.outputs, settings, plan.state, name=name, log_level=level)
        self._parts.callback(listener.stop)
        self.listeners.append(listener)
        return listener

    def replace_drained(self) -> list[tuple[Process, Process]]:
        """Start a listener for each that was drained, as Fargate would; return which was replaced by which."""
        drained = [listener for listener in self.listeners if listener.exit_code == 0]
        for listener in drained:
            self.listeners.remove(listener)
        return [(listener, self.start_listener()) for listener in drained]

    def _say_where_to_operators(self) -> None:
        """Tell `avio --local` where the table is; the credentials are the emulator's, and open nothing else."""
        where = {
            "TABLE_NAME": self.outputs.table_name,
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_DEFAULT_REGION": emulator.REGION,
            "AWS_ACCESS_KEY_ID": self.emulator.account,
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        path = self.plan.state / "avio.env"
        path.write_text("".join(f"{name}={value}\n" for name, value in where.items()))
        self._parts.callback(path.unlink, missing_ok=True)

    def _start(self) -> None:
        plan, step = self.plan, self.plan.progress
        self._parts.enter_context(_alone(plan.state))
        with step("template and bundles"):
            template = synth.local_template(plan.settings, plan.sources)
        with step("AWS emulator"):
            self.emulator = self._parts.enter_context(emulator.running(plan.state, persist=plan.persist))
        with step("stack"):
            self.outputs = stack.deploy(self.emulator, template)
        with step("tokens"):
            self.tokens = secret.fill(self.emulator, self.outputs, plan.settings)
            secret.publish(self.emulator, self.outputs)
        self._say_where_to_operators()
        if plan.telegram and not uses_real_telegram(plan.settings):
            with step("Telegram test server"):
                self.telegram = telegram_server.start(plan.state)
                self._parts.callback(self.telegram.process.stop)
        if plan.listener:
            with step("listener"):
                self.start_listener()
        with step("front"):
            api = f"{self.emulator.url}/_aws/execute-api/{self.outputs.api_id}"
            app = front.create_app(api, plan.pages, by_function(self.emulator, self.outputs.default_function))
            port = plan.port or free_port()
            own_ports.add(plan.state, port, own_ports.DEV_RECEIVER)
            self.url = self._parts.enter_context(front.running(app, port))

    def _telegram_settings(self) -> dict[str, str]:
        if self.telegram:
            return self.telegram.listener_environment
        return {name: self.plan.settings.get(name, "") for name in ("TELEGRAM_API_ID", "TELEGRAM_API_HASH")}


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold the state folder: two systems in one would overwrite each other's state."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)  # tokens and sessions of the test server lie in it
    with (state / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"another system runs from {state}; stop that one first") from None
        yield
