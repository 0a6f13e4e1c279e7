// Drives the official Node SDKs: one conversation a line in, one line out (see ../__init__.py).

import readline from "node:readline";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const functionOf = (tool) => ({ name: tool.name, description: tool.description, parameters: tool.schema });
const textOf = (step) => step.user.map((part) => part.text).join("");

async function chat({ base, key, model, stream, system, tools, steps }, tell) {
  const { completions } = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0 }).chat;
  const messages = system ? [{ role: "system", content: system }] : [];
  const more = tools ? { tools: tools.map((tool) => ({ type: "function", function: functionOf(tool) })) } : {};
  let calls = [];
  for (const step of steps) {
    if (step.results) {
      messages.push(...step.results.map((content, i) => ({ role: "tool", tool_call_id: calls[i].id, content })));
    } else {
      messages.push({ role: "user", content: textOf(step) });
    }
    const asked = { model, messages, ...more };
    const reply = stream
      ? await completions.stream({ ...asked, stream_options: { include_usage: true } }).finalChatCompletion()
      : await completions.create(asked);
    const { message, finish_reason } = reply.choices[0];
    calls = message.tool_calls ?? [];
    tell({
      text: message.content ?? "",
      calls: calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      finish: finish_reason,
      usage: {
        prompt: reply.usage.prompt_tokens,
        cached: reply.usage.prompt_tokens_details?.cached_tokens ?? 0,
        output: reply.usage.completion_tokens,
      },
    });
    messages.push({
      role: "assistant",
      content: message.content,
      ...(calls.length ? { tool_calls: calls.map(({ id, type, function: { name, arguments: text } }) => ({ id, type, function: { name, arguments: text } })) } : {}),
    });
  }
}

async function responses({ base, key, model, stream, system, tools, steps }, tell) {
  const endpoint = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0 }).responses;
  const input = [];
  const more = tools ? { tools: tools.map((tool) => ({ type: "function", strict: false, ...functionOf(tool) })) } : {};
  if (system) more.instructions = system;
  let calls = [];
  for (const step of steps) {
    if (step.results) {
      input.push(...step.results.map((output, i) => ({ type: "function_call_output", call_id: calls[i].call_id, output })));
    } else {
      input.push({ role: "user", content: textOf(step) });
    }
    const asked = { model, input, store: false, ...more };
    const reply = stream ? await endpoint.stream(asked).finalResponse() : await endpoint.create(asked);
    calls = reply.output.filter((item) => item.type === "function_call");
    tell({
      text: reply.output_text,
      calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]),
      finish: reply.incomplete_details?.reason ?? reply.status,
      usage: {
        prompt: reply.usage.input_tokens,
        cached: reply.usage.input_tokens_details.cached_tokens,
        output: reply.usage.output_tokens,
      },
    });
    input.push(...reply.output.map(({ parsed_arguments, ...item }) => item).map(withoutParsed));
  }
}

function withoutParsed(item) {
  if (item.type !== "message") return item;
  return { ...item, content: item.content.map(({ parsed, ...part }) => part) };
}

async function anthropic({ base, key, model, stream, system, tools, steps }, tell) {
  const endpoint = new Anthropic({ baseURL: `${base}/anthropic`, apiKey: key, maxRetries: 0 }).messages;
  const messages = [];
  const more = tools
    ? { tools: tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })) }
    : {};
  if (system) more.system = system;
  let calls = [];
  for (const step of steps) {
    const content = step.results
      ? step.results.map((result, i) => ({ type: "tool_result", tool_use_id: calls[i].id, content: result }))
      : textOf(step);
    messages.push({ role: "user", content });
    const asked = { model, max_tokens: 4000, messages, ...more };
    const reply = stream ? await endpoint.stream(asked).finalMessage() : await endpoint.create(asked);
    calls = reply.content.filter((block) => block.type === "tool_use");
    const cached = reply.usage.cache_read_input_tokens ?? 0;
    tell({
      text: reply.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      calls: calls.map((call) => [call.name, call.input]),
      finish: reply.stop_reason,
      usage: { prompt: reply.usage.input_tokens + cached, cached, output: reply.usage.output_tokens },
    });
    messages.push({ role: "assistant", content: reply.content.map(({ parsed, parsed_output, ...block }) => block) });
  }
}

async function gemini({ base, key, model, stream, system, tools, steps }, tell) {
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: base } });
  const config = { systemInstruction: system };
  if (tools) {
    const declared = tools.map(({ name, description, schema }) => ({ name, description, parametersJsonSchema: schema }));
    config.tools = [{ functionDeclarations: declared }];
  }
  const talk = client.chats.create({ model, config });
  let calls = [];
  for (const step of steps) {
    const message = step.results
      ? step.results.map((result, i) => ({ functionResponse: { id: calls[i].id, name: calls[i].name, response: { result } } }))
      : textOf(step);
    const chunks = [];
    if (stream) {
      for await (const chunk of await talk.sendMessageStream({ message })) chunks.push(chunk);
    } else {
      chunks.push(await talk.sendMessage({ message }));
    }
    const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
    calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
    const last = chunks.at(-1);
    const usage = last.usageMetadata;
    tell({
      text: parts.map((part) => (part.thought ? "" : (part.text ?? ""))).join(""),
      calls: calls.map((call) => [call.name, call.args ?? {}]),
      finish: last.candidates[0].finishReason,
      usage: {
        prompt: usage.promptTokenCount,
        cached: usage.cachedContentTokenCount ?? 0,
        output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
      },
    });
  }
}

const clients = { openai_chat: chat, openai_responses: responses, anthropic, gemini };

for await (const line of readline.createInterface({ input: process.stdin })) {
  const conversation = JSON.parse(line);
  const answer = { replies: [] };
  try {
    await clients[conversation.client](conversation, (reply) => answer.replies.push(reply));
  } catch (error) {
    if (error.status === undefined) answer.broken = error.stack;
    else answer.error = { class: error.constructor.name, status: error.status, message: error.message };
  }
  console.log(JSON.stringify(answer));
}
