"""Official SDKs, unmodified, each in one process of its own that holds conversations as told in JSON lines.

    sdk             the tests' end: starts a driver and talks to it
    openai_sdk, anthropic_sdk, google_sdk, node_sdks    the drivers; they import nothing of this project
    conversing      what the Python drivers share; lies beside them

A conversation: {client, base, key, model, stream, system?, tools?: [{name, description, schema}], thinking?, schema?,
images?, steps: [{user: [{text} | {image, type} | {url}]} | {results: [text, …]}]}. The results answer the calls of the
reply before, in their order. The answer is {replies: [{text, thinking, calls: [[name, arguments]], finish, usage:
{prompt, cached, output}}]} or {replies, error: {class, status, message}}.
"""
