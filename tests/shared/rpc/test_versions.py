"""Functions and listener of two versions: what was said before is understood, and what the other side lacks is `not_supported`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from listener.core.commands import known as known_commands
from listener.telegram.channel import HANDLERS
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.rpc.command import VERSION, Command, Result, Since
from shared.rpc.log_in import CancelLogIn, LogInCode, LogOut, ResendCode, StartLogIn, StateReached, VerifyLogIn
from shared.rpc.send import SendMessage
from shared.rpc.status import GetStatus
from shared.rpc.wire import Addressed, answer_of, body_of, path_of, read_answer, read_command
from tests.shared.rpc import before
from tests.shared.rpc.before import RECORDED

TENANT = TenantId("11111111-1111-1111-1111-111111111111")
AT = {"tenant": TENANT, "channel": "telegram"}
VANISHED = [one for one in RECORDED if "silent" in one["request"]]
"""`silent` is no field of `send`: the listener of then sent the message with a sound, and said that it had."""
ANSWERED = [one for one in RECORDED if "error" not in one["answer"] and one not in VANISHED]
REFUSED = [one for one in RECORDED if "error" in one["answer"]]
PLUGGED = [StartLogIn(phone="+1"), ResendCode(), CancelLogIn(), VerifyLogIn(phone="+1", code="1"), LogOut(), GetStatus()]
SENDS = [SendMessage(to="me", text="x", random_id=1), SendMessage(to="-100123", text="x", random_id=1, reply_to="4")]


class Edited(Result):
    """A result of a later version."""

    silently: bool


class EditMessage(Command[Edited]):
    """A command of a later version."""

    name = "edit"
    since = VERSION + 1

    message_id: str


class SendQuietly(SendMessage):
    """`send` as a later version has it."""

    silent: Annotated[bool, Since(VERSION + 1)] = False


KNOWN = known_commands({Channel.TELEGRAM: HANDLERS})

SENT = st.builds(
    SendMessage,
    to=st.from_regex(r"me|@\w{4,32}|-?[0-9]{1,19}|[0-9]{5,15}@c\.us", fullmatch=True),
    text=st.text(),
    random_id=st.integers(0, (1 << 63) - 1),
    reply_to=st.none() | st.text(min_size=1),
)
VERIFIED = st.builds(VerifyLogIn, phone=st.text(), code=st.none() | st.text(), password=st.none() | st.text())


@given(SENT | VERIFIED)
def test_a_command_arrives_as_it_was_sent(command: Command[Any]) -> None:
    """Whatever is in its fields."""
    body = json.loads(body_of(TENANT, Channel.TELEGRAM, command))
    assert read_command(path_of(command), body, KNOWN) == Addressed(TENANT, Channel.TELEGRAM, command)


def ids(command: Command[Any]) -> str:
    return command.name


def refusal(path: str, body: Any, known: Any = KNOWN) -> AvioError:
    with pytest.raises(AvioError) as refused:
        read_command(path, body, known)
    return refused.value


@pytest.mark.parametrize("said", ANSWERED, ids=lambda said: said["command"])
def test_what_functions_posted_before_is_understood(said: dict[str, Any]) -> None:
    """The command with all its fields, and none made up."""
    asked = read_command(said["command"], said["request"], KNOWN)
    fields = {name: value for name, value in said["request"].items() if name not in AT and value is not None}
    if "reply_to" in fields:
        fields["reply_to"] = str(fields["reply_to"])
    assert asked == Addressed(TENANT, Channel.TELEGRAM, type(asked.command)(**fields))
    assert asked.command.name == said["command"]


@pytest.mark.parametrize("said", ANSWERED, ids=lambda said: said["command"])
def test_what_a_listener_answered_before_is_understood_and_told_alike(said: dict[str, Any]) -> None:
    """Its ids were integers. What is answered now says the same to functions of then."""
    command = read_command(said["command"], said["request"], KNOWN).command
    result = read_answer(command, json.dumps(said["answer"]).encode())
    old = before.READ_BY_FUNCTIONS[said["command"]]
    assert old.model_validate(answer_of(command, result)) == old.model_validate(said["answer"])


@pytest.mark.parametrize("said", REFUSED, ids=lambda said: said["answer"]["error"])
def test_what_a_listener_refused_before_is_understood(said: dict[str, Any]) -> None:
    """With its fields; and what it did not know is `not_supported`."""
    with pytest.raises(AvioError) as refused:
        read_answer(SENDS[0], json.dumps(said["answer"]).encode())
    if said["answer"] == before.NOT_FOUND:
        assert refused.value.code is Code.NOT_SUPPORTED
    else:
        assert refused.value.to_json() == said["answer"]


@pytest.mark.parametrize("said", VANISHED, ids=lambda said: said["command"])
def test_no_argument_vanishes(said: dict[str, Any]) -> None:
    """What was passed over before is a field now, and is heeded."""
    command = read_command(said["command"], said["request"], KNOWN).command
    assert isinstance(command, SendMessage)
    assert command.silent


def test_a_result_names_ids_by_strings() -> None:
    """Whatever the listener's version."""
    (said, *_) = [one for one in ANSWERED if one["command"] == "send"]
    sent = read_answer(SENDS[0], json.dumps(said["answer"]).encode())
    assert (sent.chat_id, sent.message_id) == (str(said["answer"]["peer_resolved"]), str(said["answer"]["message_id"]))


