//! A Worker that does next to nothing, by the same crate as consign's, for the benchmark to hold that against.
//!
//! A GET answers a constant; of `/line` it also writes a line of log, as consign does for each call. A GET of `/row` reads one
//! row of D1, and a POST writes one, by one statement and without anything else: no Worker that keeps records does less.

use worker::{Context, Env, Method, Request, Response, console_log, event};

/// What it answers.
const ANSWER: &str = r#"{"status":"ok"}"#;
/// A line as long as those of consign.
const LINE: &str = r#"{"level":"INFO","operation":"constant","request_id":"0192f0c17a3e7c449d526f1b2a3c4d5e","file_id":"0192f0c1-7a3e-7c44-9d52-6f1b2a3c4d5e","user_id":"bench","file_size":1000,"duration_ms":0,"bucket":"e2e-files","status":200}"#;
/// A record of the usual length.
const RECORD_BYTES: usize = 1000;

#[event(fetch)]
async fn fetch(request: Request, env: Env, _: Context) -> worker::Result<Response> {
    match (request.method(), request.path().as_str()) {
        (Method::Post, _) => write(&env).await?,
        (_, "/row") => read(&env).await?,
        (_, "/line") => console_log!("{LINE}"),
        _ => {}
    }
    Ok(Response::builder()
        .with_header("content-type", "application/json")?
        .fixed(ANSWER.as_bytes().to_vec()))
}

/// One row, in one statement.
async fn write(env: &Env) -> worker::Result<()> {
    let record = "x".repeat(RECORD_BYTES);
    let insert = env
        .d1("DB")?
        .prepare("INSERT INTO records (record) VALUES (?1)")
        .bind(&[record.into()])?;
    insert.run().await?;
    Ok(())
}

/// One row, by its key.
async fn read(env: &Env) -> worker::Result<()> {
    let select = env
        .d1("DB")?
        .prepare("SELECT record FROM records WHERE id = ?1")
        .bind(&[1.into()])?;
    select.all().await?;
    Ok(())
}
