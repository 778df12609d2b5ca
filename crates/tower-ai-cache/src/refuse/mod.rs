//! What is not cached unless the application says so.

mod text;
mod words;

use std::fmt;

use tower_ai_core::{Facts, Question};

use self::text::Found;

/// A rule that keeps a call out of the cache.
///
/// The lists of words are English; the other rules hold for any language.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// The text holds code.
    Code,
    /// The text points at something outside of it: "below", "this document", "as before".
    Context,
    /// It is asked in the first person ("my order") and the scope has no user to keep it apart for.
    FirstPerson,
    /// It holds images, sound or files.
    Media,
    /// The request says that nothing is to be stored.
    NoStore,
    /// The text holds what looks like a mail address, a long number or a secret key.
    PersonalData,
    /// The server keeps the conversation, so that what was said before is unknown.
    RemoteState,
    /// It sets a seed or asks for the probabilities of tokens.
    Sampled,
    /// It asks for more than one answer.
    Several,
    /// It sets a temperature above 0: the caller wants answers to differ.
    Temperature,
    /// It sets no temperature, which leaves the provider's default, commonly 1.
    ///
    /// Allowed by default: most applications never set one and take the same answer twice gladly.
    TemperatureAbsent,
    /// The right answer depends on when it is asked: "today", "current", "this week".
    Time,
    /// The text is longer than about 256 tokens.
    TooLong,
    /// The text has fewer than three words that carry meaning.
    TooShort,
    /// It offers tools or holds their results.
    Tools,
}

/// What happens to a call that a rule fires on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Treatment {
    /// The rule is off.
    Allow,
    /// Neither looked up nor kept.
    Bypass,
    /// Answered by an equal question, never by one of equal meaning.
    ExactOnly,
}

/// What each [`Rule`] does. Every rule bypasses the cache, bar [`Rule::TemperatureAbsent`].
///
/// # Examples
///
/// ```
/// use tower_ai_cache::{Rule, Rules, Treatment};
///
/// let rules = Rules::default().with(Rule::Temperature, Treatment::Allow);
/// assert_eq!(rules.of(Rule::Temperature), Treatment::Allow);
/// assert_eq!(rules.of(Rule::PersonalData), Treatment::Bypass);
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Rules([Treatment; Rule::ALL.len()]);

impl Rule {
    /// Every rule once.
    pub const ALL: [Self; 15] = [
        Self::Code,
        Self::Context,
        Self::FirstPerson,
        Self::Media,
        Self::NoStore,
        Self::PersonalData,
        Self::RemoteState,
        Self::Sampled,
        Self::Several,
        Self::Temperature,
        Self::TemperatureAbsent,
        Self::Time,
        Self::TooLong,
        Self::TooShort,
        Self::Tools,
    ];

    /// Its name in lower case, as it stands in [`CacheUse::Bypass`](tower_ai_core::CacheUse::Bypass).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Context => "context",
            Self::FirstPerson => "first_person",
            Self::Media => "media",
            Self::NoStore => "no_store",
            Self::PersonalData => "personal_data",
            Self::RemoteState => "remote_state",
            Self::Sampled => "sampled",
            Self::Several => "several",
            Self::Temperature => "temperature",
            Self::TemperatureAbsent => "temperature_absent",
            Self::Time => "time",
            Self::TooLong => "too_long",
            Self::TooShort => "too_short",
            Self::Tools => "tools",
        }
    }
}

/// What the rules made of a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Bypass(Rule),
    Cache { personal: bool, semantic: bool },
}

impl Rules {
    /// Every rule off: for calls whose every answer may be given again.
    #[must_use]
    pub const fn none() -> Self {
        Self([Treatment::Allow; Rule::ALL.len()])
    }

    /// Sets what one rule does.
    #[must_use]
    pub const fn with(mut self, rule: Rule, treatment: Treatment) -> Self {
        self.0[rule as usize] = treatment;
        self
    }

    /// What a rule does.
    #[must_use]
    pub const fn of(&self, rule: Rule) -> Treatment {
        self.0[rule as usize]
    }

    /// Returns the rule that keeps a question out of the cache, if one does.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai_cache::{Rule, Rules};
    /// use tower_ai_core::{Question, Scope};
    ///
    /// let question = Question::new(Scope::shared(), "Why was my transfer to Spain declined?");
    /// assert_eq!(Rules::default().refuse(&question), Some(Rule::FirstPerson));
    /// ```
    #[must_use]
    pub fn refuse(&self, question: &Question) -> Option<Rule> {
        match self.judge(question) {
            Verdict::Bypass(rule) => Some(rule),
            Verdict::Cache { .. } => None,
        }
    }

    /// Judges a question. What costs nothing to see is looked at first.
    pub(crate) fn judge(&self, question: &Question) -> Verdict {
        let mut semantic = true;
        let mut personal = false;
        let fired = facts(question.facts()).into_iter().flatten();
        if let Some(rule) = self.first_bypass(fired, &mut semantic) {
            return Verdict::Bypass(rule);
        }
        let found = Found::in_text(question.text());
        if found.first_person && self.of(Rule::FirstPerson) != Treatment::Allow {
            if question.scope().user_id().is_some() {
                personal = true;
            } else if self.of(Rule::FirstPerson) == Treatment::Bypass {
                return Verdict::Bypass(Rule::FirstPerson);
            } else {
                semantic = false;
            }
        }
        match self.first_bypass(found.rules().into_iter().flatten(), &mut semantic) {
            Some(rule) => Verdict::Bypass(rule),
            None => Verdict::Cache { personal, semantic },
        }
    }

    /// The rule that keeps a question out by what is known of it without its text.
    pub(crate) fn judge_facts(&self, question: &Question) -> Option<Rule> {
        let fired = facts(question.facts()).into_iter().flatten();
        self.first_bypass(fired, &mut true)
    }

    fn first_bypass(&self, fired: impl Iterator<Item = Rule>, semantic: &mut bool) -> Option<Rule> {
        for rule in fired {
            match self.of(rule) {
                Treatment::Allow => {}
                Treatment::Bypass => return Some(rule),
                Treatment::ExactOnly => *semantic = false,
            }
        }
        None
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self([Treatment::Bypass; Rule::ALL.len()]).with(Rule::TemperatureAbsent, Treatment::Allow)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(Rule::ALL.map(|rule| (rule.name(), self.of(rule))))
            .finish()
    }
}

/// The rules that fire on the request's facts.
fn facts(facts: &Facts) -> [Option<Rule>; 8] {
    let when = |fires: bool, rule| fires.then_some(rule);
    [
        when(facts.no_store, Rule::NoStore),
        // A temperature that is no number is not 0 either.
        when(
            facts.temperature.is_some_and(|t| t > 0.0 || t.is_nan()),
            Rule::Temperature,
        ),
        when(facts.temperature.is_none(), Rule::TemperatureAbsent),
        when(facts.several, Rule::Several),
        when(facts.tools, Rule::Tools),
        when(facts.media, Rule::Media),
        when(facts.sampled, Rule::Sampled),
        when(facts.remote_state, Rule::RemoteState),
    ]
}

#[cfg(test)]
mod tests;
