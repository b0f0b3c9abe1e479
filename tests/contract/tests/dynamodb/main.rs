//! The DynamoDB adapter keeps the contract, on DynamoDB Local, also where answers are lost and requests are refused.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

mod given;
mod held;
mod lost;
mod refused;
#[path = "../support/mod.rs"]
mod support;
mod table;

mod contract {
    consign_testkit::upload_repo_contract!(crate::given::fresh);
}
