//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use tower_ai::http::{Auth, Secret, TargetLayer};
use tower_ai::stream::Commit;
use tower_ai::{Key, Target};

/// What the command line may hold.
pub const USAGE: &str = "\
usage: gateway --target URL[,model=NAME][,key-env=VAR][,context=TOKENS] [--target …] [OPTION…]
       gateway --demo [OPTION…]

  --target URL…                a place that calls can go to, most preferred first; http or https
      ,model=NAME              the model to ask for there; the caller's own unless given
      ,key-env=VAR             the environment variable that holds its key; the caller's key is then
                               never sent there. Without, the caller's own key is passed on.
      ,context=TOKENS          the size of its context window
  --demo                       fake providers in place of targets, of which one breaks on purpose
  --listen ADDRESS             127.0.0.1:8080 unless given; port 0 for a free one
  --mode MODE                  when an answer is passed on: first-content (unless given), with its
                               first word; complete, when it is whole; continue, with its first
                               word, and another target goes on if it breaks off after that and can
  --first-content-timeout TIME from the head of a streamed answer to its first word; 10s unless given
  --stall-timeout TIME         from one word of it to the next; 10s unless given
  --request-timeout TIME       until an answer is passed on, over all attempts; 30s unless given
  --retries N                  at one target, where there is no other; 2 unless given, 10 at most

A TIME is a number with ms, s or m behind it: 500ms, 10s, 2m. Retries of your SDK: set them to 0.";

/// What the command line asks for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Args {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The targets, most preferred first; none if the demo's are asked for.
    pub targets: Vec<TargetLayer>,
    /// Whether fake providers stand behind the gateway.
    pub demo: bool,
    /// All else.
    pub settings: Settings,
}

/// How the gateway treats calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// When an answer is passed on. Defaults to its first content.
    pub commit: Commit,
    /// Whether another target goes on with a stream that breaks off after that. Defaults to no.
    pub continues: bool,
    /// From the head of a streamed answer to its first content. Defaults to 10 s.
    pub first_content_timeout: Duration,
    /// From one content to the next. Defaults to 10 s.
    pub stall_timeout: Duration,
    /// Until an answer is passed on. Defaults to 30 s.
    pub request_timeout: Duration,
    /// Retries at one target where there is no other, 10 at most. Defaults to 2.
    pub retries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            commit: Commit::FirstContent,
            continues: false,
            first_content_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            retries: 2,
        }
    }
}

impl Args {
    /// Reads the arguments, and keys from what `env` says; `None` if they ask for help.
    ///
    /// # Errors
    ///
    /// Fails with the name of the flag and the rule that it broke.
    pub fn parse(
        args: impl Iterator<Item = String>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let mut parsed = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            targets: Vec::new(),
            demo: false,
            settings: Settings::default(),
        };
        let settings = &mut parsed.settings;
        let mut args = args;
        while let Some(flag) = args.next() {
            if matches!(flag.as_str(), "--help" | "-h") {
                return Ok(None);
            }
            if flag == "--demo" {
                parsed.demo = true;
                continue;
            }
            let mut value = || args.next().ok_or("needs a value".to_owned());
            let read = match flag.as_str() {
                "--listen" => value()
                    .and_then(|text| address(&text))
                    .map(|it| parsed.listen = it),
                "--target" => value()
                    .and_then(|text| target(&text, &parsed.targets, &env))
                    .map(|it| parsed.targets.push(it)),
                "--mode" => value()
                    .and_then(|text| mode(&text))
                    .map(|it| (settings.commit, settings.continues) = it),
                "--first-content-timeout" => value()
                    .and_then(|text| time(&text))
                    .map(|it| settings.first_content_timeout = it),
                "--stall-timeout" => value()
                    .and_then(|text| time(&text))
                    .map(|it| settings.stall_timeout = it),
                "--request-timeout" => value()
                    .and_then(|text| time(&text))
                    .map(|it| settings.request_timeout = it),
                "--retries" => value()
                    .and_then(|text| retries(&text))
                    .map(|it| settings.retries = it),
                _ => Err("is no option".to_owned()),
            };
            read.map_err(|rule| format!("{flag}: {rule}"))?;
        }
        match (parsed.targets.is_empty(), parsed.demo) {
            (true, false) => Err("--target: at least one is needed, or --demo".to_owned()),
            (false, true) => {
                Err("--demo: brings its own targets, and takes no --target".to_owned())
            }
            _ => Ok(Some(parsed)),
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let rule = || format!("needs an address and a port, as 127.0.0.1:8080, not {text:?}");
    text.parse().map_err(|_| rule())
}

fn mode(text: &str) -> Result<(Commit, bool), String> {
    match text {
        "first-content" => Ok((Commit::FirstContent, false)),
        "complete" => Ok((Commit::Complete, false)),
        "continue" => Ok((Commit::FirstContent, true)),
        _ => Err(format!(
            "needs first-content, complete or continue, not {text:?}"
        )),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let rule = || format!("needs a time above zero, as 500ms, 10s or 2m, not {text:?}");
    let unit = text.trim_start_matches(|it: char| it.is_ascii_digit() || it == '.');
    let number: f64 = text[..text.len() - unit.len()]
        .parse()
        .map_err(|_| rule())?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(rule()),
    };
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| rule())?;
    (!time.is_zero()).then_some(time).ok_or_else(rule)
}

