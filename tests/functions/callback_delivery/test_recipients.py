"""To whom events go, with what in the clear: secrets, those that they replaced, and headers."""

from __future__ import annotations

import json

import pytest

from functions.callback_delivery.recipients import FRESH_S, DeploymentSecret, Recipient, Recipients
from functions.tenants.credentials import Credentials
from functions.tenants.directory import seal
from local.aws_account import Account
from shared.crypto import Envelope, Purpose, Unreadable
from shared.model.tenant import OVERLAP, Tenant
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from tests.support.clock import FakeClock


class Office:
    """Addressees beside what changes them."""

    def __init__(self, account: Account, clock: FakeClock) -> None:
        self.clock = clock
        self.tenants = TenantStore(Table(account.client("dynamodb"), account.table_name))
        kms, secrets = account.client("kms"), account.client("secretsmanager")
        secrets.create_secret(Name="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": "the deployment's"}))
        self.envelope = Envelope(lambda: kms, account.kms_key_id)
        self.credentials = Credentials(self.tenants, self.envelope, clock)
        self.recipients = Recipients(self.tenants, self.envelope, DeploymentSecret(secrets, "avio", clock), clock)

    def new_tenant(self, secret: str | None = "whsec_AAAA") -> Tenant:
        """Make a tenant with this signing secret, or none of its own."""
        tenant_id = new_tenant_id()
        sealed = seal(self.envelope, tenant_id, secret) if secret else None
        signing = (sealed.key, sealed.sealed) if sealed else None
        return self.tenants.create("Shop", "https://shop.example/", self.clock.now(), signing, tenant_id)[0]

    def rotate(self, tenant: Tenant) -> str:
        """Rotate a tenant's secret; return the new one."""
        stored = self.tenants.get(tenant.id)
        assert stored
        return self.credentials.rotate(stored)[0].get_secret_value()

    def found(self, tenant: Tenant) -> Recipient:
        """Return a tenant's recipient, as it is once nothing older is remembered."""
        self.clock.advance(FRESH_S)
        found = self.recipients.get(tenant.id)
        assert found
        return found


@pytest.fixture
def office(account: Account, clock: FakeClock) -> Office:
    """Addressees on the emulator."""
    return Office(account, clock)


def test_a_replaced_secret_signs_too_until_its_time_is_up(office: Office) -> None:
    """The oldest first; a day later the newest is alone."""
    tenant = office.new_tenant("whsec_AAAA")
    second = office.rotate(tenant)
    third = office.rotate(tenant)
    found = office.found(tenant)
    assert (found.secret, found.previous) == (third, ("whsec_AAAA", second))
    office.clock.advance(OVERLAP.total_seconds())
    found = office.found(tenant)
    assert (found.secret, found.previous) == (third, ())


def test_a_tenant_without_a_secret_signs_with_the_deployments_and_may_move_on_to_its_own(office: Office) -> None:
    """Its receivers know the deployment's: that stays valid beside the first one of its own."""
    tenant = office.new_tenant(None)
    assert (office.found(tenant).secret, office.found(tenant).previous) == ("the deployment's", ())
    own = office.rotate(tenant)
    assert (office.found(tenant).secret, office.found(tenant).previous) == (own, ("the deployment's",))


def test_headers_are_there_in_the_clear(office: Office) -> None:
    """As the tenant gave them; none where it gave none."""
    tenant = office.new_tenant()
    assert office.found(tenant).headers == {}
    sealed = seal(office.envelope, tenant.id, json.dumps({"Authorization": "Bearer x"}))
    office.tenants.change(tenant.id, {"callback_headers": sealed})
    assert office.found(tenant).headers == {"Authorization": "Bearer x"}


def test_an_addressee_prints_no_secret(office: Office) -> None:
    """Whatever logs it."""
    tenant = office.new_tenant("whsec_SECRET")
    office.rotate(tenant)
    assert "SECRET" not in repr(office.found(tenant)) + str(office.found(tenant))


def test_a_secret_and_headers_cannot_stand_in_for_each_other(office: Office) -> None:
    """Whoever can write a tenant's row still cannot have its secret sent along, nor sign with what lies in its headers."""
    secret = seal(office.envelope, (tenant := office.new_tenant()).id, "whsec_AAAA")
    headers = seal(office.envelope, tenant.id, json.dumps({"X-A": "b"}), Purpose.HEADERS)
    old_headers = seal(office.envelope, tenant.id, json.dumps({"X-A": "b"}))
    office.tenants.change(tenant.id, {"callback_headers": secret})
    with pytest.raises(Unreadable):
        office.found(tenant)
    for one in (headers, old_headers):
        office.tenants.change(tenant.id, {"callback_headers": None, "signing_key": one.key, "signing_secret": one.sealed})
        with pytest.raises(Unreadable):
            office.found(tenant)


def test_headers_that_an_earlier_version_sealed_are_still_sent(office: Office) -> None:
    """They were sealed for the purpose of secrets; the next change of them seals them for their own."""
    tenant = office.new_tenant()
    office.tenants.change(tenant.id, {"callback_headers": seal(office.envelope, tenant.id, json.dumps({"X-A": "b"}))})
    assert office.found(tenant).headers == {"X-A": "b"}
