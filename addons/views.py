"""How mitmweb and the console show model traffic: a request as a conversation, a reply as one message."""

from __future__ import annotations

from urllib.parse import parse_qsl

from mitmproxy import contentviews, http
from mitmproxy.contentviews import Contentview, Metadata
from mitmproxy.contentviews._api import SyntaxHighlight

from addons.records import deeds_of, timing_of
from proxy_core.protocols.contract import Call
from proxy_core.viewing.bodies import call_of, show_fault, show_reply, show_request


class ConversationView(Contentview):
    @property
    def name(self) -> str:
        return "Conversation"

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        return "yaml"

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return 10 if data and _call(metadata) else -1

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """Raises ParleyError when the body cannot be read; mitmproxy then shows it raw."""
        call = _call(metadata)
        message = metadata.http_message
        flow = metadata.flow
        assert call is not None
        assert isinstance(flow, http.HTTPFlow)
        deeds = list(deeds_of(flow))
        if isinstance(message, http.Request):
            return show_request(data, call, flow.comment, deeds)
        if flow.response and flow.response.status_code >= 400:
            return show_fault(flow.response.status_code, data, call, timing_of(flow), deeds)
        over = bool(flow.error or (flow.response and flow.response.timestamp_end))
        return show_reply(data, metadata.content_type or "", call, timing_of(flow), deeds, over)


def _call(metadata: Metadata) -> Call | None:
    flow = metadata.flow
    if not isinstance(flow, http.HTTPFlow) or metadata.websocket_message:
        return None
    path, _, query = flow.request.path.partition("?")
    return call_of(flow.request.method, path, dict(parse_qsl(query)))


class Views:
    """Registers the view while the program runs."""

    def load(self, loader: object) -> None:
        contentviews.add(ConversationView)
