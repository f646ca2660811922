"""What a target may be asked for."""

from __future__ import annotations

import pytest

from infra_cdk.settings import SettingsError, StackSettings, Target, from_environment


@pytest.mark.parametrize("name", ["ALLOW_HTTP_CALLBACKS", "ALLOW_PRIVATE_CALLBACKS"])
def test_aws_refuses_unsafe_callbacks_aloud(name: str) -> None:
    """A flag that has no effect would be believed to have one."""
    with pytest.raises(SettingsError, match=name):
        from_environment("aws", {name: "1"})


def test_aws_takes_the_flags_when_they_say_no() -> None:
    """The same .env may serve both targets."""
    assert from_environment("aws", {"ALLOW_HTTP_CALLBACKS": "0", "ALLOW_PRIVATE_CALLBACKS": ""}) == StackSettings("aws")


def test_one_machine_allows_what_its_own_receiver_needs() -> None:
    """http, private addresses and the receiver itself."""
    settings = from_environment("local", {})
    assert (settings.allow_http_callbacks, settings.allow_private_callbacks, settings.dev_callback_receiver) == ("1", "1", "1")
    assert not settings.durable


def test_the_receiver_can_be_switched_off_and_on() -> None:
    """On one machine off, on AWS on."""
    assert from_environment("local", {"DEV_CALLBACK_RECEIVER": "0"}).dev_callback_receiver == "0"
    assert from_environment("aws", {"DEV_CALLBACK_RECEIVER": "true"}).dev_callback_receiver == "1"


def test_an_operators_choices_are_taken_over() -> None:
    """Origins, outbox and its whitelist."""
    chosen = {"CORS_ORIGINS": "https://a.example", "OUTBOX_ENABLED": "yes", "OUTBOX_WHITELIST": "me, @x"}
    settings = from_environment("aws", chosen)
    assert (settings.cors_origins, settings.outbox_enabled, settings.outbox_whitelist) == ("https://a.example", "1", "me, @x")


@pytest.mark.parametrize("target", ["aws", "local"])
def test_a_public_key_that_is_the_admin_token_is_refused(target: Target) -> None:
    """Before anything is deployed; the value is not repeated."""
    with pytest.raises(SettingsError, match="PUBLIC_KEY equals ADMIN_TOKEN") as refused:
        from_environment(target, {"PUBLIC_KEY": "the-same", "ADMIN_TOKEN": "the-same"})
    assert "the-same" not in str(refused.value)
    from_environment(target, {"PUBLIC_KEY": "one", "ADMIN_TOKEN": "another"})


def test_links_begin_with_the_address_that_is_set() -> None:
    """APP_BASE_URL, where it is one."""
    assert from_environment("aws", {"APP_BASE_URL": "https://api.avio.website"}).app_base_url == "https://api.avio.website"
    with pytest.raises(SettingsError, match="APP_BASE_URL"):
        from_environment("aws", {"APP_BASE_URL": "api.avio.website"})
