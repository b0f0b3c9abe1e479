//! The message at the start: the addresses and, in development, an example session with curl.

use crate::running::Running;

/// Returns the text. Every command in it can be pasted.
pub(crate) fn text(running: &Running) -> String {
    let base = &running.base_url;
    let Some(token) = running.token.as_deref() else {
        let store = &running.store_url;
        return format!(
            "\nconsign is up.\n\n  page     {base}/\n  store    {store}   (S3)\n  tokens   not issued here\n\n"
        );
    };
    format!(
        r#"
consign is up.

  page     {base}/
  store    {store}   (S3)
  token    {token}

The whole job by hand:

  export CONSIGN={base} TOKEN={token}
  field() {{ sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }}
  printf 'city,population\nVienna,2014614\nGraz,303270\n' > cities.csv
  SIGNED=$(curl -s $CONSIGN/files/sign_upload -H "authorization: Bearer $TOKEN" \
    -d "{{\"filename\":\"cities.csv\",\"content_type\":\"text/csv\",\"file_size_bytes\":$(wc -c < cities.csv)}}")
  curl -sf -T cities.csv "$(echo $SIGNED | field upload_url)" -H 'content-type: text/csv' -H 'if-none-match: *'{no_copy}
  ID=$(echo $SIGNED | field file_id)
  curl -s $CONSIGN/files/confirm -H "authorization: Bearer $TOKEN" -d "{{\"file_id\":\"$ID\"}}"; echo
  sleep 1; curl -s $CONSIGN/files/$ID/status -H "authorization: Bearer $TOKEN"; echo
  curl -s -o cities.parquet "$(curl -s "$CONSIGN/files/$ID/download-url?variant=parquet" -H "authorization: Bearer $TOKEN" | field url)"

Or with this program:  consign upload cities.csv

"#,
        store = running.store_url,
        no_copy = if running.copies_unsigned {
            " -H 'x-amz-copy-source-if-match: none'"
        } else {
            ""
        },
    )
}
