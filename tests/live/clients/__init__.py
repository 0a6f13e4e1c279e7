"""Official SDKs, unmodified, each in one process of its own that holds conversations as told in JSON lines.

    sdk             the tests' end: starts a driver and talks to it
    openai_sdk, anthropic_sdk, google_sdk, node/driver.js       the drivers; they import nothing of this project
    conversing      what the Python drivers share; lies beside them

A conversation: {client, base, key, model, stream, headers?, system?, tools?: [{name, description, schema}], thinking?,
schema?, forgets?: [name, …], steps: [{user: text | [{text} | {image, type} | {url}]} | {results: [text, …]}]}. The
results answer the calls of the reply before, in their order. `forgets` are fields of a chat message that do not come
back as history. The answer is {replies: [{text, thinking, calls: [[name, arguments]], finish, usage: {prompt, cached,
output} or null}]}, and
error: {class, status, message} when the SDK raised one of its own.
"""
