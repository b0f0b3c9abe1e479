//! `conformance presign`: URLs and POST forms signed, forms evaluated.

use consign_core::sigv4::{
    Addressing, Credentials, Operation, PostForm, PostRequest, PresignError, Request, Secret,
    Signer, SignerConfig, verify_post,
};
use consign_core::time::{Timestamp, rfc3339};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(_args: &[String]) -> ExitCode {
    match answer_all(io::stdin().lock(), BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance presign: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer_all(input: impl BufRead, mut output: impl Write) -> Result<(), Box<dyn Error>> {
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Value = serde_json::from_str(&line)?;
        let id = case.get("id").cloned().unwrap_or_default();
        let Some(answer) = answer(case) else { continue };
        let mut object = Map::from_iter([("id".to_owned(), id)]);
        object.extend(answer.unwrap_or_else(|error| {
            Map::from_iter([("error".to_owned(), error.to_string().into())])
        }));
        writeln!(output, "{}", Value::Object(object))?;
    }
    Ok(output.flush()?)
}

type Answer = Result<Map<String, Value>, Box<dyn Error>>;

fn answer(case: Value) -> Option<Answer> {
    match case.get("kind").and_then(Value::as_str)? {
        "url" | "refuse" => Some(
            serde_json::from_value(case)
                .map_err(Into::into)
                .and_then(presign),
        ),
        "post" => Some(
            serde_json::from_value(case)
                .map_err(Into::into)
                .and_then(post),
        ),
        "post_eval" => Some(
            serde_json::from_value(case)
                .map_err(Into::into)
                .and_then(post_eval),
        ),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Case {
    op: Option<String>,
    bucket: String,
    key: String,
    region: String,
    addressing: String,
    endpoint: Option<String>,
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
    #[serde(with = "rfc3339")]
    time: Timestamp,
    expires: Value,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    query: Vec<(String, String)>,
    #[serde(default)]
    conditions: Vec<Value>,
    #[serde(default)]
    fields: Map<String, Value>,
}

impl Case {
    fn signer(&self) -> Result<Signer, Box<dyn Error>> {
        let addressing = match self.addressing.as_str() {
            "virtual" => Addressing::Virtual,
            "path" => Addressing::Path,
            _ => return Err("addressing is virtual or path".into()),
        };
        Ok(Signer::new(SignerConfig {
            endpoint: self.endpoint.as_deref(),
            region: &self.region,
            addressing,
            credentials: Credentials {
                access_key: self.access_key.clone(),
                secret_key: Secret::from(self.secret_key.as_str()),
                session_token: self.session_token.as_deref().map(Secret::from),
                expires_at: None,
            },
        })?)
    }

    /// What is no number of seconds is out of range.
    fn expires_s(&self) -> Result<u32, PresignError> {
        let number = self
            .expires
            .as_u64()
            .and_then(|seconds| u32::try_from(seconds).ok());
        number.ok_or(PresignError::ExpiryOutOfRange)
    }
}

fn presign(case: Case) -> Answer {
    let operation = match case.op.as_deref() {
        Some("PutObject") => Operation::PutObject,
        Some("GetObject") => Operation::GetObject,
        Some("HeadObject") => Operation::HeadObject,
        Some("DeleteObject") => Operation::DeleteObject,
        Some("UploadPart") => Operation::UploadPart,
        Some("CreateMultipartUpload") => Operation::CreateMultipartUpload,
        Some("CompleteMultipartUpload") => Operation::CompleteMultipartUpload,
        Some("AbortMultipartUpload") => Operation::AbortMultipartUpload,
        Some("ListParts") => Operation::ListParts,
        _ => return Err("unknown op".into()),
    };
    let request = Request {
        operation,
        bucket: &case.bucket,
        key: &case.key,
        headers: &borrowed(&case.headers),
        query: &borrowed(&case.query),
        expires_s: case.expires_s()?,
    };
    let url = case.signer()?.presign(&request, case.time)?;
    Ok(Map::from_iter([("url".to_owned(), url.into())]))
}

fn post(case: Case) -> Answer {
    let fields = texts(&case.fields);
    let request = PostRequest {
        bucket: &case.bucket,
        key: &case.key,
        fields: &borrowed(&fields),
        conditions: &case.conditions,
        expires_s: case.expires_s()?,
    };
    let post = case.signer()?.post_policy(&request, case.time)?;
    let fields: Map<String, Value> = post
        .fields
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    Ok(Map::from_iter([
        ("url".to_owned(), post.url.into()),
        ("fields".to_owned(), fields.into()),
    ]))
}

#[derive(Deserialize)]
struct Evaluation {
    bucket: String,
    form: Map<String, Value>,
    size: u64,
    #[serde(with = "rfc3339")]
    now: Timestamp,
    secret_key: String,
}

fn post_eval(case: Evaluation) -> Answer {
    let fields = texts(&case.form);
    let form = PostForm {
        bucket: &case.bucket,
        fields: &borrowed(&fields),
        size_bytes: case.size,
    };
    let verdict = verify_post(
        &form,
        |_| Some(Secret::from(case.secret_key.as_str())),
        case.now,
    );
    Ok(Map::from_iter([(
        "accept".to_owned(),
        json!(verdict.is_ok()),
    )]))
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// A form holds text: other values are written as JSON.
fn texts(map: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    map.iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}
