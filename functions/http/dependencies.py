"""What routes get from their function: one object of each type, checked when the app is composed.

TenantServiceDep = Annotated[TenantService, provided(TenantService)]
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from fastapi import Depends, Request

T = TypeVar("T")


class Dependencies:
    """The objects of one app, by their exact type."""

    def __init__(self, *objects: object) -> None:
        self._by_type = {type(one): one for one in objects}
        if len(self._by_type) < len(objects):
            raise ValueError("Two dependencies have one type.")

    def __contains__(self, kind: type) -> bool:
        return kind in self._by_type

    def get(self, kind: type[T]) -> T:
        """Return the object of a type; raises KeyError, which the check at composition rules out for routes."""
        found = self._by_type[kind]
        assert isinstance(found, kind)
        return found

    def replacing(self, *objects: object) -> Dependencies:
        """Return these dependencies with other objects in the place of those of their types."""
        return Dependencies(*{**self._by_type, **{type(one): one for one in objects}}.values())


class Provided(Generic[T]):
    """A FastAPI dependency on the app's object of one type."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind

    async def __call__(self, request: Request) -> T:
        """Return the object."""
        dependencies: Dependencies = request.app.state.dependencies
        return dependencies.get(self.kind)


def provided(kind: type) -> Any:
    """Return what a route depends on to get the app's object of a type."""
    return Depends(Provided(kind))
