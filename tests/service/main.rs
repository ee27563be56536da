//! The service over HTTP: the real router on a real PostgreSQL, every test on a database of its own.
//!
//! Its own `main` and not the usual one, because the last check is on all the others: what the reference declares and no test
//! has seen. It runs when all tests ran.

mod access;
mod bodies;
mod identity;
mod money;
mod pages;
mod platform;
mod realms;
mod reference;
mod sockets;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Builder;

/// Lists the tests of a module. One that is not in the list is dead code, and clippy says so.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$($crate::test(concat!(module_path!(), "::", stringify!($name)), $name)),+]
        }
    };
}
pub(crate) use tests;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let fronts = [
        access::tests(),
        bodies::tests(),
        pages::tests(),
        realms::tests(),
        reference::tests(),
        sockets::tests(),
    ];
    let areas = money::tests().chain(identity::tests()).chain(platform::tests());
    let all = fronts.into_iter().flatten().chain(areas).collect();
    let is_whole = arguments.filter.is_none() && arguments.skip.is_empty() && !arguments.list;
    let conclusion = libtest_mimic::run(&arguments, all);
    if conclusion.has_failed() || !is_whole {
        return conclusion.exit_code();
    }
    libtest_mimic::run(&arguments, reference::coverage()).exit_code()
}

/// A test with a runtime of its own.
fn test<F: Future<Output = ()> + 'static>(name: &str, run: fn() -> F) -> Trial {
    Trial::test(name.trim_start_matches("service::"), move || {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(run());
        Ok(())
    })
}
