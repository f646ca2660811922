"""The whole system on one machine, for `make up`, the demo, the tests and the benchmarks.

    emulator -> stack (the real template) -> secret and tokens -> Telegram test server -> listener -> front (the reverse proxy)

The parts start in this order and stop in the opposite order. Each process has a log in <state>/logs.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from local import (
    deployment_secret,
    disk_space,
    emulator,
    listener_process,
    own_ports,
    restarts,
    reverse_proxy,
    stack,
    state_secrets,
    synth,
    telegram_server_process,
)
from local.bootstrap import ROOT
from local.child_process import LaunchedProcess, StartError, free_port
from local.configuration import uses_real_telegram
from local.emulator import Emulator
from local.preflight import by_function
from local.restarts import Say, SupervisedProcess
from local.stack import Outputs
from local.start_progress import Progress, silent
from local.telegram_server_process import RunningTelegramServer


@dataclass(frozen=True)
class SystemPlan:
    """The parts to start. `port`: 0 means a free port. `settings`: the user's (see `configuration`). `sources`: the root of the code."""

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
    """The running system. A context manager: on exit it stops all that it started. Raises `StartError`, `StackError`, `BundleError`."""

    url: str
    emulator: Emulator
    outputs: Outputs
    tokens: Mapping[str, str]
    telegram: RunningTelegramServer | None = None

    def __init__(self, plan: SystemPlan) -> None:
        self.plan = plan
        self.listeners: list[SupervisedProcess] = []
        self._started = 0
        self._telegram: SupervisedProcess | None = None
        self._parts = ExitStack()

    def __enter__(self) -> System:
        try:
            self._start()
        except BaseException as error:
            full = disk_space.shortage(self.plan.state, disk_space.free_mb(self.plan.state))
            self._parts.close()
            if full and isinstance(error, Exception):
                raise StartError(f"{error}{full}") from error
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @property
    def admin_token(self) -> str:
        """The administrator's token."""
        return self.tokens["ADMIN_TOKEN"]

    @property
    def stopped(self) -> list[SupervisedProcess]:
        """The processes that do not run now."""
        return [part for part in self.parts if not part.running]

    @property
    def parts(self) -> list[SupervisedProcess]:
        """The supervised processes: the emulator, the test server if there is one, and the listeners."""
        return [self._emulator, *([self._telegram] if self._telegram else []), *self.listeners]

    def look(self, say: Say) -> None:
        """Restart processes that ended by themselves. Call this every second, from the thread that started the system.

        `plan.persist` must be on.
        """
        next_step = restarts.NEXT_STEP.format(state=self.plan.state)

        def say_all(line: str) -> None:
            say(line + disk_space.shortage(self.plan.state, disk_space.free_mb(self.plan.state)))

        emulator_is_up = self._emulator.look(say_all, next_step)
        if self._telegram and self.telegram and self._telegram.look(say_all, next_step):
            self.telegram = replace(self.telegram, process=self._telegram.process)
        if emulator_is_up:
            for old, new in self.replace_drained():
                say(f"{old.name} was drained and has ended; {new.name} runs in its place")
        for listener in self.listeners:
            listener.look(say_all, next_step, may_start=emulator_is_up)

    def start_listener(self) -> SupervisedProcess:
        """Start one more listener. It stops with the system, or earlier by its `stop`."""
        plan = self.plan
        self._started += 1
        name, level = f"listener-{self._started}", plan.settings.get("POWERTOOLS_LOG_LEVEL", "INFO")
        settings = self._telegram_settings()

        def launch(again: bool) -> LaunchedProcess:
            return listener_process.launch(self.emulator, self.outputs, settings, plan.state, name=name, log_level=level, again=again)

        listener = SupervisedProcess(launch)
        self._parts.callback(listener.stop)
        self.listeners.append(listener)
        return listener

    def replace_drained(self) -> list[tuple[SupervisedProcess, SupervisedProcess]]:
        """Start a new listener for each drained listener, as Fargate would. Return the pairs of old and new."""
        drained = [listener for listener in self.listeners if listener.exit_code == 0]
        for listener in drained:
            self.listeners.remove(listener)
        return [(listener, self.start_listener()) for listener in drained]

    def _say_where_to_operators(self) -> None:
        """Write the file from which `avio --local` reads the API's address and token, the table, and the emulator's credentials."""
        where = {
            "AVIO_URL": self.url,
            "ADMIN_TOKEN": self.tokens["ADMIN_TOKEN"],
            "TABLE_NAME": self.outputs.table_name,
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_DEFAULT_REGION": emulator.REGION,
            "AWS_ACCESS_KEY_ID": self.emulator.account,
            "AWS_SECRET_ACCESS_KEY": self.emulator.secret,
        }
        path = self.plan.state / "avio.env"
        with state_secrets.private_file(path) as file:
            file.writelines(f"{name}={value}\n" for name, value in where.items())
        self._parts.callback(path.unlink, missing_ok=True)

    def _start(self) -> None:
        plan, step = self.plan, self.plan.progress
        self._parts.enter_context(_alone(plan.state))
        emulator.clear(plan.state)  # a killed system may have left files
        disk_space.check(plan.state, disk_space.free_mb(plan.state))
        with step("template and bundles"):
            template = synth.local_template(plan.settings, plan.sources)
        with step("AWS emulator"):
            self._start_emulator()
        with step("stack"):
            self.outputs = stack.deploy(self.emulator, template)
        with step("tokens"):
            self.tokens = deployment_secret.fill(self.emulator, self.outputs, plan.settings)
            deployment_secret.publish(self.emulator, self.outputs)
            if plan.persist:
                self.emulator.settle()
        if plan.telegram and not uses_real_telegram(plan.settings):
            with step("Telegram test server"):
                self._telegram = SupervisedProcess(lambda again: telegram_server_process.launch(plan.state, again=again))
                self._parts.callback(self._telegram.stop)
                self.telegram = telegram_server_process.describe(self._telegram.process, plan.state)
        if plan.listener:
            with step("listener"):
                self.start_listener()
        with step("front"):
            api = f"{self.emulator.url}/_aws/execute-api/{self.outputs.api_id}"
            port = plan.port or free_port()
            own_ports.add(plan.state, port, own_ports.DEV_RECEIVER)
            app = reverse_proxy.create_app(
                api,
                plan.pages,
                by_function(self.emulator, self.outputs.default_function),
                self.emulator.gateway_headers,
                _names(plan.settings),
            )
            self.url = self._parts.enter_context(reverse_proxy.running(app, port))
        self._say_where_to_operators()

    def _start_emulator(self) -> None:
        state, persist = self.plan.state, self.plan.persist
        self.emulator = emulator.locate(state)
        self._parts.callback(emulator.clear, state)
        self._emulator = SupervisedProcess(lambda again: emulator.launch(self.emulator, state, persist=persist, again=again))
        self._parts.callback(self._emulator.stop)

    def _telegram_settings(self) -> dict[str, str]:
        if self.telegram:
            return self.telegram.listener_environment
        return {name: self.plan.settings.get(name, "") for name in ("TELEGRAM_API_ID", "TELEGRAM_API_HASH")}


def _names(settings: Mapping[str, str]) -> set[str]:
    """Return further host names under which the API answers: the name of this machine inside containers, and the user's tunnel."""
    outside = urlsplit(settings.get("APP_BASE_URL", "")).hostname
    return {"host.docker.internal", *([outside] if outside else [])}


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Lock the state folder: two systems in it would overwrite each other's state."""
    state_secrets.private_folder(state)  # it has tokens, and the sessions of the test server
    with (state / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"another system runs from {state}; stop that one first") from None
        yield
