//! Accounts that take long to read, or cannot be read at all: the others do not pay for it.

use std::time::Duration;

use futures::future::join_all;
use ledger_core::{AccountId, LedgerError};
use ledger_tests::{Books, label};
use sqlx::Executor;

/// How long a cold account may be kept waiting here. Whoever waits for another one's events waits six seconds and more.
const UNDISTURBED: Duration = Duration::from_secs(5);

async fn accounts<const N: usize>(books: &Books) -> [AccountId; N] {
    // All in one lane, which the first bit of the id says.
    let mut accounts = Vec::new();
    while accounts.len() < N {
        let account = books.account("10").await;
        accounts.extend(Some(account).filter(|account| account.0.as_u128() >> 127 == 0));
    }
    accounts.try_into().expect("so many")
}

/// Makes the lanes wait in front of the events of these accounts until they are let go.
pub(crate) async fn stall(books: &Books, accounts: &[AccountId]) {
    let names = accounts.iter().map(|account| format!("'{account}'")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "create table let_go ();
         create function is_let_go() returns boolean language plpgsql security definer as $$ begin
             while not exists (select from let_go) loop perform pg_sleep(0.01); end loop;
             return true;
         end $$;
         create policy stall on events as restrictive for select to ledger_writer
             using (aggregate_id not in ({names}) or is_let_go())"
    );
    books.db.superuser().await.execute(sql.as_str()).await.unwrap();
}

pub(crate) async fn let_go(books: &Books) {
    books.db.superuser().await.execute("insert into let_go default values").await.unwrap();
}

pub(crate) async fn forget_stall(books: &Books) {
    let sql = "drop policy stall on events; drop function is_let_go; drop table let_go";
    books.db.superuser().await.execute(sql).await.unwrap();
}

/// Waits until so many connections stand there.
pub(crate) async fn stalled(books: &Books, at_least: usize) -> Vec<i32> {
    let select =
        "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
    let mut superuser = books.db.superuser().await;
    loop {
        let pids: Vec<i32> = sqlx::query_scalar(select).fetch_all(&mut superuser).await.unwrap();
        if pids.len() >= at_least {
            return pids;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_the_server_cannot_read_is_the_trouble_of_its_own_account() {
    Books::run(async |books| {
        let accounts: [AccountId; 8] = accounts(books).await;
        let damaged = accounts[0];
        let damage = format!(
            "create function damaged() returns boolean language plpgsql as
                 $$ begin raise 'invalid page in block 7' using errcode = 'data_corrupted'; end $$;
             create policy damage on events as restrictive for select to ledger_writer
                 using (aggregate_id <> '{damaged}' or damaged())"
        );
        let mut superuser = books.db.superuser().await;
        superuser.execute(damage.as_str()).await.unwrap();
        let cold = books.second_ledger().await;
        let charged = join_all(accounts.map(|account| books.charge_on(&cold, account, "c", "1"))).await;
        let (lost, others) = charged.split_first().expect("there are eight");
        assert!(matches!(lost, Err(LedgerError::Unavailable(_))), "{lost:?}");
        for charged in others {
            assert!(charged.is_ok(), "{charged:?}");
        }
        superuser.execute("drop policy damage on events; drop function damaged").await.unwrap();
        books.charge_on(&cold, damaged, "c", "1").await.expect("it can be read again");
        cold.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_streams_leave_a_place_for_those_that_are_read_at_once() {
    Books::run(async |books| {
        let [other, long @ ..]: [AccountId; 5] = accounts(books).await;
        // As long as their rows say, they would be read alone.
        for account in long {
            let tamper =
                format!("update account_balances set balance_version = 9000 where account_id = '{account}'");
            books.db.tamper(&tamper).await;
        }
        stall(books, &long).await;
        let cold = books.second_ledger().await;
        futures::join!(join_all(long.map(|account| books.charge_on(&cold, account, "c", "1"))), async {
            stalled(books, 2).await;
            let charged = books.charge_on(&cold, other, "c", "1");
            tokio::time::timeout(UNDISTURBED, charged).await.expect("it waits for the long ones").unwrap();
            let_go(books).await;
        });
        forget_stall(books).await;
        cold.close().await;
        let auditor = books.auditor().await;
        for account in long {
            auditor.repair(account, &label("test")).await.unwrap();
            books.release(account).await;
        }
        auditor.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_cut_off_while_it_was_read_makes_nobody_else_unavailable() {
    Books::run(async |books| {
        let [slow, other] = accounts(books).await;
        stall(books, &[slow]).await;
        let cold = books.second_ledger().await;
        let (cut, ()) = futures::join!(books.charge_on(&cold, slow, "c", "1"), async {
            let pids = stalled(books, 1).await;
            let cut =
                sqlx::query("select pg_terminate_backend(pid) from unnest($1::int[]) as pid").bind(pids);
            cut.execute(&mut books.db.superuser().await).await.unwrap();
        });
        assert!(matches!(cut, Err(LedgerError::Unavailable(_))), "{cut:?}");
        let (slow, ()) = futures::join!(books.charge_on(&cold, slow, "c", "1"), async {
            stalled(books, 1).await;
            books.charge_on(&cold, other, "c", "1").await.expect("the database is there");
            let_go(books).await;
        });
        assert!(!slow.expect("it was let go").replayed);
        forget_stall(books).await;
        cold.close().await;
    })
    .await;
}
