//! The URL that a request goes to.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::error::LayerRule;

/// A base URL, taken apart once.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end.
    path: String,
    query: Option<String>,
}

/// Parameters that hold credentials.
const SECRET_PARAMETERS: [&str; 6] = [
    "key",
    "api_key",
    "api-key",
    "apikey",
    "access_token",
    "subscription-key",
];

impl Endpoint {
    pub(super) fn new(uri: &Uri) -> Result<Self, LayerRule> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(LayerRule::Endpoint);
        };
        if authority.as_str().contains('@') {
            return Err(LayerRule::EndpointCredentials);
        }
        Ok(Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
            path: uri.path().trim_end_matches('/').to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }

    /// The path, without a slash at its end.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The URL of a request for `path`.
    pub(super) fn url(&self, path: &str, query: Option<&str>) -> Option<Uri> {
        let rest = without_overlap(&self.path, path);
        let (mark, query) = query.map_or(("", ""), |query| ("?", query));
        // Of exactly the right size, so that it becomes a URL as it is.
        let joined = [&self.path, rest, mark, query].concat();
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(PathAndQuery::try_from(joined).ok()?)
            .build()
            .ok()
    }

    /// The endpoint's own parameters, the caller's that it does not set, and the key.
    ///
    /// The caller's parameters stay as they are, without those that hold credentials unless they are wanted.
    pub(super) fn query(
        &self,
        callers: Option<&str>,
        keeps_credentials: bool,
        key: Option<&str>,
    ) -> Option<String> {
        let own = self.query.as_deref().unwrap_or_default();
        let is_own = |name: &str| parameters(own).any(|pair| name_of(pair) == name);
        let is_secret = |name: &str| {
            SECRET_PARAMETERS
                .iter()
                .any(|s| name.eq_ignore_ascii_case(s))
        };
        let callers = parameters(callers.unwrap_or_default()).filter(|pair| {
            let name = name_of(pair);
            !is_own(name) && (keeps_credentials || !is_secret(name))
        });
        let all: Vec<&str> = parameters(own).chain(callers).chain(key).collect();
        (!all.is_empty()).then(|| all.join("&"))
    }
}

fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty())
}

fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name)
}

/// What of `path` stands behind `base`: the longest end of `base` with which `path` begins is not repeated.
fn without_overlap<'a>(base: &str, path: &'a str) -> &'a str {
    let starts = base.match_indices('/').map(|(at, _)| at);
    starts
        .filter_map(|at| path.strip_prefix(&base[at..]))
        .find(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path)
}

/// Encodes all but the characters that mean themselves anywhere in a URL.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(base: &str, path: &str) -> String {
        let endpoint = Endpoint::new(&base.parse().unwrap()).unwrap();
        endpoint.url(path, None).unwrap().to_string()
    }

    #[test]
    fn what_base_and_path_share_stands_there_once() {
        for (base, path, url) in [
            ("https://h", "/v1/chat", "https://h/v1/chat"),
            ("https://h/", "/v1/chat", "https://h/v1/chat"),
            ("https://h/v1", "/v1/chat", "https://h/v1/chat"),
            ("https://h/v1/", "/v1/chat", "https://h/v1/chat"),
            (
                "https://h/openai/v1",
                "/v1/chat",
                "https://h/openai/v1/chat",
            ),
            ("https://h/openai/v1", "/chat", "https://h/openai/v1/chat"),
            (
                "https://h/openai/v1",
                "/openai/v1/chat",
                "https://h/openai/v1/chat",
            ),
            ("https://h/v1", "/v1beta/chat", "https://h/v1/v1beta/chat"),
            ("https://h/v1", "/v1", "https://h/v1"),
            ("https://h/a/v1", "/", "https://h/a/v1/"),
            ("http://h:8080/x", "/v1/chat/", "http://h:8080/x/v1/chat/"),
        ] {
            assert_eq!(join(base, path), url, "{base} + {path}");
        }
    }

    #[test]
    fn parameters_are_kept_and_credentials_are_not() {
        let azure = Endpoint::new(&"https://h?api-version=2".parse().unwrap()).unwrap();
        let query = |callers, keeps, key| azure.query(callers, keeps, key);
        let callers = Some("api-version=1&alt=sse&key=k&x");
        assert_eq!(
            query(callers, false, None).unwrap(),
            "api-version=2&alt=sse&x"
        );
        assert_eq!(
            query(callers, true, None).unwrap(),
            "api-version=2&alt=sse&key=k&x"
        );
        assert_eq!(
            query(None, false, Some("key=s")).unwrap(),
            "api-version=2&key=s"
        );
        let plain = Endpoint::new(&"https://h".parse().unwrap()).unwrap();
        assert_eq!(plain.query(Some("key=k"), false, None), None);
    }

    #[test]
    fn a_password_in_an_endpoint_is_refused() {
        let uri = "https://me:secret@h".parse().unwrap();
        assert_eq!(
            Endpoint::new(&uri).unwrap_err(),
            LayerRule::EndpointCredentials
        );
    }
}
