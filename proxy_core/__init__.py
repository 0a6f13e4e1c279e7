"""What Parley does, without knowing mitmproxy.

    errors          faults, in one vocabulary for all protocols
    turn/           the canonical conversation: parts, requests, replies, stream events
    wire/           server-sent events, JSON, content encodings: bytes to values and back
    protocols/      one folder per protocol: readers and writers between its JSON and turns
    pipeline/       lanes, and the chain of stages that a reply runs through
    routing/        backends, model names, keys, attempts
    config/         settings: schema, files, environment
    sharing/        what several proxies behind one address know together
    serving/        what the proxy answers by itself: models, health, token counts, the demo

Imports point one way: errors, turn, wire <- protocols <- pipeline, routing, serving <- addons.
"""

__version__ = "0.1.0"
