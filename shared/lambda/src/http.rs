//! Functions behind API Gateway's HTTP API (payload format 2.0).

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use consign_core::problem::Problem;
use consign_core::routes::{BODY_BYTES_MAX, Target, find};
use consign_core::service::Call;
use http::{Request, Response};
use lambda_http::{Body, RequestExt as _, service_fn};

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
        let service = service_fn(move |request: lambda_http::Request| {
            let (host, function) = (Arc::clone(&host), Arc::clone(&function));
            async move {
                host.end_if_outlived();
                let path = request.raw_http_path().to_owned();
                let request = request.map(bytes_of);
                let response = match route(name, &request, &path) {
                    Ok((target, id)) => {
                        let id = id.to_owned();
                        function(
                            host,
                            Routed {
                                target,
                                id,
                                request,
                            },
                        )
                        .await
                    }
                    Err(problem) => {
                        let call = Call::begin(&*host, "unknown", &request);
                        call.finish(&*host, Err(problem))
                    }
                };
                Ok::<_, Infallible>(response.map(body_of))
            }
        });
        lambda_http::run(service).await
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

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is open, and what is new holds nothing that we know"
)]
fn bytes_of(body: Body) -> Bytes {
    match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

/// Every answer is text: JSON of one kind or another.
fn body_of(bytes: Bytes) -> Body {
    if bytes.is_empty() {
        return Body::Empty;
    }
    String::from_utf8(bytes.into())
        .map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, body: &'static [u8]) -> Request<Bytes> {
        let request = Request::builder().method(method);
        request.body(Bytes::from_static(body)).unwrap()
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

    #[test]
    fn bodies_pass_as_they_are() {
        for text in ["", "{\"a\":1}"] {
            assert_eq!(bytes_of(body_of(Bytes::from(text))), text);
        }
        let binary = Bytes::from_static(&[0xff, 0]);
        assert_eq!(bytes_of(body_of(binary.clone())), binary);
    }
}
