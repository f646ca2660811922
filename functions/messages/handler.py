"""Composition root of the messages function. It runs in the VPC and reaches DynamoDB and the workers, nothing else."""

from __future__ import annotations

from functions.http.http_function import HttpFunction
from functions.messages.account_commands import AccountCommands
from functions.messages.reading import AccountReading
from functions.messages.routers import ROUTERS
from functions.messages.send import Sending
from shared.rpc.client import OwnerClient
from shared.settings import HttpSettings
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore

function = HttpFunction(HttpSettings())
owner = OwnerClient(AccountStore(function.table), WorkerStore(function.table))
handler = function.handler(ROUTERS, Sending(owner), AccountCommands(owner), AccountReading(owner))
