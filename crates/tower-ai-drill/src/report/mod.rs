//! The whole story of a drill as one page.

mod figures;
mod html;
mod plot;
mod tables;

use self::html::esc;
use self::plot::Story;
use crate::{Account, Case, Drill};

/// A page that tells how contenders came through outages and scenarios: plots over time, a table of
/// the scores, the verdicts.
///
/// It is one HTML file without dates, that needs no network, and no script but for reading values off
/// the plots. The same seed gives nearly the same page. The last contender is the one that the page is about:
/// its colour is the strongest, and how it spread its attempts and what it thought of its targets
/// ([`Contender::state`](crate::Contender::state)) is shown of it alone.
///
/// # Examples
///
/// ```no_run
/// # use tower_ai_drill::{Drill, Factory, Report, Tally, mission};
/// # async fn run(stack: Factory) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let drill = Drill::new(mission()?);
/// let account = drill.run(&stack, tokio::time::Instant::now(), &Tally::new()).await?;
/// let page = Report::new().outage(&drill, [("mine", account)]).to_html();
/// std::fs::write("report.html", page)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Report {
    outages: Vec<(Drill, Vec<(String, Account)>)>,
    cases: Vec<Case>,
}

impl Report {
    /// Creates an empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an outage, and how each contender came through it.
    #[must_use]
    pub fn outage<N: Into<String>>(
        mut self,
        drill: &Drill,
        accounts: impl IntoIterator<Item = (N, Account)>,
    ) -> Self {
        let accounts = accounts.into_iter();
        let accounts = accounts.map(|(name, account)| (name.into(), account));
        self.outages.push((drill.clone(), accounts.collect()));
        self
    }

    /// Adds scenarios that were run.
    #[must_use]
    pub fn cases(mut self, cases: impl IntoIterator<Item = Case>) -> Self {
        self.cases.extend(cases);
        self
    }

    /// The page.
    pub fn to_html(&self) -> String {
        let outages = self.outages.iter();
        let stories = outages.map(|(drill, accounts)| Story::new(drill, accounts));
        let mut body: String = stories.map(|story| section(&story)).collect();
        if !self.cases.is_empty() {
            body += &tables::verdicts(&self.cases);
        }
        let (style, script) = (include_str!("page.css"), include_str!("page.js"));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>Outage drill</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\
             <footer>Made by <code>tower-ai-drill</code>: fake providers on this machine's loopback \
             interface, real sockets, real clients.</footer>\n\
             </main>\n<output class=\"readout\" aria-live=\"off\"></output>\n\
             <script>\n{script}</script>\n</body>\n</html>\n"
        )
    }
}

/// One outage.
fn section(story: &Story<'_>) -> String {
    let mut html = format!(
        "<section class=\"outage\">\n<header>\n<p class=\"kicker\">Outage drill · seed {}</p>\n\
         <h1>{}</h1>\n<p class=\"lede\">{}</p>\n</header>\n",
        story.seed(),
        esc(&story.title()),
        story.lede(),
    );
    html += &tables::tiles(story);
    html += &figures::answered(story);
    html += &figures::unanswered(story);
    html += &figures::attempts(story);
    html += &figures::shares(story);
    html += &figures::states(story);
    html += &figures::waits(story);
    html += &tables::scores(story);
    html += &tables::told(story);
    html += &tables::conditions(story);
    html += &story.data();
    html + "</section>\n"
}

#[cfg(test)]
mod tests;
