"""The commands that send a place, a contact or a poll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telethon.tl import functions, types

from listener.telegram.operations.entities import telegram_entities
from listener.telegram.operations.outgoing import Outgoing, Part, Sender, SendTarget
from listener.telegram.operations.send_options import options_of
from listener.telegram.operations.send_text import result_of
from shared.rpc.delivery_options import DeliveryOptions
from shared.rpc.send import FormattedPart, SendContact, SendLocation, SendPoll, SendResult


@dataclass(frozen=True)
class Thing:
    """Something that Telegram takes as media without a file. `shows_as` is its class in a message; `solution` a quiz's."""

    media: Any
    shows_as: type
    solution: FormattedPart | None = None

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the one request."""
        (random_id,) = random_ids
        if self.solution:
            self.media.solution_entities = await telegram_entities(target, self.solution.entities)
        request = functions.messages.SendMediaRequest(target.peer, self.media, "", random_id=random_id, **target.common)
        return [Part(request, (random_id,), (self._is_it,))]

    def _is_it(self, message: Any) -> bool:
        return isinstance(message.media, self.shows_as) and _content(message.media) == _content(self.media)


async def send_location(account: Sender, command: SendLocation) -> SendResult:
    """Run the command `send/location`."""
    point = types.InputGeoPoint(command.latitude, command.longitude, command.accuracy_m)
    if command.title is None:
        return await _send(account, command, Thing(types.InputMediaGeoPoint(point), types.MessageMediaGeo), command.random_id)
    media = types.InputMediaVenue(point, command.title, command.address or "", "", "", "")
    return await _send(account, command, Thing(media, types.MessageMediaVenue), command.random_id)


async def send_contact(account: Sender, command: SendContact) -> SendResult:
    """Run the command `send/contact`."""
    media = types.InputMediaContact(command.phone, command.first_name, command.last_name, command.vcard)
    return await _send(account, command, Thing(media, types.MessageMediaContact), command.random_id)


async def send_poll(account: Sender, command: SendPoll) -> SendResult:
    """Run the command `send/poll`."""
    poll = types.Poll(
        0,
        _plain(command.question),
        [types.PollAnswer(_plain(answer), bytes([number])) for number, answer in enumerate(command.answers)],
        hash=0,
        public_voters=not command.anonymous or None,
        multiple_choice=command.several or None,
        quiz=command.kind == "quiz" or None,
        close_period=command.open_for_s,
    )
    media = types.InputMediaPoll(
        poll,
        correct_answers=None if command.correct is None else [command.correct],
        solution=command.solution.text if command.solution else None,
        solution_entities=[] if command.solution else None,
    )
    return await _send(account, command, Thing(media, types.MessageMediaPoll, command.solution), command.random_id)


async def _send(account: Sender, command: DeliveryOptions, thing: Thing, random_id: int) -> SendResult:
    return result_of(await account.send(Outgoing(command.to, thing, (random_id,), options_of(command))))


def _plain(text: str) -> Any:
    return types.TextWithEntities(text, [])


def _content(media: Any) -> object:
    """Return what a request's media and a message's have in common. Telegram may change a place's last digits."""
    match media:
        case types.MessageMediaPoll() | types.InputMediaPoll():
            return media.poll.question.text, [answer.text.text for answer in media.poll.answers]
        case types.MessageMediaContact() | types.InputMediaContact():
            return media.phone_number.lstrip("+"), media.first_name, media.last_name
        case types.MessageMediaVenue() | types.InputMediaVenue():
            return media.title, media.address
        case types.MessageMediaGeo():
            return _rounded(media.geo)
        case types.InputMediaGeoPoint():
            return _rounded(media.geo_point)
    return None


def _rounded(point: Any) -> tuple[float, float]:
    return round(point.lat, 3), round(point.long, 3)
