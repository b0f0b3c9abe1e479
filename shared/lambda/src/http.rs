//! Functions behind API Gateway's HTTP API (payload format 2.0).

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use consign_core::problem::Problem;
use consign_core::routes::{BODY_BYTES_MAX, Target, find};
use consign_core::service::Call;
use http::{Request, Response, Uri};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::{Body, LambdaEvent, lambda_runtime, service_fn};

use crate::environment::{Environment, StartError};
use crate::host::Host;

/// A request that belongs here.
#[derive(Debug)]
pub struct Routed {
    /// What its path leads to.
    pub target: Target,
    /// The segment that stands for `{id}`; empty where there is none.
    pub id: String,
    /// The request itself, its body within bounds.
    pub request: Request<Bytes>,
}

/// Runs the program of the function `name`: builds its host once, then hands it every request whose path leads to it.
pub fn serve<R, Q, S, F, A>(
    name: &'static str,
    build: impl FnOnce(&Environment) -> Result<Host<R, Q, S>, StartError>,
    function: F,
) -> ExitCode
where
    R: Send + Sync + 'static,
    Q: Send + Sync + 'static,
    S: Send + Sync + 'static,
    F: Fn(Arc<Host<R, Q, S>>, Routed) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Bytes>> + Send,
{
    crate::start(build, async move |host| {
        let host = Arc::new(host);
        let function = Arc::new(function);
        let service = service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| {
            let (host, function) = (Arc::clone(&host), Arc::clone(&function));
            async move {
                host.end_if_outlived();
                let path = event.payload.raw_path.clone().unwrap_or_default();
                let (request, unreadable) = request_of(event.payload);
                let routed = unreadable.map_or_else(|| route(name, &request, &path), Err);
                let response = match routed {
                    Ok((target, id)) => {
                        let id = id.to_owned();
                        let routed = Routed {
                            target,
                            id,
                            request,
                        };
                        function(host, routed).await
                    }
                    Err(problem) => {
                        let call = Call::begin(&*host, "unknown", &request);
                        call.finish(&*host, Err(problem))
                    }
                };
                Ok::<_, Infallible>(answer_of(response))
            }
        });
        lambda_runtime::run(service).await
    })
}

/// Finds where a request leads, by its path as it came.
fn route<'a>(
    name: &'static str,
    request: &Request<Bytes>,
    path: &'a str,
) -> Result<(Target, &'a str), Problem> {
    if request.body().len() > BODY_BYTES_MAX {
        return Err(Problem::body_too_large(BODY_BYTES_MAX));
    }
    let (target, id) = find(request.method(), path)?;
    if target.function() != name {
        return Err(Problem::not_found());
    }
    Ok((target, id))
}

/// What the gateway tells of a request, and what is wrong where its body cannot be read.
///
/// `lambda_http`'s own conversion panics on hosts and queries that are no URI, and on such a body. The path and the query
/// are all that a function reads of the URI; where they make none, the query is left out, and a field that has to be in it is
/// missed by its name.
fn request_of(event: ApiGatewayV2httpRequest) -> (Request<Bytes>, Option<Problem>) {
    let mut unreadable = None;
    let body = match event.body {
        Some(text) if event.is_base64_encoded => STANDARD.decode(text).unwrap_or_else(|_| {
            let detail = "the body is not the base64 that the gateway says it is";
            unreadable = Some(Problem::bad_request(detail));
            Vec::new()
        }),
        text => text.unwrap_or_default().into_bytes(),
    };
    let path = event.raw_path.unwrap_or_default();
    let uri = match event.raw_query_string.as_deref() {
        None | Some("") => path.parse(),
        Some(query) => format!("{path}?{query}").parse(),
    };
    let mut request = Request::new(Bytes::from(body));
    *request.uri_mut() = uri
        .or_else(|_| path.parse())
        .unwrap_or(Uri::from_static("/"));
    *request.method_mut() = event.request_context.http.method;
    *request.headers_mut() = event.headers;
    (request, unreadable)
}

