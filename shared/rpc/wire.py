"""The HTTP form of commands between functions and workers.

    POST /<name>            a command of version 1 of the contract
    POST /v<n>/<name>       a command of version n: earlier workers do not have the path

The body is one JSON object: `tenant`, `channel`, and the command's fields. The answer is the result, or an error (`AvioError.to_json`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.rpc.command import VERSION, Command

R = TypeVar("R", bound=BaseModel)
_PATH = re.compile(r"(?:v(?P<version>[0-9]{1,9})/)?(?P<name>.*)", re.DOTALL)
_PRINTABLE = re.compile(r"[a-z0-9_/]{1,64}")


class _Account(BaseModel):
    """The account that a command is for."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    tenant: TenantId
    channel: str


@dataclass(frozen=True)
class Addressed:
    """A command and the account that it is for."""

    tenant_id: TenantId
    channel: Channel
    command: Command[Any]


def path_of(command: Command[Any]) -> str:
    """Return the path of a command."""
    return command.name if command.needs == 1 else f"v{command.needs}/{command.name}"


def body_of(tenant_id: TenantId, channel: Channel, command: Command[Any]) -> bytes:
    """Return the request's body. It has no fields at their defaults, so that workers that do not know such a field accept the command."""
    return json.dumps({"tenant": tenant_id, "channel": channel, **command.model_dump(mode="json", exclude_defaults=True)}).encode()


def read_command(path: str, body: Any, known: Mapping[Channel, Iterable[type[Command[Any]]]]) -> Addressed:
    """Read a function's request; `known` are the commands of each channel.

    Raises `not_supported` for an unknown channel, command, field or version, and `invalid_request` for a wrong value.
    """
    account, fields = _account_of(body)
    if account.channel not in set(Channel):
        raise not_supported("this channel")
    version, name = _PATH.fullmatch(path).groups()  # type: ignore[union-attr]  # it takes any text
    channel = Channel(account.channel)
    asked = next((command for command in known.get(channel, ()) if command.name == name), None)
    if asked is None:
        raise not_supported(f"the command {_quoted(name)} for this channel")
    command = _checked(asked, fields)
    if int(version or 1) > VERSION:
        raise not_supported(f"version {version} of the command {_quoted(name)}")
    return Addressed(account.tenant, channel, command)


def _account_of(body: Any) -> tuple[_Account, dict[str, Any]]:
    try:
        account = _Account.model_validate(body)
    except ValidationError as error:
        raise AvioError(Code.INVALID_REQUEST) from error
    return account, {name: value for name, value in body.items() if name not in _Account.model_fields}


def _checked(asked: type[Command[Any]], fields: dict[str, Any]) -> Command[Any]:
    try:
        return asked.model_validate(fields)
    except ValidationError as error:
        unknown = [str(one["loc"][-1]) for one in error.errors() if one["type"] == "extra_forbidden"]
        if unknown:
            raise not_supported(f"{', '.join(map(_quoted, unknown))} of the command {_quoted(asked.name)}") from error
        raise AvioError(Code.INVALID_REQUEST) from error


def answer_of(command: Command[Any], result: BaseModel) -> Any:
    """Return a result as JSON; raises pydantic's ValidationError if it is not a result of this command."""
    return command.result.dump_python(command.result.validate_python(result), mode="json")


def read_answer(command: Command[R], content: bytes) -> R:
    """Return a command's result. Raises the worker's error, and `internal_error` for an answer that is neither."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and "error" in answer:
        raise _told(command, AvioError.from_json(answer))
    try:
        result: R = command.result.validate_python(answer, extra="ignore")
    except ValidationError:
        raise AvioError(Code.INTERNAL_ERROR) from None
    return result


def _told(command: Command[Any], error: AvioError) -> AvioError:
    """Translate a worker's error. Workers from before `not_supported` answer `not_found` to an unknown command."""
    if error.code is not Code.NOT_FOUND:
        return error
    return not_supported(f"version {command.needs} of the command {_quoted(command.name)}")


def not_supported(what: str) -> AvioError:
    """Return the error for something that the worker does not know."""
    detail = (
        f"The account's listener does not support {what}. Nothing was done. Where the listener is of an earlier version than the API, "
        "deploy the listener, then try again."
    )
    return AvioError(Code.NOT_SUPPORTED, detail)


def _quoted(name: str) -> str:
    return f"`{name}`" if _PRINTABLE.fullmatch(name) else "of this name"
