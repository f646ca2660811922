"""Every method that the server knows, joined from the topics."""

from __future__ import annotations

from testing.telegram_server.rpc import (
    absent,
    account,
    auth,
    basic_groups,
    channel_updates,
    channels,
    configuration,
    contacts,
    data_centres,
    dialogs,
    editing,
    forwarding,
    history,
    login_email,
    notifications,
    qr_login,
    reactions,
    scheduling,
    sending,
    updates,
    upload,
    users,
)
from testing.telegram_server.rpc.table import Methods

TOPICS = (
    absent,
    account,
    auth,
    basic_groups,
    channel_updates,
    channels,
    configuration,
    contacts,
    data_centres,
    dialogs,
    editing,
    forwarding,
    history,
    login_email,
    notifications,
    qr_login,
    scheduling,
    reactions,
    sending,
    updates,
    upload,
    users,
)


def all_methods() -> Methods:
    """Return one table of all methods."""
    joined = Methods()
    for topic in TOPICS:
        joined.update(topic.METHODS)
    return joined
