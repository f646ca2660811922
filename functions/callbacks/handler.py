"""Composition root of the callbacks function."""

from __future__ import annotations

from functions.callbacks import dev_receiver as receiver
from functions.http.http_function import HttpFunction
from shared.settings import HttpSettings
from shared.store.dev_receiver import ReceiverStore
from shared.store.table import Table


class CallbacksSettings(HttpSettings):
    """What this function reads from the environment."""

    deliveries_table_name: str
    dev_callback_receiver: bool = False


settings = CallbacksSettings()
function = HttpFunction(settings)
store = ReceiverStore(Table(function.dynamodb, settings.deliveries_table_name))
handler = function.handler([receiver.router] if settings.dev_callback_receiver else [], receiver.DevReceiver(store, function.clock))
