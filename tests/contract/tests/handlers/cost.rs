//! What an upload costs: the calls of its life, which `consign cost` calculates with.

/// The calls as the command line has them.
const CALLS: &str = include_str!("../../../../cli/src/cost/calls.toml");

#[tokio::test]
async fn the_counted_calls_are_those_of_this_build() {
    let counted = contract::calls().await.unwrap();
    assert!(
        counted == CALLS,
        "the calls of an upload changed. See that the change is meant, and write them anew:\n  \
         cargo run -p consign-contract --example calls > cli/src/cost/calls.toml\n  \
         cargo run -p consign -- cost --markdown > docs/COST.md\n{counted}"
    );
}
