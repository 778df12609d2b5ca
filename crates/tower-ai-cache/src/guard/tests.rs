use super::*;

#[test]
fn what_means_the_same_passes() {
    for (a, b) in [
        ("How do I reset my PIN?", "how can i reset the pin"),
        (
            "What is the fee for transfers?",
            "What's the fee for a transfer",
        ),
        ("I want to cancel my card", "please cancel my card"),
        ("Where is my card?", "Where's my card"),
        ("Can I recieve payments?", "can I receive payments"),
        ("Pay 1,000 euros", "pay 1000 euros"),
        ("How to transfer money?", "How do I transfer money"),
    ] {
        assert_eq!(guard(a, b), None, "{a} / {b}");
        assert_eq!(guard(b, a), None, "{b} / {a}");
    }
}

#[test]
fn each_guard_keeps_apart_what_it_should() {
    for (a, b, by) in [
        ("Can I pay 50 euros?", "Can I pay 500 euros?", Guard::Number),
        ("Is plan A cheaper?", "Is plan B cheaper?", Guard::Number),
        ("Send it two times", "Send it three times", Guard::Number),
        ("My card works", "My card doesn't work", Guard::Negation),
        ("Pay with a card", "Pay without a card", Guard::Negation),
        ("When is it open?", "Where is it open?", Guard::Question),
        ("How many cards?", "How do cards?", Guard::Question),
        (
            "Fly from Rome to Oslo",
            "Fly from Oslo to Rome",
            Guard::Order,
        ),
        ("Can I go to Canada?", "Can I go to Cuba?", Guard::Rare),
        ("can i go to canada", "can i go to cuba", Guard::Rare),
        ("Is Apple Pay free?", "Is Pay free?", Guard::Rare),
        ("Increase the limit", "Decrease the limit", Guard::Antonym),
        ("Is it possible?", "Is it impossible?", Guard::Antonym),
        (
            "Change the address",
            "Change the business address",
            Guard::Qualifier,
        ),
        ("Change the address", "Change the order", Guard::Swapped),
        ("如何重置密码", "如何删除密码", Guard::Foreign),
    ] {
        assert_eq!(guard(a, b), Some(by), "{a} / {b}");
        assert_eq!(guard(b, a), Some(by), "{b} / {a}");
    }
}

#[test]
fn no_text_makes_a_guard_panic() {
    for text in [
        "",
        " ",
        "?!",
        "é",
        "İ",
        "'s",
        "n't",
        "1",
        "a",
        "\u{0}",
        "ß s",
        "ﬁ",
        "🦀 🦀",
    ] {
        for other in ["", "x", "'s s es ing", "日本 1st", text] {
            let _ = (guard(text, other), guard(other, text));
        }
    }
}
