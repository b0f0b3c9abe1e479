//! The functions at the paths of the wire, as an HTTP API of API Gateway serves them (payload format 2.0).
//!
//! The routes are those of `consign_core::routes`; there is no second table.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use consign_core::routes::{self, DEFAULT_FUNCTION, ROUTES, Target};
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::Options;
use crate::runtime::{InvokeError, Runtime};

/// API Gateway's own limit for a body, in bytes.
const BODY_BYTES_MAX: usize = 10_000_000;
/// How much of a body that is too long is read and forgotten, in bytes: a sender that is cut off hears a reset instead.
const BODY_READ_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
/// API Gateway's own limit for an integration.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// Media types whose bodies are handed on as text.
const TEXT_TYPES: [&str; 4] = [
    "text/",
    "application/json",
    "application/xml",
    "application/javascript",
];

/// A request as the function gets it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<&'a str>,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<&'static str, &'a str>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'static str,
    http: ContextHttp<'a>,
    request_id: String,
    route_key: &'a str,
    stage: &'static str,
    time_epoch: u128,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextHttp<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: &'a str,
}

/// What the function answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpAnswer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Every path leads to a function, or to the answer that API Gateway itself gives.
pub(crate) fn serving(runtime: Arc<Runtime>, options: &Options) -> Router {
    let allowed = if options.origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            options
                .origins
                .iter()
                .filter_map(|origin| origin.parse().ok()),
        )
    };
    // As the `CorsConfiguration` of `template.yaml` says.
    let headers = [
        "authorization",
        "content-type",
        "idempotency-key",
        "x-request-id",
    ];
    let exposed = [
        "x-request-id",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
    ];
    let cors = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(headers.map(HeaderName::from_static))
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3600));
    Router::new()
        .fallback(serve)
        .with_state(runtime)
        .layer(cors)
}

async fn serve(State(runtime): State<Arc<Runtime>>, request: Request) -> Response {
    // 1. The route. What matches none is for the default route.
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (route_key, function, id) = match routes::find(&parts.method, path) {
        Ok((target, id)) => (key_of(target), target.function(), id),
        Err(_) => ("$default".to_owned(), DEFAULT_FUNCTION, ""),
    };
    // 2. The body, within the limit.
    let Ok(body) = to_bytes(body, BODY_READ_BYTES_MAX).await else {
        return refuse(StatusCode::BAD_REQUEST, "Bad Request");
    };
    if body.len() > BODY_BYTES_MAX {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    // 3. The function.
    let Ok(event) = serde_json::to_vec(&event(&parts, &body, &route_key, id)) else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    match runtime.invoke(function, event, INTEGRATION_TIMEOUT).await {
        Ok(answer) => read_answer(&answer).unwrap_or_else(|error| {
            tracing::warn!(
                function,
                error = format!("{error:#}"),
                "an answer could not be read"
            );
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }),
        Err(error) => {
            tracing::warn!(function, %error, "a request failed");
            match error {
                InvokeError::Function(_) => {
                    refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
                }
                InvokeError::TimedOut(_) | InvokeError::Unreachable(_) => {
                    refuse(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                }
            }
        }
    }
}

/// Such as `GET /files/{id}/status`.
fn key_of(target: Target) -> String {
    let route = ROUTES.into_iter().find(|route| route.target == target);
    let key = route.map(|route| format!("{} {}", route.method, route.path));
    key.unwrap_or_default()
}

/// What API Gateway answers by itself.
fn refuse(status: StatusCode, message: &'static str) -> Response {
    let mut response = Response::new(Body::from(format!("{{\"message\":\"{message}\"}}")));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn event<'a>(parts: &'a Parts, body: &Bytes, route_key: &'a str, id: &'a str) -> HttpEvent<'a> {
    let text = |name: HeaderName| {
        let value = parts.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let (body, is_base64_encoded) = body_of(body, text(CONTENT_TYPE));
    HttpEvent {
        version: "2.0",
        route_key,
        raw_path: path,
        raw_query_string: query,
        cookies: text(COOKIE)
            .split("; ")
            .filter(|part| !part.is_empty())
            .collect(),
        headers: joined(&parts.headers),
        query_string_parameters: joined_query(query),
        path_parameters: (!id.is_empty()).then_some(("id", id)).into_iter().collect(),
        request_context: Context {
            account_id: "000000000000",
            api_id: "local",
            domain_name: text(HOST),
            domain_prefix: "local",
            http: ContextHttp {
                method: parts.method.as_str(),
                path,
                protocol: "HTTP/1.1",
                source_ip: peer.map_or("127.0.0.1".to_owned(), |peer| peer.ip().to_string()),
                user_agent: text(http::header::USER_AGENT),
            },
            request_id: format!("{:016x}", fastrand::u64(..)),
            route_key,
            stage: "$default",
            time_epoch: now().as_millis(),
        },
        body,
        is_base64_encoded,
    }
}

/// Since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the hour of a request is the hour it came"
)]
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Text as it is, all else in base64.
fn body_of(body: &Bytes, content_type: &str) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let is_text =
        content_type.is_empty() || TEXT_TYPES.iter().any(|kind| content_type.starts_with(kind));
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

