//! The result for people.

use tower_ai_drill::{Account, Scale};

pub(crate) fn print(accounts: &[(&'static str, Account)]) {
    println!(
        "\n{:<14} {:>8} {:>9} {:>8} {:>8} {:>9} {:>9} {:>8}",
        "", "calls", "answered", "median", "p99", "attempts", "to sick", "back"
    );
    for (name, account) in accounts {
        let score = &account.score;
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
        if score.saved > 0 {
            println!(
                "{:<14} {:>8} answers without a call to a provider, {} of them while the first was sick",
                "", score.saved, score.saved_sick
            );
        }
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

/// How late the machine was, and whether that spoils the figures.
pub(crate) fn noise(accounts: &[(&'static str, Account)], scale: Scale) {
    let noises = accounts.iter().map(|(_, account)| account.noise);
    let Some(noise) = noises.max_by(|a, b| a.max_ms.total_cmp(&b.max_ms)) else {
        return;
    };
    println!(
        "\nThis machine's timers were {:.1} ms late at p99, {:.0} ms at most: {:.2} s and {:.1} s of outage time.",
        noise.p99_ms,
        noise.max_ms,
        noise.p99_ms * scale.factor() / 1e3,
        noise.max_ms * scale.factor() / 1e3,
    );
    if noise.spoils(scale) {
        println!(
            "That is late for clocks so short: these figures may tell of the machine. Leave it more time (--scale {}) or less to do.",
            (scale.factor() / 2.0).max(1.0)
        );
    }
}
