//! Text that is safe to put into a page.

use std::time::Duration;

/// Text without the letters that mean something to HTML, in elements and in quoted attributes.
pub(super) fn esc(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// JSON that may stand in a script element: no `<` can end it.
pub(super) fn json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// A number for a path or a style: a tenth is fine enough in a box of a thousand.
pub(super) fn num(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// A share in percent: two digits where it is near to all.
pub(super) fn percent(share: f64) -> String {
    let share = 100.0 * share;
    if share > 99.0 && share < 99.995 {
        // Never round a failure away.
        format!("{:.2}\u{a0}%", (share * 100.0).floor() / 100.0)
    } else if (99.995..=100.0).contains(&share) {
        "100\u{a0}%".to_owned()
    } else {
        format!("{share:.1}\u{a0}%")
    }
}

/// A count with thin spaces between its thousands.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A time as minutes and seconds.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_is_markup() {
        let name = "<script>'\"&";
        assert_eq!(esc(name), "&lt;script&gt;&#39;&quot;&amp;");
        let value = serde_json::json!({ "name": "</script>" });
        assert!(!json(&value).contains('<'));
    }

    #[test]
    fn a_failure_is_never_rounded_away() {
        assert_eq!(percent(1.0), "100\u{a0}%");
        assert_eq!(percent(0.9999), "99.99\u{a0}%");
        assert_eq!(percent(0.99994), "99.99\u{a0}%");
        assert_eq!(percent(1.548), "154.8\u{a0}%");
        assert_eq!(percent(0.5528), "55.3\u{a0}%");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
