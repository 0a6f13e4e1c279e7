"""The canonical conversation that every protocol is read into and written from.

content     parts of a message: Text, Thinking, ToolCall, ToolResult, Media, Refusal, Opaque
request     ChatRequest: turns, tools, sampling, reasoning, output format
reply       Reply: choices, finish reason, usage
events      the same reply as it streams
fold        events to Reply and back, so that whole and streamed answers share one path
seals       providers' signatures, carried through clients of other protocols
ledger      the same, remembered for clients that drop them
losses      what could not be carried over, to be reported
"""
