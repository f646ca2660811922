"""One person's account with two tenants: two sessions at Telegram, neither of which knows of the other."""

from __future__ import annotations

from shared.model.ids import TenantId
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, arrived, code_of, connected, message, people, texts, write
from tests.support.listener_harness import ListenerHarness, telegram, until

__all__ = ["people"]
OTHER = TenantId("22222222-2222-2222-2222-222222222222")


async def test_both_receive_and_logging_one_out_leaves_the_other(harness: ListenerHarness, server: TelegramServer) -> None:
    """Each has a key of its own."""
    async with harness.worker().running() as worker:
        first, second = [await worker.account(tenant) for tenant in (TENANT, OTHER)]
        for account in (first, second):
            await telegram(account).flow.start(ANNA)
            await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)
            await connected(account)
        write(server, "to both")
        found = await harness.queued(2)
        assert texts(found) == ["to both", "to both"]
        assert {event["tenant_id"] for event in found} == {TENANT, OTHER}
        assert (await first.log_out()).state == "logged_out"
        await until(lambda: len(server.people.authorizations(ANNA)) == 1)
        write(server, "to the other")
        assert texts(await harness.queued(1)) == ["to the other"]
        await telegram(second).send(message("still here"))
        assert await arrived(server) == ["still here"]
