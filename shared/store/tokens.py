"""The deployment's tokens, as digests: so that the functions that face the internet hold no secret."""

from __future__ import annotations

from shared.model.frozen import StoredModel
from shared.store import keys
from shared.store.table import Table


class TokenDigests(StoredModel):
    """SHA-256 of each deployment-wide token, in hex; None where it is not set."""

    admin: str | None = None
    public: str | None = None
    wa_web: str | None = None


class TokenStore:
    """Reads and writes the digests."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self) -> TokenDigests:
        """Return the digests; all None before the first deployment wrote them."""
        row = self._table.get(keys.tokens(), consistent=False) or {}
        return TokenDigests.model_validate({name: value for name, value in row.items() if name not in {"pk", "sk"}})

    def put(self, digests: TokenDigests) -> None:
        """Replace the digests. Safe to run twice."""
        self._table.put({**keys.tokens(), **digests.model_dump()})