@pytest.mark.parametrize("command", [*PLUGGED, *SENDS], ids=ids)
def test_a_listener_from_before_understands_what_is_posted_now(command: Command[Any]) -> None:
    """The path is one that it has, it passes over no field, and each value is what was meant."""
    body = json.loads(body_of(TENANT, Channel.TELEGRAM, command))
    read = before.READ_BY_THE_LISTENER[path_of(command)].model_validate(body)
    assert set(body) - set(AT) <= set(type(read).model_fields)
    assert {name: None if value is None else str(value) for name, value in read} == {
        name: None if value is None else str(value) for name, value in command if name not in fields_of(type(command))
    }


@pytest.mark.parametrize("command", [EditMessage(message_id="5"), SendQuietly(to="me", text="x", random_id=1, silent=True)], ids=ids)
def test_a_listener_from_before_refuses_what_was_added(command: Command[Any]) -> None:
    """It passed over fields that it did not know, so these go to a path that it does not have. Its answer is told as what it is."""
    assert path_of(command) not in before.READ_BY_THE_LISTENER
    with pytest.raises(AvioError) as refused:
        read_answer(command, json.dumps(before.NOT_FOUND).encode())
    assert refused.value.code is Code.NOT_SUPPORTED
    assert f"`{command.name}`" in refused.value.detail
    assert "deploy the listener" in refused.value.detail


def test_a_later_command_that_asks_for_nothing_new_is_served() -> None:
    """A new field at its default is not sent: what happens is what happened before."""
    command = SendQuietly(to="me", text="x", random_id=1)
    asked = read_command(path_of(command), json.loads(body_of(TENANT, Channel.TELEGRAM, command)), KNOWN)
    assert asked.command == SendMessage(to="me", text="x", random_id=1)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("sing", {**AT, "message_id": "5"}, "the command `sing` for this channel"),
        ("v2/sing", {**AT, "message_id": "5"}, "the command `sing` for this channel"),
        ("send", {**AT, "to": "me", "text": "x", "random_id": 1, "loud": True}, "`loud` of the command `send`"),
        ("v2/send", {**AT, "to": "me", "text": "x", "random_id": 1, "loud": True}, "`loud` of the command `send`"),
        (f"v{VERSION + 1}/send", {**AT, "to": "me", "text": "x", "random_id": 1}, f"version {VERSION + 1} of the command `send`"),
        ("send", {"tenant": TENANT, "channel": "pigeon", "to": "me"}, "this channel"),
        ("send", {"tenant": TENANT, "channel": "whatsapp", "to": "me", "text": "x", "random_id": 1}, "the command `send` for this channel"),
    ],
)
def test_what_this_listener_lacks_is_named(path: str, body: dict[str, Any], named: str) -> None:
    """And what to do about it."""
    error = refusal(path, body)
    assert error.code is Code.NOT_SUPPORTED
    assert f"does not support {named}." in error.detail
    assert "deploy the listener" in error.detail


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"tenant": TENANT}, {**AT, "to": "me"}, {**AT, "to": "a b", "text": "", "random_id": 1}]
)
def test_what_makes_no_sense_is_invalid(body: Any) -> None:
    """Without quoting it."""
    assert refusal("send", body).to_json() == AvioError(Code.INVALID_REQUEST).to_json()


def test_names_that_could_be_anything_are_not_quoted() -> None:
    """An error's sentence holds no text from outside."""
    for path, body in (("<b>", AT), ("send", {**AT, "to": "me", "text": "x", "random_id": 1, "Привет\n": 1})):
        assert refusal(path, body).detail.isascii()
        assert "<" not in refusal(path, body).detail


def test_a_function_passes_over_what_a_later_result_says_besides() -> None:
    """And takes the rest."""
    answer = {"delivery": "app", "of_a_later_version": 1}
    assert read_answer(StartLogIn(phone="+1"), json.dumps(answer).encode()) == LogInCode(delivery="app")
    assert read_answer(StartLogIn(phone="+1"), b'{"state": "authorized", "x": 1}') == StateReached.model_validate({"state": "authorized"})


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff"])
def test_an_answer_that_makes_no_sense_is_a_fault_of_ours(content: bytes) -> None:
    """Never a result that is made up."""
    with pytest.raises(AvioError) as refused:
        read_answer(StartLogIn(phone="+1"), content)
    assert refused.value.code is Code.INTERNAL_ERROR


def test_a_worker_answers_nothing_but_the_commands_result() -> None:
    """Another's result is a fault, and no field can be said that the contract does not have."""
    other: Any = StateReached.model_validate({"state": "authorized"})
    with pytest.raises(ValidationError):
        answer_of(SENDS[0], other)
    with pytest.raises(ValidationError, match="extra"):
        StateReached.model_validate({"state": "authorized", "more": 1})


def test_what_is_secret_is_in_no_text_of_a_command() -> None:
    """A command may come into a traceback."""
    verify = VerifyLogIn(phone="+79001234567", code="hidden code", password="hidden password")
    send = SendMessage(to="@hidden", text="hidden text", random_id=1)
    assert not any(secret in f"{command!r} {command}" for command in (verify, send) for secret in ("hidden", "7900"))


def fields_of(command: type[Command[Any]]) -> dict[str, Any]:
    return {name: field for name, field in command.model_fields.items() if any(isinstance(mark, Since) for mark in field.metadata)}


COMMANDS = list(dict.fromkeys(command for commands in KNOWN.values() for command in commands))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_contract_can_be_deployed_one_side_after_the_other(command: type[Command[Any]]) -> None:
    """Versions are those there are; a field that was added has a default; two commands do not share a name."""
    added = fields_of(command)
    assert not [name for name, field in added.items() if field.is_required()]
    assert all(1 < mark.version <= VERSION for field in added.values() for mark in field.metadata if isinstance(mark, Since))
    assert command.since <= VERSION
    assert [one.name for one in COMMANDS].count(command.name) == 1
