"""The Diffie-Hellman group of Telegram: the well-known 2048-bit safe prime with g = 3.

Clients know this prime by heart; any other one makes them prove that it is prime, which takes Telethon minutes
(https://core.telegram.org/mtproto/auth_key, "dh_prime is a safe 2048-bit prime").
"""

from __future__ import annotations

import secrets

G = 3
PRIME = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37"
    "20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4"
    "a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
PRIME_BYTES = PRIME.to_bytes(256, "big")
_SAFE = 1 << (2048 - 64)
_EXPONENT_BITS = 512  # twice the strength wanted is enough in a safe prime's group, and four times cheaper than 2048


def new_secret() -> tuple[int, int]:
    """Return a secret exponent and g to its power, which is in the range that clients check."""
    while True:
        secret = secrets.randbits(_EXPONENT_BITS)
        public = pow(G, secret, PRIME)
        if in_safe_range(public):
            return secret, public


def in_safe_range(public: int) -> bool:
    """Check a public value as both sides must (https://core.telegram.org/mtproto/security_guidelines#g-a-and-g-b-validation)."""
    return _SAFE <= public <= PRIME - _SAFE
