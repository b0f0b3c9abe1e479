//! Functions behind API Gateway's HTTP API (payload format 2.0).

mod wire;

use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use consign_core::host::HasSigner;
use consign_core::problem::{Problem, X_REQUEST_ID};
use consign_core::routes::{BODY_BYTES_MAX, Target, find};
use consign_core::service::{Call, Service};
use http::{HeaderValue, Request, Response};
use lambda_http::lambda_runtime::Runtime;
use lambda_http::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use wire::Received;

use crate::environment::{Environment, StartError};
use crate::host::end_if_outlived;

/// A request for this function.
#[derive(Debug)]
pub struct Routed {
    /// The target of the path.
    pub target: Target,
    /// The segment that `{id}` stands for, or an empty string.
    pub id: String,
    /// The request. Its body is within the limit.
    pub request: Request<Bytes>,
}

/// Runs the program of the function `name`: builds its host once, then passes every request for the function to it.
pub fn serve<H, F, A>(
    name: &'static str,
    build: impl FnOnce(&Environment) -> Result<H, StartError>,
    function: F,
) -> ExitCode
where
    H: Service + HasSigner + 'static,
    F: Fn(Arc<H>, Routed) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Bytes>> + Send,
{
    crate::start(build, async move |host| {
        let host = Arc::new(host);
        let function = Arc::new(function);
        let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
            let (host, function) = (Arc::clone(&host), Arc::clone(&function));
            async move {
                end_if_outlived(&*host);
                let (event, context) = event.into_parts();
                let Received {
                    mut request,
                    path,
                    unreadable,
                } = wire::read(event.get())?.into();
                name_call(&mut request, context.request_id);
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
                Ok::<_, Error>(wire::answer(response))
            }
        });
        // `lambda_http::run` would build the request itself (see `wire`) and wrap the call into spans, which this log
        // does not use.
        Runtime::new(service).run().await
    })
}

/// Uses the invocation's id as the request id if the caller sent none. Lambda's own log lines have it too.
fn name_call(request: &mut Request<Bytes>, invocation_id: String) {
    if let Ok(id) = HeaderValue::try_from(invocation_id) {
        let headers = request.headers_mut();
        headers.entry(X_REQUEST_ID).or_insert(id);
    }
}

/// Finds the target of a request by its path as it was sent.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, body: &'static [u8]) -> Request<Bytes> {
        let request = Request::builder().method(method);
        request.body(Bytes::from_static(body)).unwrap()
    }

    #[test]
    fn a_call_is_named_by_its_caller_or_by_the_invocation() {
        let mut own = request("GET", b"");
        name_call(&mut own, "8f7e1f0a-0c5e".to_owned());
        assert_eq!(own.headers()[X_REQUEST_ID], "8f7e1f0a-0c5e");
        name_call(&mut own, "another-one".to_owned());
        assert_eq!(own.headers()[X_REQUEST_ID], "8f7e1f0a-0c5e");
    }

    #[test]
    fn a_function_serves_only_its_own_paths() {
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
    fn a_body_over_the_limit_is_refused() {
        static LONG: [u8; BODY_BYTES_MAX + 1] = [b'1'; BODY_BYTES_MAX + 1];
        let status = |body| {
            let found = route("confirm", &request("POST", body), "/files/confirm");
            found.map_err(|problem| problem.status.as_u16()).map(drop)
        };
        assert_eq!(status(&LONG[1..]), Ok(()));
        assert_eq!(status(&LONG), Err(413));
    }
}