fn retries(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= 10);
    number.ok_or_else(|| format!("needs a whole number from 0 to 10, not {text:?}"))
}

/// Reads `URL[,model=NAME][,key-env=VAR][,context=TOKENS]`.
fn target(
    text: &str,
    others: &[TargetLayer],
    env: impl Fn(&str) -> Option<String>,
) -> Result<TargetLayer, String> {
    let mut parts = text.split(',');
    let url = parts.next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if !matches!(scheme, "http" | "https") {
        return Err("a URL begins with http:// or https://".to_owned());
    }
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.contains('@') {
        return Err("a URL must not hold a user name or password; see key-env".to_owned());
    }
    let (mut model, mut key, mut window) = (None, None, None);
    for part in parts {
        match part.split_once('=').unwrap_or((part, "")) {
            (name, "") => return Err(format!("{name:?} needs a value, as in {name}=…")),
            ("model", name) => model = Some(name),
            ("key-env", name) => key = Some(name),
            ("context", tokens) => {
                let rule = || format!("context needs a number of tokens, not {tokens:?}");
                window = Some(tokens.parse().map_err(|_| rule())?);
            }
            (name, _) => return Err(format!("{name:?} is none of model, key-env, context")),
        }
    }
    // What fails together is what stands on one host.
    let mut target = Target::builder(name(host, model, others))
        .endpoint(url)
        .domain(host);
    if let Some(model) = model {
        target = target.model(model);
    }
    if let Some(window) = window {
        target = target.context_window(window);
    }
    if let Some(key) = key {
        target = target.key(Key::named(key));
    }
    let target = target.build().map_err(|rule| rule.to_string())?;
    let layer = TargetLayer::new(target).map_err(|rule| rule.to_string())?;
    let Some(key) = key else {
        return Ok(layer.with_auth(Auth::Caller));
    };
    let secret = env(key)
        .ok_or_else(|| format!("key-env: there is no variable {key} in the environment"))?;
    layer
        .with_secret(&Secret::new(secret))
        .map_err(|rule| format!("key-env: {key}: {rule}"))
}

