//! The bare function with an answer as long as `sign-upload`'s: what is left between the two is not the answer's way.

use std::convert::Infallible;

use lambda_http::{Body, Error, Request, Response, run, service_fn};

/// About as long as an answer with one presigned URL, in bytes.
const ANSWER_BYTES: usize = 1200;

fn main() -> Result<(), Error> {
    let answer = format!("{{\"upload_url\":\"{}\"}}", "x".repeat(ANSWER_BYTES - 17));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(service_fn(async |_: Request| {
        Ok::<_, Infallible>(Response::new(Body::from(answer.as_str())))
    })))
}
