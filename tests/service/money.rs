//! Accounts, and what moves money into them, between them and out of them.

mod accounts;
mod budget;
mod charges;
mod entries;
mod races;
mod refunds;
mod statements;
mod top_ups;

use libtest_mimic::Trial;

pub(crate) fn tests() -> impl Iterator<Item = Trial> {
    let all = [
        accounts::tests(),
        budget::tests(),
        charges::tests(),
        entries::tests(),
        races::tests(),
        refunds::tests(),
        statements::tests(),
        top_ups::tests(),
    ];
    all.into_iter().flatten()
}
