//! All functions behind the routing table, for hosts that serve them together: `hosts/local` and `hosts/cloudflare`.
//! On Lambda each function is a program of its own, and API Gateway routes.

use bytes::Bytes;
pub use consign_core::routes::{BODY_BYTES_MAX, DEFAULT_FUNCTION, ROUTES, Route, Target, find};
use consign_core::service::Call;
use http::{Request, Response};

/// The capabilities of all functions.
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

/// Answers a request by the routing table.
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
        Target::HealthLive | Target::HealthStorage | Target::OpenApi => {
            health::handle(deps, target, request).await
        }
    }
}

#[cfg(test)]
mod tests {
    use consign_core::problem::REQUEST_FIELD_CODES;
    use health::OPENAPI;

    use super::ROUTES;

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

    #[test]
    fn the_openapi_document_has_exactly_these_codes_of_fields() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let code = &document["components"]["schemas"]["FieldError"]["properties"]["code"];
        assert_eq!(code["enum"], serde_json::json!(REQUEST_FIELD_CODES));
    }
}
