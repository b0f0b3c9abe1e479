//! A streaming reader of `multipart/form-data` (RFC 7578). Reading a field keeps that field in memory, reading a file
//! one chunk. The body is polled for one frame at a time, so unread data stays with the client. (`multer` reads all
//! available data into its buffer, and the reader of s3s keeps the file in memory.)

use bytes::{Buf, Bytes, BytesMut};
use consign_listener::RequestBody;
use http_body_util::BodyExt;
use memchr::memmem::Finder;

/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Why reading a form failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormError {
    /// It is not a valid form.
    Malformed,
    /// The part before the file is too long.
    TooLong,
    /// The body broke off.
    Broken,
}

/// The head of a part.
#[derive(Debug)]
pub(super) struct FormPart {
    pub(super) name: String,
    pub(super) filename: Option<String>,
}

/// A form that is being read. Each part must be read to its end before the next.
pub(super) struct Reader {
    body: RequestBody,
    /// Bytes that arrived and were not read yet.
    buffer: BytesMut,
    /// The number of bytes in the buffer that were already searched.
    searched: usize,
    /// The end of a part: CRLF, two dashes and the boundary.
    delimiter: Finder<'static>,
    /// How many more bytes may be read outside the file.
    allowance: usize,
}

impl Reader {
    /// Creates a reader for this `content-type`. At most `allowance` bytes are read before the file.
    pub(super) fn new(
        body: RequestBody,
        content_type: &str,
        allowance: usize,
    ) -> Result<Self, FormError> {
        let boundary = parameters(content_type)
            .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
            .map(|(_, boundary)| boundary)
            .filter(|boundary| (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()))
            .ok_or(FormError::Malformed)?;
        let delimiter = format!("\r\n--{boundary}");
        Ok(Self {
            body,
            // The first delimiter has no CRLF before it.
            buffer: BytesMut::from(&b"\r\n"[..]),
            searched: 0,
            delimiter: Finder::new(&delimiter).into_owned(),
            allowance: allowance.saturating_add("\r\n".len()),
        })
    }

    /// Skips the preamble.
    pub(super) async fn begin(&mut self) -> Result<(), FormError> {
        let delimiter = self.delimiter.clone();
        self.until(&delimiter).await.map(drop)
    }

    /// Returns the next part; `None` after the last one.
    pub(super) async fn part(&mut self) -> Result<Option<FormPart>, FormError> {
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        let head = self.until(&Finder::new("\r\n\r\n")).await?;
        let head = std::str::from_utf8(&head).map_err(|_| FormError::Malformed)?;
        let mut lines = head.split("\r\n");
        // Only white space may follow the delimiter.
        if lines.next().is_none_or(|rest| !rest.trim().is_empty()) {
            return Err(FormError::Malformed);
        }
        let disposition = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"))
            .map(|(_, value)| value)
            .ok_or(FormError::Malformed)?;
        let (mut field, mut filename) = (None, None);
        for (name, value) in parameters(disposition) {
            match name.to_ascii_lowercase().as_str() {
                "name" => field = Some(value),
                "filename" => filename = Some(value),
                _ => {}
            }
        }
        Ok(Some(FormPart {
            name: field.ok_or(FormError::Malformed)?,
            filename,
        }))
    }

    /// Returns a text part.
    pub(super) async fn text(&mut self) -> Result<String, FormError> {
        let delimiter = self.delimiter.clone();
        let text = self.until(&delimiter).await?;
        String::from_utf8(text.into()).map_err(|_| FormError::Malformed)
    }

    /// Returns the next bytes of a file part; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        let length = self.delimiter.needle().len();
        loop {
            if let Some(at) = self.delimiter.find(&self.buffer) {
                if at > 0 {
                    return Ok(Some(self.buffer.split_to(at).freeze()));
                }
                self.buffer.advance(length);
                return Ok(None);
            }
            // The last bytes may be the start of a delimiter.
            let near = self.buffer.len().saturating_sub(length - 1);
            let safe = memchr::memchr(b'\r', &self.buffer[near..])
                .map_or(self.buffer.len(), |at| near + at);
            if safe > 0 {
                return Ok(Some(self.buffer.split_to(safe).freeze()));
            }
            self.fill().await?;
        }
    }

    /// Discards what follows the last part, little or nothing, so that the connection can be reused.
    pub(super) async fn finish(mut self) {
        while self.allowance > self.buffer.len() {
            self.allowance -= self.buffer.len();
            self.buffer.clear();
            if self.fill().await.is_err() {
                return;
            }
        }
    }

    /// Returns the bytes before `end`, and skips `end`.
    async fn until(&mut self, end: &Finder<'_>) -> Result<BytesMut, FormError> {
        let length = end.needle().len();
        self.searched = 0;
        loop {
            let from = self.searched.saturating_sub(length - 1);
            let found = end.find(&self.buffer[from..]).map(|at| from + at);
            let read = found.map_or(self.buffer.len(), |at| at + length);
            if read > self.allowance {
                return Err(FormError::TooLong);
            }
            if let Some(at) = found {
                self.allowance -= read;
                let before = self.buffer.split_to(at);
                self.buffer.advance(length);
                return Ok(before);
            }
            self.searched = self.buffer.len();
            self.fill().await?;
        }
    }

    /// Reads one more frame.
    async fn fill(&mut self) -> Result<(), FormError> {
        match self.body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.buffer.extend_from_slice(&data);
                }
                Ok(())
            }
            Some(Err(_)) | None => Err(FormError::Broken),
        }
    }
}

/// Returns the parameters of a header value: `; name=value`, optionally quoted.
fn parameters(value: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, after) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        rest = after;
        Some((name.trim_matches([' ', '\t', ';']), value))
    })
}

/// Returns a quoted value and the rest. Only `\"` is an escape: browsers encode quotes as `%22`, and leave backslashes
/// of a path unescaped.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = quoted;
    while let Some(at) = rest.find('"') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        match before.strip_suffix('\\') {
            Some(before) if after.contains('"') => {
                value.push_str(before);
                value.push('"');
            }
            Some(_) | None => {
                value.push_str(before);
                return (value, after);
            }
        }
        rest = after;
    }
    value.push_str(rest);
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<(&str, String)> {
        parameters(value).collect()
    }

    fn pair<'a>(name: &'a str, value: &str) -> (&'a str, String) {
        (name, value.to_owned())
    }

    #[test]
    fn parameters_are_read_as_browsers_and_libraries_write_them() {
        assert_eq!(read("form-data; name=\"key\""), [pair("name", "key")]);
        assert_eq!(
            read("form-data; name=file ;filename=\"a;b=c.csv\""),
            [pair("name", "file"), pair("filename", "a;b=c.csv")]
        );
        assert_eq!(
            read("form-data; name=\"file\"; filename=\"a \\\"b\\\".csv\""),
            [pair("name", "file"), pair("filename", "a \"b\".csv")]
        );
        assert_eq!(
            read("form-data; filename=\"C:\\dir\\a.csv\"; name=\"file\""),
            [pair("filename", "C:\\dir\\a.csv"), pair("name", "file")]
        );
        assert_eq!(
            read("multipart/form-data; charset=utf-8; boundary=\"a b\""),
            [pair("charset", "utf-8"), pair("boundary", "a b")]
        );
        assert_eq!(read("form-data"), []);
    }
}
