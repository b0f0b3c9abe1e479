//! What a person sees at the start in development: where it is, and the whole job as a curl session.

use super::Running;

/// The text; every command in it can be pasted.
pub(crate) fn text(running: &Running) -> String {
    let base = &running.base_url;
    let token = running.token.as_deref().unwrap_or("$CONSIGN_TOKEN");
    format!(
        r#"
consign is up.

  page     {base}/
  store    {store}   (S3)
  token    {token}

The whole job by hand (needs curl and jq):

  export CONSIGN={base} TOKEN={token}
  printf 'city,population\nVienna,2014614\nGraz,303270\n' > cities.csv
  curl -s $CONSIGN/files/sign_upload -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
    -d "{{\"filename\":\"cities.csv\",\"content_type\":\"text/csv\",\"file_size_bytes\":$(wc -c < cities.csv)}}" > signed.json
  curl -sf -T cities.csv "$(jq -r .upload_url signed.json)" -H 'content-type: text/csv' -H 'if-none-match: *'
  ID=$(jq -r .file_id signed.json)
  curl -s $CONSIGN/files/confirm -H "authorization: Bearer $TOKEN" -d "{{\"file_id\":\"$ID\"}}"
  curl -s $CONSIGN/files/$ID/status -H "authorization: Bearer $TOKEN" | jq
  curl -s "$CONSIGN/files/$ID/download-url?variant=parquet" -H "authorization: Bearer $TOKEN" | jq -r .url | xargs curl -s -o cities.parquet

Or with this program:  consign upload cities.csv

"#,
        store = running.store_url,
    )
}
