"""What routes get from their function."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter

from functions.http.access import OPEN
from functions.http.app import IncompleteApp
from functions.http.dependencies import Dependencies, provided
from tests.functions.api import ROUTERS, Api


class Greeting(str):
    """Something to depend on."""


class Polite(Greeting):
    """Another type, though a kind of the first."""


router = APIRouter()


@router.get("/greeting", dependencies=[OPEN])
def greet(greeting: Annotated[Greeting, provided(Greeting)]) -> str:
    return greeting


async def test_a_route_gets_its_apps_object_of_a_type(api: Api) -> None:
    """The app's own: two apps of one router have two."""
    for words in ("Hello", "Good day"):
        app = api.composed([router], Dependencies(Greeting(words), 1))
        assert (await api.serving(app).call("GET", "/greeting")).json() == words


def test_an_app_without_what_a_route_depends_on_does_not_start(api: Api) -> None:
    """It says which route lacks what. A type's descendant is another type."""
    for given in (Dependencies(), Dependencies(Polite("Good day"))):
        with pytest.raises(IncompleteApp, match="/greeting depends on Greeting"):
            api.composed([router], given)


def test_every_route_of_the_api_is_checked(api: Api) -> None:
    """None of them starts without its dependencies."""
    incomplete = []
    for one in ROUTERS:
        try:
            api.composed([one], Dependencies())
        except IncompleteApp as error:
            incomplete.append(str(error))
    assert len(incomplete) == len(ROUTERS) - 1, incomplete  # what the API says of itself depends on nothing


def test_two_objects_of_one_type_are_refused() -> None:
    """One of them would be ignored."""
    with pytest.raises(ValueError, match="one type"):
        Dependencies(Greeting("a"), Greeting("b"))