/// The host; with the model, or a number, if there are several there.
fn name(host: &str, model: Option<&str>, others: &[TargetLayer]) -> String {
    let is_free = |name: &String| others.iter().all(|it| it.target().name() != name);
    let with_model = model.map(|model| format!("{host}/{model}"));
    let numbered = (2..).map(|number| format!("{host}#{number}"));
    let mut names = [Some(host.to_owned()), with_model]
        .into_iter()
        .flatten()
        .chain(numbered);
    names.find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        let env = |name: &str| (name == "KEY").then(|| "sk-1".to_owned());
        Args::parse(line.split_whitespace().map(str::to_owned), env)
    }

    fn args(line: &str) -> Args {
        parse(line).expect("valid").expect("no call for help")
    }

    #[test]
    fn everything_is_read() {
        let args = args(
            "--listen 0.0.0.0:0 --target https://a.example/v1,model=m,key-env=KEY,context=8000 \
             --target http://127.0.0.1:1 --mode complete --first-content-timeout 1.5s \
             --stall-timeout 500ms --request-timeout 2m --retries 0",
        );
        assert_eq!(args.listen.port(), 0);
        let [first, second] = args.targets.as_slice() else {
            panic!("two targets");
        };
        let first = first.target();
        assert_eq!((first.name(), first.model()), ("a.example", Some("m")));
        assert_eq!(first.context_window(), Some(8000));
        assert_eq!(second.target().name(), "127.0.0.1:1");
        assert_eq!(second.target().model(), None);
        let settings = args.settings;
        assert_eq!(settings.commit, Commit::Complete);
        assert_eq!(settings.first_content_timeout, Duration::from_millis(1500));
        assert_eq!(settings.stall_timeout, Duration::from_millis(500));
        assert_eq!(settings.request_timeout, Duration::from_secs(120));
        assert_eq!(settings.retries, 0);
    }

    #[test]
    fn targets_of_one_host_have_names_of_their_own_and_fail_together() {
        let url = "--target https://a.example/v1";
        let args = args(&format!("{url} {url},model=m {url},model=m"));
        let names: Vec<_> = args.targets.iter().map(|it| it.target().name()).collect();
        assert_eq!(names, ["a.example", "a.example/m", "a.example#2"]);
        let domains = args.targets.iter().map(|it| it.target().domain());
        assert!(domains.into_iter().all(|domain| domain == "a.example"));
    }

    #[test]
    fn help_and_the_demo_need_no_target() {
        assert!(matches!(parse("--mode complete -h"), Ok(None)));
        assert!(args("--demo").targets.is_empty());
        let settings = args("--demo --mode continue").settings;
        assert!(settings.continues && settings.commit == Commit::FirstContent);
    }

    #[test]
    fn a_bad_flag_is_named_with_the_rule_it_broke() {
        for (line, told) in [
            ("", "--target: at least one"),
            ("--demo --target http://a", "--demo: brings its own"),
            ("--tarpit", "--tarpit: is no option"),
            ("--target", "--target: needs a value"),
            ("--target a.example", "--target: a URL begins with http"),
            ("--target ftp://a", "--target: a URL begins with http"),
            ("--target http://", "--target: "),
            ("--target http://me:secret@a", "--target: "),
            (
                "--target http://a,model",
                "--target: \"model\" needs a value",
            ),
            (
                "--target http://a,context=all",
                "--target: context needs a number",
            ),
            (
                "--target http://a,region=eu",
                "--target: \"region\" is none of",
            ),
            (
                "--target http://a,key-env=NONE",
                "--target: key-env: there is no variable NONE",
            ),
            (
                "--demo --listen 8080",
                "--listen: needs an address and a port",
            ),
            ("--demo --mode best", "--mode: needs "),
            ("--demo --stall-timeout 10", "--stall-timeout: needs a time"),
            (
                "--demo --request-timeout 0s",
                "--request-timeout: needs a time",
            ),
            (
                "--demo --first-content-timeout -1s",
                "--first-content-timeout: needs a time",
            ),
            (
                "--demo --retries 11",
                "--retries: needs a whole number from 0 to 10",
            ),
        ] {
            let rule = parse(line).expect_err(line);
            assert!(rule.starts_with(told), "{line}: {rule}");
            assert!(!rule.contains("secret"), "{rule}");
        }
    }
}
