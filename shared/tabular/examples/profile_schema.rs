//! Writes the JSON schema of the profile to standard output:
//! `cargo run -p consign-tabular --features schema --example profile_schema > shared/tabular/profile.schema.json`.

fn main() {
    println!("{:#}", consign_tabular::profile_schema());
}
