"""The listener: a long-running container on Fargate, because MTProto needs lasting connections."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra_cdk.acknowledge import acknowledge
from infra_cdk.data import Data
from infra_cdk.function import log_group
from infra_cdk.media_storage import MediaStorage
from infra_cdk.network import LISTENER_PORT, Network
from infra_cdk.queues import Queues
from infra_cdk.secret import DeploymentSecret
from infra_cdk.settings import StackSettings

HEALTH_CHECK = ["CMD", "python", "-m", "listener.health_check"]
HEALTH_EVERY_S, HEALTH_TIMEOUT_S, HEALTH_START_S, HEALTH_RETRIES = 30, 10, 120, 3
STOP_TIMEOUT_S = 120  # Fargate's maximum: a hand-over takes longer than the default of 30 s


class Listener(Construct):
    """A service of WORKER_COUNT tasks in public subnets (public addresses cost less than a NAT). Only the functions can reach its port.

    A deployment starts the new task before it stops the old: ownership moves by hand-over.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StackSettings,
        image: Path,
        network: Network,
        data: Data,
        queues: Queues,
        media: MediaStorage,
        secret: DeploymentSecret,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.log = log_group(self, "Log", settings)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        data.let_read_state(self.role)
        data.let_write_state(self.role)
        data.let_write_deliveries(self.role)
        data.let_wrap(self.role, "session")
        data.let_unwrap(self.role, "session")
        queues.let_send(self.role)
        media.let_move(self.role)
        task = self._task(image, secret, {**self._environment(settings, data, queues), **media.environment})
        self._service(task, network)

    @staticmethod
    def _environment(settings: StackSettings, data: Data, queues: Queues) -> dict[str, str]:
        return {
            "TABLE_NAME": data.state.table_name,
            "DELIVERIES_TABLE_NAME": data.deliveries.table_name,
            "EVENTS_QUEUE_URL": queues.events.queue_url,
            "KMS_KEY_ID": data.key.key_id,
            "ALLOW_HTTP_CALLBACKS": settings.allow_http_callbacks,
            "ALLOW_PRIVATE_CALLBACKS": settings.allow_private_callbacks,
            "DELIVERIES_KEPT_DAYS": settings.deliveries_kept_days,
            "LISTENER_PORT": str(LISTENER_PORT),
            "POWERTOOLS_SERVICE_NAME": "listener",
            "POWERTOOLS_LOG_LEVEL": settings.log_level,
        }

    def _task(self, image: Path, secret: DeploymentSecret, environment: dict[str, str]) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=self._settings.worker_cpu,
            memory_limit_mib=self._settings.worker_memory_mb,
            task_role=self.role.without_policy_updates(),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        task.add_container(
            "listener",
            image=ecs.ContainerImage.from_asset(str(image), file="listener/Dockerfile", platform=ecr_assets.Platform.LINUX_ARM64),
            stop_timeout=Duration.seconds(STOP_TIMEOUT_S),
            readonly_root_filesystem=True,
            health_check=ecs.HealthCheck(
                command=HEALTH_CHECK,
                interval=Duration.seconds(HEALTH_EVERY_S),
                timeout=Duration.seconds(HEALTH_TIMEOUT_S),
                start_period=Duration.seconds(HEALTH_START_S),
                retries=HEALTH_RETRIES,
            ),
            environment=environment,
            secrets={name: ecs.Secret.from_secrets_manager(secret.secret, name) for name in ("TELEGRAM_API_ID", "TELEGRAM_API_HASH")},
            port_mappings=[ecs.PortMapping(container_port=LISTENER_PORT)],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="listener", log_group=self.log),
        )
        acknowledge(task, "AwsSolutions-ECS2", "The variables are names of tables and queues; what is secret comes from Secrets Manager.")
        acknowledge(task, "AwsSolutions-IAM5[Resource::*]", "Logging in to ECR (GetAuthorizationToken) has no narrower resource.")
        return task

    def _service(self, task: ecs.FargateTaskDefinition, network: Network) -> None:
        cluster = ecs.Cluster(self, "Cluster", vpc=network.vpc)
        acknowledge(cluster, "AwsSolutions-ECS4", "Container Insights costs more than the container; the listener writes its own metrics.")
        service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=self._settings.worker_count,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            assign_public_ip=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[network.listener_group],
        )
        # With the policies and the route: a task that starts without its rights, or without a way to its image, fails the deployment.
        routes = [subnet.internet_connectivity_established for subnet in network.vpc.public_subnets]
        service.node.add_dependency(self.role, task.obtain_execution_role(), *routes)
