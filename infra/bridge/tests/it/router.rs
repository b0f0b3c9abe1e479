//! The paths of `cargo lambda watch`, which stand in the workspace's manifest.

use std::collections::BTreeMap;

use consign_core::routes::{DEFAULT_FUNCTION, ROUTES};

const MANIFEST: &str = include_str!("../../../../Cargo.toml");

#[test]
fn cargo_lambda_has_the_paths_of_the_table_of_routes() {
    let manifest: toml::Table = MANIFEST.parse().unwrap();
    let mut router = &toml::Value::Table(manifest);
    for name in ["workspace", "metadata", "lambda", "watch", "router"] {
        router = &router[name];
    }
    let written: BTreeMap<&str, &str> = router
        .as_table()
        .unwrap()
        .iter()
        .map(|(path, function)| (path.as_str(), function.as_str().unwrap()))
        .collect();
    let everything_else = [("/", DEFAULT_FUNCTION), ("/{*path}", DEFAULT_FUNCTION)];
    let expected: BTreeMap<&str, &str> = ROUTES
        .iter()
        .map(|route| (route.path, route.target.function()))
        .chain(everything_else)
        .collect();
    assert_eq!(written, expected);
}
