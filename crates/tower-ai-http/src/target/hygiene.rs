//! Which of a caller's headers do not go to a target.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

/// Headers of one connection, and those that the client or this layer sets itself.
const OF_THE_CONNECTION: [HeaderName; 12] = [
    ACCEPT_ENCODING,
    CONNECTION,
    EXPECT,
    HOST,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers that hold a key, or name the account that the key belongs to.
const CREDENTIALS: [HeaderName; 18] = [
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("api-key"),
    HeaderName::from_static("apikey"),
    HeaderName::from_static("cf-aig-authorization"),
    HeaderName::from_static("helicone-auth"),
    HeaderName::from_static("ocp-apim-subscription-key"),
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
    PROXY_AUTHORIZATION,
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-auth-token"),
    HeaderName::from_static("x-functions-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("x-goog-iam-authorization-token"),
    HeaderName::from_static("x-goog-user-project"),
    HeaderName::from_static("x-portkey-api-key"),
];

/// Removes what belongs to the caller's connection.
pub(super) fn remove_connection(headers: &mut HeaderMap) {
    if headers.is_empty() {
        return;
    }
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
}

/// Removes the caller's keys, and whatever the caller marked as sensitive.
pub(super) fn remove_credentials(headers: &mut HeaderMap) {
    for name in &CREDENTIALS {
        headers.remove(name);
    }
    if headers.values().any(http::HeaderValue::is_sensitive) {
        let sensitive = headers.iter().filter(|(_, value)| value.is_sensitive());
        let names: Vec<HeaderName> = sensitive.map(|(name, _)| name.clone()).collect();
        for name in names {
            headers.remove(name);
        }
    }
}

pub(crate) fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_a_connection_names_goes_with_it() {
        let mut map = headers(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("accept", "a"),
        ]);
        remove_connection(&mut map);
        assert_eq!(map, headers(&[("accept", "a")]));
    }

    #[test]
    fn what_the_caller_marked_as_sensitive_is_a_credential() {
        let mut map = headers(&[("x-api-key", "k"), ("accept", "a")]);
        let mut mine = HeaderValue::from_static("s");
        mine.set_sensitive(true);
        map.insert("x-mine", mine);
        remove_credentials(&mut map);
        assert_eq!(map, headers(&[("accept", "a")]));
    }
}
