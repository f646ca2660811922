"""What requests and answers say of a callback: the tenant's first, or another."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from functions.http.parameters import EXACT, Whole, each_once
from shared import callback_headers
from shared.model.event_kinds import EventKind
from shared.model.tenant import MOST_CHATS, BodyFormat, ChatType, Tenant

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    Field(
        description="The address that events are posted to.",
        examples=["https://shop.example/telegram"],
        json_schema_extra={"format": "uri"},
    ),
]
Headers = Annotated[
    dict[str, str],
    AfterValidator(callback_headers.check),
    Field(
        description="Headers that are sent with each event, for endpoints that require them. Stored encrypted, and never shown again.",
        examples=[{"Authorization": "Bearer of-your-endpoint"}],
        json_schema_extra=callback_headers.SCHEMA,
    ),
]
ChatTypes = Annotated[
    list[ChatType],
    AfterValidator(each_once),
    Field(min_length=1, description="The types of chats whose messages are delivered.", json_schema_extra={"uniqueItems": True}),
]
Events = Annotated[
    list[EventKind],
    AfterValidator(each_once),
    Field(min_length=1, description="The kinds of events that are delivered.", json_schema_extra={"uniqueItems": True}),
]
Chats = Annotated[
    list[Annotated[Annotated[int, Field(ge=-EXACT, le=EXACT)], Whole]],
    AfterValidator(each_once),
    Field(max_length=MOST_CHATS, description="Chats by their `chat_id`.", json_schema_extra={"uniqueItems": True}),
]

Format = Annotated[
    BodyFormat,
    Field(description="`event`: one form for all kinds. `message_in`: a message as MessageIn, the form in which providers post it."),
]


class CallbackFields(BaseModel):
    """A callback's settings in a request; a field that is left out stays as it is, and null means the default."""

    model_config = ConfigDict(extra="forbid")

    callback_url: Url | None = None
    callback_headers: Headers | None = None
    chat_types: ChatTypes | None = None
    events: Events | None = None
    include_chats: Chats | None = None
    exclude_chats: Chats | None = None
    body_format: Format | None = None


class CallbackFieldsView(BaseModel):
    """A callback's settings in an answer."""

    callback_url: str | None
    callback_disabled: str | None
    callback_disabled_at: datetime | None
    callback_header_names: list[str]
    chat_types: list[ChatType]
    events: list[EventKind]
    include_chats: list[int]
    exclude_chats: list[int]
    body_format: BodyFormat


def stored_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a request's settings in their stored form: lists are sets of texts, an empty one is none."""
    return {name: frozenset(map(str, value)) or None if isinstance(value, list) else value for name, value in settings.items()}


def lists(tenant: Tenant) -> dict[str, Any]:
    """Return a callback's choices, sorted; chats by their number."""
    chats = {name: sorted(map(int, getattr(tenant, name))) for name in ("include_chats", "exclude_chats")}
    return {"chat_types": sorted(tenant.chat_types), "events": sorted(tenant.events), **chats}
