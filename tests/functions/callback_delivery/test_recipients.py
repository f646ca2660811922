"""Recipients: signing secrets, replaced secrets and headers in the clear."""

from __future__ import annotations

import json

import pytest

from functions.callback_delivery.recipients import FRESH_S, DeploymentSigningSecret, Recipient, Recipients
from functions.http.sealing import seal
from functions.tenants.credential_service import CredentialService
from local.emulator_account import EmulatorAccount
from shared.crypto import DecryptionFailed, Envelope, Purpose
from shared.model.tenant import OVERLAP, Tenant
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from tests.support.clock import FakeClock


class RecipientEnvironment:
    """Recipients, and the services that change them."""

    def __init__(self, account: EmulatorAccount, clock: FakeClock) -> None:
        self.clock = clock
        self.tenants = TenantStore(Table(account.client("dynamodb"), account.table_name))
        self.kms = kms = account.client("kms")
        self.secrets = secrets = account.client("secretsmanager")
        secrets.create_secret(Name="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": "the deployment's"}))
        self.envelope = Envelope(lambda: kms, account.kms_key_id)
        self.credentials = CredentialService(self.tenants, self.envelope, clock)
        self.recipients = Recipients(self.tenants, self.envelope, DeploymentSigningSecret(secrets, "avio", clock), clock)

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
        """Return a tenant's recipient after all caches have expired."""
        self.clock.advance(FRESH_S)
        found = self.recipients.get(tenant.id)
        assert found
        return found


@pytest.fixture
def environment(account: EmulatorAccount, clock: FakeClock) -> RecipientEnvironment:
    """Recipients on the emulator."""
    return RecipientEnvironment(account, clock)


def test_a_replaced_secret_signs_too_until_its_time_is_up(environment: RecipientEnvironment) -> None:
    """The oldest first; a day later the newest is alone."""
    tenant = environment.new_tenant("whsec_AAAA")
    second = environment.rotate(tenant)
    third = environment.rotate(tenant)
    found = environment.found(tenant)
    assert (found.secret, found.previous) == (third, ("whsec_AAAA", second))
    environment.clock.advance(OVERLAP.total_seconds())
    found = environment.found(tenant)
    assert (found.secret, found.previous) == (third, ())


def test_a_tenant_without_a_secret_signs_with_the_deployments_and_may_move_on_to_its_own(environment: RecipientEnvironment) -> None:
    """Its receivers know the deployment's secret, which stays valid beside the tenant's first secret."""
    tenant = environment.new_tenant(None)
    assert (environment.found(tenant).secret, environment.found(tenant).previous) == ("the deployment's", ())
    own = environment.rotate(tenant)
    assert (environment.found(tenant).secret, environment.found(tenant).previous) == (own, ("the deployment's",))


def test_headers_are_there_in_the_clear(environment: RecipientEnvironment) -> None:
    """As the tenant set them; none if it set none."""
    tenant = environment.new_tenant()
    assert environment.found(tenant).headers == {}
    sealed = seal(environment.envelope, tenant.id, json.dumps({"Authorization": "Bearer x"}))
    environment.tenants.change(tenant.id, {"callback_headers": sealed})
    assert environment.found(tenant).headers == {"Authorization": "Bearer x"}


def test_an_addressee_prints_no_secret(environment: RecipientEnvironment) -> None:
    """In no representation."""
    tenant = environment.new_tenant("whsec_SECRET")
    environment.rotate(tenant)
    assert "SECRET" not in repr(environment.found(tenant)) + str(environment.found(tenant))


def test_a_secret_and_headers_cannot_stand_in_for_each_other(environment: RecipientEnvironment) -> None:
    """A write to a tenant's row can neither send the secret as a header, nor sign with its headers."""
    secret = seal(environment.envelope, (tenant := environment.new_tenant()).id, "whsec_AAAA")
    headers = seal(environment.envelope, tenant.id, json.dumps({"X-A": "b"}), Purpose.HEADERS)
    old_headers = seal(environment.envelope, tenant.id, json.dumps({"X-A": "b"}))
    environment.tenants.change(tenant.id, {"callback_headers": secret})
    with pytest.raises(DecryptionFailed):
        environment.found(tenant)
    for one in (headers, old_headers):
        environment.tenants.change(tenant.id, {"callback_headers": None, "signing_key": one.key, "signing_secret": one.sealed})
        with pytest.raises(DecryptionFailed):
            environment.found(tenant)


def test_headers_that_an_earlier_version_sealed_are_still_sent(environment: RecipientEnvironment) -> None:
    """They were sealed for the purpose of secrets; the next change seals them for headers."""
    tenant = environment.new_tenant()
    environment.tenants.change(tenant.id, {"callback_headers": seal(environment.envelope, tenant.id, json.dumps({"X-A": "b"}))})
    assert environment.found(tenant).headers == {"X-A": "b"}


def test_the_deployments_secret_is_read_again_after_ten_seconds(environment: RecipientEnvironment) -> None:
    """A changed one takes effect within this time, and an attempt does not wait for Secrets Manager."""
    tenant = environment.new_tenant(None)
    assert environment.found(tenant).secret == "the deployment's"
    environment.secrets.put_secret_value(SecretId="avio", SecretString=json.dumps({"CALLBACK_SIGNING_SECRET": "the new one"}))
    environment.clock.advance(FRESH_S - 0.1)
    assert (kept := environment.recipients.get(tenant.id))
    assert kept.secret == "the deployment's"
    environment.clock.advance(0.1)
    assert (read := environment.recipients.get(tenant.id))
    assert read.secret == "the new one"


def test_a_sealed_secret_is_opened_once(environment: RecipientEnvironment) -> None:
    """However often its tenant is read: KMS is asked for what is new."""
    tenant, asked = environment.new_tenant(), list[str]()
    environment.kms.meta.events.register("before-call.kms.Decrypt", lambda **_: asked.append("Decrypt"))
    for _ in range(3):
        environment.found(tenant)
    assert len(asked) == 1
    environment.rotate(tenant)
    environment.found(tenant)
    assert len(asked) == 2
