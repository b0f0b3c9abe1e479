//! `conformance events`: what a consumer would make of a message, the order of sequencers, how schedules end.

use std::cmp::Ordering;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use consign_core::events::{Decoded, Envelope, ObjectEvent, Sequencer, decode_from};
use serde_json::{Value, json};

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(_args: &[String]) -> ExitCode {
    match answer_all(std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance events: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer_all(cases: impl BufRead, mut answers: impl Write) -> std::io::Result<()> {
    for line in cases.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Value = serde_json::from_str(&line)?;
        let answer = match case["kind"].as_str() {
            Some("event") => event(&case),
            Some("sequencer") => sequencer(&case),
            Some("schedule") => crate::schedule::answer(&case),
            // A kind not known here is skipped.
            _ => continue,
        };
        let mut answer = answer.unwrap_or_else(|why| json!({ "error": why }));
        answer["id"] = case["id"].clone();
        writeln!(answers, "{answer}")?;
    }
    answers.flush()
}

fn event(case: &Value) -> Result<Value, String> {
    let source = text(case, "source")?;
    let envelope = Envelope::parse(source).ok_or_else(|| format!("unknown source {source}"))?;
    let (outcome, records, failed) = match decode_from(envelope, text(case, "body")?.as_bytes()) {
        Ok(Decoded::Ok(records)) => ("ok", records, vec![]),
        Ok(Decoded::Ignore) => ("ignore", vec![], vec![]),
        Ok(Decoded::Partial { records, failed }) => ("partial", records, failed),
        Err(_) => ("reject", vec![], vec![]),
    };
    let records: Vec<Value> = records.iter().map(record).collect();
    let failed: Vec<usize> = failed.iter().map(|failed| failed.index).collect();
    Ok(json!({ "outcome": outcome, "records": records, "failed": failed }))
}

fn record(event: &ObjectEvent) -> Value {
    json!({
        "provider": event.provider.as_str(),
        "action": event.action.as_str(),
        "bucket": event.bucket,
        "key": event.key,
        "size": event.size_bytes,
        "etag": event.etag,
        "version_id": event.version_id,
        "sequencer": event.sequencer.as_ref().map(Sequencer::as_str),
    })
}

fn sequencer(case: &Value) -> Result<Value, String> {
    let parse = |name| Sequencer::parse(text(case, name)?).map_err(|error| error.to_string());
    let order = match parse("a")?.cmp(&parse("b")?) {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    };
    Ok(json!({ "order": order }))
}

fn text<'a>(case: &'a Value, name: &str) -> Result<&'a str, String> {
    case[name]
        .as_str()
        .ok_or_else(|| format!("`{name}` is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(cases: &[Value]) -> Vec<Value> {
        let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
        let mut out = Vec::new();
        answer_all(lines.as_bytes(), &mut out).unwrap();
        out.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    #[test]
    fn events_answer_in_the_format_of_the_document() {
        let body = include_str!("../../fixtures/events/minio-empty-object.json");
        let batch = include_str!("../../fixtures/events/s3-sqs-one-bad.json");
        let answers = answers(&[
            json!({ "id": 1, "kind": "event", "source": "minio-webhook", "body": body }),
            json!({ "id": 2, "kind": "event", "source": "r2-queue", "body": body }),
            json!({ "id": 3, "kind": "event", "source": "s3-sqs", "body": batch }),
            json!({ "id": 4, "kind": "event", "source": "pigeon", "body": body }),
        ]);
        assert_eq!(
            answers[0],
            json!({ "id": 1, "outcome": "ok", "failed": [], "records": [{
                "provider": "minio", "action": "created", "bucket": "consign-uploads", "key": "datasets/7/empty.csv",
                "size": null, "etag": "d41d8cd98f00b204e9800998ecf8427e", "version_id": null,
                "sequencer": "16C6A4C6F1CDFA71",
            }]})
        );
        assert_eq!(
            answers[1],
            json!({ "id": 2, "outcome": "reject", "records": [], "failed": [] })
        );
        assert_eq!(
            (&answers[2]["outcome"], &answers[2]["failed"]),
            (&json!("partial"), &json!([1, 2]))
        );
        assert_eq!(
            answers[3],
            json!({ "id": 4, "error": "unknown source pigeon" })
        );
    }

    #[test]
    fn sequencers_answer_and_unknown_kinds_are_skipped() {
        let answers = answers(&[
            json!({ "id": "a", "kind": "sequencer", "a": "0055AED6", "b": "0055AED600" }),
            json!({ "id": "b", "kind": "sequencer", "a": "0055AED6", "b": "0055AED601" }),
            json!({ "id": "c", "kind": "sequencer", "a": "01", "b": "0055AED601" }),
            json!({ "id": "d", "kind": "unheard-of" }),
        ]);
        let orders: Vec<_> = answers
            .iter()
            .map(|answer| answer["order"].as_str().unwrap())
            .collect();
        assert_eq!(orders, ["=", "<", ">"]);
    }

    #[test]
    fn input_that_is_not_json_lines_is_an_error() {
        assert!(answer_all(&b"nonsense\n"[..], Vec::new()).is_err());
    }
}
