//! The endpoint of a bucket: the regional hosts of AWS, or a configured endpoint.

use super::error::SetupError;
use super::escape::any_byte;
use std::net::IpAddr;

/// How a bucket is named in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `https://bucket.host/key`. A host that is an IP address, or a bucket with dots over TLS (which no wildcard
    /// certificate covers), is still addressed by path.
    Virtual,
    /// `https://host/bucket/key`.
    Path,
}

/// DNS suffixes of the AWS partitions by region prefix. All other regions are in the standard partition.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// A parsed endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// `https://` or `http://`.
    pub(super) scheme: &'static str,
    /// Host and port as in the URL.
    pub(super) authority: String,
    /// Host and port as signed: lower case, without the default port of the scheme.
    pub(super) host: String,
    /// The authority and the path before the bucket or key, with the slash.
    pub(super) base: String,
    /// The path as given.
    path: String,
    addressing: Addressing,
    is_address: bool,
}

impl Endpoint {
    /// Returns the regional endpoint of AWS, as current SDKs name it. `s3.amazonaws.com`, the older name of
    /// `us-east-1`, serves other regions by redirects, which break a presigned URL.
    pub(super) fn aws(region: &str, addressing: Addressing) -> Self {
        let suffix = PARTITIONS
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix))
            .map_or("amazonaws.com", |(_, suffix)| suffix);
        let authority = format!("s3.{region}.{suffix}");
        Self {
            scheme: "https://",
            host: authority.to_ascii_lowercase(),
            base: format!("{authority}/"),
            authority,
            path: String::new(),
            addressing,
            is_address: false,
        }
    }

    /// Parses `http(s)://host[:port][/path]`.
    pub(super) fn parse(url: &str, addressing: Addressing) -> Result<Self, SetupError> {
        let (scheme, rest, default_port) = if let Some(rest) = url.strip_prefix("https://") {
            ("https://", rest, 443)
        } else if let Some(rest) = url.strip_prefix("http://") {
            ("http://", rest, 80)
        } else {
            return Err(SetupError::Endpoint);
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port: Option<u16> = match port {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse().map_err(|_| SetupError::Endpoint)?)
            }
            Some(_) => return Err(SetupError::Endpoint),
            None => None,
        };
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_address = inner.unwrap_or(host).parse::<IpAddr>().is_ok();
        let host_is_good = match inner {
            Some(_) => is_address,
            None => {
                !host.is_empty()
                    && host
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            }
        };
        let path_is_good = path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b));
        if !host_is_good || !path_is_good {
            return Err(SetupError::Endpoint);
        }
        let mut signed = host.to_ascii_lowercase();
        if let Some(port) = port.filter(|&port| port != default_port) {
            signed.push_str(&format!(":{port}"));
        }
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            host: signed,
            base: format!("{authority}{}/", path.strip_suffix('/').unwrap_or(path)),
            path: path.to_owned(),
            addressing,
            is_address,
        })
    }

    /// Returns how this bucket is addressed.
    pub(super) fn addressing(&self, bucket: &str) -> Addressing {
        match self.addressing {
            Addressing::Virtual if self.is_address => Addressing::Path,
            Addressing::Virtual
                if self.scheme == "https://" && any_byte(bucket, |byte| byte == b'.') =>
            {
                Addressing::Path
            }
            wanted @ (Addressing::Virtual | Addressing::Path) => wanted,
        }
    }

    /// Returns the URL that forms are posted to.
    pub(super) fn post_url(&self, bucket: &str) -> String {
        let Self {
            scheme,
            authority,
            base,
            path,
            ..
        } = self;
        match self.addressing(bucket) {
            Addressing::Virtual => format!(
                "{scheme}{bucket}.{authority}{}",
                if path.is_empty() { "/" } else { path }
            ),
            Addressing::Path => format!("{scheme}{base}{bucket}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_hosts_follow_partition_and_region() {
        for (region, host) in [
            ("us-east-1", "s3.us-east-1.amazonaws.com"),
            ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
            ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
            ("us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(Endpoint::aws(region, Addressing::Virtual).authority, host);
        }
    }

    #[test]
    fn endpoints_keep_their_port_and_sign_it_unless_it_is_the_schemes_own() {
        for (url, host, base) in [
            ("http://localhost:9000", "localhost:9000", "localhost:9000/"),
            (
                "https://Minio.Example.com:443",
                "minio.example.com",
                "Minio.Example.com:443/",
            ),
            ("http://h:80/", "h", "h:80/"),
            ("http://h:443", "h:443", "h:443/"),
            ("http://[::1]:9000/a/b/", "[::1]:9000", "[::1]:9000/a/b/"),
            ("http://[::1]", "[::1]", "[::1]/"),
        ] {
            let endpoint = Endpoint::parse(url, Addressing::Path).unwrap();
            assert_eq!((&*endpoint.host, &*endpoint.base), (host, base), "{url}");
            assert!(endpoint.base.starts_with(&endpoint.authority));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for url in [
            "",
            "h",
            "ftp://h",
            "http://",
            "http:///a",
            "http://a b",
            "http://u@h",
            "http://h?x",
            "http://h/#x",
            "http://h:x",
            "http://h:99999",
            "http://[::g]",
            "http://h/\n",
            "http://[h]",
        ] {
            assert_eq!(
                Endpoint::parse(url, Addressing::Path).err(),
                Some(SetupError::Endpoint),
                "{url}"
            );
        }
    }

    #[test]
    fn addresses_and_dotted_buckets_over_tls_are_addressed_by_path() {
        let at = |url| Endpoint::parse(url, Addressing::Virtual).unwrap();
        assert_eq!(
            at("http://127.0.0.1:9000").addressing("bucket"),
            Addressing::Path
        );
        assert_eq!(at("http://[::1]").addressing("bucket"), Addressing::Path);
        assert_eq!(at("https://h").addressing("a.b"), Addressing::Path);
        assert_eq!(at("http://h").addressing("a.b"), Addressing::Virtual);
        assert_eq!(at("https://h/p/").post_url("ab"), "https://ab.h/p/");
        assert_eq!(at("https://h/p/").post_url("a.b"), "https://h/p/a.b");
        assert_eq!(at("https://h").post_url("ab"), "https://ab.h/");
    }
}
