//! What stands behind the base URL.

use std::str::FromStr;

/// A kind of host. `CONSIGN_E2E_HOST` names it, and nothing else decides what a run is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `embedded`, the default: each test starts `consign serve` with its embedded store, in a folder of its own.
    Embedded,
    /// `minio`: each test starts `consign serve --s3-endpoint`, over one real MinIO for the whole program
    /// (`CONSIGN_MINIO_BIN`), with buckets and a webhook of its own, which `consign bucket init` sets up.
    Minio,
    /// `lambda`: the functions' programs (in the folder `CONSIGN_LAMBDA_DIR`) behind cargo-lambda's runtime interface
    /// (`CONSIGN_CARGO_LAMBDA`), with real MinIO, DynamoDB Local (`CONSIGN_DYNAMODB_DIR`), ElasticMQ
    /// (`CONSIGN_ELASTICMQ_DIR`) and the bridge between them (`CONSIGN_BRIDGE_BIN`): one stack for all tests of a program.
    Lambda,
    /// `url`: one host for all tests, which runs already: `CONSIGN_E2E_URL`, `CONSIGN_E2E_SECRET` (the HS256 secret of its
    /// tokens), `CONSIGN_E2E_S3_ENDPOINT`, `CONSIGN_E2E_S3_ACCESS_KEY`, `CONSIGN_E2E_S3_SECRET_KEY`. It has the policy
    /// [`crate::POLICY`]. The same with `_RECONCILIATION` at the end for [`crate::RECONCILIATION`].
    Url,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "embedded" => Ok(Self::Embedded),
            "minio" => Ok(Self::Minio),
            "lambda" => Ok(Self::Lambda),
            "url" => Ok(Self::Url),
            _ => Err("must be `embedded`, `minio`, `lambda` or `url`".to_owned()),
        }
    }
}

impl Kind {
    /// The kind that this run is against.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn asked() -> Self {
        let text = variable("CONSIGN_E2E_HOST").unwrap_or_default();
        let kind = text.parse();
        kind.unwrap_or_else(|error| unreachable!("CONSIGN_E2E_HOST {error}"))
    }
}

/// What the store behind the host does. `CONSIGN_E2E_STORE` names it, and S3's way is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// `s3`: all that S3 does, as MinIO and the embedded store do it too.
    S3,
    /// `r2-local`: the S3 endpoint of R2 in `wrangler dev`. It has no POST forms, as R2 itself has none. It does not look at
    /// `x-amz-checksum-sha256`, which R2 itself does: what a wrong one leads to there is seen over MinIO, and here that the
    /// ingest refuses what the store took.
    R2Local,
}

impl StoreKind {
    /// The kind that this run is over.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn asked() -> Self {
        match variable("CONSIGN_E2E_STORE").as_deref() {
            None | Some("s3") => Self::S3,
            Some("r2-local") => Self::R2Local,
            Some(_) => unreachable!("CONSIGN_E2E_STORE must be `s3` or `r2-local`"),
        }
    }

    /// Whether it takes POST forms.
    #[must_use]
    pub fn takes_forms(self) -> bool {
        self == Self::S3
    }

    /// Whether it keeps metadata that a client adds and nobody signed.
    #[must_use]
    pub fn keeps_metadata(self) -> bool {
        self == Self::R2Local
    }

    /// Whether a download URL may override what the store would answer about caching, encoding, language and age.
    #[must_use]
    pub fn overrides_answers(self) -> bool {
        self == Self::S3
    }

    /// Whether it refuses bytes of another checksum than the header's.
    #[must_use]
    pub fn checks_checksums(self) -> bool {
        self == Self::S3
    }
}

/// A variable that is set, and not to nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads what it is run against"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that the run cannot do without.
pub(crate) fn needed(name: &str) -> String {
    let value = variable(name);
    value.unwrap_or_else(|| {
        unreachable!("{name} is not set: run `cargo xtask test`, or `eval \"$(cargo xtask tools --env)\"` first")
    })
}
