"""Tools and the choice among them. https://docs.cohere.com/docs/tool-use-overview"""

from __future__ import annotations

from proxy_core.protocols.cohere.names import API
from proxy_core.protocols.cohere.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.request import ChatRequest, Tool, ToolChoice

_NO_PARAMETERS: Extra = {"type": "object", "properties": {}}
_FREE_TEXT: Extra = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": ["input"],
}


def write_tool_fields(request: ChatRequest, writing: Writing) -> Extra:
    """`tools` and `tool_choice`, which is REQUIRED, NONE or left out: one tool is demanded by offering no other."""
    choice = request.tool_choice
    offered = _offered(request.tools, writing)
    wanted = _wanted(choice)
    if wanted is not None:
        fitting = [(index, tool) for index, tool in offered if tool.name in wanted]
        if not fitting and choice and choice.mode == "named":
            writing.losses.change("tool_choice", f"the tool '{choice.name}' could not be offered; the model chooses")
            choice = None
        else:
            offered = fitting
    if request.parallel_tool_calls is False:
        writing.losses.drop("parallel_tool_calls", f"{API} has no such field")
    if not offered:
        if choice and choice.mode not in ("auto", "none"):
            writing.losses.drop("tool_choice", "there is no tool to choose")
        return {}
    tools = [_tool(tool, f"tools[{index}]", writing) for index, tool in offered]
    word = _word(choice, writing)
    return {"tools": tools, **({"tool_choice": word} if word else {})}


def _offered(tools: list[Tool], writing: Writing) -> list[tuple[int, Tool]]:
    """Those that can run elsewhere than at their own provider, with their places."""
    offered = []
    for index, tool in enumerate(tools):
        if tool.server:
            writing.losses.drop(f"tools[{index}]", f"'{tool.name}' runs at its own provider only")
        else:
            offered.append((index, tool))
    return offered


def _wanted(choice: ToolChoice | None) -> list[str] | None:
    """The names to restrict the tools to; None for all."""
    match choice:
        case ToolChoice(mode="named", name=str() as name):
            return [name]
        case ToolChoice(mode="allowed"):
            return choice.names or []
        case _:
            return None


def _word(choice: ToolChoice | None, writing: Writing) -> str | None:
    match choice:
        case None | ToolChoice(mode="auto") | ToolChoice(mode="allowed", required=False):
            return None
        case _ if not writing.profile.forced_tools:
            writing.losses.drop("tool_choice", f"{writing.target.model} cannot be told; it chooses")
            return None
        case ToolChoice(mode="none"):
            return "NONE"
        case _:
            return "REQUIRED"


def _tool(tool: Tool, path: str, writing: Writing) -> Extra:
    writing.lose(tool.extra, path)
    writing.lose_cache(tool.cache)
    if tool.strict:
        writing.losses.drop(f"{path}.strict", f"{API} demands narrower schemas of strict tools")
    description, parameters = tool.description, tool.schema or _NO_PARAMETERS
    if tool.custom:
        writing.losses.change(path, f"{API} has no custom tools; sent as a function")
        description, parameters = _described(tool), _FREE_TEXT
    function = {"name": tool.name, "description": description, "parameters": parameters}
    return {"type": "function", "function": {key: value for key, value in function.items() if value is not None}}


def _described(tool: Tool) -> str:
    """A grammar goes into words, since a schema cannot hold it."""
    form = tool.format if isinstance(tool.format, dict) else {}
    grammar = form.get("definition")
    said = [tool.description, f"The input must follow this grammar:\n{grammar}" if grammar else None]
    return "\n\n".join(filter(None, said))
