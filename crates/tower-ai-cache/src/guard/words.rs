//! The lists of English words that the guards go by.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Common words that are no names, as `common.py` makes them.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common.txt").lines().collect());

pub(super) fn is_common(word: &str) -> bool {
    COMMON.contains(word)
}

static LIGHT: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set(
        "a an the of to in on at for by and or is are was were be been being am do does did done \
         doing can could would should will shall may might must have has had having get got getting i \
         i'm i've i'd i'll im ive id me my mine we us our you your you're yours it it's its this that \
         that's these those there there's here he she him her his they them their what what's whats \
         which how if so as with about some any please pls hi hello hey thanks thank ok okay just \
         really also too then than tell show let know like want wants need needs help way well \
         explain give say exactly actually still go going out up from into over off down through \
         while because since but though s t m ve d re ll make makes making made seem seems looks \
         think thought possible able available certain sure wondering wonder assist assistance \
         understand steps step reason come option kind kinds type types anything something using \
         use receive took take takes taking currently associated try trying find locate inform describe elaborate details",
    )
});

/// Words between spaces.
fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

/// Words that carry no meaning that another word of a question does not carry.
pub(super) fn is_light(word: &str) -> bool {
    LIGHT.contains(word)
}

static NEGATIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set(
        "not no never none nothing nobody nowhere neither nor without cannot cant dont wont didnt \
         doesnt isnt arent wasnt werent havent hasnt hadnt couldnt wouldnt shouldnt unable except \
         unless hardly barely lack lacks ain't aint excluding avoid refuse instead rather non ever \
         no-one noone rarely seldom only",
    )
});

/// Whether the word turns what is said around.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(word) || word.ends_with("n't")
}

/// What is asked for, where the word says so strictly.
pub(super) fn asked_for(word: &str, next: Option<&str>) -> Option<&'static str> {
    match (word, next) {
        ("who" | "whom" | "who's" | "whos", _) => Some("who"),
        ("whose", _) => Some("whose"),
        ("when" | "when's", _) => Some("when"),
        ("where" | "where's" | "wheres", _) => Some("where"),
        ("why" | "why's" | "whys", _) => Some("why"),
        ("how", Some("many" | "much")) => Some("how many"),
        ("how", Some("come")) => Some("why"),
        ("must" | "required" | "mandatory" | "necessary" | "obligatory", _) => Some("must"),
        ("how", Some("long")) => Some("how long"),
        ("how", Some("often" | "frequently")) => Some("how often"),
        ("how", Some("far" | "old" | "big" | "large" | "high" | "fast" | "soon")) => {
            Some("how far")
        }
        _ => None,
    }
}

/// The number that a word stands for.
pub(super) fn number(word: &str) -> Option<&'static str> {
    Some(match word {
        "zero" => "0",
        "once" | "single" | "first" => "1",
        "two" | "twice" | "second" | "double" | "couple" | "pair" | "both" => "2",
        "three" | "third" | "triple" | "thrice" => "3",
        "four" | "fourth" => "4",
        "five" | "fifth" => "5",
        "six" | "sixth" => "6",
        "seven" | "seventh" => "7",
        "eight" | "eighth" => "8",
        "nine" | "ninth" => "9",
        "ten" | "tenth" => "10",
        "eleven" => "11",
        "twelve" | "dozen" => "12",
        "thirteen" => "13",
        "fourteen" => "14",
        "fifteen" => "15",
        "sixteen" => "16",
        "seventeen" => "17",
        "eighteen" => "18",
        "nineteen" => "19",
        "twenty" => "20",
        "thirty" => "30",
        "forty" => "40",
        "fifty" => "50",
        "sixty" => "60",
        "seventy" => "70",
        "eighty" => "80",
        "ninety" => "90",
        "hundred" | "hundreds" => "100",
        "thousand" | "thousands" => "1000",
        "million" | "millions" => "1000000",
        "billion" | "billions" => "1000000000",
        "half" => "1/2",
        "quarter" => "1/4",
        "several" | "multiple" => "many",
        "all" | "every" | "entire" | "whole" => "all",
        _ => return None,
    })
}

static DIRECTIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set(
        "to from into onto over under than vs versus before after by for with via through of against \
         between towards toward without instead as on in because",
    )
});

/// Words that say which of two things does what to the other.
pub(super) fn is_direction(word: &str) -> bool {
    DIRECTIONS.contains(word)
}

