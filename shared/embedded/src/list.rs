//! Pages of a listing.

use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};

use crate::blob::Meta;
use crate::event::form_encode;

/// The most entries of a page, as in S3.
pub(crate) const PAGE_ENTRIES_MAX: i32 = 1000;

/// A page of a listing.
struct Page {
    metas: Vec<Meta>,
    prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    next: Option<String>,
}

/// The selection of a listing.
struct Wanted<'a> {
    prefix: &'a str,
    /// Keys with the same text up to the first delimiter after the prefix become one entry, the common prefix.
    delimiter: Option<&'a str>,
    /// The last key or common prefix of the previous page.
    after: Option<&'a str>,
    count: usize,
}

/// Returns one page of `metas`, which are sorted by key.
fn page(metas: Vec<Meta>, wanted: &Wanted<'_>) -> Page {
    let Wanted {
        prefix,
        delimiter,
        after,
        count,
    } = *wanted;
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

/// Returns the answer of a listing. `metas` are all objects of the bucket, sorted by key.
pub(crate) fn answer(input: ListObjectsV2Input, metas: Vec<Meta>) -> ListObjectsV2Output {
    let max_keys = input
        .max_keys
        .unwrap_or(PAGE_ENTRIES_MAX)
        .clamp(0, PAGE_ENTRIES_MAX);
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let after = input
        .continuation_token
        .as_deref()
        .or(input.start_after.as_deref());
    let wanted = Wanted {
        prefix,
        delimiter: input.delimiter.as_deref(),
        after,
        count: usize::try_from(max_keys).unwrap_or_default(),
    };
    let page = page(metas, &wanted);
    let url = input
        .encoding_type
        .as_ref()
        .is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
    let encode = |text: String| if url { form_encode(&text) } else { text };
    let contents = page.metas.into_iter().map(|meta| Object {
        e_tag: Some(ETag::Strong(meta.e_tag.clone())),
        last_modified: Some(meta.modified()),
        size: i64::try_from(meta.size_bytes).ok(),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        key: Some(encode(meta.key)),
        ..Object::default()
    });
    let contents: Vec<_> = contents.collect();
    let prefixes: Vec<_> = page
        .prefixes
        .into_iter()
        .map(|prefix| CommonPrefix {
            prefix: Some(encode(prefix)),
        })
        .collect();
    ListObjectsV2Output {
        name: Some(input.bucket),
        key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
        max_keys: Some(max_keys),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next,
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(encode),
        prefix: Some(encode(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(encode),
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    }
}
