"""What a file is, by how it begins, and what Telegram wants to know of it. A name proves nothing.

Only the few kinds that Telegram shows in a way of its own are told; everything else is a file.
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from listener.telegram.media.upload import Uploaded
from shared.rpc.send_attachments import AttachmentType

PHOTO_BYTES = 10 << 20  # https://core.telegram.org/bots/api#sendphoto: larger ones are sent as files
_VIDEO_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash", b"qt  ")
_AUDIO_BRANDS = (b"M4A ", b"M4B ")


def kind_of(head: bytes, size: int) -> tuple[AttachmentType, str]:
    """Return the type and the MIME type of a file that begins like this."""
    if head.startswith(b"\xff\xd8\xff"):
        return _picture(size), "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _picture(size), "image/png"
    if head[4:8] == b"ftyp":
        return _mp4(head[8:12])
    if head.startswith(b"OggS"):
        return "audio", "audio/ogg"
    if head.startswith(b"ID3") or head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"):
        return "audio", "audio/mpeg"
    if head.startswith(b"fLaC"):
        return "audio", "audio/flac"
    return "file", _other(head)


def _picture(size: int) -> AttachmentType:
    return "photo" if size <= PHOTO_BYTES else "file"


def _mp4(brand: bytes) -> tuple[AttachmentType, str]:
    if brand in _AUDIO_BRANDS:
        return "audio", "audio/mp4"
    if brand in _VIDEO_BRANDS:
        return "video", "video/quicktime" if brand == b"qt  " else "video/mp4"
    return "file", "application/octet-stream"


def _other(head: bytes) -> str:
    known = {b"%PDF-": "application/pdf", b"GIF8": "image/gif", b"PK\x03\x04": "application/zip", b"RIFF": "application/octet-stream"}
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime_type for start, mime_type in known.items() if head.startswith(start)), "application/octet-stream")


def input_media(uploaded: Uploaded, wanted: AttachmentType | None) -> tuple[AttachmentType, Any]:
    """Return the type that a file is sent as, and the media of a request. `wanted` is the caller's word, which counts."""
    found, mime_type = kind_of(uploaded.head, uploaded.size)
    kind = wanted or found
    if kind == "photo":
        return kind, types.InputMediaUploadedPhoto(uploaded.file)
    attributes: list[Any] = [types.DocumentAttributeFilename(uploaded.name)]
    if kind == "video":  # its length and size are for the receiving app to find
        attributes.append(types.DocumentAttributeVideo(0, 0, 0, supports_streaming=True))
    if kind in ("audio", "voice"):
        attributes.append(types.DocumentAttributeAudio(0, voice=kind == "voice"))
    media = types.InputMediaUploadedDocument(uploaded.file, mime_type, attributes, force_file=kind == "file", nosound_video=kind == "video")
    return kind, media
