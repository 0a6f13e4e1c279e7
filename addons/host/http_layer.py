"""The way of a body through mitmproxy's HTTP layer: pieces of it come far more often than all other events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    HttpLayer,
    RegisterHttpConnection,
    SendHttp,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestHeaders

event_to_child_originally = HttpLayer.event_to_child
handle_event_originally = HttpLayer._handle_event


def handle_event(self: HttpLayer, event: events.Event) -> Iterable[commands.Command]:
    """Data goes to its connection's layer at once. None of what comes back blocks this layer, only the one it is of."""
    if type(event) is events.DataReceived and self._paused is None and self.debug is None:
        layer = self.connections.get(event.connection)
        if layer is not None:
            return self.event_to_child(layer, event)
    return Layer.handle_event(self, event)


def event_to_child(self: HttpLayer, child: Any, event: events.Event) -> Any:
    """mitmproxy's, with the commands in front of which there are many."""
    for command in child.handle_event(event):
        kind = type(command)
        if kind is commands.SendData:
            yield command
        elif kind is ReceiveHttp:
            received = command.event
            if type(received) is RequestHeaders:
                yield from self.make_stream(received.stream_id)
            stream = self.streams.get(received.stream_id)
            if stream is not None:  # else it has been dropped: https://github.com/mitmproxy/mitmproxy/issues/5343
                yield from self.event_to_child(stream, received)
        elif kind is SendHttp:
            yield from self.event_to_child(self.connections[command.connection], command.event)
        else:
            yield from _carry_out(self, child, command)


def _drop(layer: HttpLayer, stream_id: int) -> None:
    stream = layer.streams.pop(stream_id, None)
    if stream is not None and stream_id == stream.stream_id:  # else one of its attempts is over
        stream.client_state = stream.server_state = _over
        stream.context.layers.clear()


def _over(event: events.Event) -> Any:
    """The state of a stream that is done. A stream that refers to none of its own methods goes at once with all that
    it holds, where mitmproxy's wait for the garbage collector."""
    yield from ()


def _carry_out(layer: HttpLayer, child: Any, command: commands.Command) -> Any:
    """Blocking commands lead to an answer, which has to find its way back to who asked."""
    if command.blocking or isinstance(command, commands.RequestWakeup):
        layer.command_sources[command] = child
    match command:
        case DropStream():
            _drop(layer, command.stream_id)
        case GetHttpConnection():
            yield from layer.get_connection(command)
        case RegisterHttpConnection():
            yield from layer.register_connection(command)
        case commands.OpenConnection():
            layer.connections[command.connection] = child
            yield command
        case _:
            yield command
