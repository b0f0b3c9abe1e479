//! What the attacks share.

use std::path::PathBuf;

use hostile::{Harm, Host, Options, Proxy, StoreKeys};

/// The most memory that a host may ever hold, whatever is done to it.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Fails where the host ever held more than it may.
pub(crate) fn assert_memory(host: &Host) {
    let memory = host.memory();
    let mebibytes = |bytes: u64| bytes >> 20;
    println!(
        "memory: at most {} MiB, now {} MiB",
        mebibytes(memory.peak_bytes),
        mebibytes(memory.now_bytes)
    );
    assert!(
        memory.peak_bytes <= MEMORY_BYTES_MAX,
        "the host held {} MiB",
        mebibytes(memory.peak_bytes)
    );
}

/// A host over the store of another, with a proxy between.
pub(crate) async fn over_proxy(
    judge: impl Fn(&hostile::Seen) -> Harm + Send + Sync + 'static,
) -> (Host, Proxy, Host) {
    let store = Host::start().await;
    let proxy = Proxy::start(&store.store_url, judge).await;
    let keys = StoreKeys {
        endpoint: proxy.url.clone(),
        ..store.store_keys()
    };
    let host = Host::with(Options {
        store: Some(keys),
        ..Options::default()
    })
    .await;
    (host, proxy, store)
}

/// The library that stands between the host and the clock.
fn library() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command says where the library is"
    )]
    let told = std::env::var("CONSIGN_FAKETIME_LIB");
    let path = told.map_or_else(
        |_| PathBuf::from("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "CONSIGN_FAKETIME_LIB names libfaketimeMT.so.1: `cargo xtask test hostile` brings it"
    );
    path
}

/// The clock of a host: the system's, and an offset that a test sets.
pub(crate) struct Clock {
    folder: tempfile::TempDir,
}

impl Clock {
    /// One that goes as the system's.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Self { folder };
        clock.set(0);
        clock
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Sets it so many seconds before or behind the system's.
    pub(crate) fn set(&self, offset_s: i64) {
        std::fs::write(self.path(), format!("{offset_s:+}\n")).unwrap();
    }

    /// What a host goes by it with.
    pub(crate) fn options(&self) -> Options {
        let variable = |name: &str, value: String| (name.to_owned(), value);
        Options {
            environment: vec![
                variable("LD_PRELOAD", library().display().to_string()),
                variable("FAKETIME_TIMESTAMP_FILE", self.path().display().to_string()),
                variable("FAKETIME_NO_CACHE", "1".to_owned()),
                variable("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ],
            ..Options::default()
        }
    }

    /// A host that goes by it.
    pub(crate) async fn host(&self) -> Host {
        Host::with(self.options()).await
    }
}

/// A host under another policy than that of all.
pub(crate) async fn under_policy(options: Options, policy: &str) -> Host {
    let mut host = Host::new(options);
    reconfigure(&mut host, policy).await;
    host
}

/// Starts it again under this policy.
pub(crate) async fn reconfigure(host: &mut Host, policy: &str) {
    std::fs::write(host.folder().join("consign.toml"), policy).unwrap();
    host.restart().await;
}
