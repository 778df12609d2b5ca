//! Replays the corpus of the fuzzer, as it is and with mistakes in it.

#[allow(unreachable_pub, reason = "the fuzzer uses it too")]
#[path = "../fuzz/check.rs"]
mod check;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

fn corpus() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/parse");
    let entries = fs::read_dir(corpus).expect("the corpus");
    let mut inputs: Vec<_> = entries
        .map(|entry| fs::read(entry.expect("an entry").path()).expect("a file"))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn the_corpus_holds() {
    let corpus = corpus();
    assert!(corpus.len() >= 10);
    for mut input in corpus {
        for size in 1..=40 {
            input[1] = size;
            check::check(&input);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn the_corpus_holds_with_mistakes_in_it(
        which: prop::sample::Index,
        size: u8,
        mistakes in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, any::<u8>()), 0..6),
        odd in prop::sample::select(&b"\r\n \"\\{}[],:0-tnd\xe2\x82\xff\x01"[..]),
    ) {
        let corpus = corpus();
        let mut input = which.get(&corpus).clone();
        input[1] = size;
        for (at, kind, byte) in mistakes {
            let at = at.index(input.len() - 2) + 2;
            match kind {
                0 => input[at] = byte,
                1 => input.insert(at, odd),
                _ => _ = input.remove(at),
            }
        }
        check::check(&input);
    }
}
