"""Media as a request brings them: freshly uploaded, or known from an earlier message (https://core.telegram.org/type/InputMedia)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.files import UploadError
from testing.telegram_server.model.file import File
from testing.telegram_server.model.phone import normal
from testing.telegram_server.mtproto.answers import serialized
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.views.media import file_reference

QUESTION_MAX, ANSWERS_MAX = 255, 12


def media_file(call: Call, media: Any) -> File:
    """Return the file that a request's media stands for."""
    maker = _MAKERS.get(type(media))
    if maker is None:
        raise bad_request("MEDIA_INVALID")
    try:
        return maker(call, media)
    except UploadError as error:
        raise bad_request(error.name) from error


def known_file(call: Call, file_id: int, access_hash: int, reference: bytes) -> File:
    """Return a file that the caller was shown before, checking hash and reference."""
    file = call.world.files.get(file_id)
    if file is None or not call.world.same_hash(call.me.id, file_id, access_hash):
        raise bad_request("FILE_ID_INVALID")
    if reference != file_reference(call.world, file):
        raise bad_request("FILE_REFERENCE_INVALID")
    return file


def _uploaded_photo(call: Call, media: Any) -> File:
    given = media.file
    return call.services.files.make_photo(call.me.id, given.id, given.parts, _checksum(given))


def _uploaded_document(call: Call, media: Any) -> File:
    given = media.file
    named = [attribute.file_name for attribute in media.attributes if isinstance(attribute, types.DocumentAttributeFilename)]
    return call.services.files.make_document(
        call.me.id,
        given.id,
        given.parts,
        _checksum(given),
        mime_type=media.mime_type,
        name=named[0] if named else given.name,
        attributes=serialized(media.attributes),
    )


def _again(call: Call, media: Any) -> File:
    return known_file(call, media.id.id, media.id.access_hash, media.id.file_reference)


def _checksum(given: Any) -> str:
    checksum = getattr(given, "md5_checksum", "")
    return checksum if isinstance(checksum, str) else str(checksum)


def _place(call: Call, media: Any) -> File:
    return _shown_as(call, types.MessageMediaGeo(_point(media)))


def _venue(call: Call, media: Any) -> File:
    venue = types.MessageMediaVenue(_point(media), media.title, media.address, media.provider, media.venue_id, media.venue_type)
    return _shown_as(call, venue)


def _point(media: Any) -> Any:
    point = media.geo_point
    if not (-90 <= point.lat <= 90 and -180 <= point.long <= 180):
        raise bad_request("GEO_POINT_INVALID")
    return types.GeoPoint(point.long, point.lat, 0, point.accuracy_radius)


def _contact(call: Call, media: Any) -> File:
    known = call.world.by_phone.get(normal(media.phone_number) or "")
    contact = types.MessageMediaContact(
        media.phone_number.lstrip("+"), media.first_name, media.last_name, media.vcard, known.id if known and known.registered else 0
    )
    return _shown_as(call, contact)


def _poll(call: Call, media: Any) -> File:
    """https://core.telegram.org/api/poll"""
    poll, correct = media.poll, media.correct_answers
    if not poll.question.text or len(poll.question.text) > QUESTION_MAX:
        raise bad_request("POLL_QUESTION_INVALID")
    if not 2 <= len(poll.answers) <= ANSWERS_MAX:
        raise bad_request("POLL_ANSWERS_INVALID")
    if len({answer.option for answer in poll.answers}) < len(poll.answers):
        raise bad_request("POLL_OPTION_DUPLICATE")
    if bool(poll.quiz) != bool(correct) or (correct and not 0 <= correct[0] < len(poll.answers)):
        raise bad_request("QUIZ_CORRECT_ANSWERS_EMPTY")
    poll.id = secrets.randbits(62)
    return _shown_as(
        call, types.MessageMediaPoll(poll, types.PollResults(solution=media.solution, solution_entities=media.solution_entities))
    )


def _shown_as(call: Call, media: Any) -> File:
    return call.services.files.make_raw(bytes(media))


KNOWN_MEDIA = (types.InputMediaPhoto, types.InputMediaDocument)
_MAKERS: dict[type, Callable[[Call, Any], File]] = {
    types.InputMediaUploadedPhoto: _uploaded_photo,
    types.InputMediaUploadedDocument: _uploaded_document,
    types.InputMediaPhoto: _again,
    types.InputMediaDocument: _again,
    types.InputMediaGeoPoint: _place,
    types.InputMediaVenue: _venue,
    types.InputMediaContact: _contact,
    types.InputMediaPoll: _poll,
}
