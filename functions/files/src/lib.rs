//! `GET /files` and `DELETE /files/{id}`: the uploads of an owner.

use bytes::Bytes;
use consign_core::api::{Download, ListedFile};
use consign_core::host::{HasPolicy, HasQueue, HasRepo, HasSigner};
use consign_core::ids::UploadId;
use consign_core::policy::{ContentDisposition, DownloadQuery, ListQuery, Variant};
use consign_core::ports::{ListFilter, Page, UploadRepo};
use consign_core::problem::{FieldError, Problem};
use consign_core::service::{Call, Service, json};
use consign_core::time::Timestamp;
use consign_core::transition::transition;
use consign_core::upload::{COLUMN_NAMES_MAX, Columns, DeletionReason, Event, Upload, UploadState};
use http::{Request, Response, StatusCode};

/// The capabilities that these functions use.
pub trait Deps: Service + HasRepo + HasQueue + HasPolicy + HasSigner {}

impl<T: Service + HasRepo + HasQueue + HasPolicy + HasSigner> Deps for T {}

/// The maximum length of a listing, in bytes. A page that would be longer ends earlier, with a cursor.
pub const LISTING_BYTES_MAX: usize = 1 << 20;
/// The number of records in the first read. It doubles with each read, up to its maximum. A page of five hundred
/// records is never in memory as a whole.
const READ_FIRST: usize = 16;
const READ_AT_ONCE_MAX: usize = 64;
/// The number of records per read if there are tables with many columns. Records of builds that did not limit the
/// names may have megabytes each until they are written again.
const READ_WIDE: usize = 4;
const _: () = assert!(READ_WIDE <= READ_FIRST && READ_FIRST <= READ_AT_ONCE_MAX);
/// The length of a listing without its files, in bytes.
const BYTES_BESIDE: usize = 128;

/// Answers with a page of the caller's uploads, newest first.
pub async fn list<D: Deps>(deps: &D, request: Request<Bytes>) -> Response<Bytes> {
    let mut call = Call::begin(deps, "list_files", &request);
    let answer = list_own(deps, &request, &mut call).await;
    call.finish(deps, answer)
}

async fn list_own<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Authenticate the caller and parse the query.
    let identity = call.identify(deps, request.headers())?;
    let query = ListQuery::parse(request.uri().query().unwrap_or_default())?;
    let after = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let filter = ListFilter {
        state: query.status.and_then(UploadState::of),
        category: query.category,
        collection_id: query.collection_id,
    };
    // 2. Read one page in several reads. Each file has a URL if requested and possible.
    let limit = usize::try_from(query.limit).unwrap_or(1);
    let mut listing = Listing::new(after, limit);
    while let Some(at_once) = listing.wants() {
        let page = deps
            .repo()
            .list(&identity.owner, &filter, listing.after, at_once)
            .await?;
        let item = |upload: &Upload| {
            let has_download =
                query.include_download_url && upload.variants().contains(&Variant::Original);
            let download = has_download.then(|| sign(deps, upload, call.now)).flatten();
            item(upload, download)
        };
        listing.add(&page, item);
    }
    Ok(listing.answer())
}

/// Returns a file of the listing as JSON.
fn item(upload: &Upload, download: Option<Download>) -> Bytes {
    let (download_url, download_expires_at) = download
        .map(|download| (download.url, download.expires_at))
        .unzip();
    let item = ListedFile {
        file: status::file(upload),
        download_url,
        download_expires_at,
    };
    json(StatusCode::OK, &item).into_body()
}

/// A page of the listing that is being written as JSON.
struct Listing {
    files: Vec<u8>,
    listed: usize,
    limit: usize,
    at_once: usize,
    after: Option<UploadId>,
    /// Why the page ends. There may be another page.
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    OfPage,
    OfAll,
}

/// Returns whether the upload is a table of which not all column names are stored.
fn is_wide(upload: &Upload) -> bool {
    let found = upload
        .outcome
        .as_ref()
        .and_then(|found| found.columns.as_ref());
    let all = [found, upload.client_metadata.columns.as_ref()];
    let mut counts = all.into_iter().flatten().map(Columns::count);
    counts.any(|count| count > COLUMN_NAMES_MAX as u64)
}

impl Listing {
    fn new(after: Option<UploadId>, limit: usize) -> Self {
        Self {
            files: Vec::new(),
            listed: 0,
            limit,
            at_once: READ_FIRST,
            after,
            end: None,
        }
    }

