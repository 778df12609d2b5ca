//! The normal form of a text, by which the exact tier compares.

/// Marks that end a word of a sentence without being part of it.
const MARKS: &[char] = &['.', ',', ';', ':', '!', '?', '…', '。', '？', '！'];

/// Lower case, one space between words, no sentence marks at the ends of words.
///
/// Marks inside a word (`3.5`, `c++`, `-5`) stay: they make another word of it.
pub(crate) fn normalise(text: &str) -> String {
    if text.is_ascii() {
        // What was ASCII still is.
        String::from_utf8(ascii(text.as_bytes())).unwrap_or_default()
    } else {
        of_any(text)
    }
}

fn of_any(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let word = word.trim_end_matches(MARKS);
        if word.is_empty() {
            continue;
        }
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.chars().flat_map(char::to_lowercase));
    }
    normal
}

/// The same, a word at a time.
fn ascii(text: &[u8]) -> Vec<u8> {
    let mut normal = Vec::with_capacity(text.len());
    for word in text.split(|byte| matches!(byte, b' ' | b'\t'..=b'\r')) {
        let marks = word.iter().rev().take_while(|byte| is_mark(**byte));
        let word = &word[..word.len() - marks.count()];
        if word.is_empty() {
            continue;
        }
        if !normal.is_empty() {
            normal.push(b' ');
        }
        normal.extend_from_slice(word);
    }
    normal.make_ascii_lowercase();
    normal
}

const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b',' | b';' | b':' | b'!' | b'?')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_ways_give_the_same(text in "[aB3.,?! \t\n-]{0,30}") {
            let quick = String::from_utf8(ascii(text.as_bytes())).unwrap_or_default();
            prop_assert_eq!(quick, of_any(&text));
        }
    }

    #[test]
    fn what_does_not_change_the_question_is_gone() {
        for text in [
            "How do I  reset my PIN?",
            "how do i reset my pin",
            " How do I reset my pin??\n",
        ] {
            assert_eq!(normalise(text), "how do i reset my pin");
        }
        assert_eq!(normalise("Wo ist DIE ÄRZTIN?"), "wo ist die ärztin");
        assert_eq!(normalise(" ... ?"), "");
    }

    #[test]
    fn what_changes_it_stays() {
        for (a, b) in [
            ("is it 3.5", "is it 35"),
            ("c++", "c"),
            ("c#", "c"),
            ("-5 degrees", "5 degrees"),
            ("a b", "ab"),
            ("re-sign", "resign"),
        ] {
            assert_ne!(normalise(a), normalise(b), "{a} {b}");
        }
    }
}
