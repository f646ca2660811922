"""The listener's task: what it may do to its disk, how it is found to live, and what has to be there before it starts."""

from __future__ import annotations

import re

from local.bootstrap import ROOT
from tests.infra_cdk.conftest import Resource, TemplateView


def container(aws: TemplateView) -> Resource:
    """The listener's container."""
    found: Resource = aws.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    return found


def test_the_root_file_system_is_read_only(aws: TemplateView) -> None:
    """What gets in can leave nothing there."""
    assert container(aws)["ReadonlyRootFilesystem"] is True


def test_the_tasks_health_check_is_that_of_the_image(aws: TemplateView) -> None:
    """ECS does not read the image's own, so both say the same; the start has longer than a first registration takes."""
    check = container(aws)["HealthCheck"]
    told = re.search(
        r"HEALTHCHECK --interval=(\d+)s --timeout=(\d+)s --start-period=(\d+)s --retries=(\d+) CMD (.+)",
        (ROOT / "listener/Dockerfile").read_text(),
    )
    assert told
    assert tuple(map(int, told.groups()[:4])) == (check["Interval"], check["Timeout"], check["StartPeriod"], check["Retries"])
    assert check["Command"] == ["CMD", *re.findall(r'"([^"]+)"', told.group(5))]


def test_a_task_starts_when_it_has_its_rights_and_a_way_out(aws: TemplateView) -> None:
    """Else it fails to fetch its image or its secret, three times, and the first deployment is rolled back."""
    (service,) = [resource for resource in aws.resources.values() if resource["Type"] == "AWS::ECS::Service"]
    waits_for = service["DependsOn"]
    policies = {name for name in aws.of("AWS::IAM::Policy") if "Listener" in name}
    routes = {name for name in aws.of("AWS::EC2::Route") if "DefaultRoute" in name}
    assert len(policies) == 2
    assert len(routes) == 2
    assert policies | routes <= set(waits_for)