/// The answer as the gateway takes it. Every body is text: JSON of one kind or another.
fn answer_of(response: Response<Bytes>) -> ApiGatewayV2httpResponse {
    let (head, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = head.status.as_u16().into();
    answer.headers = head.headers;
    if !body.is_empty() {
        let text = String::from_utf8(body.into());
        answer.is_base64_encoded = text.is_err();
        answer.body = Some(text.map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, body: &'static [u8]) -> Request<Bytes> {
        let request = Request::builder().method(method);
        request.body(Bytes::from_static(body)).unwrap()
    }

    fn event(changes: &[(&str, &str)]) -> ApiGatewayV2httpRequest {
        let mut event = serde_json::json!({
            "version": "2.0",
            "rawPath": "/files",
            "rawQueryString": "limit=2",
            "headers": { "host": "files.example.org", "authorization": "Bearer x" },
            "requestContext": { "stage": "$default", "http": { "method": "GET", "path": "/files" } },
            "body": "{}",
            "isBase64Encoded": false
        });
        for (pointer, value) in changes {
            *event.pointer_mut(pointer).unwrap() = serde_json::from_str(value).unwrap();
        }
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn a_request_comes_as_it_was_sent() {
        let (request, unreadable) = request_of(event(&[]));
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri(), "/files?limit=2");
        assert_eq!(request.headers()["authorization"], "Bearer x");
        assert_eq!(
            (&request.body()[..], unreadable.is_none()),
            (&b"{}"[..], true)
        );
        let (binary, _) = request_of(event(&[
            ("/isBase64Encoded", "true"),
            ("/body", "\"e30=\""),
        ]));
        assert_eq!(binary.body(), "{}");
    }

    #[test]
    fn what_is_no_uri_and_no_base64_ends_in_a_problem() {
        for query in ["\"a b\"", "\"\\u0000\"", "\"a=<>\\\\^`{}\""] {
            let (request, _) = request_of(event(&[
                ("/rawQueryString", query),
                ("/headers/host", "\"[no:host \""),
            ]));
            assert_eq!(request.uri().path(), "/files", "{query}");
        }
        let (nowhere, _) = request_of(event(&[("/rawPath", "\"no path\"")]));
        assert_eq!(nowhere.uri(), "/");
        let (_, unreadable) =
            request_of(event(&[("/isBase64Encoded", "true"), ("/body", "\"*\"")]));
        assert_eq!(unreadable.unwrap().status.as_u16(), 400);
    }

    #[test]
    fn answers_are_text_where_they_can_be() {
        let answer = |body: &'static [u8]| answer_of(Response::new(Bytes::from_static(body)));
        let text = answer(b"{}");
        assert_eq!((text.status_code, text.is_base64_encoded), (200, false));
        assert_eq!(text.body, Some(Body::Text("{}".to_owned())));
        assert_eq!(answer(b"").body, None);
        let binary = answer(b"\xff");
        assert!(binary.is_base64_encoded && binary.body == Some(Body::Binary(vec![0xff])));
    }

    #[test]
    fn a_function_serves_its_own_paths_alone() {
        for (name, method, path, expected) in [
            ("status", "GET", "/files/7/status", Ok("7")),
            ("status", "POST", "/files/7/status", Err(405)),
            ("status", "GET", "/files/7/download-url", Err(404)),
            ("files", "GET", "/files", Ok("")),
            ("files", "DELETE", "/files/a b", Ok("a b")),
            ("sign-upload", "POST", "/files/sign_upload", Ok("")),
            ("sign-upload", "POST", "/files/confirm", Err(404)),
            ("health", "GET", "/nothing", Err(404)),
        ] {
            let found = route(name, &request(method, b""), path);
            let found = found
                .map(|(_, id)| id)
                .map_err(|problem| problem.status.as_u16());
            assert_eq!(found, expected, "{name}: {method} {path}");
        }
    }

    #[test]
    fn a_body_over_the_bound_is_refused() {
        static LONG: [u8; BODY_BYTES_MAX + 1] = [b'1'; BODY_BYTES_MAX + 1];
        let status = |body| {
            let found = route("confirm", &request("POST", body), "/files/confirm");
            found.map_err(|problem| problem.status.as_u16()).map(drop)
        };
        assert_eq!(status(&LONG[1..]), Ok(()));
        assert_eq!(status(&LONG), Err(413));
    }
}
