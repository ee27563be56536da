//! Two services, two processes, one database.

use futures::future::join_all;
use ledger_tests::Books;

use crate::machine::Machine;

const CALLERS: usize = 64;
const CHARGES_EACH: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_for_exactly_500_charges_pays_for_500_through_two_processes() {
    Books::run(async |books| {
        let (one, two) = (Machine::on(&books.db.url()), Machine::on(&books.db.url()));
        let first = one.serve().await;
        let second = two.serve_too(&one.credential("LEDGER_DEMO_KEY").unwrap()).await;
        // The demo tenant has 100: enough for 500 of the 640 charges that are tried.
        let caller = async |caller: usize| {
            let customer = [&first, &second][caller % 2].customer.clone();
            let mut n_paid = 0;
            for number in 0..CHARGES_EACH {
                n_paid += usize::from(customer.is_paid(&format!("{caller}/{number}"), "0.2").await);
            }
            n_paid
        };
        let n_paid: usize = join_all((0..CALLERS).map(caller)).await.iter().sum();
        assert_eq!(n_paid, 500);
        assert_eq!(first.customer.balance().await, "0");
        first.terminate();
        second.terminate();
    })
    .await;
}
