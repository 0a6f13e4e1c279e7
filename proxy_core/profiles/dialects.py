"""Vendors' editions of the protocols, by the name that a backend's configuration gives.

The rows of OpenAI-compatible vendors say where they differ from OpenAI's chat completions.
"""

from __future__ import annotations

from proxy_core.profiles.target import Dialect, Prefill, ToolIdRule

_ANY_ID = ToolIdRule(max_length=256, alphabet=r"[\x21-\x7e]")
"""Kimi's own ids look like `functions.weather:0` and must come back as they were."""

_ROWS: tuple[Dialect, ...] = (
    # An endpoint of which nothing is known but that it speaks chat completions.
    Dialect("default", tool_id=_ANY_ID, as_given=True, thought_signatures=True, document_urls=True),
    # Answers in-process; takes whatever it is given.
    Dialect("demo", tool_id=_ANY_ID, document_urls=True, custom_tools=True, tool_images=True, video=True, top_k=True),
    # https://platform.openai.com/docs/api-reference/chat/create
    Dialect(
        "openai",
        custom_tools=True,
        allowed_tools=True,
        cache_key=True,
        shared_fields=("service_tier", "safety_identifier", "prompt_cache_retention"),
    ),
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference-preview-latest; ids over 40 characters are refused:
    # https://github.com/BerriAI/litellm/issues/11392
    Dialect("azure", tool_id=ToolIdRule(max_length=40), allowed_tools=True, cache_key=True),
    # https://openrouter.ai/docs/api-reference/overview and /docs/use-cases/reasoning-tokens
    Dialect(
        "openrouter",
        max_tokens_field="max_tokens",
        tool_id=_ANY_ID,
        reasoning="reasoning_object",
        replays_reasoning="reasoning_details",
        cache_control=True,
        document_urls=True,
        tool_images=True,
        video=True,
        top_k=True,
        cache_key=True,
    ),
    # https://docs.anthropic.com/en/api/messages; ids outside this alphabet are refused. Prefills, where the model
    # takes one: https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/prefill-claudes-response
    Dialect(
        "anthropic",
        tool_id=ToolIdRule(max_length=64),
        cache_control=True,
        top_k=True,
        stop_limit=None,
        prefill=Prefill(),
    ),
    # https://ai.google.dev/api/generate-content
    Dialect("gemini", tool_id=_ANY_ID, top_k=True, stop_limit=5, thought_signatures=True),
    # https://docs.cohere.com/reference/chat; names without hyphens: https://docs.cohere.com/reference/chat-v1#request.body.tools
    Dialect(
        "cohere",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        tool_name_hyphens=False,
        strict_tools=False,
        parallel_tool_calls=False,
        documents=False,
        audio=False,
        n=False,
        top_k=True,
        stop_limit=5,
        user=False,
    ),
    # https://docs.ollama.com/api/openai-compatibility
    Dialect(
        "ollama",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        replays_reasoning="reasoning",
        strict_tools=False,
        parallel_tool_calls=False,
        documents=False,
        audio=False,
        image_urls=False,
        n=False,
        tool_content_parts=False,
    ),
    # https://lmstudio.ai/docs/app/api/endpoints/openai
    Dialect(
        "lmstudio",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        replays_reasoning="reasoning_content",
        strict_tools=False,
        documents=False,
        audio=False,
        image_urls=False,
        n=False,
        tool_content_parts=False,
    ),
    # https://github.com/ggml-org/llama.cpp/tree/master/tools/server
    Dialect(
        "llamacpp",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        replays_reasoning="reasoning_content",
        strict_tools=False,
        documents=False,
        top_k=True,
        stop_limit=None,
        tool_content_parts=False,
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    Dialect(
        "vllm",
        tool_id=_ANY_ID,
        replays_reasoning="reasoning",
        strict_tools=False,
        documents=False,
        video=True,
        top_k=True,
        stop_limit=None,
        prefill=Prefill(body={"continue_final_message": True, "add_generation_prompt": False}),
    ),
    # https://console.groq.com/docs/openai: logprobs and n over 1 are refused with a 400
    Dialect(
        "groq",
        replays_reasoning="reasoning",
        strict_tools=False,
        documents=False,
        audio=False,
        logprobs=False,
        n=False,
        tool_id=_ANY_ID,
    ),
    # https://docs.mistral.ai/api: unknown fields are refused with a 422; ids are nine letters or digits
    Dialect(
        "mistral",
        max_tokens_field="max_tokens",
        developer_role=False,
        stream_options=False,
        tool_id=ToolIdRule(max_length=9, alphabet=r"[A-Za-z0-9]", exact_length=9),
        replays_reasoning="thinking_parts",
        seed_field="random_seed",
        logprobs=False,
        required_choice="any",
        stop_limit=None,
        documents=False,
        cache_key=True,
        user=False,
        prefill=Prefill(message={"prefix": True}),
    ),
    # https://api-docs.deepseek.com/guides/thinking_mode: reasoning_content must come back after tool calls
    Dialect(
        "deepseek",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        json_schema=False,
        strict_tools=False,
        parallel_tool_calls=False,
        reasoning="thinking_object",
        replays_reasoning="always",
        documents=False,
        audio=False,
        stop_limit=16,
        n=False,
        seed=False,
        tool_content_parts=False,
        user=False,
    ),
    # https://docs.x.ai/docs/api-reference
    Dialect("xai", tool_id=_ANY_ID, replays_reasoning="reasoning_content", documents=False, audio=False),
    # https://docs.together.ai/reference/chat-completions-1
    Dialect(
        "together",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        replays_reasoning="reasoning",
        strict_tools=False,
        documents=False,
        top_k=True,
        video=True,
        user=False,
    ),
    # https://docs.fireworks.ai/api-reference/post-chatcompletions
    Dialect(
        "fireworks",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        replays_reasoning="reasoning_content",
        strict_tools=False,
        documents=False,
        audio=False,
        top_k=True,
    ),
    # https://docs.perplexity.ai/api-reference/chat-completions-post
    Dialect(
        "perplexity",
        max_tokens_field="max_tokens",
        developer_role=False,
        stream_options=False,
        strict_tools=False,
        parallel_tool_calls=False,
        audio=False,
        seed=False,
        logprobs=False,
        n=False,
        top_k=True,
        tool_content_parts=False,
        user=False,
    ),
    # https://platform.moonshot.ai/docs/api/chat: tool schemas take no strict, tool_choice no "required"; a prefill:
    # https://platform.kimi.ai/docs/api/partial
    Dialect(
        "moonshot",
        developer_role=False,
        tool_id=_ANY_ID,
        strict_tools=False,
        parallel_tool_calls=False,
        reasoning="thinking_object",
        replays_reasoning="reasoning_content",
        documents=False,
        audio=False,
        image_urls=False,
        seed=False,
        logprobs=False,
        stop_limit=5,
        video=True,
        tool_content_parts=False,
        user=False,
        prefill=Prefill(message={"partial": True}),
    ),
    # https://docs.z.ai/api-reference/llm/chat-completion
    Dialect(
        "zai",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        json_schema=False,
        strict_tools=False,
        parallel_tool_calls=False,
        reasoning="thinking_object",
        replays_reasoning="reasoning_content",
        documents=False,
        audio=False,
        seed=False,
        penalties=False,
        logprobs=False,
        n=False,
        stop_limit=1,
        video=True,
        tool_content_parts=False,
        user=False,
    ),
    # https://www.alibabacloud.com/help/en/model-studio/use-qwen-by-calling-api
    Dialect(
        "qwen",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        strict_tools=False,
        reasoning="enable_thinking",
        documents=False,
        top_k=True,
        video=True,
        stop_limit=None,
        tool_content_parts=False,
        user=False,
    ),
    # https://huggingface.co/docs/inference-providers/tasks/chat-completion
    Dialect(
        "huggingface",
        max_tokens_field="max_tokens",
        developer_role=False,
        tool_id=_ANY_ID,
        documents=False,
        audio=False,
        tool_content_parts=False,
        user=False,
    ),
    # https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference
    Dialect(
        "databricks",
        max_tokens_field="max_tokens",
        developer_role=False,
        stream_options=False,
        documents=False,
        audio=False,
        seed=False,
        penalties=False,
        top_k=True,
        parallel_tool_calls=False,
        tool_content_parts=False,
        user=False,
    ),
)

_OTHER_NAMES: dict[str, str] = {
    "kimi": "moonshot",
    "dashscope": "qwen",
    "z.ai": "zai",
    "x.ai": "xai",
    "llama.cpp": "llamacpp",
    "hf": "huggingface",
    "google": "gemini",
}

DIALECTS: dict[str, Dialect] = {row.name: row for row in _ROWS}
DIALECTS.update({name: DIALECTS[of] for name, of in _OTHER_NAMES.items()})
