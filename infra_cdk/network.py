"""The network: public subnets for the listener, isolated subnets for the functions that call it, and no parts that cost by the hour.

functions (auth, messages) --9000--> listener --> the internet (its own public address)
       \\__ DynamoDB gateway endpoint (free) __/          no NAT, no interface endpoints
"""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra_cdk.acknowledge import acknowledge

LISTENER_PORT = 9000


class Network(Construct):
    """The VPC and its security groups. A function in the VPC reaches the listener and DynamoDB; it requests other work by rows there."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.vpc = self._vpc()
        self.functions_group = ec2.SecurityGroup(
            self, "FunctionsGroup", vpc=self.vpc, description="Functions that call the listener; their subnets lead nowhere else"
        )
        self.listener_group = ec2.SecurityGroup(
            self, "ListenerGroup", vpc=self.vpc, description="The listener: private interface for the functions only"
        )
        self.listener_group.add_ingress_rule(self.functions_group, ec2.Port.tcp(LISTENER_PORT), "functions to the private interface")

    def _vpc(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=False,  # this would add a function with many rights, for a group that no resource uses
            subnet_configuration=[
                ec2.SubnetConfiguration(name="listener", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(name="functions", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        vpc.add_gateway_endpoint("DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        acknowledge(vpc, "AwsSolutions-VPC7", "Flow logs cost more than all the rest together; one port is open, to one security group.")
        return vpc
