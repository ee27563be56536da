//! Programs of this workspace, as cargo has built them beside the tests.

use std::path::PathBuf;

/// The path of a program such as `ledger` or `examples/bill_usage`.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it lies");
    let built =
        test.parent().and_then(|deps| deps.parent()).expect("tests lie in target/<profile>/deps").join(name);
    assert!(
        built.exists(),
        "{} is not built: run `make test`, or `cargo build --workspace --bins --examples`",
        built.display()
    );
    built
}
