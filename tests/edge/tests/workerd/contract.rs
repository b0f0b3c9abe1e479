//! The ports' contract inside workerd: D1 and R2 as the Worker has them.

use edge_tests::{Workerd, http};
use serde_json::json;

/// A policy that names the contract's bucket; nothing else of it is used.
const POLICY: &str = "[store]\n\n[category.any]\nbucket = \"contract\"\n";

/// Runs every case of a port, and tells of each that fails.
async fn holds(port: &str, least: usize) {
    let more = json!({ "sweepSeconds": 0 });
    let workerd = Workerd::start("CONSIGN_EDGE_CONTRACT", POLICY, more);
    let (http, url) = (http(), &workerd.url);
    let listed = http.get(format!("{url}/cases")).send().await.unwrap();
    let listed: serde_json::Value = listed.json().await.unwrap();
    let cases = listed[port].as_array().unwrap();
    assert!(cases.len() >= least, "{} cases", cases.len());
    let mut failed = Vec::new();
    for case in cases.iter().filter_map(|case| case.as_str()) {
        let run = http.post(format!("{url}/run/{port}/{case}")).send().await;
        let status = run.unwrap().status();
        println!("{port} {case} ... {status}");
        if status != 200 {
            failed.push(case);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test]
async fn the_records_in_d1_keep_the_contract() {
    holds("upload_repo", 30).await;
}

#[tokio::test]
async fn the_objects_in_r2_keep_the_contract() {
    holds("object_store", 13).await;
}

#[tokio::test]
async fn multipart_uploads_to_r2_keep_the_contract() {
    holds("multipart", 7).await;
}
