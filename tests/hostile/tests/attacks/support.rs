//! What the attacks share.

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
