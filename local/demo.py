"""`make demo`: the main job, unattended, against a system of its own, with a transcript of every request and its answer.

    log in -> send -> receive -> reply -> hand over to a new listener -> log out, and then: does a log hold a secret?

Ends with an error at the first thing that is not as it should be, and then keeps the logs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from infra_cdk.bundle import BundleError
from local import configuration, secret_scan, webhook_receiver
from local.bootstrap import ROOT
from local.child_process import StartError, is_listening
from local.configuration import ConfigurationError
from local.seed import ALICE, ANNA
from local.stack import StackError
from local.start_progress import spoken
from local.system import System, SystemPlan
from local.transcript import Transcript, Unexpected
from local.webhook_receiver import Callback, WebhookReceiver, standard_webhooks_holds, x_signature_holds
from testing.telegram_server.control_client import ControlClient

TIMEOUT_S = 35
CALLBACK_DEADLINE_S = 60
CODE_LENGTH = 7  # Telegram's have 5 digits, which could stand in a log by chance
IGNORED = ("TELEGRAM_API_ID", "TELEGRAM_API_HASH", "PORT", "CALLBACK_SIGNING_SECRET")


def main(arguments: list[str]) -> None:
    """Start a system in a folder that is thrown away, do the job, stop it. Exits with 1 where something was not as it should be."""
    del arguments
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="avio-demo-"))
    try:
        settings = configuration.read(os.environ, ROOT / ".env")
        _run(folder, {name: value for name, value in settings.items() if name not in IGNORED})
    except (BundleError, ConfigurationError, StackError, StartError, Unexpected) as error:
        raise SystemExit(f"\nThe demo failed:\n{error}\n  logs: {folder / 'logs'}") from None
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise SystemExit("\nstopped") from None
    except BaseException:
        print(f"\n  logs: {folder / 'logs'}", file=sys.stderr)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(folder: Path, settings: dict[str, str]) -> None:
    print("A system of its own, on free ports, in a folder that is thrown away:", flush=True)
    with webhook_receiver.running() as callbacks, System(SystemPlan(folder, settings=settings, persist=False, progress=spoken)) as system:
        assert system.telegram
        headers = {"X-Admin-Token": system.admin_token}
        with (
            httpx.Client(base_url=system.url, headers=headers, timeout=TIMEOUT_S, trust_env=False) as client,
            ControlClient(system.telegram.control_url) as telegram,
        ):
            play = Demo(system, telegram, callbacks, Transcript(client))
            play.all()
    play.stopped()
    play.no_secret_in_a_log(folder / "logs")
    said = play.said
    print(
        f"\nAll {said.steps} steps went as they should: {said.checks} checks in {said.elapsed_s:.0f} s, and nothing is left running.",
        flush=True,
    )


@dataclass
class Demo:
    """The job, step by step. What must not be in a log is gathered in `secrets` on the way."""

    system: System
    telegram: ControlClient
    callbacks: WebhookReceiver
    said: Transcript
    secrets: dict[str, str] = field(default_factory=dict)
    base: str = ""
    signing_secret: str = ""
    anna: int = 0
    alice: int = 0

    def all(self) -> None:
        """Everything that needs the running system."""
        self._secret("the admin token", self.system.admin_token)
        self._people()
        self._tenant()
        self._ask_for_code()
        self._log_in()
        self._send()
        heard = self._hear()
        self._reply(heard)
        self._hand_over()
        self._log_out()
        self._counters()

    def _secret(self, name: str, value: str) -> str:
        self.secrets[name] = value
        return value

    def _people(self) -> None:
        with self.said.step("Two people at the Telegram test server: Anna, whose account is plugged in, and Alice, who writes to her"):
            anna = self.telegram.create_person(ANNA.phone, first_name=ANNA.first_name, password=ANNA.password, code={"length": CODE_LENGTH})
            alice = self.telegram.create_person(ALICE.phone, first_name=ALICE.first_name, username=ALICE.username)
            self.anna, self.alice = int(anna["id"]), int(alice["id"])
            self._secret("Anna's password", ANNA.password or "")
            self.said.saw(f"Anna {ANNA.phone}, with a 2FA password; Alice @{ALICE.username}")

    def _tenant(self) -> None:
        with self.said.step("The API answers, and makes a tenant whose callback is a receiver of this demo"):
            self.said.equal("the API is up", self.said.request("GET", "/health"), {"ok": True})
            body = {"name": "Demo", "callback_url": self.callbacks.url}
            tenant = self.said.request("POST", "/tenants", body, status=201)
            key = self._secret("the tenant's key", tenant["key"])
            self.signing_secret = self._secret("the signing secret", tenant["signing_secret"])
            self.base = f"/tenants/{tenant['number']}"
            self.said.as_caller({"Authorization": f"Bearer {key}"})
            self._state("new")

    def _state(self, state: str) -> dict[str, Any]:
        status: dict[str, Any] = self.said.request("GET", f"{self.base}/status")
        self.said.equal(f"the account is {state}", (status["state"], status["authorized"]), (state, state == "authorized"))
        return status

    def _ask_for_code(self) -> None:
        with self.said.step("Log-in begins: Telegram sends a code to Anna's phone"):
            self.said.request("POST", f"{self.base}/auth/verify", {"phone": ANNA.phone, "code": "0" * 5}, status=409, error="not_started")
            sent = self.said.request("POST", f"{self.base}/auth/start", {"phone": ANNA.phone})
            self.said.equal("it travels to her Telegram app", (sent["delivery"], sent["length"]), ("app", CODE_LENGTH))
            code = self._secret("the log-in code", self.telegram.code(ANNA.phone)["code"])
            shown = self.telegram.wait_messages(ANNA.phone, contains=code)[0]
            self.said.saw(f"Anna's phone shows, from {shown['chat']['name']}: {shown['text'].splitlines()[0]!r}")

    def _log_in(self) -> None:
        code, verify = self.secrets["the log-in code"], f"{self.base}/auth/verify"
        wrong = self._secret("a wrong code", str((int(code[0]) + 1) % 10) + code[1:])
        mistaken = self._secret("a wrong password", "not-the-password")
        with self.said.step("A wrong code, the right one, a wrong password, the right one"):
            self.said.request("POST", verify, {"phone": ANNA.phone, "code": wrong}, status=400, error="invalid_code")
            self.said.request("POST", verify, {"phone": ANNA.phone, "code": code}, status=403, error="2fa_required")
            self._state("need_2fa")
            self.said.request("POST", verify, {"phone": ANNA.phone, "password": mistaken}, status=401, error="bad_password")
            self.said.request("POST", verify, {"phone": ANNA.phone, "code": code, "password": ANNA.password})
            self._state("authorized")
            self.said.request("POST", f"{self.base}/auth/start", {"phone": ANNA.phone}, status=409, error="already_authorized")
            self._connected()

    def _connected(self) -> None:
        self.said.eventually("the account's connection is up", self._connection, CALLBACK_DEADLINE_S)
        self.said.saw("a listener holds the account's connection")

    def _connection(self) -> dict[str, Any] | None:
        status = self.said.client.get(f"{self.base}/status").json()
        return status if status["owner"] and status["connected_since"] else None

    def _send(self) -> None:
        with self.said.step("Anna's account sends: to itself, to a username, to a numeric id"):
            self._sent("me", self.anna, "A note to myself, by Avio.", "the note")
            self._sent(f"@{ALICE.username}", self.alice, "Hello Alice, this is Anna by Avio.", "the first message to Alice")
            self._sent(self.alice, self.alice, "And this one went by your number.", "the second message to Alice")
            self.said.request(
                "POST", f"{self.base}/messages/send", {"peer": "@nobody_at_all", "text": "?"}, status=400, error="user_not_found"
            )

    def _sent(self, peer: str | int, chat: int, text: str, name: str, **more: Any) -> None:
        self._secret(name, text)
        sent = self.said.request("POST", f"{self.base}/messages/send", {"peer": peer, "text": text, **more})
        self.said.equal("it went to the right chat", sent["peer_resolved"], chat)
        handle = ANNA.phone if chat == self.anna else ALICE.phone
        shown = self.telegram.wait_messages(handle, contains=text)
        self.said.equal(f"{'Anna' if chat == self.anna else 'Alice'}'s phone shows it, once", [one["text"] for one in shown], [text])

    def _hear(self) -> Callback:
        with self.said.step("Alice writes back, and the callback gets it, signed in two ways"):
            heard = self._callback("Hi Anna! Who is this Avio?", "Alice's answer")
            self.said.equal("it says who wrote", heard.payload["message"]["sender_username"], ALICE.username)
            self.said.equal("it did not have to be fetched late", heard.payload["backfilled"], False)
            self._signed(heard)
        return heard

    def _callback(self, text: str, name: str) -> Callback:
        """Have Alice write; return what the receiver got of it."""
        self._alice_writes(text, name)
        return self._got(text)

    def _alice_writes(self, text: str, name: str) -> None:
        self._secret(name, text)
        self.telegram.send(ALICE.phone, ANNA.phone, text)
        self.said.saw(f"Alice's phone sends {text!r}")

    def _got(self, text: str) -> Callback:
        heard = self.callbacks.wait(lambda one: one.text == text, CALLBACK_DEADLINE_S)
        if heard is None:
            raise Unexpected("the callback of that message", f"within {CALLBACK_DEADLINE_S} s", f"{len(self.callbacks.got)} others")
        self.said.checks += 1
        self.said.saw(f"POST {self.callbacks.url}  {heard.body.decode()[:110]}…")
        self.said.equal("it names Alice's chat", heard.payload["message"]["chat_id"], self.alice)
        return heard

    def _signed(self, heard: Callback) -> None:
        for header in ("webhook-id", "webhook-timestamp", "webhook-attempt", "webhook-signature", "x-signature"):
            self.said.saw(f"{header}: {heard.headers.get(header)}")
        self.said.equal("webhook-id is the event's id", heard.headers.get("webhook-id"), heard.payload["id"])
        for name, holds in (("webhook-signature (Standard Webhooks)", standard_webhooks_holds), ("X-Signature", x_signature_holds)):
            self.said.equal(f"{name} holds", holds(self.signing_secret, heard.headers, heard.body), True)
            self.said.equal(
                f"{name} refuses a body with one byte changed", holds(self.signing_secret, heard.headers, heard.body + b" "), False
            )

    def _reply(self, heard: Callback) -> None:
        with self.said.step("An answer to the chat_id of that callback"):
            self._sent(heard.payload["message"]["chat_id"], self.alice, "Software, and I am still me.", "the reply")

    def _hand_over(self) -> None:
        with self.said.step("The listener is stopped, Alice writes meanwhile, a new listener starts"):
            self.system.listeners[-1].stop()
            self.said.saw("the listener has stopped, in good order")
            text = "Are you there? I write while nobody listens."
            self._alice_writes(text, "what Alice wrote meanwhile")
            body = {"peer": "me", "text": self._secret("an attempt to send meanwhile", "Can anybody send this?")}
            self.said.request("POST", f"{self.base}/messages/send", body, status=503, error="unavailable")
            self.system.start_listener()
            self.said.saw("a new listener has started")
            heard = self._got(text)
            self.said.equal("it was fetched late, and says so", heard.payload["backfilled"], True)
            self._state("authorized")
            self._connected()
            later = "And this one after."
            self.said.equal("the next one arrives at once", self._callback(later, "what Alice wrote after").payload["backfilled"], False)
            arrived = [one.text for one in self.callbacks.got]
            self.said.equal("each of her messages arrived exactly once, in order", arrived, [self.secrets["Alice's answer"], text, later])

    def _log_out(self) -> None:
        with self.said.step("Log-out: Telegram forgets the session, and so do we"):
            self.said.request("POST", f"{self.base}/logout")
            self._state("logged_out")
            self.said.equal("Telegram has no session of Anna's any more", self.telegram.authorizations(ANNA.phone), [])
            self.said.request("POST", f"{self.base}/messages/send", {"peer": "me", "text": "?"}, status=401, error="not_authorized")

    def _counters(self) -> None:
        with self.said.step("What the Telegram test server counted"):
            counters = self.telegram.counters()
            self.said.equal("no key was ever used from two connections (auth_key_duplicated)", counters["auth_key_duplicated"], 0)
            self.said.equal("no method was called that it does not know", counters["unknown_methods"], {})
            self.said.equal("none of its handlers crashed", counters["handler_crashes"], 0)

    def stopped(self) -> None:
        """Everything that was started has ended."""
        with self.said.step("Everything is stopped"):
            self.said.equal("no process runs", [part.name for part in self.system.parts if part.running], [])
            self.said.equal("the emulator's port is free", is_listening(self.system.emulator.port), False)

    def no_secret_in_a_log(self, folder: Path) -> None:
        """Look for every secret that was used in every log that was written."""
        with self.said.step(f"The logs are searched for the {len(self.secrets)} secrets and texts of this run"):
            logs = [path for path in folder.rglob("*") if path.is_file()]
            self.said.holds("logs were written", len(logs) >= 3, "3 or more", [path.name for path in logs])
            self.said.equal(f"none is in any of the {len(logs)} logs", secret_scan.find(folder, self.secrets), [])
