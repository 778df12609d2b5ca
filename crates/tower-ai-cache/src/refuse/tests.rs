use tower_ai_core::Scope;

use super::*;

const PLAIN: &str = "Which documents prove an address abroad?";

fn judge(text: &str) -> Verdict {
    Rules::default().judge(&Question::new(Scope::tenant("t"), text))
}

fn judge_facts(change: impl FnOnce(&mut Facts)) -> Verdict {
    let mut facts = Facts::default();
    change(&mut facts);
    Rules::default().judge(&Question::new(Scope::tenant("t"), PLAIN).with_facts(facts))
}

#[test]
fn a_plain_question_is_cached() {
    for text in [
        PLAIN,
        "How many planets orbit Neptune's star?",
        "What is the difference between TCP and UDP?",
        "Is it true that cats always land on their feet?",
    ] {
        let cache = Verdict::Cache {
            personal: false,
            semantic: true,
        };
        assert_eq!(judge(text), cache, "{text}");
    }
}

#[test]
fn every_fact_of_the_table_bypasses() {
    type Change = fn(&mut Facts);
    let rows: [(Change, Rule); 9] = [
        (|facts| facts.temperature = Some(0.2), Rule::Temperature),
        (
            |facts| facts.temperature = Some(f64::NAN),
            Rule::Temperature,
        ),
        (|facts| facts.several = true, Rule::Several),
        (|facts| facts.tools = true, Rule::Tools),
        (|facts| facts.media = true, Rule::Media),
        (|facts| facts.sampled = true, Rule::Sampled),
        (|facts| facts.no_store = true, Rule::NoStore),
        (|facts| facts.remote_state = true, Rule::RemoteState),
        (
            |facts| {
                facts.temperature = Some(1.0);
                facts.no_store = true;
            },
            Rule::NoStore,
        ),
    ];
    for (change, rule) in rows {
        assert_eq!(judge_facts(change), Verdict::Bypass(rule));
    }
    let cached = judge_facts(|facts| facts.temperature = Some(0.0));
    assert!(matches!(cached, Verdict::Cache { .. }));
}

#[test]
fn every_text_of_the_table_bypasses() {
    for (text, rule) in [
        ("What is the weather forecast today in Oslo?", Rule::Time),
        ("Who is the current president of Chile?", Rule::Time),
        ("Which football matches are played this week?", Rule::Time),
        ("Which stocks gained the most last month?", Rule::Time),
        ("Why was my transfer to Spain declined?", Rule::FirstPerson),
        (
            "I’m locked out of the mobile application",
            Rule::FirstPerson,
        ),
        (
            "Summarise the contract of jane.doe@example.com",
            Rule::PersonalData,
        ),
        (
            "Who owns the phone number +49 171 555 1234 5?",
            Rule::PersonalData,
        ),
        (
            "Explain the meaning of key k7f3q9z2m8x4c6v1b5",
            Rule::PersonalData,
        ),
        (
            "Translate the following sentence into French",
            Rule::Context,
        ),
        (
            "Which animals does this document mention most?",
            Rule::Context,
        ),
        (
            "That sounds wrong, explain photosynthesis again",
            Rule::Context,
        ),
        ("hello there", Rule::TooShort),
        ("And what about Spain?", Rule::TooShort),
        ("Explain ```let x = 1``` in Rust terms", Rule::Code),
        (
            "Review function f(a) { return a == 1 && b != 2; }",
            Rule::Code,
        ),
    ] {
        assert_eq!(judge(text), Verdict::Bypass(rule), "{text}");
    }
    let long = "Compare volcanic islands. ".repeat(50);
    assert_eq!(judge(&long), Verdict::Bypass(Rule::TooLong));
}

#[test]
fn a_personal_question_is_kept_apart_where_there_is_a_user() {
    let text = "Why was my transfer to Spain declined?";
    let scope = Scope::tenant("t").user_if_personal("ann");
    let personal = Verdict::Cache {
        personal: true,
        semantic: true,
    };
    assert_eq!(
        Rules::default().judge(&Question::new(scope, text)),
        personal
    );
}

#[test]
fn each_rule_can_be_turned_off_and_down() {
    let question = Question::new(Scope::shared(), "Who is the current president of Chile?");
    let rules = Rules::default().with(Rule::Time, Treatment::ExactOnly);
    let exact = Verdict::Cache {
        personal: false,
        semantic: false,
    };
    assert_eq!(rules.judge(&question), exact);
    let allowed = Verdict::Cache {
        personal: false,
        semantic: true,
    };
    assert_eq!(Rules::none().judge(&question), allowed);
    for rule in Rule::ALL {
        let rules = Rules::none().with(rule, Treatment::Bypass);
        assert_eq!(rules.of(rule), Treatment::Bypass, "{}", rule.name());
    }
}

#[test]
fn scripts_without_spaces_are_not_too_short() {
    assert!(matches!(judge("如何重置银行卡密码"), Verdict::Cache { .. }));
}
