"""Every recorded request of the other protocols, written for Gemini, is one that a strict backend takes."""

from __future__ import annotations

import pytest

from proxy_core.errors import ParleyError
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.profiles.lookup import profile_of
from proxy_core.profiles.target import Target
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call
from proxy_core.protocols.gemini import GEMINI
from proxy_core.turn.content import ProtocolName, Text
from proxy_core.turn.losses import Losses
from tests.live.strict.gemini import check_gemini
from tests.recordings import Recording, cases

PROTOCOLS: dict[str, ProtocolName] = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic",
}
MODELS = ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-pro-preview", "gemini-3.8-flash")


@pytest.mark.parametrize("recording", [case for endpoint in PROTOCOLS for case in cases(endpoint)])
def test_a_strict_backend_takes_what_is_written(recording: Recording) -> None:
    if not isinstance(recording.request, dict):
        pytest.skip("the request was not recorded")
    protocol = PROTOCOLS[recording.index["endpoint"]]
    request = CODECS[protocol].read_request(recording.request, Call(protocol, "chat"))
    for model in MODELS:
        losses = Losses()
        target = Target(model, DIALECTS["gemini"], profile_of(model))
        if all(part == Text("") for turn in request.turns for part in turn.parts):
            with pytest.raises(ParleyError, match="no message"):
                GEMINI.write_request(request, target, losses)
            continue
        check_gemini(GEMINI.write_request(request, target, losses).body, model)
        assert all(loss.path and loss.why for loss in losses.items)