/// Headers by name; the values of a name that comes twice stand in one line. Cookies have a place of their own.
fn joined(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.as_str())
            .and_modify(|known| {
                known.push(',');
                known.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    all
}

fn joined_query(query: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        all.entry(name.into_owned())
            .and_modify(|known| {
                known.push(',');
                known.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    all
}

fn read_answer(answer: &[u8]) -> anyhow::Result<Response> {
    let answer: HttpAnswer = serde_json::from_slice(answer)?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        STANDARD.decode(body)?
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code)?;
    let single = answer.headers.into_iter().filter(|(name, _)| {
        !answer
            .multi_value_headers
            .keys()
            .any(|other| other.eq_ignore_ascii_case(name))
    });
    let multiple = answer.multi_value_headers.iter();
    let multiple = multiple
        .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
    let cookies = answer.cookies.into_iter();
    let cookies = cookies.map(|cookie| (SET_COOKIE.as_str().to_owned(), cookie));
    for (name, value) in single.chain(multiple).chain(cookies) {
        let name = HeaderName::try_from(name)?;
        // The length is that of the body here.
        if name != http::header::CONTENT_LENGTH {
            response
                .headers_mut()
                .append(name, HeaderValue::try_from(value)?);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event_of(request: http::request::Builder, body: &'static [u8], id: &str) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = Bytes::from_static(body);
        serde_json::to_value(event(&parts, &body, "GET /files", id)).unwrap()
    }

    #[test]
    fn a_request_is_told_as_api_gateway_tells_it() {
        let request = http::Request::get("/files/7/status?a=1&a=2&b=x%20y")
            .header("accept", "text/html")
            .header("accept", "text/plain")
            .header("cookie", "c=1; d=2");
        let event = event_of(request, b"", "7");
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["rawPath"], "/files/7/status");
        assert_eq!(event["rawQueryString"], "a=1&a=2&b=x%20y");
        assert_eq!(
            event["queryStringParameters"],
            json!({"a": "1,2", "b": "x y"})
        );
        assert_eq!(event["headers"], json!({"accept": "text/html,text/plain"}));
        assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
        assert_eq!(event["pathParameters"], json!({"id": "7"}));
        assert_eq!(event["requestContext"]["http"]["method"], "GET");
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&Value::Null, &json!(false))
        );
    }

    #[test]
    fn bodies_that_are_no_text_are_handed_on_whole() {
        for (content_type, body, expected) in [
            ("application/json", &b"{}"[..], ("{}", false)),
            ("text/csv", b"a,b", ("a,b", false)),
            ("application/octet-stream", b"{}", ("e30=", true)),
            ("application/json", b"\xff", ("/w==", true)),
        ] {
            let request =
                http::Request::post("/files/confirm").header("content-type", content_type);
            let event = event_of(request, body, "");
            assert_eq!(
                (
                    event["body"].as_str().unwrap(),
                    event["isBase64Encoded"].as_bool().unwrap()
                ),
                expected,
                "{content_type}"
            );
        }
    }

    #[test]
    fn an_answer_keeps_its_status_headers_and_body() {
        let answer = json!({"statusCode": 429, "headers": {"Retry-After": "7", "Content-Length": "99"},
            "multiValueHeaders": {"retry-after": ["7"], "ratelimit": ["a", "b"]}, "cookies": ["c=1"],
            "body": "e30=", "isBase64Encoded": true});
        let response = read_answer(answer.to_string().as_bytes()).unwrap();
        assert_eq!(response.status(), 429);
        let values = |name: &str| {
            let values = response.headers().get_all(name).iter();
            values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(values("retry-after"), ["7"]);
        assert_eq!(values("ratelimit"), ["a", "b"]);
        assert_eq!(values("set-cookie"), ["c=1"]);
        assert_eq!(values("content-length"), [""; 0]);
        assert!(read_answer(b"\"no response\"").is_err());
    }
}
