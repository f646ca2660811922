"""The digests of the deployment's tokens. With them, the functions that face the internet need no secret."""

from __future__ import annotations

from shared.model.frozen import StoredModel
from shared.store import keys
from shared.store.table import Table


class TokenDigests(StoredModel):
    """The SHA-256 of each token, in hex; None for a token that is not set."""

    admin: str | None = None
    public: str | None = None
    wa_web: str | None = None


class TokenStore:
    """Reads and writes the digests."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self) -> TokenDigests:
        """Return the digests. All are None until they are first published."""
        row = self._table.get(keys.tokens(), consistent=False) or {}
        return TokenDigests.model_validate({name: value for name, value in row.items() if name not in {"pk", "sk"}})

    def put(self, digests: TokenDigests) -> None:
        """Replace the digests. Safe to run twice."""
        self._table.put({**keys.tokens(), **digests.model_dump()})
