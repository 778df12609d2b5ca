//! Recorded streams of every format.

#![allow(dead_code, unreachable_pub, reason = "every test uses a part of it")]

pub mod script;

use tower_ai_stream::{Event, Format, Framing, Parser};

use Event::{Content, End, Metadata};

/// A whole, good stream.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    pub name: &'static str,
    pub framing: Framing,
    pub format: Format,
    pub bytes: &'static str,
    pub events: &'static [Event],
    /// Where the words of the answer are over and said to be: cut from here on, it is not a broken answer.
    pub whole_from: &'static str,
    pub usage: (Option<u64>, Option<u64>),
}

impl Recorded {
    pub fn content_type(&self) -> &'static str {
        match self.framing {
            Framing::Sse => "text/event-stream; charset=utf-8",
            Framing::Lines => "application/x-ndjson",
            _ => "application/json",
        }
    }

    /// The offset from which a cut leaves a whole answer.
    pub fn whole_at(&self) -> usize {
        self.bytes.find(self.whole_from).expect("a mark") + self.whole_from.len()
    }
}

pub fn read(framing: Framing, pieces: &[&[u8]]) -> (Vec<Event>, Parser) {
    let mut parser = Parser::new(framing);
    let mut events = Vec::new();
    for mut piece in pieces.iter().copied() {
        while let Some(event) = parser.push(&mut piece) {
            events.push(event);
        }
    }
    (events, parser)
}

pub const OPENAI: Recorded = Recorded {
    name: "openai chat",
    framing: Framing::Sse,
    format: Format::OpenAiChat,
    bytes: concat!(
        ": hello\n\n",
        "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hallo \\u00e9\\n\"},\"finish_reason\":null}]}\n\n",
        ": keep-alive\n\n",
        "data: {\"id\":\"c1\",\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Größe 🙂 \\\"x\\\"\"},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"c1\",\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"id\":\"c1\",\"model\":\"gpt-x\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":34,\"total_tokens\":46,\"prompt_tokens_details\":{\"cached_tokens\":7}}}\n\n",
        "data: [DONE]\n\n",
    ),
    events: &[Metadata, Content, Content, Metadata, Metadata, End],
    whole_from: "\"stop\"}]}",
    usage: (Some(12), Some(34)),
};

pub const OPENAI_TOOLS: Recorded = Recorded {
    name: "openai tool calls of two choices, CRLF, no [DONE]",
    framing: Framing::Sse,
    format: Format::OpenAiChat,
    bytes: concat!(
        "\u{feff}data:{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}},{\"index\":1,\"delta\":{\"role\":\"assistant\"}}]}\r\n\r\n",
        "data:{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\r\n\r\n",
        "data:{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\r\n\r\n",
        "data:{\"choices\":[{\"index\":1,\"delta\":{\"reasoning_content\":\"hm\"}}]}\r\n\r\n",
        "data:{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\r\n\r\n",
    ),
    events: &[Metadata, Content, Metadata, Content, Metadata],
    whole_from: "\"completion_tokens\":2}}",
    usage: (Some(1), Some(2)),
};

pub const OPENROUTER: Recorded = Recorded {
    name: "openrouter, CR",
    framing: Framing::Sse,
    format: Format::OpenAiChat,
    bytes: concat!(
        ": OPENROUTER PROCESSING\r\r",
        ": OPENROUTER PROCESSING\r\r",
        "data: {\"id\":\"g\",\"provider\":\"P\",\"model\":\"a/b\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null,\"native_finish_reason\":null}]}\r\r",
        "data: {\"model\":\"a/b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"reasoning\":\"Well\"}}]}\r\r",
        "data: {\"model\":\"a/b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}]}\r\r",
        "data: {\"model\":\"a/b\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\r\r",
        "data: [DONE]\r\r",
    ),
    events: &[Metadata, Content, Content, Metadata, End],
    whole_from: "\"finish_reason\":\"stop\"}]}\r\r",
    usage: (Some(5), Some(6)),
};

