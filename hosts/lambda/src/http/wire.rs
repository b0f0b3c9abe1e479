//! What the gateway sends and takes: the fields of its payload format 2.0 that a function has a use for.
//!
//! The types of `aws_lambda_events` read every field into a value of its own, which took more than twice as long.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use consign_core::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A request as the gateway tells of it. It cannot be shown: it holds a token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    #[serde(default, deserialize_with = "headers")]
    headers: HeaderMap,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    #[serde(deserialize_with = "method")]
    method: Method,
}

impl Event {
    /// The request, its path as it was sent, and what is wrong where its body cannot be read.
    ///
    /// The path and the query are all that a function reads of the URI; where they make none, the query is left out, and a
    /// field that has to be in it is missed by its name.
    pub(super) fn into_request(self) -> (Request<Bytes>, String, Option<Problem>) {
        let path = self.raw_path.unwrap_or_default();
        let uri = match self.raw_query_string.as_deref() {
            None | Some("") => path.parse(),
            Some(query) => format!("{path}?{query}").parse(),
        };
        let uri = uri
            .or_else(|_| path.parse())
            .unwrap_or(Uri::from_static("/"));
        let mut unreadable = None;
        let body = match self.body {
            Some(text) if self.is_base64_encoded => STANDARD.decode(text).unwrap_or_else(|_| {
                let detail = "the body is not the base64 that the gateway says it is";
                unreadable = Some(Problem::bad_request(detail));
                Vec::new()
            }),
            text => text.unwrap_or_default().into_bytes(),
        };
        let mut request = Request::new(Bytes::from(body));
        *request.uri_mut() = uri;
        *request.method_mut() = self.request_context.http.method;
        *request.headers_mut() = self.headers;
        (request, path, unreadable)
    }
}

/// Text that is copied only where it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    let Text(name) = Text::deserialize(deserializer)?;
    Method::from_bytes(name.as_bytes()).map_err(D::Error::custom)
}

/// Names and their values, which the gateway joins with commas where a name came twice. What is no header is left out.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    struct Headers;

    impl<'de> Visitor<'de> for Headers {
        type Value = HeaderMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("names and values of headers")
        }

        fn visit_unit<E>(self) -> Result<HeaderMap, E> {
            Ok(HeaderMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
            let mut headers = HeaderMap::new();
            while let Some((Text(name), value)) = map.next_entry::<Text<'de>, String>()? {
                let name = HeaderName::from_bytes(name.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                    headers.append(name, value);
                }
            }
            Ok(headers)
        }
    }

    deserializer.deserialize_any(Headers)
}

/// An answer, written as the gateway takes it. It cannot be shown either: it may hold a signed URL.
pub(super) struct Answer(Response<Bytes>);

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        Self(response)
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(response) = self;
        let mut answer = serializer.serialize_struct("Answer", 5)?;
        answer.serialize_field("statusCode", &response.status().as_u16())?;
        answer.serialize_field("headers", &Joined(response.headers()))?;
        // Every body of ours is text: JSON of one kind or another.
        let text = std::str::from_utf8(response.body());
        answer.serialize_field("isBase64Encoded", &text.is_err())?;
        match text {
            Ok(text) => answer.serialize_field("body", text)?,
            Err(_) => answer.serialize_field("body", &STANDARD.encode(response.body()))?,
        }
        // That of `cargo lambda watch` takes no answer without.
        answer.serialize_field("cookies", &[(); 0])?;
        answer.end()
    }
}

/// Headers with one value for each name.
struct Joined<'a>(&'a HeaderMap);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(headers) = self;
        serializer.collect_map(headers.keys().map(|name| {
            let mut values = headers.get_all(name).iter().map(text);
            let first = values.next().unwrap_or_default();
            let all = values.fold(first, |all, value| format!("{all}, {value}").into());
            (name.as_str(), all)
        }))
    }
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

#[cfg(test)]
mod tests;
