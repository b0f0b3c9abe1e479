//! The development session: a token for the page, only on this machine.

use std::net::IpAddr;

use bytes::Bytes;
use consign_core::auth::{NewToken, mint_hs256_scoped};
use consign_core::health::DETAILS_SCOPE;
use consign_core::time::Timestamp;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Response, StatusCode};
use serde_json::json;

/// The life of a development token, in seconds.
const TOKEN_LIFE_S: u32 = 24 * 3600;
/// The owner of a development token.
const OWNER: &str = "dev";

/// Creates tokens that this host accepts.
#[derive(Clone)]
pub struct Session {
    /// The secret of the tokens.
    pub secret: String,
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Returns a token for the owner `dev` that is valid for a day. `None` if the secret is too short.
    #[must_use]
    pub fn token(&self, now: Timestamp) -> Option<String> {
        let token = NewToken {
            issuer: &self.issuer,
            audience: &self.audience,
            owner: OWNER,
            tier: None,
            kid: None,
            issued_at: now,
            life_s: TOKEN_LIFE_S,
        };
        // `consign doctor` reads the health of the store.
        mint_hs256_scoped(self.secret.as_bytes(), &token, Some(DETAILS_SCOPE)).ok()
    }

    /// Answers the page's request for `/dev/session`: a token, and the store's URL.
    #[must_use]
    pub fn answer(&self, now: Timestamp, store_url: &str) -> Response<Bytes> {
        match self.token(now) {
            Some(token) => private(
                StatusCode::OK,
                &json!({"token": token, "store_origin": store_url}),
            ),
            None => absent(),
        }
    }
}

/// The answer if there is no session, or none for this caller.
#[must_use]
pub fn absent() -> Response<Bytes> {
    private(StatusCode::NOT_FOUND, &json!({}))
}

/// Builds an answer that must not be stored.
#[must_use]
pub fn private(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns whether a request was sent on this machine, by its user.
///
/// A page of another site gets nothing: its request has a foreign origin, or a host name that is not this machine's
/// (with DNS rebinding, the origin would be the same). Requests through a reverse proxy come from this machine too,
/// but any caller may have sent them. Proxies mark them (RFC 7239, RFC 9110 section 7.6.3).
#[must_use]
pub fn is_from_here(headers: &HeaderMap) -> bool {
    let is_foreign = headers.contains_key(ORIGIN)
        || headers
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin" && site != "none");
    let is_passed_on = headers.keys().any(|name| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
    });
    let mut hosts = headers.get_all(HOST).iter();
    let is_for_here = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_this_machine),
        (_, Some(_)) | (None, None) => false,
    };
    is_for_here && !is_foreign && !is_passed_on
}

/// Returns whether a `Host` is one of this machine's own names.
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn is_from_here_with(headers: &[(&'static str, &'static str)]) -> bool {
        let header = |(name, value): &(&'static str, &'static str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        let mut all = HeaderMap::new();
        for (name, value) in headers.iter().map(header) {
            all.append(name, value);
        }
        is_from_here(&all)
    }

    #[test]
    fn a_request_by_a_name_of_this_machine_is_from_here() {
        for host in [
            "localhost",
            "LocalHost:80",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]",
            "[::1]:1",
        ] {
            assert!(is_from_here_with(&[("host", host)]), "{host}");
        }
        for host in [
            "",
            "files.example.org",
            "localhost.example.org",
            "10.0.0.1:80",
            "127.0.0.1.example.org",
            "[::2]:1",
        ] {
            assert!(!is_from_here_with(&[("host", host)]), "{host}");
        }
        assert!(!is_from_here_with(&[]));
        assert!(!is_from_here_with(&[
            ("host", "localhost"),
            ("host", "example.org")
        ]));
    }

    #[test]
    fn a_proxied_request_is_not_from_here() {
        for name in [
            "forwarded",
            "via",
            "x-real-ip",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
        ] {
            assert!(
                !is_from_here_with(&[("host", "localhost"), (name, "127.0.0.1")]),
                "{name}"
            );
        }
    }

    #[test]
    fn a_request_of_another_site_is_not_from_here() {
        for (name, value) in [
            ("origin", "https://example.org"),
            ("sec-fetch-site", "cross-site"),
        ] {
            assert!(!is_from_here_with(&[("host", "localhost"), (name, value)]));
        }
        assert!(is_from_here_with(&[
            ("host", "localhost"),
            ("sec-fetch-site", "same-origin")
        ]));
    }
}