    /// Returns the number of records of the next read, or `None` if the page is complete.
    fn wants(&self) -> Option<usize> {
        let left = self.limit - self.listed;
        (self.end.is_none() && left > 0).then(|| left.min(self.at_once))
    }

    /// Adds the files that fit.
    fn add(&mut self, page: &Page, item: impl Fn(&Upload) -> Bytes) {
        self.at_once = if page.uploads.iter().any(is_wide) {
            READ_WIDE
        } else {
            (self.at_once * 2).min(READ_AT_ONCE_MAX)
        };
        for upload in &page.uploads {
            let item = item(upload);
            let bytes = self.files.len() + item.len() + BYTES_BESIDE;
            if self.listed > 0 && bytes > LISTING_BYTES_MAX {
                self.end = Some(End::OfPage);
                return;
            }
            if self.listed > 0 {
                self.files.push(b',');
            }
            self.files.extend_from_slice(&item);
            self.listed += 1;
            self.after = Some(upload.id);
        }
        match page.next {
            None => self.end = Some(End::OfAll),
            // A page without files that is not the last: the repository limits how much it reads in one call.
            Some(next) if page.uploads.is_empty() => {
                self.after = Some(next);
                self.end = Some(End::OfPage);
            }
            Some(next) => self.after = Some(next),
        }
    }

    fn answer(self) -> Response<Bytes> {
        let cursor = self.after.filter(|_| self.end != Some(End::OfAll));
        let mut answer = json(StatusCode::OK, &());
        let mut text = Vec::with_capacity(self.files.len() + BYTES_BESIDE);
        text.extend_from_slice(b"{\"files\":[");
        text.extend_from_slice(&self.files);
        text.extend_from_slice(b"],\"next_cursor\":");
        match cursor {
            Some(id) => text.extend_from_slice(format!("\"{id}\"}}").as_bytes()),
            None => text.extend_from_slice(b"null}"),
        }
        *answer.body_mut() = Bytes::from(text);
        answer
    }
}

fn sign<D: Deps>(deps: &D, upload: &Upload, now: Timestamp) -> Option<Download> {
    let query = DownloadQuery {
        expiry_s: None,
        variant: Variant::Original,
        disposition: ContentDisposition::Attachment,
    };
    download_url::sign(deps.policy(), deps.signer(), upload, &query, now).ok()
}

fn parse_cursor(cursor: &str) -> Result<UploadId, Problem> {
    UploadId::parse(cursor).map_err(|_| {
        Problem::validation_failed(vec![FieldError {
            field: "cursor".to_owned(),
            code: "invalid".into(),
            detail: "must be the `next_cursor` of the previous page".to_owned(),
        }])
    })
}

/// Deletes the upload `file_id`. Its objects move under `deleted/` and are purged later.
pub async fn delete<D: Deps>(deps: &D, request: Request<Bytes>, file_id: &str) -> Response<Bytes> {
    let mut call = Call::begin(deps, "delete_file", &request);
    let answer = delete_own(deps, &request, file_id, &mut call).await;
    call.finish(deps, answer)
}

async fn delete_own<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    file_id: &str,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Authenticate the caller and find its upload.
    let identity = call.identify(deps, request.headers())?;
    let upload = call.find_own(deps.repo(), &identity.owner, file_id).await?;
    // 2. Record the deletion. The sweep moves the objects. Idempotent.
    let reason = DeletionReason::Owner;
    transition(deps, upload, &Event::Delete { reason }, call.now).await?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_listing_is_json_and_has_no_cursor() {
        let mut listing = Listing::new(None, 100);
        assert_eq!(listing.wants(), Some(READ_FIRST));
        let page = Page {
            uploads: Vec::new(),
            next: None,
        };
        listing.add(&page, |_| Bytes::new());
        assert_eq!(listing.wants(), None);
        let text = listing.answer().into_body();
        assert_eq!(&text[..], br#"{"files":[],"next_cursor":null}"#);
    }

    #[test]
    fn a_page_without_files_passes_its_cursor_on() {
        let mut listing = Listing::new(None, 100);
        let next = UploadId::parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        let page = Page {
            uploads: Vec::new(),
            next: Some(next),
        };
        listing.add(&page, |_| Bytes::new());
        assert_eq!(listing.wants(), None);
        let text = listing.answer().into_body();
        assert!(String::from_utf8_lossy(&text).contains(&next.to_string()));
    }
}
