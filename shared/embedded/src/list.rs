//! One page of a listing.

use crate::blob::Meta;

/// What one page holds.
pub(crate) struct Page {
    pub(crate) metas: Vec<Meta>,
    pub(crate) prefixes: Vec<String>,
    /// Where the next page goes on, if there is one.
    pub(crate) next: Option<String>,
}

/// Takes from `metas`, sorted by key, up to `count` entries past `after`: objects, or for all keys alike up to the
/// first `delimiter` past `prefix` that common prefix. `after` is a key, or a common prefix that is done with.
pub(crate) fn page(
    metas: Vec<Meta>,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
    count: usize,
) -> Page {
    let mut page = Page {
        metas: Vec::new(),
        prefixes: Vec::new(),
        next: None,
    };
    let mut last = None;
    for meta in metas {
        let Some(rest) = meta.key.strip_prefix(prefix) else {
            continue;
        };
        let common = delimiter
            .filter(|delimiter| !delimiter.is_empty())
            .and_then(|delimiter| {
                rest.find(delimiter)
                    .map(|at| &meta.key[..prefix.len() + at + delimiter.len()])
            });
        let entry = common.unwrap_or(&meta.key);
        if after.is_some_and(|after| entry <= after)
            || page
                .prefixes
                .last()
                .is_some_and(|done| Some(done.as_str()) == common)
        {
            continue;
        }
        if page.metas.len() + page.prefixes.len() == count {
            page.next = last;
            break;
        }
        last = Some(entry.to_owned());
        match common.map(str::to_owned) {
            Some(common) => page.prefixes.push(common),
            None => page.metas.push(meta),
        }
    }
    page
}
