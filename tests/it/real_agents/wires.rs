//! The wires that agents speak to their models by, as far as calls of tools go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::model::ToolCall;

/// How a request to a model is written, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Anthropic's messages.
    Messages,
    /// OpenAI's responses.
    Responses,
    /// OpenAI's chat completions.
    Chat,
    /// Gemini's contents.
    Contents,
}

/// What a request says.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The script the user named last.
    pub(crate) script: Option<String>,
    /// How many steps of it have been asked for.
    pub(crate) step: usize,
    /// What came back, by step and place.
    pub(crate) results: BTreeMap<(usize, usize), String>,
    pub(crate) tools: Vec<String>,
    /// It is asked by an agent at work, not for a title or a summary.
    pub(crate) plays: bool,
}

/// What the model answers.
pub(crate) enum Said<'s> {
    Text(&'static str),
    /// The calls of the step of this number, and the script's name.
    Calls(usize, &'s [ToolCall], &'s str),
}

/// What agents ask beside their model's answers.
pub(crate) fn besides(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    match path {
        "/v1/messages/count_tokens" => Some(r#"{"input_tokens":10}"#),
        "/v1/models" => Some(r#"{"object":"list","data":[],"models":[]}"#),
        _ if path.ends_with(":countTokens") => Some(r#"{"totalTokens":10}"#),
        _ => None,
    }
}

fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// All texts in a value.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(texts).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields.values().map(texts).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// The script that a text names last.
fn named(text: &str) -> Option<String> {
    let rest = text.rsplit_once("RUN ")?.1;
    let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
    (!name.is_empty()).then_some(name)
}

/// The name of a call: its step, its place there and its script. In a session that goes on with another script, no call has the name of an earlier one.
fn id(step: usize, at: usize, script: &str) -> String {
    format!("call_{step}_{at}_{script}")
}

fn step_of(id: &str) -> Option<(usize, usize)> {
    let mut parts = id.strip_prefix("call_")?.split('_');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl Asked {
    fn user(&mut self, text: &str) {
        if let Some(name) = named(text) {
            self.script = Some(name);
            self.results.clear();
        }
    }

    fn result(&mut self, id: &str, value: &Value) {
        if let Some(step) = step_of(id) {
            self.results.insert(step, texts(value));
        }
    }
}

impl Wire {
    /// The wire of a path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        match path {
            "/v1/messages" => Some(Self::Messages),
            "/v1/responses" => Some(Self::Responses),
            "/v1/chat/completions" => Some(Self::Chat),
            _ if path.ends_with("enerateContent") => Some(Self::Contents),
            _ => None,
        }
    }

    pub(crate) fn read(self, request: &Value) -> Asked {
        let mut asked = Asked::default();
        match self {
            Self::Messages => messages(request, &mut asked),
            Self::Responses => responses(request, &mut asked),
            Self::Chat => chat(request, &mut asked),
            Self::Contents => contents(request, &mut asked),
        }
        // With some models, Codex tells of its tools in words.
        asked.plays = !asked.tools.is_empty() || self == Self::Responses;
        asked.step = asked.results.keys().map(|(step, _)| step + 1).max().unwrap_or(0);
        asked
    }

    /// True where an answer is to be JSON.
    pub(crate) fn wants_json(self, request: &Value) -> bool {
        let kind = request.pointer("/generationConfig/responseMimeType").and_then(Value::as_str);
        self == Self::Contents && kind == Some("application/json")
    }

    pub(crate) fn streams(self, path: &str, request: &Value) -> bool {
        match self {
            Self::Contents => path.contains("streamGenerateContent"),
            _ => request.get("stream").and_then(Value::as_bool) == Some(true),
        }
    }

    pub(crate) fn say(self, said: Said<'_>, streams: bool) -> String {
        let events = match self {
            Self::Messages => say_message(&said),
            Self::Responses => say_response(&said),
            Self::Chat => say_chat(&said, streams),
            Self::Contents => say_contents(&said),
        };
        if streams {
            let end = if self == Self::Chat { "data: [DONE]\n\n" } else { "" };
            let event = |event: &Value| match event.get("type").and_then(Value::as_str) {
                Some(kind) => format!("event: {kind}\ndata: {event}\n\n"),
                None => format!("data: {event}\n\n"),
            };
            return events.iter().map(event).collect::<String>() + end;
        }
        match self {
            Self::Messages => whole_message(&said).to_string(),
            Self::Responses => {
                events.last().and_then(|e| e.get("response")).unwrap_or(&Value::Null).to_string()
            }
            Self::Chat | Self::Contents => events.first().unwrap_or(&Value::Null).to_string(),
        }
    }
}

fn messages(request: &Value, asked: &mut Asked) {
    asked.tools = items(request, "tools").map(|tool| field(tool, "name").to_owned()).collect();
    for message in items(request, "messages").filter(|message| field(message, "role") == "user") {
        asked.user(message.get("content").and_then(Value::as_str).unwrap_or_default());
        for part in items(message, "content") {
            match field(part, "type") {
                "text" => asked.user(field(part, "text")),
                "tool_result" => {
                    asked.result(field(part, "tool_use_id"), part.get("content").unwrap_or(&Value::Null))
                }
                _ => {}
            }
        }
    }
}

fn responses(request: &Value, asked: &mut Asked) {
    asked.tools = items(request, "tools")
        .map(|tool| if field(tool, "name").is_empty() { field(tool, "type") } else { field(tool, "name") })
        .map(str::to_owned)
        .collect();
    for item in items(request, "input") {
        match field(item, "type") {
            "function_call_output" | "custom_tool_call_output" => {
                asked.result(field(item, "call_id"), item.get("output").unwrap_or(&Value::Null));
            }
            _ if field(item, "role") == "user" => {
                asked.user(&texts(item.get("content").unwrap_or(&Value::Null)))
            }
            _ => {}
        }
    }
}

fn chat(request: &Value, asked: &mut Asked) {
    let name = |tool: &Value| {
        let name = ["/function/name", "/custom/name"].iter().find_map(|place| tool.pointer(place));
        name.and_then(Value::as_str).map(str::to_owned)
    };
    asked.tools = items(request, "tools").filter_map(name).collect();
    for message in items(request, "messages") {
        let content = message.get("content").unwrap_or(&Value::Null);
        match field(message, "role") {
            "user" => asked.user(&texts(content)),
            "tool" => asked.result(field(message, "tool_call_id"), content),
            _ => {}
        }
    }
}

fn contents(request: &Value, asked: &mut Asked) {
    let declared = items(request, "tools").flat_map(|tool| items(tool, "functionDeclarations"));
    asked.tools = declared.map(|tool| field(tool, "name").to_owned()).collect();
    // Answers carry names of their own: they are counted by the turn of the model they answer.
    let mut step = 0;
    for content in items(request, "contents") {
        if field(content, "role") == "model" {
            step += usize::from(items(content, "parts").any(|part| part.get("functionCall").is_some()));
            continue;
        }
        let mut at = 0;
        for part in items(content, "parts") {
            if let Some(response) = part.get("functionResponse") {
                asked.result(&id(step.max(1) - 1, at, ""), response.get("response").unwrap_or(&Value::Null));
                at += 1;
            } else if named(field(part, "text")).is_some() {
                asked.user(field(part, "text"));
                step = 0;
            }
        }
    }
}

/// A name that no other answer has: Claude Code takes answers of one name for parts of one.
fn message_id() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    format!("msg_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn whole_message(said: &Said<'_>) -> Value {
    let (reason, content): (_, Vec<Value>) = match said {
        Said::Text(text) => ("end_turn", vec![json!({ "type": "text", "text": text })]),
        Said::Calls(step, calls, script) => {
            let block = |(at, call): (usize, &ToolCall)| json!({ "type": "tool_use", "id": id(*step, at, script), "name": call.tool, "input": call.input });
            ("tool_use", calls.iter().enumerate().map(block).collect())
        }
    };
    let usage = json!({ "input_tokens": 10, "output_tokens": 10 });
    json!({ "id": message_id(), "type": "message", "role": "assistant", "model": "stand-in", "content": content, "stop_reason": reason,
        "stop_sequence": null, "usage": usage })
}

fn say_message(said: &Said<'_>) -> Vec<Value> {
    let mut message = whole_message(said);
    let content = message["content"].take();
    let reason = message["stop_reason"].take();
    message["content"] = json!([]);
    let mut events = vec![json!({ "type": "message_start", "message": message })];
    for (index, mut block) in content.as_array().into_iter().flatten().cloned().enumerate() {
        let delta = if field(&block, "type") == "text" {
            json!({ "type": "text_delta", "text": block["text"].take() })
        } else {
            json!({ "type": "input_json_delta", "partial_json": block["input"].take().to_string() })
        };
        match block.get("text").is_some() {
            true => block["text"] = json!(""),
            false => block["input"] = json!({}),
        }
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": block }));
        events.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    events.push(json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 10 } }));
    events.push(json!({ "type": "message_stop" }));
    events
}

