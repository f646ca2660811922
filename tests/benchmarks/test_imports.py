"""How handlers are imported for measurement."""

from __future__ import annotations

import pytest

from benchmarks.imports import BARE, SUITE, environment_of, import_ms
from infra_cdk.artifacts import FUNCTIONS
from local.stand_in_template import template


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_is_the_templates(name: str) -> None:
    """What the template sets is there, all of it as text; nothing of the person's shell is."""
    environment = environment_of(name, template("aws"))
    assert environment["POWERTOOLS_SERVICE_NAME"] == name
    assert "TABLE_NAME" in environment
    assert all(isinstance(value, str) for value in environment.values())
    assert "HOME" not in environment


def test_every_function_has_a_row() -> None:
    """A new function is measured without anybody thinking of it."""
    assert set(SUITE.names) == {f"import_{name}" for name in FUNCTIONS}


def test_a_bare_handler_takes_time_and_needs_no_network() -> None:
    """The measure is the processor's time of the import."""
    assert 10 < import_ms(BARE, environment_of("tenants", template("aws"))) < 10_000


def test_an_import_that_fails_says_why() -> None:
    """A row must not be left out in silence."""
    with pytest.raises(RuntimeError, match="no_such_module"):
        import_ms("no_such_module", {})
