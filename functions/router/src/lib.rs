//! One table of routes, for hosts that serve all functions.

mod health;

use bytes::Bytes;
use consign_core::problem::Problem;
use consign_core::service::{Call, Service, json};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};

/// Everything that the functions need together.
pub trait Deps:
    sign_upload::Deps + confirm::Deps + status::Deps + download_url::Deps + files::Deps + health::Deps
{
}

impl<T> Deps for T where
    T: sign_upload::Deps
        + confirm::Deps
        + status::Deps
        + download_url::Deps
        + files::Deps
        + health::Deps
{
}

pub use health::Deps as HealthDeps;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `sign-upload`.
    SignUpload,
    /// `confirm`.
    Confirm,
    /// `status`.
    Status,
    /// `download-url`.
    DownloadUrl,
    /// `files`: the listing.
    List,
    /// `files`: the deletion.
    Delete,
    /// The process answers.
    HealthLive,
    /// The store takes and gives bytes.
    HealthStorage,
    /// The contract.
    OpenApi,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; `{id}` stands for one segment.
    pub path: &'static str,
    /// Where it leads.
    pub target: Target,
}

/// The whole table. The OpenAPI document is tested against it.
pub const ROUTES: [Route; 9] = [
    route(Method::POST, "/files/sign_upload", Target::SignUpload),
    route(Method::POST, "/files/confirm", Target::Confirm),
    route(Method::GET, "/files/{id}/status", Target::Status),
    route(Method::GET, "/files/{id}/download-url", Target::DownloadUrl),
    route(Method::GET, "/files", Target::List),
    route(Method::DELETE, "/files/{id}", Target::Delete),
    route(Method::GET, "/health/live", Target::HealthLive),
    route(Method::GET, "/health/storage", Target::HealthStorage),
    route(Method::GET, "/openapi.json", Target::OpenApi),
];

/// The contract, OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The longest body that any function takes, in bytes; a host refuses longer ones before reading them.
pub const BODY_BYTES_MAX: usize = consign_core::policy::CONFIRM_BODY_BYTES_MAX;
const _: () = assert!(BODY_BYTES_MAX >= consign_core::policy::SIGN_BODY_BYTES_MAX);

const fn route(method: Method, path: &'static str, target: Target) -> Route {
    Route {
        method,
        path,
        target,
    }
}

/// Finds the target of a request, and the segment that stands for `{id}`.
///
/// # Errors
/// 404 for an unknown path, 405 with `Allow` for a known one with another method.
pub fn find<'a>(method: &Method, path: &'a str) -> Result<(Target, &'a str), Problem> {
    let mut allowed: Option<&'static str> = None;
    for route in &ROUTES {
        if let Some(id) = matches(route.path, path) {
            if route.method == *method {
                return Ok((route.target, id));
            }
            allowed = allowed.or(Some(allow_of(route.method.as_str())));
        }
    }
    Err(allowed.map_or_else(Problem::not_found, Problem::method_not_allowed))
}

fn allow_of(method: &str) -> &'static str {
    match method {
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "GET",
    }
}

/// The segment for `{id}`, or an empty text where the template has none; `None` where the path is another.
fn matches<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once("{id}") else {
        return (template == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// Serves a request by the table.
pub async fn handle<D: Deps>(deps: &D, request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path().to_owned();
    let (target, id) = match find(request.method(), &path) {
        Ok(found) => found,
        Err(problem) => return Call::begin(deps, "unknown", &request).finish(deps, Err(problem)),
    };
    match target {
        Target::SignUpload => sign_upload::handle(deps, request).await,
        Target::Confirm => confirm::handle(deps, request).await,
        Target::Status => status::handle(deps, request, id).await,
        Target::DownloadUrl => download_url::handle(deps, request, id).await,
        Target::List => files::list(deps, request).await,
        Target::Delete => files::delete(deps, request, id).await,
        Target::HealthLive => live(deps, &request),
        Target::HealthStorage => health::handle(deps, request).await,
        Target::OpenApi => openapi(deps, &request),
    }
}

fn live(deps: &impl Service, request: &Request<Bytes>) -> Response<Bytes> {
    let answer = json(StatusCode::OK, &serde_json::json!({"status": "ok"}));
    Call::begin(deps, "health_live", request).finish(deps, Ok(answer))
}

fn openapi(deps: &impl Service, request: &Request<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(OPENAPI.as_bytes()));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Call::begin(deps, "openapi", request).finish(deps, Ok(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_functions() {
        let found = |method, path| find(&method, path).map_err(|problem| problem.status.as_u16());
        assert_eq!(
            found(Method::GET, "/files/7/status"),
            Ok((Target::Status, "7"))
        );
        assert_eq!(found(Method::GET, "/files"), Ok((Target::List, "")));
        assert_eq!(found(Method::DELETE, "/files/7"), Ok((Target::Delete, "7")));
        assert_eq!(found(Method::PUT, "/files/confirm"), Err(405));
        for path in [
            "/",
            "/files/",
            "/files//status",
            "/files/a/b/status",
            "/file",
        ] {
            assert_eq!(found(Method::GET, path), Err(404), "{path}");
        }
    }

    #[test]
    fn the_openapi_document_has_exactly_these_routes() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut documented: Vec<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods
                    .filter(|name| *name != "parameters")
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let mut routed: Vec<String> = ROUTES
            .iter()
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        documented.sort();
        routed.sort();
        assert_eq!(documented, routed);
    }
}
