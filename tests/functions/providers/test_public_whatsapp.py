"""A front end shows the QR code that a provider has posted."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from shared.store.provider_sessions import QR_KEPT
from tests.functions.api import PUBLIC_KEY, Api
from tests.functions.providers.provider import post, token_of

SVG = "<svg xmlns='http://www.w3.org/2000/svg'><title>Войти</title></svg>"


async def asked(api: Api, method: str, name: str, tenant: int, key: str = PUBLIC_KEY, **more: str) -> httpx.Response:
    """Ask as a front end does."""
    return await api.call(method, f"/pub/wa/{name}", headers={}, params={"tenant": str(tenant), "k": key, **more})


async def test_a_code_is_shown_until_it_is_scanned(provider_api: Api) -> None:
    """From nothing over the code to the session that is ready; the image is what was posted."""
    number = (await provider_api.new_tenant())["number"]
    token = await token_of(provider_api, number)
    none = (await asked(provider_api, "GET", "status", number)).json()
    assert none == {**dict.fromkeys(("qr_id", "qr_url", "expires_at")), "state": "failed", "authorized": False, "needs_2fa": False}
    started = await asked(provider_api, "POST", "start", number)
    assert (started.status_code, started.json()["error"]) == (502, "qr_expired")
    assert (await asked(provider_api, "GET", "qr.svg", number)).json()["error"] == "qr_not_found"
    for qr_id in ("1", "2"):
        await post(provider_api, token, {"event": "qr", "tenant": number, "qr_id": qr_id, "svg": SVG})
    status = (await asked(provider_api, "GET", "status", number)).json()
    assert (status["state"], status["qr_id"], status["authorized"]) == ("need_qr", "2", False)
    started = await asked(provider_api, "POST", "start", number)
    assert started.json() == {name: status[name] for name in ("qr_id", "expires_at", "state", "qr_url")}
    named = {name: values[0] for name, values in parse_qs(urlsplit(status["qr_url"]).query).items()}
    assert named == {"tenant": str(number), "qr_id": "2", "k": PUBLIC_KEY}
    for wanted in ({}, {"qr_id": "2"}, {"qr_id": "1"}):
        image = await asked(provider_api, "GET", "qr.svg", number, **wanted)
        assert (image.status_code, image.text, image.headers["Content-Type"]) == (200, SVG, "image/svg+xml; charset=utf-8")
        assert "default-src 'none'" in image.headers["Content-Security-Policy"]
        assert "sandbox" in image.headers["Content-Security-Policy"]
        assert image.headers["X-Content-Type-Options"] == "nosniff"
    await post(provider_api, token, {"event": "ready", "tenant": number})
    ready = (await asked(provider_api, "GET", "status", number)).json()
    assert (ready["state"], ready["authorized"], ready["qr_id"]) == ("authorized", True, None)
    assert (await asked(provider_api, "POST", "start", number)).json()["error"] == "already_authorized"


async def test_a_repeated_code_does_not_undo_that_the_session_is_ready(provider_api: Api) -> None:
    """The answer to the first post was lost, and meanwhile somebody scanned it. The code lives no longer for it either."""
    number = (await provider_api.new_tenant())["number"]
    token, code = await token_of(provider_api, number), {"event": "qr", "tenant": number, "qr_id": "1", "svg": SVG}
    await post(provider_api, token, code)
    await post(provider_api, token, {"event": "ready", "tenant": number})
    provider_api.clock.advance(QR_KEPT.total_seconds() / 2)
    assert (await post(provider_api, token, code)).status_code == 200
    assert (await asked(provider_api, "GET", "status", number)).json()["state"] == "authorized"
    provider_api.clock.advance(QR_KEPT.total_seconds() / 2)
    assert (await asked(provider_api, "GET", "qr.svg", number, qr_id="1")).status_code == 404


async def test_a_code_whose_time_is_over_is_410(provider_api: Api) -> None:
    """And the status says that the log-in has to begin anew."""
    number = (await provider_api.new_tenant())["number"]
    await post(provider_api, await token_of(provider_api, number), {"event": "qr", "tenant": number, "qr_id": "1", "svg": SVG})
    provider_api.clock.advance(QR_KEPT.total_seconds())
    gone = await asked(provider_api, "GET", "qr.svg", number, qr_id="1")
    assert (gone.status_code, gone.json()["error"]) == (410, "qr_expired")
    assert (await asked(provider_api, "GET", "qr.svg", number, qr_id="2")).status_code == 404
    assert (await asked(provider_api, "GET", "status", number)).json()["state"] == "failed"
    assert (await asked(provider_api, "POST", "start", number)).status_code == 502


async def test_only_a_public_key_opens_it(provider_api: Api) -> None:
    """401 without or with a wrong one, 404 for no tenant, 422 without a tenant."""
    tenant = await provider_api.new_tenant()
    token = await token_of(provider_api, tenant["number"])
    for method, name in (("GET", "status"), ("POST", "start"), ("GET", "qr.svg")):
        assert (await asked(provider_api, method, name, tenant["number"], key="wrong")).status_code == 401
        assert (await asked(provider_api, method, name, tenant["number"], key=token)).status_code == 401
        assert (await asked(provider_api, method, name, 999_999)).status_code == 404
        assert (await provider_api.call(method, f"/pub/wa/{name}?k={PUBLIC_KEY}", headers={})).status_code == 422
