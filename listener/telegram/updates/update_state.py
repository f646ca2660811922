"""The update state of an account: how far its updates are known, in Telegram's own numbers (https://core.telegram.org/api/updates).

Dataclasses with slots and not models, like the session: each account has some in memory, and a model would be ten times as large.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import RootModel, with_config

from shared.model.frozen import HIDDEN, STRICT

DATE_ALONE_S = 24 * 3600


class ChannelState(NamedTuple):
    """How far a supergroup or channel is known: its `pts`, and the highest message id that was taken (0 if none is known).

    `access_hash` is the account's own: without it no request can name the channel after a restart. Stored as a list.
    """

    pts: int
    message_id: int = 0
    access_hash: int | None = None

    def then(self, later: ChannelState) -> ChannelState:
        """Return this state moved on to a later state, never backwards. A missing hash does not replace a known hash."""
        known = self.access_hash if later.access_hash is None else later.access_hash
        return ChannelState(max(self.pts, later.pts), max(self.message_id, later.message_id), known)


@with_config(STRICT)
@dataclass(frozen=True, slots=True)
class UpdateState:
    """`pts`, `qts`, `date` (epoch seconds) and `seq` of the account, and the state of each of its channels.

    `message_id` is the highest that was taken in private chats and basic groups, which share one numbering per account. `seeded` is when
    (epoch seconds) all dialogs had been read, 0 before that. The account has joined channels that are not named since then.
    """

    pts: int
    qts: int
    date: int
    seq: int
    message_id: int = 0
    seeded: int = 0
    channels: dict[int, ChannelState] = field(default_factory=dict)

    def then(self, later: UpdateState) -> UpdateState:
        """Return this state moved on to a later state, which names only the channels that have moved."""
        channels = self.channels  # often hundreds, of which few move: the dict is shared until a channel moves
        if later.channels:
            moved = {channel: channels[channel].then(state) for channel, state in later.channels.items() if channel in channels}
            channels = {**channels, **later.channels, **moved}
        message_id, seeded = max(self.message_id, later.message_id), max(self.seeded, later.seeded)
        return UpdateState(later.pts, later.qts, later.date, later.seq, message_id, seeded, channels)

    def tells_more_than(self, saved: UpdateState) -> bool:
        """Tell whether saving this state in place of the saved state is worth a write. A later date alone is worth a write once a day.

        Telegram computes differences by the numbers; each of its answers has a new date, even to the connect of an idle account.
        """
        return self._numbers != saved._numbers or self.channels != saved.channels or self.date - saved.date >= DATE_ALONE_S

    @property
    def _numbers(self) -> tuple[int, ...]:
        return self.pts, self.qts, self.seq, self.message_id, self.seeded

    def written(self) -> str:
        """Return the stored form, in JSON."""
        return _Stored(self).model_dump_json()

    @staticmethod
    def read(stored: str) -> UpdateState:
        """Return a state from its stored form."""
        return _Stored.model_validate(json.loads(stored)).root


class _Stored(RootModel[UpdateState]):
    model_config = HIDDEN