/// Pairs that turn a question around when one stands for the other.
const ANTONYMS: &[(&str, &str)] = &[
    ("accept", "decline"),
    ("accept", "reject"),
    ("accept", "refuse"),
    ("activate", "deactivate"),
    ("add", "remove"),
    ("add", "delete"),
    ("add", "subtract"),
    ("advantage", "disadvantage"),
    ("agree", "disagree"),
    ("alive", "dead"),
    ("allow", "forbid"),
    ("allow", "prevent"),
    ("allow", "block"),
    ("allow", "ban"),
    ("always", "sometimes"),
    ("appear", "disappear"),
    ("approve", "reject"),
    ("approve", "decline"),
    ("arrive", "leave"),
    ("arrive", "depart"),
    ("ascend", "descend"),
    ("attach", "detach"),
    ("available", "unavailable"),
    ("begin", "end"),
    ("begin", "finish"),
    ("benefit", "drawback"),
    ("best", "worst"),
    ("better", "worse"),
    ("big", "small"),
    ("block", "unblock"),
    ("borrow", "lend"),
    ("build", "destroy"),
    ("buy", "sell"),
    ("cheap", "expensive"),
    ("clean", "dirty"),
    ("close", "open"),
    ("cold", "hot"),
    ("come", "go"),
    ("connect", "disconnect"),
    ("correct", "wrong"),
    ("correct", "incorrect"),
    ("create", "delete"),
    ("create", "destroy"),
    ("credit", "debit"),
    ("danger", "safe"),
    ("dangerous", "safe"),
    ("day", "night"),
    ("deposit", "withdraw"),
    ("deposit", "withdrawal"),
    ("different", "same"),
    ("different", "similar"),
    ("difficult", "easy"),
    ("domestic", "international"),
    ("early", "late"),
    ("earn", "spend"),
    ("empty", "full"),
    ("enable", "disable"),
    ("enter", "exit"),
    ("enter", "leave"),
    ("even", "odd"),
    ("export", "import"),
    ("fail", "pass"),
    ("fail", "succeed"),
    ("false", "true"),
    ("fast", "slow"),
    ("female", "male"),
    ("few", "many"),
    ("find", "lose"),
    ("first", "last"),
    ("fix", "break"),
    ("forget", "remember"),
    ("forward", "backward"),
    ("free", "paid"),
    ("freeze", "unfreeze"),
    ("fresh", "stale"),
    ("front", "back"),
    ("gain", "lose"),
    ("give", "take"),
    ("give", "receive"),
    ("good", "bad"),
    ("grow", "shrink"),
    ("happy", "sad"),
    ("hard", "easy"),
    ("hard", "soft"),
    ("hate", "love"),
    ("heavy", "light"),
    ("hide", "show"),
    ("high", "low"),
    ("higher", "lower"),
    ("hire", "fire"),
    ("horizontal", "vertical"),
    ("include", "exclude"),
    ("increase", "decrease"),
    ("increase", "reduce"),
    ("inbound", "outbound"),
    ("incoming", "outgoing"),
    ("indoor", "outdoor"),
    ("input", "output"),
    ("inside", "outside"),
    ("install", "uninstall"),
    ("internal", "external"),
    ("join", "leave"),
    ("keep", "discard"),
    ("large", "small"),
    ("latest", "earliest"),
    ("left", "right"),
    ("legal", "illegal"),
    ("less", "more"),
    ("load", "unload"),
    ("lock", "unlock"),
    ("login", "logout"),
    ("long", "short"),
    ("longer", "shorter"),
    ("loose", "tight"),
    ("lost", "found"),
    ("love", "hate"),
    ("maximum", "minimum"),
    ("max", "min"),
    ("more", "fewer"),
    ("most", "least"),
    ("new", "old"),
    ("newest", "oldest"),
    ("north", "south"),
    ("east", "west"),
    ("offline", "online"),
    ("on", "off"),
    ("old", "young"),
    ("optional", "mandatory"),
    ("optional", "required"),
    ("past", "future"),
    ("pay", "refund"),
    ("pending", "completed"),
    ("permanent", "temporary"),
    ("physical", "virtual"),
    ("plus", "minus"),
    ("positive", "negative"),
    ("possible", "impossible"),
    ("private", "public"),
    ("pro", "con"),
    ("profit", "loss"),
    ("pull", "push"),
    ("raise", "lower"),
    ("real", "fake"),
    ("receive", "send"),
    ("regular", "irregular"),
    ("rich", "poor"),
    ("rise", "fall"),
    ("save", "spend"),
    ("save", "delete"),
    ("send", "get"),
    ("single", "married"),
    ("start", "stop"),
    ("start", "end"),
    ("start", "finish"),
    ("strong", "weak"),
    ("subscribe", "unsubscribe"),
    ("success", "failure"),
    ("success", "fail"),
    ("sweet", "sour"),
    ("tall", "short"),
    ("thick", "thin"),
    ("top", "bottom"),
    ("true", "untrue"),
    ("up", "down"),
    ("upgrade", "downgrade"),
    ("upload", "download"),
    ("up", "off"),
    ("valid", "invalid"),
    ("visible", "invisible"),
    ("wake", "sleep"),
    ("warm", "cool"),
    ("wet", "dry"),
    ("wide", "narrow"),
    ("win", "lose"),
    ("with", "without"),
    ("yes", "no"),
    ("abroad", "home"),
    ("local", "foreign"),
    ("within", "beyond"),
    ("child", "adult"),
    ("top", "withdraw"),
    ("in", "out"),
    ("to", "from"),
    ("before", "after"),
    ("above", "below"),
    ("over", "under"),
];

/// Whether one word turns the other around: by the list, or by what it begins with.
pub(super) fn are_antonyms(a: &str, b: &str) -> bool {
    let pair = |(x, y): &(&str, &str)| (*x == a && *y == b) || (*x == b && *y == a);
    let negated = |long: &str, short: &str| {
        short.len() >= 3
            && long.strip_suffix(short).is_some_and(|start| {
                matches!(
                    start,
                    "un" | "in"
                        | "im"
                        | "il"
                        | "ir"
                        | "dis"
                        | "non"
                        | "non-"
                        | "de"
                        | "mis"
                        | "anti"
                        | "anti-"
                        | "re"
                        | "over"
                        | "under"
                        | "pre"
                        | "post"
                )
            })
    };
    ANTONYMS.iter().any(pair) || negated(a, b) || negated(b, a)
}
