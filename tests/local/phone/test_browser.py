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

from local import telegram_server_process
from local.seed import ANNA
from tests.local.phone.conftest import DemoHarness, PhonePageHarness, page_over

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


def test_a_code_arrives_alice_writes_and_the_callback_appears(browser: Chrome, demo: DemoHarness) -> None:
    """The first two minutes of a newcomer, on the page alone; everything appears without reloading."""
    browser.get(demo.connected.page)
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
    _until(browser, "who wrote it, and what", lambda: f"Alice: {text}" in _text(browser, "#deliveries .delivery .told"))
    assert "done" in _class(browser, "#steps li:last-child")
    assert [entry for entry in _console(browser) if entry["level"] == "SEVERE"] == []


def test_annas_phone_scans_the_code_that_the_page_shows(browser: Chrome, demo: DemoHarness) -> None:
    """A click on the code is her camera; another phone takes the link."""
    browser.get(demo.connected.page)
    _until(browser, "the phones", lambda: "Anna's phone" in _text(browser, "[data-person=Anna]"))
    demo.api.post(f"{demo.base}/auth/qr", json={}).raise_for_status()
    _until(browser, "the code", lambda: browser.find_element(By.CSS_SELECTOR, "#qr img").is_displayed())
    browser.find_element(By.CSS_SELECTOR, "#qr .scan").click()
    _until(browser, "the password is wanted", lambda: demo.status()["state"] == "need_2fa")
    _until(browser, "the code is gone", lambda: not browser.find_element(By.CSS_SELECTOR, "#qr").is_displayed())
    alice = "[data-person=Alice]"
    browser.find_element(By.CSS_SELECTOR, f"{alice} .lens").click()
    browser.find_element(By.CSS_SELECTOR, f"{alice} .camera input").send_keys("https://example.org", Keys.ENTER)
    _until(browser, "why not", lambda: "tg://login" in _text(browser, f"{alice} .problem"))
    demo.api.post(f"{demo.base}/auth/verify", json={"password": ANNA.password}).raise_for_status()
    _until(browser, "the account is logged in", lambda: "Logged in" in _text(browser, "#account"))


def test_a_callback_test_is_no_message(browser: Chrome, phones: PhonePageHarness) -> None:
    """The fourth step is done when Alice has written, and not when the callback was tried."""
    message = {"sender_name": "Alice", "text": "Hi"}
    phones.received[:] = [{"id": "evt_0", "event": "test", "tenant": 7}]
    browser.get(phones.page)
    _until(browser, "the callback", lambda: "test" in _text(browser, "#callbacks .callback"))
    assert "done" not in _class(browser, "#steps li:last-child")
    phones.received[:] = [{"id": "evt_1", "event": "message", "tenant": 7, "message": message}]
    _until(browser, "the fourth step", lambda: "done" in _class(browser, "#steps li:last-child"))
    _until(browser, "who wrote it, and what", lambda: "Alice: Hi" in _text(browser, "#deliveries .delivery .told"))


def test_the_page_says_that_the_test_server_is_away_and_goes_on_by_itself(browser: Chrome, tmp_path: Path) -> None:
    """The rest of it stays: the lines, the webhook, the deliveries; opened meanwhile it is not blank either."""
    with page_over(tmp_path / "state") as phones:
        browser.get(phones.page)
        _until(browser, "the phones", lambda: "Alice's phone" in _text(browser, "[data-person=Alice]"))
        assert phones.telegram
        phones.telegram.process.stop()
        words = "The Telegram test server does not answer"
        _until(browser, "the words", lambda: words in _text(browser, "#phones") and words in _text(browser, "#link"))
        browser.refresh()
        _until(browser, "the words again", lambda: words in _text(browser, "#phones"))
        _until(browser, "the rest", lambda: len(browser.find_elements(By.CSS_SELECTOR, "#steps li")) == 4)
        with telegram_server_process.start(tmp_path / "state").process:
            _until(browser, "the phones again", lambda: "Alice's phone" in _text(browser, "[data-person=Alice]"))
            _until(browser, "no word of it", lambda: not browser.find_element(By.CSS_SELECTOR, "#link").is_displayed())


def test_without_the_link_of_make_up_the_page_shows_nothing_and_with_it_all(browser: Chrome, phones: PhonePageHarness) -> None:
    """Pasted into the open page, too; afterwards the browser knows the key, and the address does not show it."""
    page, _, key = phones.page.partition("#k=")
    browser.get(page)
    _until(browser, "where to find the key", lambda: "make up" in _text(browser, "#locked"))
    assert not browser.find_element(By.CSS_SELECTOR, "main").is_displayed()
    browser.get(phones.page)
    _until(browser, "the phones", lambda: "Alice's phone" in _text(browser, "[data-person=Alice]"))
    assert key not in browser.current_url
    browser.get(page)
    _until(browser, "the phones again", lambda: "Alice's phone" in _text(browser, "[data-person=Alice]"))


def test_everything_can_be_hit_and_is_called_what_it_says(browser: Chrome, phones: PhonePageHarness) -> None:
    """WCAG 2.2: targets of 24 px (2.5.8), and names that begin with the words on them (2.5.3)."""
    browser.get(phones.page)
    _until(browser, "a delivery", lambda: "Replay" in _text(browser, "#deliveries .replay"))
    _until(browser, "all of the page", lambda: "Alice's phone" in _text(browser, "[data-person=Alice]"))
    _until(browser, "the lines", lambda: len(browser.find_elements(By.CSS_SELECTOR, ".copy")) == 4)
    for summary in browser.find_elements(By.CSS_SELECTOR, "#over summary"):
        summary.click()
    browser.find_element(By.CSS_SELECTOR, ".copy").click()
    _until(browser, "the button says what it did", lambda: _text(browser, ".copy") in ("Copied", "Selected"))
    assert browser.execute_script(_WRONG_TARGETS) == []


_WRONG_TARGETS = """
const wrong = [];
for (const one of document.querySelectorAll("a, button, summary, select, textarea")) {
  const { width, height } = one.getBoundingClientRect();
  if (!width) continue;
  const words = one.matches("select, textarea") ? "" : one.innerText.trim();
  if (width < 24 || height < 24) wrong.push(`${one.tagName} ${words}: ${width} x ${height}`);
  const name = one.getAttribute("aria-label");
  if (name && words && !name.toLowerCase().includes(words.toLowerCase())) wrong.push(`${name} says ${words}`);
}
return wrong;
"""


def _class(browser: Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).get_attribute("class") or ""
