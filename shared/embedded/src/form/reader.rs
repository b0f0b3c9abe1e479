//! `multipart/form-data` (RFC 7578), read as it comes: whoever reads a field holds that field, whoever reads a file holds one
//! chunk of it. A body is asked for one frame at a time, so what is not asked for stays with the client. (`multer` reads
//! whatever has come into its buffer, and s3s' own reader holds the file.)

use bytes::{Buf, Bytes, BytesMut};
use consign_listener::RequestBody;
use http_body_util::BodyExt;
use memchr::memmem::Finder;

/// Longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Why a form is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormError {
    /// It is none.
    Malformed,
    /// What comes before the file is too long.
    TooLong,
    /// No more of it came.
    Broken,
}

/// How a part begins.
#[derive(Debug)]
pub(super) struct FormPart {
    pub(super) name: String,
    pub(super) filename: Option<String>,
}

/// A form on its way in. Parts are read in order, each to its end.
pub(super) struct Reader {
    body: RequestBody,
    /// What came and was not read.
    buffer: BytesMut,
    /// How much of it is known not to hold what is searched for.
    searched: usize,
    /// What ends a part: CRLF, two dashes and the boundary.
    delimiter: Finder<'static>,
    /// Bytes that may still be read other than of a file.
    allowance: usize,
}

impl Reader {
    /// Reads a form of this `content-type`, of which no more than `allowance` bytes come before its file.
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
            // The first delimiter has no line before it.
            buffer: BytesMut::from(&b"\r\n"[..]),
            searched: 0,
            delimiter: Finder::new(&delimiter).into_owned(),
            allowance: allowance.saturating_add("\r\n".len()),
        })
    }

    /// Skips what comes before the first part.
    pub(super) async fn begin(&mut self) -> Result<(), FormError> {
        let delimiter = self.delimiter.clone();
        self.until(&delimiter).await.map(drop)
    }

    /// The next part, or nothing after the last one.
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
        // After the delimiter there may be blanks, nothing else.
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

    /// The whole of a part that is text.
    pub(super) async fn text(&mut self) -> Result<String, FormError> {
        let delimiter = self.delimiter.clone();
        let text = self.until(&delimiter).await?;
        String::from_utf8(text.into()).map_err(|_| FormError::Malformed)
    }

    /// The next bytes of a part that is a file, or nothing at its end.
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
            // A delimiter may have begun in the last bytes.
            let near = self.buffer.len().saturating_sub(length - 1);
            let safe = memchr::memchr(b'\r', &self.buffer[near..])
                .map_or(self.buffer.len(), |at| near + at);
            if safe > 0 {
                return Ok(Some(self.buffer.split_to(safe).freeze()));
            }
            self.fill().await?;
        }
    }

    /// Reads away what follows the last part, which is nothing or little, so that the connection can be used again.
    pub(super) async fn finish(mut self) {
        while self.allowance > self.buffer.len() {
            self.allowance -= self.buffer.len();
            self.buffer.clear();
            if self.fill().await.is_err() {
                return;
            }
        }
    }

    /// What comes before `end`, which is read too.
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

    /// Takes one more frame.
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

/// The parameters of a header's value: `; name=value`, where the value may stand in quotes.
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

/// A quoted value, and what follows it. Only a quote is ever escaped: browsers write `%22` for it and leave the backslashes of
/// a path alone.
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
