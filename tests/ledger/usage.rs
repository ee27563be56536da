//! The real thing: an hour of a conversation service, billed by the example, interrupted, and checked by another tool.

use std::process::{Child, Command, Stdio};

use ledger_core::{AccountId, Owner};
use ledger_tests::{Books, Usage, money, program, usd};
use sqlx::PgConnection;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_file_billed_with_two_interruptions_is_billed_once() {
    Books::run(async |books| {
        let Usage { usage, prices, lines } = Usage::find();
        let bill = || -> Child {
            let mut bill = Command::new(program("examples/bill_usage"));
            bill.arg(&usage).arg(&prices).arg(Usage::MODEL).env("DATABASE_URL", books.db.url());
            bill.stdout(Stdio::piped()).spawn().expect("cargo test builds the examples")
        };
        let mut superuser = books.db.superuser().await;
        for share in [0.2, 0.6] {
            let mut child = bill();
            while (charges(&mut superuser).await as f64) < lines as f64 * share {
                assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
            }
            child.kill().unwrap();
            child.wait().unwrap();
            // The server ends what it was told before the client died.
            while writers_at_work(&mut superuser).await {}
        }
        let (interrupted, output) = (charges(&mut superuser).await, bill().wait_with_output().unwrap());
        assert!(output.status.success());
        let told = String::from_utf8(output.stdout).unwrap();
        println!("{told}");
        assert!(
            told.contains(&format!("{lines} lines, {interrupted} of them billed before this run")),
            "{told}"
        );
        assert_eq!(charges(&mut superuser).await, lines as i64, "one entry a line");

        let expected = Usage::sum_by_another_tool(&usage, &prices);
        assert!(told.contains(&format!("charged {} USD", money(&expected))), "{told} against {expected}");
        let account = AccountId::of(Owner::Tenant(Uuid::from_u128(1)), usd());
        let spent = money("1000").checked_sub(books.balance(account).await.row.balance);
        assert_eq!(spent, Some(money(&expected)), "to the last decimal");
    })
    .await;
}

async fn charges(superuser: &mut PgConnection) -> i64 {
    let count = "select count(*) from events where event_type = 'account.charged'";
    sqlx::query_scalar(count).fetch_one(superuser).await.unwrap()
}

async fn writers_at_work(superuser: &mut PgConnection) -> bool {
    let at_work = "select exists (select 1 from pg_stat_activity where application_name = 'ledger_writer'
                   and datname = current_database() and state = 'active')";
    sqlx::query_scalar(at_work).fetch_one(superuser).await.unwrap()
}
