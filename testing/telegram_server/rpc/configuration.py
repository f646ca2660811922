"""help.*: what a client asks before anything else (https://core.telegram.org/method/help.getConfig)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.freezing import app_config
from testing.telegram_server.rpc.table import Methods

METHODS = Methods()
MESSAGE_LENGTH_MAX, CAPTION_LENGTH_MAX = 4096, 1024


@METHODS.serves(functions.help.GetConfigRequest, needs_login=False)
def get_config(call: Call, request: Any) -> Any:
    return types.Config(
        date=call.now,
        expires=call.now + 3600,
        test_mode=True,
        this_dc=call.connection.dc,
        dc_options=_dc_options(call),
        dc_txt_domain_name="",
        chat_size_max=200,
        megagroup_size_max=200_000,
        forwarded_count_max=100,
        online_update_period_ms=210_000,
        offline_blur_timeout_ms=5_000,
        offline_idle_timeout_ms=30_000,
        online_cloud_timeout_ms=300_000,
        notify_cloud_delay_ms=30_000,
        notify_default_delay_ms=1_500,
        push_chat_period_ms=60_000,
        push_chat_limit=2,
        edit_time_limit=172_800,
        revoke_time_limit=2_147_483_647,
        revoke_pm_time_limit=2_147_483_647,
        rating_e_decay=2_419_200,
        stickers_recent_limit=200,
        channels_read_media_period=604_800,
        call_receive_timeout_ms=20_000,
        call_ring_timeout_ms=90_000,
        call_connect_timeout_ms=30_000,
        call_packet_timeout_ms=10_000,
        me_url_prefix="https://t.me/",
        caption_length_max=CAPTION_LENGTH_MAX,
        message_length_max=MESSAGE_LENGTH_MAX,
        webfile_dc_id=DC_ID,
    )


@METHODS.serves(functions.help.GetAppConfigRequest, needs_login=False)
def get_app_config(call: Call, request: Any) -> Any:
    """Answer with what a frozen account finds there, and with nothing else of the many things that Telegram tells."""
    frozen = call.me.frozen if call.key.user_id is not None else None
    told = [] if frozen is None else app_config(frozen)
    return types.help.AppConfig(0, types.JsonObject(told))


@METHODS.serves(functions.help.GetNearestDcRequest, needs_login=False)
def get_nearest_dc(call: Call, request: Any) -> Any:
    return types.NearestDc("US", call.connection.dc, DC_ID)


def _dc_options(call: Call) -> list[Any]:
    """Return each data centre's addresses, as seen from where the client is connected."""
    host, options = call.connection.local_host, []
    for dc, ports in call.services.hub.ports.items():
        options += [types.DcOption(dc, host, ports.main), types.DcOption(dc, host, ports.media, media_only=True)]
    return options
