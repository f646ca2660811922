"""The steps that a request goes through between its route's address and the route's own code.

    authenticate    who calls, and may they call this route in this tenant?    401 403 404   authenticator.py
    rate limit      has the caller sent too much?                              429           of no route; those that act: acting.py
    idempotency     does the route take the Idempotency-Key?                   400           idempotency.py
    checks          does the route take the rest of the request?               400 415 422   request_checks.py
    route           first its body's fields, then its own code

Strangers are refused first: they use up no limit, and learn nothing of the routes. A route that acts at the messenger (acting.py) counts a
request after its form was checked: what is refused counts for nothing. The rows for that are read with the tenant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import Request

from functions.http import idempotency, request_checks
from functions.http.act_service import ActService
from functions.http.acting import acts
from functions.http.authenticator import Access, Authenticator
from functions.http.callers import Beside, Caller, CallerKind, no_rows
from shared.model.tenant import Scope, Tenant

Step = Callable[[Request, Caller, Tenant | None], None]
"""A step knows the request, its caller, and the tenant in its path, if there is one."""


@dataclass(frozen=True)
class Pipeline:
    """Takes requests through the steps."""

    authenticator: Authenticator
    acts: ActService
    rate_limit: tuple[Step, ...] = ()
    idempotency: tuple[Step, ...] = (idempotency.refuse_unheeded_key,)
    checks: tuple[Step, ...] = (request_checks.check_step,)

    def caller(self, request: Request, kinds: Sequence[CallerKind]) -> Caller:
        """Take a request through all steps; return its caller."""
        caller = self.authenticator.authenticate(request, kinds)
        self._run_steps(request, caller, None)
        return caller

    def access(
        self, request: Request, kinds: Sequence[CallerKind], reference: str | None, scope: Scope | None, beside: Beside = no_rows
    ) -> Access | None:
        """Take a request through all steps; return its caller's access to the tenant that `reference` names.

        Without a reference it is the caller's own tenant, or None for a caller that has none. The rows `beside` it are read in the same
        request; a route that acts reads its own.
        """
        acting = acts(request.scope["route"].dependant)
        authenticator = self.authenticator.reading(partial(self.acts.rows, request) if acting else beside)
        caller = authenticator.authenticate(request, kinds)
        if reference is None and caller.tenant is None:
            self._run_steps(request, caller, None)
            return None
        access = authenticator.access(caller, reference, scope)
        request.state.tenant = access.tenant.id  # for the access log
        if acting:
            request.state.access = access
            self.acts.show(request, access)
        self._run_steps(request, caller, access.tenant)
        return access

    def _run_steps(self, request: Request, caller: Caller, tenant: Tenant | None) -> None:
        for step in (*self.rate_limit, *self.idempotency, *self.checks):
            step(request, caller, tenant)
