"""The page in a browser, over the whole system. Needs Debian's chromium and chromium-driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from local.seed import ANNA
from tests.local.phone.conftest import Demo

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's is often too small, and the page then crashes
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
)
DEADLINE_S = 60


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh Chromium."""
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("no Chromium: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def _until(browser: Chrome, what: str, holds: Callable[[], bool]) -> None:
    """Wait until the page shows something; it may be drawn anew while we look."""
    WebDriverWait(browser, DEADLINE_S, poll_frequency=0.05, ignored_exceptions=[Exception]).until(lambda _: holds(), what)


def _console(browser: Chrome) -> list[dict[str, str]]:
    """What the page logged, its errors among it."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]


def _text(browser: Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def test_a_code_arrives_alice_writes_and_the_callback_appears(browser: Chrome, demo: Demo) -> None:
    """The first two minutes of a newcomer, on the page alone; everything appears without reloading."""
    browser.get(f"{demo.connected.url}/phone")
    anna, alice = "[data-person=Anna]", "[data-person=Alice]"
    _until(browser, "both phones", lambda: "Alice's phone" in _text(browser, alice))

    demo.api.post(f"{demo.base}/auth/start", json={"phone": ANNA.phone}).raise_for_status()
    _until(browser, "the code on Anna's phone", lambda: "Login code:" in _text(browser, f"{anna} .messages"))
    _until(browser, "the code beside the lines", lambda: _text(browser, "#code").isdigit())
    code = _text(browser, "#code")
    _until(browser, "that code on Anna's phone", lambda: f"Login code: {code}." in _text(browser, f"{anna} .messages .bubble:last-child"))

    demo.api.post(f"{demo.base}/auth/verify", json={"phone": ANNA.phone, "code": code, "password": ANNA.password}).raise_for_status()
    _until(browser, "the account is logged in", lambda: "Logged in" in _text(browser, "#account"))

    text = "Hi <b>Anna</b> & all"
    browser.find_element(By.CSS_SELECTOR, f"{alice} textarea").send_keys(text, Keys.ENTER)
    _until(browser, "Alice's message on Anna's phone", lambda: text in _text(browser, f"{anna} .messages"))
    _until(browser, "the callback", lambda: text in _text(browser, "#callbacks .callback .quote"))
    _until(browser, "its signatures", lambda: "both signatures hold" in _text(browser, "#callbacks .callback .tags"))

    _until(browser, "the delivery", lambda: "delivered" in _text(browser, "#deliveries .delivery .tags"))
    browser.find_element(By.CSS_SELECTOR, "#deliveries .delivery summary").click()
    _until(browser, "its attempt", lambda: "status 200 after" in _text(browser, "#deliveries .attempt"))
    browser.find_element(By.CSS_SELECTOR, "#deliveries .delivery .replay").click()
    _until(browser, "the second attempt", lambda: "2 attempts" in _text(browser, "#deliveries .delivery summary"))
    assert [entry for entry in _console(browser) if entry["level"] == "SEVERE"] == []
