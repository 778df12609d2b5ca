use std::time::Duration;

use super::*;
use crate::{
    Case, Conditions, Course, Fault, Finding, Noise, Outage, Provider, Rule, Scale, Scenario,
    Score, Script, Spell, Step, Verdict,
};

const SECOND: Duration = Duration::from_secs(1);

/// A minute well, a minute with `<a>` down, a minute well.
fn drill() -> Drill {
    let down = Rule::new(Fault::Reset).during(60 * SECOND..120 * SECOND);
    let outage = Outage::new()
        .phase("well", 60 * SECOND)
        .phase("<b>down</b>", 60 * SECOND)
        .phase("well", 60 * SECOND)
        .target(Provider::builder("<a>").script(Script::well().rule(down.unwrap())))
        .target(Provider::builder("b"));
    Drill::new(outage).scale(Scale::new(20.0).unwrap()).seed(7)
}

fn account(lost_in: std::ops::Range<usize>) -> Account {
    let steps: Vec<Step> = (0..36)
        .map(|index| {
            let lost = if lost_in.contains(&index) { 60 } else { 0 };
            Step {
                calls: 100,
                answered: 100 - lost,
                failed: lost,
                attempts: vec![60, 40],
                p50_ms: Some(2_000.0),
                p99_ms: Some(4_000.0),
                ..Step::default()
            }
        })
        .collect();
    let answered = steps.iter().map(|step| step.answered).sum();
    Account {
        score: Score {
            calls: 3_600,
            answered,
            answered_share: answered as f64 / 3_600.0,
            told: vec![("<img src=x>".to_owned(), 3_600 - answered)],
            ..Score::default()
        },
        course: Course {
            step_s: 5.0,
            targets: vec!["<a>".to_owned(), "b".to_owned()],
            steps,
            states: vec![Spell {
                target: 0,
                state: "open",
                from_s: 61.0,
                to_s: 125.0,
            }],
        },
        noise: Noise::default(),
    }
}

fn page() -> String {
    let finding = Finding::nothing();
    let conditions = Conditions::new(Scale::ONE);
    let cases = Scenario::all()
        .iter()
        .map(|scenario| Case::new(*scenario, conditions, finding.clone()));
    Report::new()
        .outage(
            &drill(),
            [("\"bare\"", account(12..24)), ("mine", account(0..0))],
        )
        .cases(cases)
        .to_html()
}

#[test]
fn names_and_errors_are_text() {
    let page = page();
    for markup in ["<a>", "<b>down", "<img", "\"\"bare"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;b&gt;down&lt;/b&gt;") && page.contains("&lt;img src=x&gt;"));
}

#[test]
fn nothing_is_fetched() {
    let page = page();
    for fetch in ["http:", "https:", "src=\"", "@import", "url("] {
        assert!(!page.contains(fetch), "{fetch}");
    }
}

#[test]
fn every_plot_and_every_verdict_is_there() {
    let page = page();
    for figure in [
        "answered",
        "unanswered",
        "attempts",
        "shares",
        "states",
        "waits",
    ] {
        assert_eq!(
            page.matches(&format!("<figure class=\"{figure}\"")).count(),
            1,
            "{figure}"
        );
    }
    // A plot of its own for each contender or target where they do not share one.
    assert_eq!(page.matches("<svg").count(), 1 + 2 + 1 + 1 + 2 + 2);
    assert_eq!(
        page.matches("<td class=\"pass\">").count(),
        Scenario::all().len()
    );
    assert!(page.contains("24 of 24 passed"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn the_plots_say_what_was_measured() {
    let drill = drill();
    let accounts = [("bare".to_owned(), account(12..24))];
    let story = Story::new(&drill, &accounts);
    let course = &accounts[0].1.course;
    let share = |step: &Step| Some(step.answered as f64 / step.calls as f64);
    let line = story.line(course, share);
    // The middle of the first step, all answered; of the thirteenth, two in five.
    assert!(line.starts_with("M13.9 0L41.7 0"), "{line}");
    assert!(line.contains("L347.2 600L"), "{line}");
    let lost = story.area(course, |step| (step.failed > 0).then_some((0.0, 1.0)));
    assert!(
        lost.starts_with("M333.3 0H361.1") && lost.matches('Z').count() == 1,
        "{lost}"
    );
}

#[test]
fn a_machine_that_is_late_is_told() {
    let mut late = account(0..0);
    late.noise.max_ms = 500.0;
    let page = Report::new().outage(&drill(), [("mine", late)]).to_html();
    assert!(page.contains("tell of the machine"));
    assert!(!self::page().contains("tell of the machine"));
}

#[test]
fn an_empty_page_is_a_page() {
    let page = Report::new().to_html();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let empty = Drill::new(Outage::new());
    let none: [(&str, Account); 0] = [];
    assert!(
        Report::new()
            .outage(&empty, none)
            .to_html()
            .contains("<h1>")
    );
}

#[test]
fn a_miss_names_its_checks() {
    let mut finding = Finding::nothing();
    finding.verdict = Verdict::Safe;
    finding.checks.insert("alone.answered".to_owned(), false);
    let scenario = Scenario::named("S08").unwrap();
    let case = Case::new(scenario, Conditions::new(Scale::ONE), finding);
    let page = Report::new().cases([case]).to_html();
    assert!(page.contains("<td class=\"safe\">safe<span>not alone.answered</span></td>"));
    assert!(page.contains("0 of 1 passed"));
}
