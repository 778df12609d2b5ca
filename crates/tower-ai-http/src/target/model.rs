//! Puts a target's model where the caller's stands.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::endpoint::encode;
use super::error::NotSent;
use crate::Dialect;

/// A model's name, as JSON and as a segment of a path.
#[derive(Clone, Debug)]
pub(super) struct Model {
    json: String,
    segment: String,
}

/// What a request says about its body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// It is JSON.
    Json,
    /// It is something else.
    Other,
    /// Nothing.
    Unsaid,
}

impl Kind {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        if text(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Self::Other;
        }
        let Some(kind) = text(CONTENT_TYPE) else {
            return Self::Unsaid;
        };
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let (_, subtype) = kind.split_once('/').unwrap_or_default();
        let (_, suffix) = subtype.rsplit_once('+').unwrap_or(("", subtype));
        match suffix.eq_ignore_ascii_case("json") {
            true => Self::Json,
            false => Self::Other,
        }
    }
}

impl Model {
    pub(super) fn new(name: &str) -> Self {
        let segment = name.strip_prefix("models/").unwrap_or(name);
        Self {
            json: serde_json::Value::from(name).to_string(),
            segment: encode(segment),
        }
    }

    /// Replaces the model in the path, where the dialect has it there; `None` if it is not.
    ///
    /// Gemini and Vertex: `/models/NAME:verb`. Azure: `/deployments/NAME/…`. Bedrock: `/model/NAME/verb`. Triton:
    /// `/models/NAME/…`.
    pub(super) fn in_path(&self, dialect: Dialect, path: &str) -> Option<String> {
        let (lead, end) = match dialect {
            Dialect::Gemini | Dialect::Vertex => ("/models/", ':'),
            Dialect::Azure => ("/deployments/", '/'),
            Dialect::Bedrock => ("/model/", '/'),
            Dialect::Triton => ("/models/", '/'),
            _ => return None,
        };
        let (before, rest) = path.rsplit_once(lead)?;
        let (name, behind) = rest.split_once(end)?;
        let is_name = !name.is_empty() && !name.contains('/');
        is_name.then(|| {
            [
                before,
                lead,
                &self.segment,
                &path[path.len() - behind.len() - 1..],
            ]
            .concat()
        })
    }

    /// Replaces the model in a JSON body, and nothing else: every other byte stays where it was.
    ///
    /// A body that is empty, or JSON without a model, stays as it is.
    pub(super) fn in_body(&self, body: &Bytes, kind: Kind) -> Result<Bytes, NotSent> {
        if body.is_empty() {
            return Ok(body.clone());
        }
        let found = match (kind, serde_json::from_slice::<Found<'_>>(body)) {
            (Kind::Other, _) | (Kind::Unsaid, Err(_)) => return Err(NotSent::NotJson),
            (Kind::Json, Err(_)) => return Err(NotSent::MalformedJson),
            (Kind::Json | Kind::Unsaid, Ok(found)) => found,
        };
        Ok(self.spliced(body, &found))
    }

    fn spliced(&self, body: &Bytes, found: &Found<'_>) -> Bytes {
        let others = || found.values().filter(|value| *value != self.json);
        let less: usize = others().map(str::len).sum();
        let more = others().count() * self.json.len();
        if more == 0 {
            return body.clone();
        }
        // Of exactly the right size, so that it becomes `Bytes` as it is.
        let mut all = Vec::with_capacity(body.len() - less + more);
        let mut end = 0;
        for value in others() {
            let place = place(body, value);
            all.extend_from_slice(&body[end..place.start]);
            all.extend_from_slice(self.json.as_bytes());
            end = place.end;
        }
        all.extend_from_slice(&body[end..]);
        Bytes::from(all)
    }
}

/// Where a part that was borrowed from the body stands in it.
fn place(body: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - body.as_ptr().addr();
    start..start + part.len()
}

/// The values of all members called `model` at the top of an object, as they stand there. More than one is
/// unusual, but whichever the provider takes must be the target's.
#[derive(Default)]
struct Found<'a> {
    first: Option<&'a str>,
    more: Vec<&'a str>,
}

impl<'a> Found<'a> {
    fn add(&mut self, value: &'a str) {
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.more.push(value),
        }
    }

    fn values(&self) -> impl Iterator<Item = &'a str> {
        self.first.into_iter().chain(self.more.iter().copied())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Found<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Top;

        impl<'de> Visitor<'de> for Top {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Found::default();
                while let Some(IsModel(is_model)) = map.next_key()? {
                    if is_model {
                        found.add(map.next_value::<&RawValue>()?.get());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(found)
            }
        }

        deserializer.deserialize_map(Top)
    }
}

/// Whether a member's name is `model`, however it is escaped.
struct IsModel(bool);

