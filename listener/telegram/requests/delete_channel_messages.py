"""Deletes messages in a channel, without harm to the account's own pts.

The answer has the channel's pts. Telethon takes the pts of each `messages.affectedMessages` for the account's own (`_store_own_updates`):
where the two numbers happen to meet, the account's state moves past an update that never came. So this request reads its answer as what it
is, an update of the channel.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from telethon.tl import functions, types

_NO_DATE = datetime.fromtimestamp(0, UTC)  # the date of an `updateShort` without a seq is not used


class DeleteChannelMessages(functions.channels.DeleteMessagesRequest):  # type: ignore[misc]  # Telethon has no types
    """`channels.deleteMessages`, answered by `updateDeleteChannelMessages` without ids."""

    def read_result(self, reader: Any) -> Any:
        """Return the answer as an update of the channel."""
        affected = super().read_result(reader)
        if not isinstance(affected, types.messages.AffectedMessages):
            return affected
        update = types.UpdateDeleteChannelMessages(self.channel.channel_id, [], affected.pts, affected.pts_count)
        return types.UpdateShort(update, _NO_DATE)
