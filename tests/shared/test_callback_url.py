"""Which URLs may be called back, as written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callback_url import MAX_LENGTH, check
from shared.errors import AvioError, Code

GOOD = """
https://shop.example/ https://shop.example https://shop.example:8443/in?key=a%20b&c=d https://SHOP.Example/x https://xn--e1afmkfd.example/
https://a-b.c_d.example/ https://8.8.8.8/ https://[2606:4700:4700::1111]/ https://[2606:4700:4700::1111]:444/in
https://1.1.1.1./ https://user.example/@name HTTPS://shop.example/ https://0.example/ https://shop.example/;v=1
"""
BAD = """
http://shop.example/ ftp://shop.example/ file:///etc/passwd gopher://shop.example/ //shop.example/ shop.example javascript:alert(1)
https:shop.example https:///in https://:443/ https://shop.example:0/ https://shop.example:99999/ https://shop.example:x/ https://shop.example/#part
https://user@shop.example/ https://user:pw@shop.example/ https://@shop.example/ https://shop.example\\@10.0.0.1/ https://a..b/ https://.shop.example/
https://-shop.example/ https://shop-.example/ https://shop%2eexample/ https://%6cocalhost/ https://[::1 https://[::1]x/ https://shop.example%00/
https://[fe80::1%25eth0]/ https://[2606:4700::1%251]/ https://магазин.example/ https://shop.example./ https://localhost./ https://db.internal./
https://sho\u200bp.example/
"""
PRIVATE = """
https://localhost/ https://LOCALHOST/ https://x.localhost/ https://printer/ https://router.local/ https://db.internal/
https://nas.lan/ https://x.home.arpa/ https://x.intranet/ https://127.0.0.1/ https://127.1/ https://127.0.1/ https://2130706433/ https://0x7f000001/
https://0x7f.1/ https://0177.0.0.1/ https://017700000001/ https://0/ https://0.0.0.0/ https://10.0.0.1/ https://10.1/ https://172.16.0.1/
https://192.168.0.1/ https://192.168.257/ https://169.254.169.254/ https://0xa9fea9fe/ https://0xA9.0xFE.0xA9.0xFE/ https://100.64.0.1/ https://[::1]/
https://[::]/ https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[0:0:0:0:0:0:0:1]/ https://[fd00::1]/ https://[fe80::1]/
https://[64:ff9b::7f00:1]/ https://[2002:7f00:1::]/ https://127.0.0.1./
"""


def refused(url: str, *, allow_http: bool = False, allow_private: bool = False) -> bool:
    """Tell whether a URL is refused, with a sentence for people."""
    refusal: AvioError | None = None
    try:
        assert check(url, allow_http=allow_http, allow_private=allow_private) == url
    except AvioError as error:
        refusal = error
    assert refusal is None or (refusal.code is Code.INVALID_CALLBACK_URL and refusal.detail.endswith("."))
    return refusal is not None


@pytest.mark.parametrize("url", GOOD.split())
def test_public_https_addresses_are_taken(url: str) -> None:
    """As they are: nothing in them is changed."""
    assert not refused(url)


@pytest.mark.parametrize("url", BAD.split())
def test_what_is_no_callback_is_refused_even_where_most_is_allowed(url: str) -> None:
    """Other schemes, credentials, hosts that are none."""
    assert refused(url, allow_http=url != "http://shop.example/", allow_private=True)


@pytest.mark.parametrize("url", PRIVATE.split())
def test_private_hosts_are_refused_however_they_are_spelled(url: str) -> None:
    """Octal, hex, one number, short forms, IPv6 that carries IPv4; and all of it is taken where private hosts are allowed."""
    assert refused(url)
    assert not refused(url, allow_private=True)


@pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\r", " ", "\x7f", "\u00a0", "\u3002", "\uff0e", "\\", "\u202e"])
@pytest.mark.parametrize(
    "url", ["https://shop{}.example/", "https://shop.example/{}x", "{}https://shop.example/", "https://shop.example/{}"]
)
def test_characters_that_parsers_disagree_about_are_refused(url: str, character: str) -> None:
    """What one of them drops or turns into a dot, another keeps."""
    assert refused(url.format(character), allow_private=True)


def test_http_is_taken_only_where_it_is_allowed() -> None:
    """On one machine, not on AWS."""
    assert refused("http://shop.example/")
    assert not refused("http://shop.example/", allow_http=True)


def test_length_is_bounded() -> None:
    """2048 characters, as browsers have it."""
    longest = "https://shop.example/" + "x" * (MAX_LENGTH - 21)
    assert (refused(longest), refused(longest + "x")) == (False, True)


@given(st.text() | st.text().map("https://{}".format) | st.text().map("https://shop.example/{}".format))
def test_any_text_is_taken_or_refused_and_never_a_fault(url: str) -> None:
    """Whatever people paste."""
    refused(url)


SENTENCES = {
    "example.com/hook": "must begin with https:// or http://",
    "https://shop.example:9/": "Port 9 is not a web server's port",
    "https://магазин.example/": "Write its host as xn--80aairftm.example.",
    "https://shop.example./in": "Leave the last dot out",
    "https://user:pw@shop.example/": "callback_headers instead",
    "https://shop.example/#part": "must not contain a #",
    "https://shop.example/" + "x" * 2100: "at most 2048 characters; this URL has 2121",
    "https://shop.example/a b": "%20 is a space",
    "https://shop.example:99999/": "1 to 65535",
    "https:///in": "needs a host",
}


@pytest.mark.parametrize("url", SENTENCES, ids=lambda url: ascii(url)[:40])
def test_a_refusal_says_what_is_wrong_and_what_would_be_right(url: str) -> None:
    """In words for whoever pasted the URL; http is named where it is allowed, and only there."""
    with pytest.raises(AvioError) as refusal:
        check(url, allow_http=True, allow_private=True)
    assert SENTENCES[url] in refusal.value.detail
    with pytest.raises(AvioError) as refusal:
        check("example.com/hook", allow_http=False, allow_private=False)
    assert "http://" not in refusal.value.detail