impl<'de> Deserialize<'de> for IsModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = IsModel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<IsModel, E> {
                Ok(IsModel(name == "model"))
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn rewrite(body: &str) -> Result<String, NotSent> {
        let body = Model::new("n\"w").in_body(&Bytes::from(body.to_owned()), Kind::Json)?;
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn only_the_model_at_the_top_is_replaced() {
        for (body, expected) in [
            (r#"{"model":"old"}"#, r#"{"model":"n\"w"}"#),
            (
                " {\"a\" : {\"model\":1},\t\"model\" : \"old\" , \"z\":[1e3]}\n",
                " {\"a\" : {\"model\":1},\t\"model\" : \"n\\\"w\" , \"z\":[1e3]}\n",
            ),
            (
                r#"{"mod\u0065l":null,"model":{}}"#,
                r#"{"mod\u0065l":"n\"w","model":"n\"w"}"#,
            ),
            (r#"{"x":"model"}"#, r#"{"x":"model"}"#),
            (r#"{"model":"n\"w"}"#, r#"{"model":"n\"w"}"#),
            ("", ""),
        ] {
            assert_eq!(rewrite(body).as_deref(), Ok(expected));
        }
    }

    proptest! {
        /// Whatever stands around it, the model is replaced and nothing else.
        #[test]
        fn the_rest_of_any_body_stays(
            before in vec(("[a-z]{1,4}", any::<String>()), 0..4),
            after in vec(("[a-z]{1,4}", any::<i64>()), 0..4),
            old in any::<String>(),
            space in "[ \t\n\r]{0,3}",
        ) {
            let json = |text: &str| serde_json::Value::from(text).to_string();
            let body = |model: &str| {
                let before = before.iter().map(|(name, text)| format!("\"{name}\":{}", json(text)));
                let model = format!("{space}\"model\"{space}:{space}{model}{space}");
                let after = after.iter().map(|(name, number)| format!("\"{name}\":{number}"));
                let members: Vec<_> = before.chain([model]).chain(after).collect();
                format!("{space}{{{}}}{space}", members.join(","))
            };
            prop_assert_eq!(rewrite(&body(&json(&old))), Ok(body(&json("n\"w"))));
        }
    }

    #[test]
    fn what_is_no_json_object_is_not_rewritten() {
        for body in ["[1]", "{\"model\":", "text", "{\"model\":1} x"] {
            assert_eq!(rewrite(body), Err(NotSent::MalformedJson));
        }
        let form = Bytes::from_static(b"--boundary");
        let model = Model::new("m");
        assert_eq!(model.in_body(&form, Kind::Other), Err(NotSent::NotJson));
        assert_eq!(model.in_body(&form, Kind::Unsaid), Err(NotSent::NotJson));
    }

    #[test]
    fn a_body_is_what_its_headers_say() {
        let kind = |name: &'static str, value: &'static str| {
            let value = http::HeaderValue::from_static(value);
            Kind::of(
                &[(http::HeaderName::from_static(name), value)]
                    .into_iter()
                    .collect(),
            )
        };
        assert_eq!(
            kind("content-type", "Application/JSON; charset=utf-8"),
            Kind::Json
        );
        assert_eq!(kind("content-type", "application/vnd.api+json"), Kind::Json);
        assert_eq!(kind("content-type", "application/jsonl"), Kind::Other);
        assert_eq!(kind("content-type", "multipart/form-data"), Kind::Other);
        assert_eq!(kind("content-encoding", "gzip"), Kind::Other);
        assert_eq!(kind("accept", "text/html"), Kind::Unsaid);
    }

    #[test]
    fn a_model_in_a_path_is_replaced() {
        for (dialect, path, new) in [
            (
                Dialect::Gemini,
                "/v1beta/models/old:streamGenerateContent",
                "/v1beta/models/new%3A1:streamGenerateContent",
            ),
            (
                Dialect::Vertex,
                "/v1/projects/p/publishers/google/models/old:predict",
                "/v1/projects/p/publishers/google/models/new%3A1:predict",
            ),
            (
                Dialect::Azure,
                "/openai/deployments/old/chat/completions",
                "/openai/deployments/new%3A1/chat/completions",
            ),
            (
                Dialect::Bedrock,
                "/model/old%3A0/converse",
                "/model/new%3A1/converse",
            ),
            (
                Dialect::Triton,
                "/v2/models/old/versions/2/infer",
                "/v2/models/new%3A1/versions/2/infer",
            ),
        ] {
            let model = Model::new("models/new:1");
            assert_eq!(model.in_path(dialect, path).as_deref(), Some(new));
        }
    }

    #[test]
    fn a_path_without_a_model_stays() {
        for (dialect, path) in [
            (Dialect::GeminiOpenAi, "/v1beta/openai/chat/completions"),
            (Dialect::Gemini, "/v1beta/models"),
            (Dialect::Bedrock, "/openai/v1/chat/completions"),
            (Dialect::Bedrock, "/model/"),
            (Dialect::Azure, "/openai/deployments"),
            (Dialect::OpenAi, "/v1/models/old:x"),
        ] {
            assert_eq!(Model::new("new").in_path(dialect, path), None, "{path}");
        }
    }
}
