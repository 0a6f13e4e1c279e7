"""The built-in backend: chat completions without a key or a network, so that everything can be tried first.

server      DemoServer: HTTP on a loopback port
answering   paths, key, errors
models      what each of the five models says
requests    the client's JSON, as far as the models need it
chunks      an answer as JSON, whole or streamed
arguments   tool arguments that fit a JSON schema
"""

from proxy_core.serving.demo.server import DemoServer

__all__ = ["DemoServer"]
