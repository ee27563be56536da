//! Who there is: companies, people, and the keys that their programs carry.

mod keys;
mod tenants;
mod users;

use libtest_mimic::Trial;

pub(crate) fn tests() -> impl Iterator<Item = Trial> {
    [keys::tests(), tenants::tests(), users::tests()].into_iter().flatten()
}
