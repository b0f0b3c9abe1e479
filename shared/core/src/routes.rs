//! The routing table. Hosts that serve all functions and hosts that serve one use the same table.

use http::Method;

use crate::problem::Problem;

/// The target of a route.
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
    /// `health`: whether the process answers.
    HealthLive,
    /// `health`: whether the store works.
    HealthStorage,
    /// `health`: the OpenAPI document.
    OpenApi,
}

impl Target {
    /// Returns the function that serves the target where each function is a program of its own.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::SignUpload => "sign-upload",
            Self::Confirm => "confirm",
            Self::Status => "status",
            Self::DownloadUrl => "download-url",
            Self::List | Self::Delete => "files",
            Self::HealthLive | Self::HealthStorage | Self::OpenApi => "health",
        }
    }

    /// Returns the name of the operation in logs and metrics.
    #[must_use]
    pub fn operation(self) -> &'static str {
        match self {
            Self::SignUpload => "sign_upload",
            Self::Confirm => "confirm",
            Self::Status => "status",
            Self::DownloadUrl => "download_url",
            Self::List => "list_files",
            Self::Delete => "delete_file",
            Self::HealthLive => "health_live",
            Self::HealthStorage => "health_storage",
            Self::OpenApi => "openapi",
        }
    }

    /// Returns whether the target requires a token.
    #[must_use]
    pub fn needs_token(self) -> bool {
        match self {
            Self::SignUpload
            | Self::Confirm
            | Self::Status
            | Self::DownloadUrl
            | Self::List
            | Self::Delete => true,
            Self::HealthLive | Self::HealthStorage | Self::OpenApi => false,
        }
    }

    /// Returns the maximum length of the body, in bytes. Other targets do not read a body.
    #[must_use]
    pub fn body_bytes_max(self) -> usize {
        match self {
            Self::SignUpload => crate::policy::SIGN_BODY_BYTES_MAX,
            Self::Confirm => crate::policy::CONFIRM_BODY_BYTES_MAX,
            Self::Status
            | Self::DownloadUrl
            | Self::List
            | Self::Delete
            | Self::HealthLive
            | Self::HealthStorage
            | Self::OpenApi => 0,
        }
    }
}

/// The function that answers unknown paths where each function is a program of its own.
pub const DEFAULT_FUNCTION: &str = "health";

/// A line of the routing table.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path. `{id}` stands for one segment.
    pub path: &'static str,
    /// The target.
    pub target: Target,
}

/// All routes. Tests compare the OpenAPI document with them.
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

/// The maximum length of a body for any function, in bytes. A host refuses longer bodies before reading them.
pub const BODY_BYTES_MAX: usize = crate::policy::CONFIRM_BODY_BYTES_MAX;
const _: () = assert!(BODY_BYTES_MAX >= crate::policy::SIGN_BODY_BYTES_MAX);

const fn route(method: Method, path: &'static str, target: Target) -> Route {
    Route {
        method,
        path,
        target,
    }
}

/// Finds the target of a request, and the segment that `{id}` stands for.
///
/// # Errors
/// 404 for an unknown path, 405 with `Allow` for a known path with another method.
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

/// Returns the segment for `{id}`, or an empty string if the template has none. `None` if the path does not match.
fn matches<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once("{id}") else {
        return (template == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
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
}
