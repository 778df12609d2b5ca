//! How fast a stream is scanned, and what it allocates.
//!
//! Run with `cargo bench -p tower-ai-stream`; prints MB/s of the best of several rounds on one core, for streams as
//! providers send them, cut into pieces as a network does.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use tokio::time::Instant;
use tower_ai_stream::{Event, Framing, Parser};

const EVENTS: usize = 20_000;
const ROUNDS: usize = 15;

fn main() {
    println!(
        "{:<34} {:>8} {:>10} {:>10}",
        "stream", "MB/s", "ns/event", "allocs/event"
    );
    for (name, stream) in [
        ("openai chat, 3-letter words", openai("the")),
        (
            "openai chat, 20-letter words",
            openai("Freundschaftsbezeigu"),
        ),
        ("openai chat, cyrillic words", openai("привет")),
        ("openai chat, escapes", openai("\\n\\\"a\\\"\\t")),
        ("anthropic", anthropic("word")),
        ("openai responses", responses("word")),
        ("gemini", gemini("some more words at once, as is its way")),
    ] {
        for piece in [1400, 16 * 1024] {
            let best = (0..ROUNDS)
                .map(|_| time(&stream, piece))
                .min()
                .unwrap_or_default();
            let allocations = measure(|| scan(&stream, piece)).count_total;
            let rate = stream.len() as f64 / best.as_secs_f64() / 1e6;
            println!(
                "{:<34} {rate:>8.0} {:>10.0} {:>10}",
                format!("{name}, by {piece}"),
                best.as_secs_f64() * 1e9 / EVENTS as f64,
                allocations as f64 / EVENTS as f64,
            );
        }
    }
}

fn time(stream: &str, piece: usize) -> Duration {
    let start = Instant::now();
    scan(stream, piece);
    Instant::now() - start
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
