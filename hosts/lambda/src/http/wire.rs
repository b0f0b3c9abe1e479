//! Requests and answers of the gateway, between its own types and those that functions take.
//!
//! `lambda_http` makes requests of events as well. It takes the host from a header and panics where that, or the query, is no
//! part of a URI, which whoever sends the request decides.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use consign_core::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::aws_lambda_events::encodings::Body;
use serde_json::Value;

/// Reads an event. What is no header is left out: the types of `lambda_http` refuse the whole event for it.
pub(super) fn read(event: &str) -> Result<ApiGatewayV2httpRequest, serde_json::Error> {
    serde_json::from_str(event).or_else(|_| {
        let mut event: Value = serde_json::from_str(event)?;
        if let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut) {
            headers.retain(|name, value| {
                let value = value.as_str().map(HeaderValue::from_str);
                HeaderName::try_from(name).is_ok() && matches!(value, Some(Ok(_)))
            });
        }
        serde_json::from_value(event)
    })
}

/// A request of the gateway.
pub(super) struct Received {
    /// What a function takes.
    pub(super) request: Request<Bytes>,
    /// The path as it was sent.
    pub(super) path: String,
    /// What is wrong where the body cannot be read.
    pub(super) unreadable: Option<Problem>,
}

impl From<ApiGatewayV2httpRequest> for Received {
    /// The path and the query are all that a function reads of the URI; where they make none, the query is left out, and a
    /// field that has to be in it is missed by its name.
    fn from(event: ApiGatewayV2httpRequest) -> Self {
        let path = event.raw_path.unwrap_or_default();
        let uri = match event.raw_query_string.as_deref() {
            None | Some("") => path.parse(),
            Some(query) => format!("{path}?{query}").parse(),
        };
        let uri = uri
            .or_else(|_| path.parse())
            .unwrap_or(Uri::from_static("/"));
        let mut unreadable = None;
        let body = match event.body {
            Some(text) if event.is_base64_encoded => STANDARD.decode(text).unwrap_or_else(|_| {
                let detail = "the body is not the base64 that the gateway says it is";
                unreadable = Some(Problem::bad_request(detail));
                Vec::new()
            }),
            text => text.unwrap_or_default().into_bytes(),
        };
        let mut request = Request::new(Bytes::from(body));
        *request.uri_mut() = uri;
        *request.method_mut() = event.request_context.http.method;
        *request.headers_mut() = event.headers;
        Self {
            request,
            path,
            unreadable,
        }
    }
}

/// An answer as the gateway takes it: a header that has several values has them in one, and a body is text where it can be.
pub(super) fn answer(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.into());
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(head.status.as_u16());
    answer.headers = joined(&head.headers);
    answer.is_base64_encoded = text.is_err();
    answer.body = Some(match text {
        Ok(text) => Body::Text(text),
        Err(bytes) => Body::Text(STANDARD.encode(bytes.as_bytes())),
    });
    answer
}

/// Headers with one value for each name.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let mut joined = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        if let Ok(all) = HeaderValue::from_bytes(&values.collect::<Vec<_>>().join(&b", "[..])) {
            joined.insert(name, all);
        }
    }
    joined
}

#[cfg(test)]
mod tests;
