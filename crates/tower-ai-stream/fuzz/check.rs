//! What must hold for any bytes at all.

use tower_ai_stream::{Close, Event, Framing, Parser};

/// The first byte of the input says how the rest is framed, the second in what pieces it comes.
pub fn check(input: &[u8]) {
    let [framing, size, bytes @ ..] = input else {
        return;
    };
    let framing = [Framing::Sse, Framing::Lines, Framing::Json][usize::from(framing % 3)];
    let whole = read(framing, bytes, bytes.len());
    let split = read(framing, bytes, usize::from(*size));
    assert_eq!(whole, split, "split, it means the same");

    let (events, close) = whole;
    let has = |kind: fn(&Event) -> bool| events.iter().any(kind);
    if has(|event| matches!(event, Event::Failed(_))) {
        assert!(
            matches!(close, Close::Failed(_)),
            "an error is never a good end"
        );
    }
    let ends = events.iter().position(|event| *event == Event::End);
    assert!(
        ends.is_none_or(|at| at + 1 == events.len()),
        "nothing is read after the end"
    );
}

fn read(framing: Framing, bytes: &[u8], size: usize) -> (Vec<Event>, Close) {
    let mut parser = Parser::new(framing);
    let mut events = Vec::new();
    for mut piece in bytes.chunks(size.max(1)) {
        let before = parser.offset();
        let len = piece.len() as u64;
        while let Some(event) = parser.push(&mut piece) {
            assert_eq!(parser.boundary(), parser.offset());
            events.push(event);
        }
        assert_eq!(parser.offset(), before + len, "every byte is taken");
    }
    (events, parser.close())
}
