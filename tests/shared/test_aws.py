"""Clients of AWS: which are made when, and how often."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from shared.aws import _once


def test_a_client_that_many_threads_ask_for_at_once_is_made_once() -> None:
    """a session is not made for several threads; all get the one that the first had made."""
    asking, made = threading.Barrier(8), list[object]()

    @_once
    def client() -> object:
        made.append(object())
        return made[-1]

    def ask(_: int) -> object:
        asking.wait(10)
        return client()

    with ThreadPoolExecutor(8) as threads:
        given = set(threads.map(ask, range(8)))
    assert given == set(made)
    assert len(made) == 1
