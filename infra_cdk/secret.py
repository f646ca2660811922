"""The deployment's secret, and the function that publishes the digests of its tokens.

    secret (ADMIN_TOKEN, PUBLIC_KEY, ...) --> functions/deployment_tokens --> SHA-256 in the settings item --> every HTTP function

With the digests, the functions that face the internet need neither the secret nor access to Secrets Manager.
"""

from __future__ import annotations

import json

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.acknowledge import acknowledge
from infra_cdk.data import Data
from infra_cdk.function import Functions
from infra_cdk.retention import removal_policy
from infra_cdk.secret_keys import FILLED_IN, GENERATED
from infra_cdk.settings import StackSettings

PUBLISH_EVERY_MINUTES = 5
DEPLOYED = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]


class DeploymentSecret(Construct):
    """A JSON secret with all tokens: a single secret costs less, and is rotated as a whole."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="Avio: the deployment's tokens and its Telegram application",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(dict.fromkeys(FILLED_IN, "")),
                generate_string_key=GENERATED,
                exclude_punctuation=True,
                password_length=48,
            ),
            removal_policy=removal_policy(settings),
        )
        acknowledge(self.secret, "AwsSolutions-SMG4", "Tokens are handed to people and an application id is Telegram's: rotated by hand.")

    @property
    def secret_id(self) -> str:
        """The `SecretId` for GetSecretValue."""
        return self.secret.secret_arn

    def let_read(self, role: iam.Role) -> None:
        """Allow reading the secret's value."""
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret.secret_arn]))


class TokenPublisher(Construct):
    """functions/deployment_tokens right after each deployment, and on a schedule. A changed token is valid within five minutes.

    CloudFormation tells EventBridge by itself when the stack is complete, so no custom resource can hold a deployment up.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, functions: Functions, data: Data, secret: DeploymentSecret) -> None:
        super().__init__(scope, construct_id)
        environment = {"TABLE_NAME": data.state.table_name, "SECRET_ID": secret.secret_id}
        self.function = functions.add("deployment_tokens", environment)
        secret.let_read(self.function.role)
        data.let_read_state(self.function.role)
        data.let_write_state(self.function.role)
        target = targets.LambdaFunction(self.function.handler)
        events.Rule(
            self,
            "Schedule",
            description="Avio: publish the fingerprints of the deployment's tokens",
            schedule=events.Schedule.rate(Duration.minutes(PUBLISH_EVERY_MINUTES)),
            targets=[target],
        )
        events.Rule(
            self,
            "Deployed",
            description="Avio: publish them right after a deployment",
            event_pattern=events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={"stack-id": [Stack.of(self).stack_id], "status-details": {"status": DEPLOYED}},
            ),
            targets=[target],
        )
