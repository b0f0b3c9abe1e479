//! The table of routes: which path leads to which function. Hosts that serve all functions and hosts that serve one read
//! the same table.

use http::Method;

use crate::problem::Problem;

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

impl Target {
    /// The function that serves it, where each is a program of its own.
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

    /// The operation, as the log and the metrics name it.
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

    /// Whether only who has a token is answered.
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

    /// The longest body that it takes, in bytes; nobody reads the body of the others.
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

/// The function that answers for what no route leads to, where each is a program of its own.
pub const DEFAULT_FUNCTION: &str = "health";

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

/// The longest body that any function takes, in bytes; a host refuses longer ones before reading them.
pub const BODY_BYTES_MAX: usize = crate::policy::CONFIRM_BODY_BYTES_MAX;
const _: () = assert!(BODY_BYTES_MAX >= crate::policy::SIGN_BODY_BYTES_MAX);

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
