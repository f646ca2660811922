"""What listener/telegram assumes about Telethon's insides. If a test fails after an upgrade, our code needs work.

`NAMED` is complete: a second check, of our own source, fails for a private member that is used and not named.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from logging import getLogger
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import telethon
from telethon import TelegramClient, errors, helpers, password
from telethon._updates import messagebox
from telethon._updates.entitycache import EntityCache
from telethon._updates.messagebox import ENTRY_ACCOUNT, ENTRY_SECRET, MessageBox, PtsInfo
from telethon.crypto import AuthKey, rsa
from telethon.network.connection.connection import Connection
from telethon.network.connection.tcpfull import ConnectionTcpFull, FullPacketCodec
from telethon.network.mtprotosender import MTProtoSender
from telethon.sessions import MemorySession
from telethon.tl import types

import listener.telegram
from listener.telegram.connection.client import Client
from listener.telegram.connection.endpoint import real
from listener.telegram.connection.guarded_connection import GuardedConnection
from listener.telegram.connection.mtproto_session import MtprotoSession
from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.message_box import LosslessMessageBox
from testing.telegram_server.mtproto.server_key import ServerKey
from tests.listener.telegram.clients import held_lease

SOURCES = sorted(Path(listener.telegram.__path__[0]).rglob("*.py"))

NAMED: dict[str, set[str]] = {
    "TelegramClient": {
        "_switch_dc",
        "_connection",
        "_sender",
        "_updates_queue",
        "_message_box",
        "_mb_entity_cache",
        "_preprocess_updates",
        "_keepalive_loop",
        "_updates_error",
        "_log",
    },
    "MTProtoSender": {
        "_handle_new_session_created",
        "_handle_rpc_result",
        "_handlers",
        "_pending_state",
        "_process_message",
        "_state",
        "_transport_connected",
        "_updates_queue",
    },
    "MTProtoState": {"_calc_key", "_get_new_msg_id", "_get_seq_no"},
    "MessageBox": {"_trace"},
    "Connection": {"_connect", "_ip", "_port", "_proxy", "_recv_queue", "_send", "_writer"},
}
"""Private members that are read, called or overridden, by the class that has them."""

OVERRIDDEN: dict[type, set[str]] = {
    Client: {"_switch_dc", "_connection", "_keepalive_loop", "_preprocess_updates", "_message_box", "_mb_entity_cache", "_updates_queue"},
    LosslessMessageBox: {
        "_trace",
        "apply_channel_difference",
        "apply_difference",
        "apply_pts_info",
        "end_channel_difference",
        "end_difference",
        "end_get_diff",
        "get_channel_difference",
        "load",
        "reset_channel_deadline",
        "try_set_channel_state",
    },
    ChannelHashes: {"extend"},
    MtprotoSession: {"get_update_states", "set_update_state", "process_entities", "delete"},
}
"""What our subclasses replace; they shadow nothing else."""

PRIVATE_IMPORTS = {
    "telethon._updates.entitycache.EntityCache",
    *(f"telethon._updates.messagebox.{name}" for name in ("ENTRY_ACCOUNT", "ENTRY_SECRET", "GapError", "MessageBox", "PtsInfo")),
}


def a_client() -> Any:
    return TelegramClient(MemorySession(), 1, "hash")


def a_connection() -> Any:
    return ConnectionTcpFull("127.0.0.1", 9, 2, loggers=defaultdict(lambda: getLogger("telethon")))


def a_box() -> Any:
    return MessageBox(getLogger("telethon"))


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def body_of(function: Callable[..., Any]) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def calls_in(tree: ast.AST) -> set[str]:
    """Return the dotted names of what is called."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


# The contract


def test_the_version_is_the_one_that_was_read() -> None:
    """Read another minor version's source before using it."""
    assert telethon.__version__.startswith("1.45.")


def test_every_named_private_member_exists() -> None:
    """On live objects, since most of them are made in constructors."""
    client = a_client()
    having = {
        "TelegramClient": client,
        "MTProtoSender": client._sender,
        "MTProtoState": client._sender._state,
        "MessageBox": a_box(),
        "Connection": a_connection(),
    }
    missing = [(owner, name) for owner, names in NAMED.items() for name in names if not hasattr(having[owner], name)]
    assert not missing


def test_the_client_takes_what_ours_passes() -> None:
    """Telethon knows each keyword that our client passes."""
    given = {
        keyword.arg
        for node in ast.walk(body_of(Client.__init__))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"
        for keyword in node.keywords
    }
    assert given
    assert given <= set(parameters(TelegramClient.__init__))


