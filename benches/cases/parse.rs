//! Streams as providers send them, cut into pieces as a network does, and scanned to their end.
#![allow(dead_code, reason = "each bench binary uses a part of it")]

use std::hint::black_box;

use tower_ai_stream::{Event, Framing, Parser};

use crate::harness::Suite;

const EVENTS: usize = 64;

/// One stream of [`EVENTS`] events.
type Make = fn() -> String;

const STREAMS: [(&str, &str, Make); 7] = [
    (
        "bare, openai chat, 3-letter words",
        "openai chat, 3-letter words",
        || openai("the"),
    ),
    (
        "bare, openai chat, 20-letter words",
        "openai chat, 20-letter words",
        || openai("Freundschaftsbezeigu"),
    ),
    (
        "bare, openai chat, cyrillic words",
        "openai chat, cyrillic words",
        || openai("привет"),
    ),
    ("bare, openai chat, escapes", "openai chat, escapes", || {
        openai("\\n\\\"a\\\"\\t")
    }),
    ("bare, anthropic", "anthropic", || anthropic("word")),
    ("bare, openai responses", "openai responses", || {
        responses("word")
    }),
    ("bare, gemini", "gemini", || {
        gemini("some more words at once, as is its way")
    }),
];

/// Scanning a stream, beside looking for its line ends alone.
pub(crate) fn add(suite: &mut Suite) {
    for (bare, name, make) in STREAMS {
        suite.baseline(bare);
        for (form, piece) in [("by 1400", 1400), ("by 16384", 16384)] {
            let stream = make();
            suite.push(bare, form, None, move |calls| {
                (0..=calls).for_each(|_| lines(&stream, piece));
            });
            let stream = make();
            suite.push(name, form, None, move |calls| {
                (0..=calls).for_each(|_| scan(&stream, piece));
            });
        }
    }
}

/// The bytes that one call of a case scans.
pub(crate) fn bytes(case: &str) -> Option<usize> {
    let named = |name: &str| {
        case.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(", by"))
    };
    let (_, _, make) = STREAMS.iter().find(|(_, name, _)| named(name))?;
    Some(make().len())
}

fn lines(stream: &str, piece: usize) {
    let pieces = black_box(stream).as_bytes().chunks(piece);
    let found: usize = pieces
        .map(|piece| memchr::memchr_iter(b'\n', piece).count())
        .sum();
    assert!(found >= EVENTS * 2);
}

fn scan(stream: &str, piece: usize) {
    let mut parser = Parser::new(Framing::Sse);
    let mut seen = 0;
    for mut piece in black_box(stream).as_bytes().chunks(piece) {
        while let Some(event) = parser.push(&mut piece) {
            seen += usize::from(event == Event::Content);
        }
    }
    assert_eq!(seen, EVENTS);
}

fn openai(word: &str) -> String {
    let event = format!(
        "data: {{\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\
         \"created\":1741570283,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\
         \"system_fingerprint\":\"fp_fc9f1d7035\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\
         \" {word}\"}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"a1B2c3\"}}\n\n"
    );
    event.repeat(EVENTS)
}

fn anthropic(word: &str) -> String {
    let event = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\" {word}\"}}}}\n\n"
    );
    event.repeat(EVENTS)
}

fn responses(word: &str) -> String {
    let event = format!(
        "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
         \"sequence_number\":41,\"item_id\":\"msg_67c9fdcf37fc8190ba82116e33fb28c501b8b0ad4d8c1c7d\",\
         \"output_index\":0,\"content_index\":0,\"delta\":\" {word}\",\"logprobs\":[],\"obfuscation\":\"a1B2c3\"}}\n\n"
    );
    event.repeat(EVENTS)
}

fn gemini(words: &str) -> String {
    let event = format!(
        "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{words}\"}}],\"role\": \"model\"}},\
         \"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 8,\"totalTokenCount\": 8,\
         \"promptTokensDetails\": [{{\"modality\": \"TEXT\",\"tokenCount\": 8}}]}},\
         \"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"abcDEF123\"}}\r\n\r\n"
    );
    event.repeat(EVENTS)
}
