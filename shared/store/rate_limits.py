"""Counts a tenant's requests against its rate limit, in one item that one conditional update changes.

    limit up to 100    a ring: one slot per request, `s0`, `s1`, ..., each with the time when it was last taken
    above              a token bucket: `tat`, the time at which the bucket would be full again (GCRA)

A slot is taken only when its last time is a whole window ago. So each of the `limit` slots is taken at most once in any window, whoever
takes it, and no count has to be kept. Callers at once take different slots; of two at one slot the condition lets one through, and the
other tries another free slot of the item that the refusal shows. A refused request writes nothing.

Times are microseconds of the callers' clocks. A clock that is ahead by d finds slots free d too early; one that is behind writes the newest
time in the item in place of its own. So at most `limit` requests pass in any window that is shorter by the largest difference of two
clocks.
https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.model.rate_limit import RateLimit
from shared.store.keys import Key
from shared.store.table import Item, Update

_US = 1_000_000
_KEPT_S = 3600
"""How long the item outlives its window."""
Choose = Callable[[Sequence[int]], int]


@dataclass(frozen=True)
class Usage:
    """How many requests may be made now, and the seconds until one more may; None while none counts."""

    remaining: int
    more_in_s: float | None


class LimitReached(Exception):
    """No request may be made now."""

    def __init__(self, usage: Usage) -> None:
        super().__init__("rate limit exhausted")
        self.usage = usage


def usage(policy: RateLimit, row: Item, now_s: float) -> Usage:
    """Return what an item says of the usage of a limit; an item that does not exist is an empty one."""
    return _ring_usage(policy, row, _us(now_s)) if policy.exact else _bucket_usage(policy, row, _us(now_s))


def taking(policy: RateLimit, key: Key, row: Item, now_s: float, choose: Choose) -> Update:
    """Return the update that takes one request, as far as an item shows; raise LimitReached where it shows that there is none to take.

    `choose` picks one of several free slots: at random, so that callers at once seldom pick the same. The update's condition fails where
    the item has changed in between.
    """
    found = usage(policy, row, now_s)
    if found.remaining < 1:
        raise LimitReached(found)
    values, now_us = {":expires": int(now_s) + policy.window_s + _KEPT_S}, _us(now_s)
    if policy.exact:
        stamps, cutoff = _stamps(row), now_us - policy.window_s * _US
        slot = choose(_free(stamps, policy.limit, cutoff))
        at = max(now_us, *stamps.values()) if stamps else now_us
        return Update(
            key,
            "SET #slot = :at, expires_at = :expires",
            {**values, ":at": at, ":cutoff": cutoff},
            "attribute_not_exists(#slot) OR #slot <= :cutoff",
            {"#slot": f"s{slot}"},
        )
    interval, tat = _interval(policy), row.get("tat", 0)
    if tat > now_us:  # additions do not disturb each other: callers at once all pass
        latest = now_us + (policy.limit - 1) * interval
        added = {**values, ":interval": interval, ":now": now_us, ":latest": latest}
        return Update(key, "SET expires_at = :expires ADD tat :interval", added, "tat > :now AND tat <= :latest")
    fresh = {**values, ":fresh": now_us + interval, ":now": now_us}
    return Update(key, "SET tat = :fresh, expires_at = :expires", fresh, "attribute_not_exists(tat) OR tat <= :now")


def _stamps(row: Item) -> dict[int, int]:
    return {int(name[1:]): at for name, at in row.items() if name[0] == "s" and name[1:].isdecimal()}


def _free(stamps: Mapping[int, int], limit: int, cutoff: int) -> list[int]:
    """Return the slots that may be taken.

    After the limit was lowered, slots beyond it may still count. Then only the first `bound` slots may be taken, and the others count until
    their window has passed: the bound only rises, so callers at once never take more than the limit together.
    """
    counted = {slot for slot, at in stamps.items() if at > cutoff}
    bounds = (bound for bound in range(limit, -1, -1) if bound + sum(slot >= bound for slot in counted) <= limit)
    return [slot for slot in range(next(bounds, 0)) if slot not in counted]


def _ring_usage(policy: RateLimit, row: Item, now_us: int) -> Usage:
    stamps, window_us = _stamps(row), policy.window_s * _US
    free = len(_free(stamps, policy.limit, now_us - window_us))
    ends = sorted(at + window_us for at in stamps.values() if at + window_us > now_us)
    more = next((end for end in ends if len(_free(stamps, policy.limit, end - window_us)) > free), None)
    return Usage(free, None if more is None else (more - now_us) / _US)


def _bucket_usage(policy: RateLimit, row: Item, now_us: int) -> Usage:
    interval, ahead = _interval(policy), max(0, row.get("tat", 0) - now_us)
    room = policy.limit * interval - ahead
    if not ahead:
        return Usage(policy.limit, None)
    return Usage(max(0, room // interval), (interval - room % interval if room >= 0 else interval - room) / _US)


def _interval(policy: RateLimit) -> int:
    return -(-policy.window_s * _US // policy.limit)


def _us(seconds: float) -> int:
    return round(seconds * _US)
