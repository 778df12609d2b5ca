//! Replays the corpus of the fuzzer and the fixtures of all providers, as they are and with mistakes in them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, dead_code, reason = "the fuzzer uses it too")]
#[path = "../fuzz/check.rs"]
mod check;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

fn files(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let mut texts: Vec<_> = entries
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    texts.sort();
    texts
}

fn corpus() -> Vec<Vec<u8>> {
    let mut inputs = files("fuzz/corpus/answer");
    for file in files("tests/answers") {
        // The first line of a fixture says what it is.
        let fixtures = file
            .split("== ")
            .filter_map(|fixture| fixture.split_once('\n'));
        inputs.extend(fixtures.map(|(_, answer)| answer.to_owned()));
    }
    inputs.into_iter().map(String::into_bytes).collect()
}

#[test]
fn the_corpus_holds() {
    let corpus = corpus();
    assert!(corpus.len() >= 150, "{}", corpus.len());
    corpus.iter().for_each(|input| check::check(input));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn the_corpus_holds_with_mistakes_in_it(
        which: prop::sample::Index,
        mistakes in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, any::<u8>()), 0..6),
        odd in prop::sample::select(&b"\r\n \"\\{}[]:,.-+0159smhd\xe2\xff"[..]),
    ) {
        let corpus = corpus();
        let mut input = which.get(&corpus).clone();
        for (at, kind, byte) in mistakes {
            let at = at.index(input.len());
            match kind {
                0 => input[at] = byte,
                1 => input.insert(at, odd),
                _ => _ = input.remove(at),
            }
            if input.is_empty() {
                break;
            }
        }
        check::check(&input);
    }

    #[test]
    fn any_bytes_hold(input in prop::collection::vec(any::<u8>(), 0..300)) {
        check::check(&input);
    }
}
