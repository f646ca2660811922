"""RPC errors (https://core.telegram.org/api/errors): a code, and a name in capitals that clients match on."""

from __future__ import annotations

SEE_OTHER = 303


class RpcError(Exception):
    """Raised by a method, answered as rpc_error."""

    def __init__(self, code: int, name: str) -> None:
        super().__init__(f"{code} {name}")
        self.code, self.name = code, name


def see_other(name: str) -> RpcError:
    """Return the error of a request that belongs to another data centre (https://core.telegram.org/api/errors#303-see-other)."""
    return RpcError(SEE_OTHER, name)


def bad_request(name: str) -> RpcError:
    return RpcError(400, name)


def unauthorized(name: str = "AUTH_KEY_UNREGISTERED") -> RpcError:
    return RpcError(401, name)


def forbidden(name: str) -> RpcError:
    return RpcError(403, name)


def not_acceptable(name: str) -> RpcError:
    return RpcError(406, name)
