//! Writes the OpenAPI document to standard output:
//! `cargo run -p consign-api --features schema --example openapi > functions/health/src/openapi.json`.

fn main() {
    println!("{:#}", consign_api::openapi::document());
}
