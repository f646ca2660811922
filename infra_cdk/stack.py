"""The stack of Avio: all constructs, and the rights of each function."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra_cdk.artifacts import Artifacts
from infra_cdk.callback_delivery import CallbackDelivery
from infra_cdk.dashboard import StackDashboard
from infra_cdk.data import Data
from infra_cdk.erasure import Erasure
from infra_cdk.function import Function, Functions
from infra_cdk.http_api import DEFAULT, HttpApi
from infra_cdk.listener import Listener
from infra_cdk.media_storage import MediaStorage
from infra_cdk.network import Network
from infra_cdk.operations import Operations
from infra_cdk.queues import Queues
from infra_cdk.secret import DeploymentSecret, TokenPublisher
from infra_cdk.settings import StackSettings
from infra_cdk.stack_metrics import StackMetrics
from infra_cdk.sweeper import SweeperFunction


class AvioStack(Stack):
    """The stack. `artifacts` must exist (`bundle` builds them); the stack builds nothing."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: StackSettings, artifacts: Artifacts) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{construct_id}-{settings.stage}" if settings.stage else construct_id,
            description="Avio",
            analytics_reporting=False,
            termination_protection=settings.protected,
        )
        self._settings = settings
        self.data = Data(self, "Data", settings=settings)
        self.media = MediaStorage(self, "MediaFiles", settings=settings)
        self.queues = Queues(self, "Queues", settings=settings)
        self.network = Network(self, "Network")
        self.secret = DeploymentSecret(self, "Deployment", settings=settings)
        self.functions = Functions(self, "Functions", settings=settings, artifacts=artifacts)
        self.listener = Listener(
            self,
            "Listener",
            settings=settings,
            image=artifacts.listener_image,
            network=self.network,
            data=self.data,
            queues=self.queues,
            media=self.media,
            secret=self.secret,
        )
        self._compose()

    def _compose(self) -> None:
        tokens = TokenPublisher(self, "DeploymentTokens", functions=self.functions, data=self.data, secret=self.secret)
        delivery = CallbackDelivery(
            self,
            "CallbackDelivery",
            settings=self._settings,
            functions=self.functions,
            data=self.data,
            queues=self.queues,
            secret=self.secret,
        )
        sweeper = SweeperFunction(
            self,
            "Sweeper",
            settings=self._settings,
            functions=self.functions,
            data=self.data,
            queues=self.queues,
            secret=self.secret,
        )
        erasure = Erasure(self, "Erasure", functions=self.functions, data=self.data, queues=self.queues, media=self.media)
        http = {
            "tenants": self._tenants(),
            "auth": self._auth(),
            "messages": self._messages(),
            "media": self._media(),
            "callbacks": self._callbacks(),
            "deliveries": self._deliveries(delivery, sweeper),
            "providers": self._providers(),
        }
        api = HttpApi(self, "HttpApi", settings=self._settings, functions=http)
        everyone = [*http.values(), tokens.function, delivery.function, sweeper.function, erasure.function]
        watched = StackMetrics(data=self.data, queues=self.queues, functions=everyone, api=api.api, listener_log=self.listener.log)
        alarms = Operations(self, "Operations", settings=self._settings, watched=watched)
        StackDashboard(self, "Dashboard", watched=watched, alarms=alarms.alarms)
        self._outputs(
            {
                "ApiId": api.api.api_id,
                "ApiUrl": api.api.api_endpoint,
                "TableName": self.data.state.table_name,
                "DeliveriesTableName": self.data.deliveries.table_name,
                "EventsQueueUrl": self.queues.events.queue_url,
                "KmsKeyId": self.data.key.key_id,
                "MediaBucket": self.media.bucket.bucket_name,
                "SecretId": self.secret.secret_id,
                "DefaultFunction": http[DEFAULT].handler.function_name,
                "DeploymentTokensFunction": tokens.function.handler.function_name,
                "ListenerRoleArn": self.listener.role.role_arn,
            }
        )

    def _tenants(self) -> Function:
        environment = {
            **self._http_environment(),
            "KMS_KEY_ID": self.data.key.key_id,
            "ALLOW_HTTP_CALLBACKS": self._settings.allow_http_callbacks,
            "ALLOW_PRIVATE_CALLBACKS": self._settings.allow_private_callbacks,
        }
        function = self.functions.add("tenants", environment, concurrency=self._settings.api_concurrency)
        self.data.let_read_state(function.role)
        self.data.let_write_state(function.role)
        self.data.let_wrap(function.role, "signing")
        return function

    def _auth(self) -> Function:
        environment = {**self._http_environment(), "APP_BASE_URL": self._settings.app_base_url}
        function = self.functions.add("auth", environment, network=self.network, concurrency=self._settings.api_concurrency)
        self.data.let_read_state(function.role)
        self.data.let_write_state(function.role)
        return function

    def _messages(self) -> Function:
        own = {
            "APP_BASE_URL": self._settings.app_base_url,
            "OUTBOX_ENABLED": self._settings.outbox_enabled,
            "OUTBOX_WHITELIST": self._settings.outbox_whitelist,
        }
        function = self.functions.add(
            "messages", {**self._http_environment(), **own}, network=self.network, concurrency=self._settings.api_concurrency
        )
        self.data.let_read_state(function.role)
        self.data.let_write_state(function.role)
        return function

    def _media(self) -> Function:
        function = self.functions.add(
            "media",
            {**self._http_environment(), **self.media.environment},
            network=self.network,
            concurrency=self._settings.api_concurrency,
        )
        self.data.let_read_state(function.role)
        self.media.let_link(function.role)
        return function

    def _callbacks(self) -> Function:
        environment = {
            **self._http_environment(),
            "DELIVERIES_TABLE_NAME": self.data.deliveries.table_name,
            "DEV_CALLBACK_RECEIVER": self._settings.dev_callback_receiver,
        }
        function = self.functions.add("callbacks", environment, concurrency=self._settings.api_concurrency)
        self.data.let_read_state(function.role)
        self.data.let_read_deliveries(function.role)
        self.data.let_write_deliveries(function.role)
        return function

    def _deliveries(self, delivery: CallbackDelivery, sweeper: SweeperFunction) -> Function:
        environment = {
            **self._http_environment(),
            "DELIVERIES_TABLE_NAME": self.data.deliveries.table_name,
            "EVENTS_QUEUE_URL": self.queues.events.queue_url,
            "DELIVERY_FUNCTION": delivery.function.handler.function_name,
            "SWEEPER_FUNCTION": sweeper.function.handler.function_name,
        }
        function = self.functions.add("deliveries", environment, concurrency=self._settings.api_concurrency)
        self.data.let_read_state(function.role)
        self.data.let_read_deliveries(function.role)
        self.data.let_count(function.role)
        self.queues.let_send(function.role)
        delivery.let_test(function.role)
        sweeper.let_wake(function.role)
        return function

    def _providers(self) -> Function:
        environment = {
            **self._http_environment(),
            "DELIVERIES_TABLE_NAME": self.data.deliveries.table_name,
            "DELIVERIES_KEPT_DAYS": self._settings.deliveries_kept_days,
            "EVENTS_QUEUE_URL": self.queues.events.queue_url,
            "KMS_KEY_ID": self.data.key.key_id,
            "APP_BASE_URL": self._settings.app_base_url,
        }
        function = self.functions.add("providers", environment, concurrency=self._settings.api_concurrency)
        self.data.let_read_state(function.role)
        self.data.let_write_state(function.role)
        self.data.let_record(function.role)
        self.data.let_wrap(function.role, "provider")
        self.data.let_unwrap(function.role, "provider")
        self.queues.let_send(function.role)
        return function

    def _http_environment(self) -> dict[str, str]:
        return {"TABLE_NAME": self.data.state.table_name, "CORS_ORIGINS": self._settings.cors_origins}

    def _outputs(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            CfnOutput(self, name, value=value)
