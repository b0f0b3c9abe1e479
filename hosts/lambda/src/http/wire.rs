//! Converts requests and answers between the gateway's types and those of functions.
//!
//! `lambda_http` can convert events to requests too. It takes the host from a header, and panics if that or the query
//! is not valid in a URI. The sender controls both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use consign_core::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::aws_lambda_events::encodings::Body;
use serde_json::Value;

/// Reads an event without invalid headers: with one, the types of `lambda_http` would refuse the whole event.
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
    /// The request for the function.
    pub(super) request: Request<Bytes>,
    /// The path as it was sent.
    pub(super) path: String,
    /// The problem, if the body cannot be decoded.
    pub(super) unreadable: Option<Problem>,
}

impl From<ApiGatewayV2httpRequest> for Received {
    /// A function reads only path and query of the URI. If they are not valid together, the query is dropped. A
    /// required field in it is then reported as missing.
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
                let detail = "the gateway declared the body as base64, which it is not";
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

/// Converts an answer: multiple values of a header are joined, and a body is sent as text if possible.
pub(super) fn answer(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.into());
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(head.status.as_u16());
    answer.headers = joined(head.headers);
    answer.is_base64_encoded = text.is_err();
    answer.body = Some(match text {
        Ok(text) => Body::Text(text),
        Err(bytes) => Body::Text(STANDARD.encode(bytes.as_bytes())),
    });
    answer
}

/// Joins the values of each header that occurs more than once.
fn joined(headers: HeaderMap) -> HeaderMap {
    if headers.keys_len() == headers.len() {
        return headers;
    }
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
