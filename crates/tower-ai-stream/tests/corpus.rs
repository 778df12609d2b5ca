//! Replays the corpus of the fuzzer.

#[allow(unreachable_pub, reason = "the fuzzer uses it too")]
#[path = "../fuzz/check.rs"]
mod check;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/parse");
    let mut count = 0;
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let input = fs::read(entry.expect("an entry").path()).expect("a file");
        for size in 1..=u8::try_from(input.len().min(40)).unwrap_or(40) {
            let mut input = input.clone();
            input[1] = size;
            check::check(&input);
        }
        count += 1;
    }
    assert!(count >= 10);
}
