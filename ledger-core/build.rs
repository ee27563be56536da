//! The migrations are part of the library: cargo has to look at their folder, and not only at sources.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
