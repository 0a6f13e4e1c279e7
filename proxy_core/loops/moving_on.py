"""What becomes of an answer that repeats itself where it is not to end there: what of it is kept, what the client and
the model are told."""

from __future__ import annotations

from proxy_core.loops.text import TextLoop


def before_repetition(text: str, loop: TextLoop) -> str:
    """`text` up to where it began to repeat itself, with what was repeated standing there once."""
    if loop.channel != "text" or not loop.unit:
        return text
    last = text.rfind(loop.unit)
    if last < 0:
        return text
    start, size = last, len(loop.unit)
    while text.startswith(loop.unit, start - size) and start >= size:
        start -= size
    if start == last:  # other words stand between: a refrain
        start = text.find(loop.unit)
    return text[: start + size]


def passed_on(loop: TextLoop, who: str, follower: str) -> str:
    """For the client, where another model goes on."""
    return f"\n\n[Parley stopped {who} here: it had begun to repeat itself ({_what(loop)}). {follower} goes on.]\n\n"


def asked_again(loop: TextLoop) -> str:
    """For the client, where the same model goes on."""
    return f"\n\n[Parley stopped a repetition here ({_what(loop)}) and asked the model to go on without it.]\n\n"


def left_off(why: str) -> str:
    """For the client, where nobody went on."""
    return f"[Nobody could go on ({why}), so Parley ended this answer. To go on, say what should come next.]"


def steering(loop: TextLoop) -> str:
    """For the model."""
    where = "thoughts were" if loop.channel == "thinking" else "answer was"
    return (
        f"[Note of the proxy: your {where} stopped, since the same words came again and again ({_what(loop)}). What "
        "you said before that stands above, if anything. Go on from there, and do not repeat it: take another way, "
        "come to the end, or say what keeps you from it. Say nothing about this note.]"
    )


def _what(loop: TextLoop) -> str:
    return f"{loop.repetitions} times “{loop.excerpt}”"
