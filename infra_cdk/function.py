"""A Lambda function with its code, its role and its log group. Functions share only layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.acknowledge import acknowledge
from infra_cdk.artifacts import FUNCTIONS, LAYERS, Artifacts
from infra_cdk.network import Network
from infra_cdk.settings import StackSettings

# The rights with which Lambda puts a function into a VPC. EC2 has no narrower resource for the creation of an interface.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
NETWORK_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


HTTP_TIMEOUT_S = 29  # API Gateway gives up after 30
MEMORY_MB = 1024  # Lambda gives CPU by memory: with less, a cold start takes seconds


def log_group(scope: Construct, construct_id: str, settings: StackSettings) -> logs.LogGroup:
    """Add a log group that forgets after the deployment's LOG_RETENTION_DAYS, and goes with the stack."""
    group = logs.LogGroup(scope, construct_id, removal_policy=RemovalPolicy.DESTROY)
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = settings.log_retention_days
    return group


class Functions(Construct):
    """Makes functions, with the layers and settings that they share."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings, artifacts: Artifacts) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._artifacts = artifacts
        self._layers = {name: self._layer(name, artifacts.layers[name]) for name in LAYERS}

    def _layer(self, name: str, archive: Path) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{name.title()}Layer",
            code=lambda_.Code.from_asset(str(archive)),
            description=f"Dependencies from locks/{name}.txt",
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def add(
        self,
        name: str,
        environment: Mapping[str, str],
        *,
        timeout_s: int = HTTP_TIMEOUT_S,
        network: Network | None = None,
        concurrency: int | None = None,
    ) -> Function:
        """Add functions/<name>. With `network` it runs in the isolated subnets, from where it may call the listener.

        `concurrency`: how many runs of the account are reserved for it, which are also the most that it has at once.
        """
        common = {"POWERTOOLS_SERVICE_NAME": name, "POWERTOOLS_LOG_LEVEL": self._settings.log_level}
        archive, layer = self._artifacts.functions[name], self._layers[FUNCTIONS[name]]
        return Function(
            self,
            name,
            archive,
            layer,
            {**common, **environment},
            settings=self._settings,
            timeout_s=timeout_s,
            network=network,
            concurrency=concurrency,
        )


class Function(Construct):
    """A function. At first its role may only write its log; other constructs then grant the rights to their resources."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        archive: Path,
        layer: lambda_.LayerVersion,
        environment: Mapping[str, str],
        *,
        settings: StackSettings,
        timeout_s: int,
        network: Network | None,
        concurrency: int | None,
    ) -> None:
        super().__init__(scope, name)
        self.log = log_group(self, "Log", settings)
        self.role = self._role(self.log, network)
        self.handler = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(archive)),
            handler=f"functions.{name}.handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            layers=[layer],
            environment=dict(environment),
            role=self.role.without_policy_updates(),
            log_group=self.log,
            reserved_concurrent_executions=concurrency,
            timeout=Duration.seconds(timeout_s),
            memory_size=MEMORY_MB,
            vpc=network.vpc if network else None,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED) if network else None,
            security_groups=[network.functions_group] if network else None,
        )
        self.handler.node.add_dependency(self.role)  # with its policy: the function must not run without its rights
        acknowledge(self.handler, "AwsSolutions-L1", "3.13 is what the code is tested with; a newer Python is a decision, not a default.")

    def _role(self, log: logs.LogGroup, network: Network | None) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        if network:
            role.add_to_policy(iam.PolicyStatement(actions=NETWORK_ACTIONS, resources=["*"]))
            acknowledge(role, "AwsSolutions-IAM5[Resource::*]", "EC2 has no narrower resource for making a network interface.")
        return role
