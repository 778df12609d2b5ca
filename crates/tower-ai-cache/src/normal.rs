//! The normal form of a text, by which the exact tier compares.

/// Marks that end a word of a sentence without being part of it.
const MARKS: &[char] = &['.', ',', ';', ':', '!', '?', '…', '。', '？', '！'];

/// Lower case, one space between words, no sentence marks at the ends of words.
///
/// Marks inside a word (`3.5`, `c++`, `-5`) stay: they make another word of it.
pub(crate) fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let word = word.trim_end_matches(MARKS);
        if word.is_empty() {
            continue;
        }
        if !normal.is_empty() {
            normal.push(' ');
        }
        if word.is_ascii() {
            let start = normal.len();
            normal.push_str(word);
            normal[start..].make_ascii_lowercase();
        } else {
            normal.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

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
