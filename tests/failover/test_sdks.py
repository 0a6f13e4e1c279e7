"""The same faults through the official SDKs: what their users see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.failover.speaking import PROTOCOLS
from tests.failover.test_matrix import Case, cases
from tests.failover.world import CLIENT_KEY, World
from tests.live.clients.sdk import Drivers

OPENAI = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "APIStatusError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    408: "APIStatusError",
    409: "ConflictError",
    413: "APIStatusError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    **dict.fromkeys((500, 502, 503, 504, 529), "InternalServerError"),
}
ANTHROPIC = {
    **OPENAI,
    402: "PaymentRequiredError",
    408: "RequestTimeoutError",
    413: "ContentTooLargeError",
    503: "ServiceUnavailableError",
    504: "GatewayTimeoutError",
    529: "OverloadedError",
}
CLASSES = {"openai_chat": OPENAI, "openai_responses": OPENAI, "anthropic": ANTHROPIC}
IN_A_STREAM = {"openai_chat": ("APIError", None), "anthropic": ("APIStatusError", 200)}
"""An error that comes behind the first content."""


@pytest.fixture(scope="module")
def quiet_world(world: World) -> World:
    world.watcher.is_watching = False
    return world


def talk(world: World, sdks: Drivers, case: Case, backends: int) -> dict[str, Any]:
    failover = {"failover": case.row.failover, "timeout": case.row.timeout}
    world.stage(case.backends(world)[:backends], case.deed(), **failover)
    return sdks[case.client].talk(
        client=case.client,
        base=f"http://127.0.0.1:{world.plain}",
        key=CLIENT_KEY,
        model="r",
        stream=case.stream,
        steps=[{"user": [{"text": "Hi"}]}],
    )


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_what_the_sdk_makes_of_it(quiet_world: World, sdks: Drivers, case: Case) -> None:
    answer = talk(quiet_world, sdks, case, 2)
    if case.row.moves:
        assert "error" not in answer
        (reply,) = answer["replies"]
        assert reply["text"] == "A good answer."
        answer = talk(quiet_world, sdks, case, 1)
    check_told(case, answer)


def check_told(case: Case, answer: dict[str, Any]) -> None:
    row, client = case.row, case.client
    if row.text and client == "openai_responses":
        (reply,) = answer["replies"]
        assert (reply["text"], reply["finish"]) == (row.text, "failed")
        return
    assert answer["replies"] == []
    error = answer["error"]
    told = error["class"], error["status"]
    if row.text and client == "gemini":
        assert told[0] == "ServerError"
    elif row.text:
        assert told == IN_A_STREAM[client]
    elif client == "gemini":
        status = 400 if row.name == "Gemini's invalid key" and case.vendor == "gemini" else row.status
        assert told == ("ClientError" if status < 500 else "ServerError", status)
    else:
        assert told == (CLASSES[client][row.status], row.status)
    assert row.message in error["message"]


def test_every_sdk_meets_every_kind_of_row() -> None:
    met = {(case.client, case.row.name) for case in cases()}
    assert met == {(client, case.row.name) for client in PROTOCOLS for case in cases()}
