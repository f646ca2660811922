"""Who is in the network, who reaches whom, and that nothing in it costs by the hour."""

from __future__ import annotations

from infra_cdk.artifacts import FUNCTIONS
from tests.infra_cdk.conftest import TemplateView


def test_only_functions_that_call_an_owner_are_in_the_network(aws: TemplateView) -> None:
    """The others need the internet or AWS's public addresses, which it does not lead to."""
    assert {name for name in FUNCTIONS if "VpcConfig" in aws.function(name)} == {"auth", "media", "messages"}


def test_nothing_in_the_network_costs_by_the_hour(aws: TemplateView) -> None:
    """No NAT, no interface endpoint; the gateway endpoint for DynamoDB is free."""
    assert not aws.of("AWS::EC2::NatGateway")
    endpoint = aws.one("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert "dynamodb" in str(endpoint["ServiceName"])


def test_the_functions_subnets_lead_nowhere(aws: TemplateView) -> None:
    """Only the listener's subnets have a route to the internet."""
    routes = aws.of("AWS::EC2::Route")
    assert routes
    assert all("listenerSubnet" in name for name in routes)


def test_the_listener_is_reached_by_the_functions_only(aws: TemplateView) -> None:
    """One port, from one security group, and no address range anywhere."""
    ingress = aws.one("AWS::EC2::SecurityGroupIngress")
    assert (ingress["FromPort"], ingress["ToPort"], ingress["IpProtocol"]) == (9000, 9000, "tcp")
    assert "FunctionsGroup" in str(ingress["SourceSecurityGroupId"])
    assert "ListenerGroup" in str(ingress["GroupId"])
    assert all("SecurityGroupIngress" not in group for group in aws.of("AWS::EC2::SecurityGroup").values())


def test_the_listener_has_time_to_hand_over(aws: TemplateView) -> None:
    """SIGTERM, then two minutes: the most that Fargate gives. The new task starts before the old one stops."""
    container = aws.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    assert container["StopTimeout"] == 120
    service = aws.one("AWS::ECS::Service")
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED"


def test_the_listeners_secrets_are_not_in_its_environment(aws: TemplateView) -> None:
    """Telegram's application id and hash come from the secret when the task starts."""
    container = aws.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    assert {entry["Name"] for entry in container["Secrets"]} == {"TELEGRAM_API_ID", "TELEGRAM_API_HASH"}
    assert not [entry for entry in container["Environment"] if entry["Name"].startswith("TELEGRAM")]
