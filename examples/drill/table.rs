//! The result for people.

use tower_ai_drill::Score;

pub(crate) fn print(scores: &[(usize, &str, Score)]) {
    println!(
        "\n{:<14} {:>8} {:>9} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "", "calls", "answered", "median", "p99", "attempts", "to sick", "back"
    );
    for (_, name, score) in scores {
        let back = score
            .back_after_s
            .map_or("never".to_owned(), |s| format!("{s:.1} s"));
        println!(
            "{name:<14} {:>8} {:>7.2} % {:>6.1} s {:>6.1} s {:>9.2} {:>7.1} % {back:>8}",
            score.calls,
            100.0 * score.answered_share,
            score.p50_ms / 1e3,
            score.p99_ms / 1e3,
            score.attempts,
            100.0 * score.to_sick,
        );
        if score.broken > 0 {
            println!(
                "{:<14} {:>8} broken answers given as good ones",
                "", score.broken
            );
        }
    }
    println!(
        "\nTimes are outage time. median, p99: wait for the whole answer, of answered calls.\n\
         attempts: per call. to sick: attempts at sick targets, per call of that time.\n\
         back: until the healed first target has 90 % of its share again."
    );
}
