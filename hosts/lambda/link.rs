//! How the programs for Lambda are linked when they are built to be deployed: at a fixed address.
//!
//! A position-independent program of this size has fifteen thousand pointers to put right before it starts, which writes to
//! sixty pages: a seventh of the time until its first poll. What is lost is the random address of the program's own image;
//! those of its stack, heap and libraries stay random. Go links so by default.

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "this is how cargo speaks with build scripts"
)]
fn main() {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
