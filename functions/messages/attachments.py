"""Sending files (contract M4): where each is, what it is, and how they go to the account's owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, StringConstraints

from functions.http.openapi_responses import never_null
from functions.messages.send import random_id
from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState
from shared.model.ids import Channel, TenantId
from shared.rpc.client import OwnerClient
from shared.rpc.send_attachments import CAPTION_UNITS, Attachment, AttachmentsSent, AttachmentType, SendAttachments

MAX_BODY_BYTES = 6_000_000
"""Lambda takes 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. In base64 that is some 4 MB of files."""


def _caption(text: str) -> str:
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > CAPTION_UNITS:
        raise ValueError(f"A caption has {CAPTION_UNITS} characters at most.")
    return text


class NewAttachment(BaseModel):
    """A file to be sent: exactly one of `url`, `upload_id` and `content` says where it is."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[
        AttachmentType | None, Field(json_schema_extra=never_null, description="As what it is sent; by its bytes where it is left out.")
    ] = None
    name: Annotated[str, StringConstraints(max_length=255), Field(description="The file's name for the receiver.")] = ""
    caption: Annotated[str, StringConstraints(max_length=CAPTION_UNITS), AfterValidator(_caption)] = ""
    url: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None,
        Field(json_schema_extra=never_null, description="An https address that anybody can read."),
    ] = None
    upload_id: Annotated[
        Annotated[str, StringConstraints(max_length=64)] | None,
        Field(json_schema_extra=never_null, description="From `POST .../uploads`, once the file is there."),
    ] = None
    content: Annotated[
        Base64Bytes | None,
        Field(repr=False, json_schema_extra=never_null, description="The file itself in base64: some 4 MB in one request."),
    ] = None

    def for_owner(self, number: int) -> Attachment:
        """Return it as the owner takes it; raise `invalid_request` unless it says once where the file is."""
        if sum(one is not None for one in (self.url, self.upload_id, self.content)) != 1:
            problem = "Say where the file is by exactly one of url, upload_id and content."
            raise AvioError(Code.INVALID_REQUEST, fields=[{"field": f"body.attachments.{number}", "problem": problem}])
        fields: dict[str, Any] = {name: getattr(self, name) for name in ("type", "caption", "url", "upload_id", "content")}
        return Attachment.model_construct(**fields, name=self.name or None)


@dataclass(frozen=True)
class FileSending:
    """Sends files by way of the account's owner."""

    owner: OwnerClient

    def send(
        self, tenant_id: TenantId, account: Account | None, peer: str, text: str, reply_to: str | None, files: list[Attachment]
    ) -> AttachmentsSent:
        """Send files; return what Telegram made of them. The random ids are chosen here, once, and go with every try."""
        state = account.standing if account else AccountState.NEW
        if not state.logged_in:
            raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
        command = SendAttachments.model_construct(to=peer, text=text, attachments=tuple(files), random_ids=(), reply_to=reply_to)
        ids = tuple(random_id() for _ in range(len(files) + command.text_apart))
        return self.owner.call(tenant_id, Channel.TELEGRAM, account, command.model_copy(update={"random_ids": ids}))
