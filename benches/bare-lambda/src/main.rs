//! A bare `lambda_http` function: it answers every request alike, and does nothing else.

use std::convert::Infallible;

use lambda_http::{Body, Error, Request, Response, run, service_fn};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(service_fn(async |_: Request| {
        Ok::<_, Infallible>(Response::new(Body::from("{\"status\":\"ok\"}")))
    })))
}
