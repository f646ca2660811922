"""The templates of both targets, and what is in them by type and name."""

from __future__ import annotations

from typing import Any

import pytest

from local.stand_in_template import template

Resource = dict[str, Any]


class TemplateView:
    """A template, and ways to ask it what it holds."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.resources: dict[str, Resource] = body["Resources"]

    def of(self, kind: str) -> dict[str, Resource]:
        """Properties by logical name of all resources of one type."""
        return {name: resource.get("Properties", {}) for name, resource in self.resources.items() if resource["Type"] == kind}

    def one(self, kind: str, containing: str = "") -> Resource:
        """Properties of the only resource of a type whose logical name contains a text."""
        found = [properties for name, properties in self.of(kind).items() if containing in name]
        assert len(found) == 1, f"{kind} {containing}: {len(found)} found"
        return found[0]

    def function(self, name: str) -> Resource:
        """Properties of functions/<name>."""
        handler = f"functions.{name}.handler.handler"
        return next(properties for properties in self.of("AWS::Lambda::Function").values() if properties["Handler"] == handler)

    def environment(self, name: str) -> dict[str, Any]:
        """The environment of functions/<name>."""
        variables: dict[str, Any] = self.function(name)["Environment"]["Variables"]
        return variables

    def rights(self, role_name_part: str) -> list[Resource]:
        """Statements of the policy of the one role whose logical name contains a text."""
        statements: list[Resource] = self.one("AWS::IAM::Policy", role_name_part)["PolicyDocument"]["Statement"]
        return statements


@pytest.fixture(scope="session")
def aws() -> TemplateView:
    """What would be deployed on AWS."""
    return TemplateView(template("aws"))


@pytest.fixture(scope="session")
def chosen() -> TemplateView:
    """What would be deployed on AWS by an operator who has set everything."""
    return TemplateView(
        template(
            "aws",
            DEPLOYMENT_STAGE="staging",
            ALARM_EMAIL="ops@example.com",
            DELETION_PROTECTION="0",
            WORKER_COUNT="3",
            WORKER_CPU="1024",
            WORKER_MEMORY_MB="4096",
            API_RATE_LIMIT="50",
            API_BURST_LIMIT="60",
            API_CONCURRENCY="20",
            DELIVERY_CONCURRENCY="7",
            LOG_RETENTION_DAYS="90",
        )
    )


@pytest.fixture(scope="session")
def local() -> TemplateView:
    """What runs on one machine, before the emulator's adaptations."""
    return TemplateView(template("local"))