def test_updates_are_preprocessed_right_after_the_box_applied_them() -> None:
    """In three places of the update loop, without an await in between: the state read there belongs to that batch."""
    assert parameters(TelegramClient._preprocess_updates) == ["self", "updates", "users", "chats"]
    assert inspect.iscoroutinefunction(TelegramClient._preprocess_updates)
    applied = list(_last_wait_before_preprocessing(body_of(TelegramClient._update_loop)))
    assert sorted(applied) == ["apply_channel_difference", "apply_difference", "process_updates"]


def _last_wait_before_preprocessing(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        body: Any = getattr(node, "body", ())
        for at, statement in enumerate(body if isinstance(body, list) else ()):
            if isinstance(statement, ast.Assign) and "self._preprocess_updates" in calls_in(statement):
                before = next(step for step in reversed(body[:at]) if "self._message_box." in ast.unparse(step))
                between = body[body.index(before) + 1 : at]
                assert not any(isinstance(node, ast.Await) for step in between for node in ast.walk(step))
                yield ast.unparse(before).split("self._message_box.")[1].split("(")[0]


def test_a_difference_is_ended_early_only_where_telegram_answered_with_an_error() -> None:
    """`end_difference` is only for failures, so our box may request the difference again soon."""
    loop = body_of(TelegramClient._update_loop)
    handlers = [handler for node in ast.walk(loop) if isinstance(node, ast.Try) for handler in node.handlers]
    ends = [node for node in ast.walk(loop) if isinstance(node, ast.Attribute) and node.attr == "end_difference"]
    assert ends
    assert all(any(end in ast.walk(handler) for handler in handlers) for end in ends)


def test_what_ends_the_update_loop_is_kept_before_the_client_disconnects() -> None:
    """Code that waits for the end finds the reason there."""
    client = a_client()
    assert client._updates_error is None
    source = inspect.getsource(TelegramClient._update_loop)
    assert source.count("self._updates_error = e\n") == source.count("await self.disconnect()")


def test_updates_too_long_makes_the_box_ask_for_a_difference() -> None:
    """Our client catches up by it, as Telethon's own `catch_up` does."""
    assert calls_in(body_of(TelegramClient.catch_up)) == {"self._updates_queue.put", "types.UpdatesTooLong"}


def test_the_keepalive_loop_is_there_for_what_ours_does_otherwise_or_not_at_all() -> None:
    """For pings without a wait for the answer, saving, and closing download connections. It is a task, and may end."""
    done = {name for name in calls_in(body_of(TelegramClient._keepalive_loop)) if name.startswith("self._")}
    assert done == {
        "self._clean_exported_senders",
        "self._sender._transport_connected",
        "self._sender._keepalive_ping",
        "self._save_states_and_entities",
    }
    assert "self._keepalive_handle = self.loop.create_task(self._keepalive_loop())" in inspect.getsource(TelegramClient.connect)
    assert parameters(TelegramClient._keepalive_loop) == ["self"]


async def test_the_box_takes_an_update_without_a_date_for_a_gap() -> None:
    """`updatesTooLong` begins a difference of the account."""
    box = a_box()
    box.map[ENTRY_ACCOUNT] = messagebox.State(5, 0)
    with pytest.raises(messagebox.GapError):
        box.process_updates(types.UpdatesTooLong(), EntityCache(), [])
    assert box.get_difference().pts == 5


async def test_a_senders_handler_can_be_replaced() -> None:
    """It is looked up by constructor for each message, and given the message."""
    sender = a_client()._sender
    number = types.NewSessionCreated.CONSTRUCTOR_ID
    assert sender._handlers[number] == sender._handle_new_session_created
    assert inspect.iscoroutinefunction(MTProtoSender._handle_new_session_created)
    assert parameters(MTProtoSender._handle_new_session_created) == ["self", "message"]
    seen: list[Any] = []

    async def handler(message: Any) -> None:
        seen.append(message.obj)

    sender._handlers[number] = handler
    created = types.NewSessionCreated(1, 2, 3)
    await sender._process_message(SimpleNamespace(msg_id=1, obj=created))
    assert seen == [created]


def test_a_sender_that_is_not_connected_says_so() -> None:
    """`send` raises ConnectionError instead of queueing."""
    sender = a_client()._sender
    assert not sender._transport_connected()
    with pytest.raises(ConnectionError):
        sender.send(telethon.functions.help.GetConfigRequest())


def test_a_migration_takes_two_tries() -> None:
    """`request_retries=1` allows one repeat, after moving to another data centre. 0 reconnects despite auto_reconnect=False."""
    assert list(helpers.retry_range(1)) == [1, 2]
    assert list(helpers.retry_range(0, force_retry=False)) == []


def test_every_byte_of_a_connection_passes_send() -> None:
    """Only the transport's tag is written without `_send`, and our transport has no tag."""
    writing = {
        name for name, function in inspect.getmembers(Connection, inspect.isfunction) if "self._writer.write" in calls_in(body_of(function))
    }
    assert writing == {"_send", "_init_conn"}
    assert FullPacketCodec.tag is None
    assert not {"_send", "_connect", "_init_conn"} & set(vars(ConnectionTcpFull))
    assert parameters(Connection._send) == ["self", "data"]
    assert not inspect.iscoroutinefunction(Connection._send)


def test_a_connection_connects_by_connect_alone() -> None:
    """First and repeated connects pass `_connect`; there is no writer before it."""
    assert parameters(Connection._connect) == ["self", "timeout", "ssl"]
    assert inspect.iscoroutinefunction(Connection._connect)
    assert "self._connect" in calls_in(body_of(Connection.connect))
    assert a_connection()._writer is None


def test_frames_wait_in_a_queue_that_ours_makes_longer() -> None:
    """Telethon's receive loop puts each frame, or the error that ended the connection, and `recv` alone takes them."""
    users = {name for name, function in inspect.getmembers(Connection, inspect.isfunction) if "_recv_queue" in inspect.getsource(function)}
    assert users == {"__init__", "_recv_loop", "recv"}
    assert calls_in(body_of(Connection._recv_loop)) & {"self._recv_queue.put"}
    assert "result, err = await self._recv_queue.get()" in inspect.getsource(Connection.recv)
    assert parameters(Connection.recv) == ["self"]
    assert inspect.iscoroutinefunction(Connection.recv)


def test_the_boxs_trace_writes_to_the_log_alone() -> None:
    """So leaving it out changes nothing else."""
    assert calls_in(body_of(MessageBox._trace)) == {"self._log.log", "self.date.isoformat"}


def test_the_box_has_the_shape_that_ours_extends() -> None:
    """Its fields, and the methods that are overridden or called."""
    assert MessageBox.__slots__ == ("_log", "map", "date", "seq", "next_deadline", "possible_gaps", "getting_diff_for")
    assert parameters(MessageBox.process_updates) == ["self", "updates", "chat_hashes", "result"]
    assert parameters(MessageBox.apply_difference) == ["self", "diff", "chat_hashes"]
    sets_pts = re.compile(r"\.pts = |self\.map\[\w+(\.\w+)?\] = |self\.map\.update")
    setters = {
        name for name, method in vars(MessageBox).items() if inspect.isfunction(method) and sets_pts.search(inspect.getsource(method))
    }
    of_channels = {
        "load",
        "try_set_channel_state",
        "apply_pts_info",
        "apply_channel_difference",
    }  # our box notes there which channels have moved
    assert setters == {*of_channels, "set_state", "apply_difference"}
    assert parameters(MessageBox.apply_channel_difference) == ["self", "request", "diff", "chat_hashes"]
    assert parameters(MessageBox.end_difference) == ["self"]
    assert parameters(MessageBox.reset_deadlines) == ["self", "entries", "deadline"]
    assert parameters(MessageBox.try_begin_get_diff) == ["self", "entry", "reason"]
    assert parameters(MessageBox.apply_pts_info) == ["self", "update", "reset_deadlines"]
    assert parameters(MessageBox.end_channel_difference) == ["self", "request", "reason", "chat_hashes"]
    assert parameters(MessageBox.end_get_diff) == ["self", "entry"]
    assert parameters(MessageBox.get_channel_difference) == ["self", "chat_hashes"]
    assert parameters(MessageBox.load) == ["self", "session_state", "channel_states"]
    assert parameters(MessageBox.reset_channel_deadline) == ["self", "channel_id", "timeout"]
    assert parameters(MessageBox.try_set_channel_state) == ["self", "id", "pts"]
    assert isinstance(a_box().getting_diff_for, set)


def test_updates_do_not_move_deadlines() -> None:
    """`process_updates` tests an empty set for truth. If Telethon mends that, it would reset our deadlines to 15 minutes."""
    assert "reset_deadlines = set()" in inspect.getsource(MessageBox.process_updates)
    assert "        if reset_deadlines:\n            reset_deadlines.add(pts.entry)" in inspect.getsource(MessageBox.apply_pts_info)


def test_the_queue_of_updates_may_be_another() -> None:
    """The sender fills it by `put_nowait`, the client by `put`; it is read by `get`, and nothing else uses it."""
    for owner, names in ((TelegramClient, {"put", "get"}), (MTProtoSender, {"put_nowait"})):
        used = {
            name.removeprefix("self._updates_queue.")
            for _, function in inspect.getmembers(owner, inspect.isfunction)
            if "_updates_queue" in inspect.getsource(function)
            for name in calls_in(body_of(function))
            if name.startswith("self._updates_queue.")
        }
        assert used == names
    assert "self.put_nowait(" in inspect.getsource(asyncio.Queue.put)
    assert "self.get_nowait()" in inspect.getsource(asyncio.Queue.get)


async def test_the_box_tells_its_state() -> None:
    """Account and channels apart; a channel's entry is its id, the account's entries are not integers."""
    box = a_box()
    box.map.update({ENTRY_ACCOUNT: messagebox.State(5, 0), ENTRY_SECRET: messagebox.State(6, 0), 7: messagebox.State(8, 0)})
    account, channels = box.session_state()
    assert (account["pts"], account["qts"], account["seq"], channels) == (5, 6, 0, {7: 8})
    assert account["date"].tzinfo is not None
    assert not isinstance(ENTRY_ACCOUNT, int)
    assert not isinstance(ENTRY_SECRET, int)


def test_an_updates_sequence_is_told_by_its_fields() -> None:
    """`PtsInfo` names the account, secret chats or the channel's id; an update without numbers has none."""
    in_channel = types.Message(id=1, peer_id=types.PeerChannel(9), date=None, message="")
    assert PtsInfo.from_update(types.UpdateDeleteMessages([1], 5, 1)).entry is ENTRY_ACCOUNT
    assert PtsInfo.from_update(types.UpdateDeleteChannelMessages(9, [1], 5, 1)).entry == 9
    assert PtsInfo.from_update(types.UpdateEditChannelMessage(in_channel, 5, 1)).entry == 9
    assert PtsInfo.from_update(types.UpdateNewEncryptedMessage(None, 5)).entry is ENTRY_SECRET
    assert PtsInfo.from_update(types.UpdateUserTyping(1, None)) is None


def test_the_entity_cache_learns_by_extend() -> None:
    """A channel's difference is requested with its hash."""
    cache = EntityCache()
    cache.extend([], [types.Channel(id=9, title="", photo=None, date=None, access_hash=10)])
    assert cache.get(9).hash == 10
    assert parameters(EntityCache.extend) == ["self", "users", "chats"]
    assert EntityCache({9: (10, None)}).get(9).hash == 10


def test_a_session_is_what_ours_overrides() -> None:
    """Methods by name and parameters; a session without entities raises ValueError, as connect expects."""
    assert parameters(MemorySession.set_dc) == ["self", "dc_id", "server_address", "port"]
    assert parameters(MemorySession.set_update_state) == ["self", "entity_id", "state"]
    assert parameters(MemorySession.process_entities) == ["self", "tlo"]
    for name in ("get_update_states", "delete"):
        assert parameters(getattr(MemorySession, name)) == ["self"]
    for name in ("auth_key", "dc_id", "server_address", "port"):
        assert isinstance(inspect.getattr_static(MemorySession, name), property)
    with pytest.raises(ValueError, match="input entity"):
        MemorySession().get_input_entity(5)


def test_a_client_moves_by_a_method_that_ours_overrides() -> None:
    """Telethon calls `_switch_dc` for each of the three errors that send a request to another data centre."""
    assert parameters(TelegramClient._switch_dc) == ["self", "new_dc"]
    assert "await self._switch_dc(e.new_dc)" in inspect.getsource(TelegramClient._call)
    for kind in (errors.PhoneMigrateError, errors.NetworkMigrateError, errors.UserMigrateError):
        assert kind(None, capture=4).new_dc == 4


def test_an_auth_key_is_made_of_its_bytes() -> None:
    """And is false without any."""
    assert AuthKey(data=bytes(range(256))).key == bytes(range(256))
    assert not AuthKey(data=None)


def test_the_password_is_proved_by_a_function() -> None:
    """It computes; our code calls it on a thread."""
    assert parameters(password.compute_check) == ["request", "password"]
    assert not inspect.iscoroutinefunction(password.compute_check)


def test_a_servers_key_can_be_added(server_key: ServerKey) -> None:
    """As PEM; a key that is marked old is used if no new key fits."""
    assert parameters(rsa.add_key) == ["pub", "old"]
    rsa.add_key(server_key.public_pem.encode(), old=True)
    assert rsa.encrypt(server_key.fingerprint, b"data", use_old=True)


async def test_a_pending_request_is_cancelled_by_disconnecting() -> None:
    """Its future is cancelled without an error; `invoke` distinguishes that from its own cancellation."""
    source = inspect.getsource(MTProtoSender._disconnect)
    assert "state.future.cancel()" in source
    assert "state.future.set_exception(error)" in source
    assert asyncio.isfuture(telethon.network.requeststate.RequestState(telethon.functions.help.GetConfigRequest()).future)


# Our own source


def test_no_private_member_is_used_that_is_not_named() -> None:
    """Every private member in our source that our class does not define is named above."""
    named = set().union(*NAMED.values())
    used = {(path.name, name) for path in SOURCES for name in _foreign(ast.parse(path.read_text()), named)}
    assert {pair for pair in used if pair[1] not in named} == set()
    overridden = {name for names in OVERRIDDEN.values() for name in names if _private(name)}
    assert {name for _, name in used} | overridden == named  # and no name is unused


def _foreign(tree: ast.Module, named: set[str]) -> Iterator[str]:
    classes = [(definition, _own(definition) - named) for definition in ast.walk(tree) if isinstance(definition, ast.ClassDef)]
    owned = {id(node): own for definition, own in classes for node in ast.walk(definition)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _private(node.attr) and node.attr not in owned.get(id(node), ()):
            yield node.attr


def _own(definition: ast.ClassDef) -> set[str]:
    """Return a class's own private members: what it defines or assigns to itself."""
    methods = {node.name for node in ast.walk(definition) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assigned = {
        node.attr
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    return methods | assigned


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_nothing_private_is_imported_that_is_not_named() -> None:
    """All imports of Telethon's private modules are listed above."""
    taken = {
        f"{node.module}.{alias.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("telethon")
        for alias in node.names
    }
    assert {name for name in taken if any(_private(part) for part in name.split("."))} == PRIVATE_IMPORTS


def test_our_subclasses_shadow_nothing_else() -> None:
    """Telethon would call a method of ours that happens to have the name of one of its own."""
    bases: dict[type, Any] = {
        Client: a_client(),
        LosslessMessageBox: a_box(),
        ChannelHashes: EntityCache(),
        MtprotoSession: MemorySession(),
    }
    for ours, base in bases.items():
        defined = {name for name in {*vars(ours), *_own(_class(ours))} if not name.startswith(("__", "_abc"))}
        settable = {name for name in defined if isinstance(inspect.getattr_static(base, name, None), property)}
        assert defined & set(dir(base)) - OVERRIDDEN[ours] - settable == set(), ours
        assert OVERRIDDEN[ours] <= set(dir(base))
    guarded = {*vars(GuardedConnection), *_own(_class(GuardedConnection))}
    shadowed = {name for name in guarded if not name.startswith(("__", "_abc"))} & set(dir(a_connection()))
    assert shadowed == {"_connect", "_proxy_connect", "_recv_queue", "_send", "recv"}


def test_the_connection_is_made_by_calling_what_the_client_keeps() -> None:
    """Our client sets it after Telethon has checked the type: the same class, with the guard as its first argument."""
    assert "self._connection" in calls_in(body_of(TelegramClient.connect))
    where = real(1, "hash")
    client = Client(where.new_session(), None, held_lease().guard(), where, None)
    assert client._connection.func is GuardedConnection


def _class(ours: type) -> ast.ClassDef:
    tree = body_of(ours)
    assert isinstance(tree, ast.Module)
    definition = tree.body[0]
    assert isinstance(definition, ast.ClassDef)
    return definition


def test_the_difference_of_the_clocks_is_in_the_state() -> None:
    """A QR code's end is told by Telegram's clock (Client.clock_ahead_s)."""
    state = MTProtoSender(AuthKey(None), loggers=defaultdict(lambda: getLogger("t")))._state
    assert state.time_offset == 0