fn say_response(said: &Said<'_>) -> Vec<Value> {
    let output: Vec<Value> = match said {
        Said::Text(text) => {
            vec![json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }] })]
        }
        Said::Calls(step, calls, script) => {
            let item = |(at, call): (usize, &ToolCall)| {
                let id = id(*step, at, script);
                let (namespace, name) = match call.tool.split_once('/') {
                    Some((namespace, name)) => (Some(namespace), name),
                    None => (None, call.tool.as_str()),
                };
                // A tool that takes a text as it is.
                if let Value::String(text) = &call.input {
                    return json!({ "type": "custom_tool_call", "id": format!("ctc_{id}"), "call_id": id, "name": name, "input": text, "status": "completed" });
                }
                let arguments = call.input.to_string();
                let mut item = json!({ "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name, "arguments": arguments, "status": "completed" });
                if let Some(namespace) = namespace {
                    item["namespace"] = namespace.into();
                }
                item
            };
            calls.iter().enumerate().map(item).collect()
        }
    };
    let usage = json!({ "input_tokens": 10, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 10,
        "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 20 });
    let response = |status: &str, output: &[Value]| json!({ "id": "resp_1", "object": "response", "created_at": 1, "model": "stand-in", "status": status, "output": output, "usage": usage });
    let mut events = vec![json!({ "type": "response.created", "response": response("in_progress", &[]) })];
    for (index, item) in output.iter().enumerate() {
        events.push(json!({ "type": "response.output_item.added", "output_index": index, "item": item }));
        events.push(json!({ "type": "response.output_item.done", "output_index": index, "item": item }));
    }
    events.push(json!({ "type": "response.completed", "response": response("completed", &output) }));
    events
}

fn say_chat(said: &Said<'_>, streams: bool) -> Vec<Value> {
    let (reason, message) = match said {
        Said::Text(text) => ("stop", json!({ "role": "assistant", "content": text })),
        Said::Calls(step, calls, script) => {
            let one = |(at, call): (usize, &ToolCall)| {
                let name = &call.tool;
                // A tool that takes a text as it is.
                let (kind, fields) = match &call.input {
                    Value::String(text) => ("custom", json!({ "name": name, "input": text })),
                    input => ("function", json!({ "name": name, "arguments": input.to_string() })),
                };
                let mut one = json!({ "index": at, "id": id(*step, at, script), "type": kind });
                one[kind] = fields;
                one
            };
            let calls: Vec<Value> = calls.iter().enumerate().map(one).collect();
            ("tool_calls", json!({ "role": "assistant", "content": null, "tool_calls": calls }))
        }
    };
    let usage = json!({ "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 });
    let chunk = |choice: Value| {
        let object = if streams { "chat.completion.chunk" } else { "chat.completion" };
        json!({ "id": "chat_1", "object": object, "created": 1, "model": "stand-in", "choices": [choice], "usage": usage })
    };
    if streams {
        let delta = chunk(json!({ "index": 0, "delta": message, "finish_reason": null }));
        return vec![delta, chunk(json!({ "index": 0, "delta": {}, "finish_reason": reason }))];
    }
    vec![chunk(json!({ "index": 0, "message": message, "finish_reason": reason }))]
}

fn say_contents(said: &Said<'_>) -> Vec<Value> {
    let parts: Vec<Value> = match said {
        Said::Text(text) => vec![json!({ "text": text })],
        Said::Calls(_, calls, _) => calls
            .iter()
            .map(|call| json!({ "functionCall": { "name": call.tool, "args": call.input } }))
            .collect(),
    };
    let candidate =
        json!({ "content": { "role": "model", "parts": parts }, "finishReason": "STOP", "index": 0 });
    let usage = json!({ "promptTokenCount": 10, "candidatesTokenCount": 10, "totalTokenCount": 20 });
    vec![json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": "stand-in" })]
}