pub const RESPONSES: Recorded = Recorded {
    name: "openai responses",
    framing: Framing::Sse,
    format: Format::OpenAiResponses,
    bytes: concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"object\":\"response\",\"status\":\"in_progress\",\"error\":null,\"incomplete_details\":null,\"model\":\"gpt-y\",\"output\":[],\"usage\":null}}\n\n",
        "event: response.in_progress\ndata: {\"type\":\"response.in_progress\",\"response\":{\"status\":\"in_progress\",\"error\":null}}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\",\"content\":[]}}\n\n",
        "event: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"part\":{\"type\":\"output_text\",\"text\":\"\"}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"\"}\n\n",
        "event: response.output_text.delta\ndata: {\"delta\":\"Hi\",\"type\":\"response.output_text.delta\"}\n\n",
        "event: response.function_call_arguments.delta\ndata: {\"delta\":\"{\\\"a\\\":\"}\n\n",
        "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"text\":\"Hi\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"error\":null,\"model\":\"gpt-y\",\"output\":[{\"content\":[{\"text\":\"Hi\"}]}],\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n",
    ),
    events: &[
        Metadata, Metadata, Metadata, Metadata, Metadata, Content, Content, Metadata, End,
    ],
    whole_from: "\"output_tokens\":4}}}",
    usage: (Some(3), Some(4)),
};

pub const ANTHROPIC: Recorded = Recorded {
    name: "anthropic",
    framing: Framing::Sse,
    format: Format::Anthropic,
    bytes: concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-z\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\": 1}\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    events: &[
        Metadata, Metadata, Metadata, Content, Metadata, Metadata, Metadata, Content, Metadata,
        Metadata, End,
    ],
    whole_from: "{\"type\":\"message_stop\"}",
    usage: (Some(25), Some(15)),
};

pub const GEMINI: Recorded = Recorded {
    name: "gemini, CRLF",
    framing: Framing::Sse,
    format: Format::Gemini,
    bytes: concat!(
        "data: {\"usageMetadata\": {\"promptTokenCount\": 8},\"modelVersion\": \"gemini-w\"}\r\n\r\n",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"\"}],\"role\": \"model\"},\"index\": 0}]}\r\n\r\n",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hi\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 8,\"totalTokenCount\": 8}}\r\n\r\n",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"!\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 8,\"candidatesTokenCount\": 9}}\r\n\r\n",
    ),
    events: &[Metadata, Metadata, Content, Content],
    whole_from: "\"candidatesTokenCount\": 9}}\r\n\r",
    usage: (Some(8), Some(9)),
};

pub const GEMINI_ARRAY: Recorded = Recorded {
    name: "gemini, array",
    framing: Framing::Json,
    format: Format::Gemini,
    bytes: concat!(
        "[{\n  \"candidates\": [\n    {\n      \"content\": {\n        \"parts\": [{\"functionCall\": {\"name\": \"f\"}}],\n        \"role\": \"model\"\n      }\n    }\n  ],\n  \"modelVersion\": \"gemini-w\"\n}\n,\r\n",
        "{\n  \"candidates\": [{\"finishReason\": \"STOP\"}],\n  \"usageMetadata\": {\"promptTokenCount\": 1, \"candidatesTokenCount\": 2}\n}\n]\n",
    ),
    events: &[Content, Metadata, End],
    whole_from: "}\n]",
    usage: (Some(1), Some(2)),
};

pub const OLLAMA: Recorded = Recorded {
    name: "ollama",
    framing: Framing::Lines,
    format: Format::Ollama,
    bytes: concat!(
        "{\"model\":\"llama\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}\n",
        "{\"model\":\"llama\",\"message\":{\"role\":\"assistant\",\"content\":\"Hey\"},\"done\":false}\n",
        "{\"model\":\"llama\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"total_duration\":1,\"prompt_eval_count\":26,\"eval_count\":28}\n",
    ),
    events: &[Metadata, Content, End],
    whole_from: "\"eval_count\":28}",
    usage: (Some(26), Some(28)),
};

/// Every stream.
pub const STREAMS: [Recorded; 8] = [
    OPENAI,
    OPENAI_TOOLS,
    OPENROUTER,
    RESPONSES,
    ANTHROPIC,
    GEMINI,
    GEMINI_ARRAY,
    OLLAMA,
];
