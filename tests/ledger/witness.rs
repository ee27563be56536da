//! What a process has seen, against what the database says now: tampered rows, lost commits, decisions that come too late.

use chrono::TimeDelta;
use ledger_core::{AccountId, LedgerError, Refund};
use ledger_tests::{Books, key, money};
use sqlx::Executor;

use crate::cold::{forget_stall, let_go, stall, stalled};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_behind_our_back_is_mended_on_record_by_whoever_finds_it() {
    Books::run(async |books| {
        for cold in [false, true] {
            let account = books.account("10").await;
            let second = books.second_ledger().await;
            let ledger = if cold { &second } else { &books.ledger };
            let tamper = format!("update account_balances set balance = 1010 where account_id = '{account}'");
            books.db.tamper(&tamper).await;
            let refused = books.charge_on(ledger, account, "too much", "500").await.unwrap_err();
            assert_eq!(refused.code(), "insufficient_funds", "the journal says 10");
            books.charge_on(ledger, account, "c", "1").await.unwrap();
            assert_eq!(books.balance(account).await.row.balance, money("9"));

            let mut superuser = books.db.superuser().await;
            let (by, before, after): (String, String, String) = sqlx::query_as(
                "select actor, before ->> 'balance', after ->> 'balance' from repairs where account_id = $1",
            )
            .bind(account.0)
            .fetch_one(&mut superuser)
            .await
            .expect("it is on record, once");
            assert_eq!((by.as_str(), before.as_str(), after.as_str()), ("lane", "1010", "10"));
            second.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_says_another_owner_is_not_moved_and_copied_into_no_event() {
    Books::run(async |books| {
        let (account, stranger) = (books.account("10").await, books.account("10").await);
        let theirs = |of: AccountId| {
            format!(
                "update account_balances b set realm_id = s.realm_id, owner_tenant_id = s.owner_tenant_id
                 from account_balances s where b.account_id = '{account}' and s.account_id = '{of}'"
            )
        };
        let mut superuser = books.db.superuser().await;
        superuser.execute("create table was as select * from account_balances").await.unwrap();
        books.db.tamper(&theirs(stranger)).await;
        let refused = books.charge(account, "c", "1").await.unwrap_err();
        assert!(matches!(refused, LedgerError::Quarantined), "{refused}");
        let foreign: i64 = sqlx::query_scalar("select count(distinct realm_id) from events where aggregate_id = $1")
            .bind(account.to_string())
            .fetch_one(&mut superuser)
            .await
            .unwrap();
        assert_eq!(foreign, 1, "no event of the stranger's realm");
        books.db.tamper(&format!(
            "update account_balances b set realm_id = w.realm_id, owner_tenant_id = w.owner_tenant_id from was w
             where b.account_id = '{account}' and w.account_id = b.account_id"
        )).await;
        superuser.execute("drop table was").await.unwrap();
        books.release(account).await;
    })
    .await;
}

/// Charges, and makes it undone behind the ledger's back, as a fail-over does that loses the last commit.
async fn lose_a_charge(books: &Books, account: AccountId, charge: impl AsyncFnOnce()) {
    let mut superuser = books.db.superuser().await;
    superuser.execute("create table was as select * from account_balances").await.unwrap();
    charge().await;
    books
        .db
        .tamper(&format!(
            "delete from events e using was w where w.account_id = '{account}'
             and e.aggregate_id = w.account_id::text and e.sequence > w.balance_version"
        ))
        .await;
    let columns = "select string_agg(format('%1$I = w.%1$I', attname), ', ') from pg_attribute
        where attrelid = 'account_balances'::regclass and attnum > 0 and not attisdropped";
    let columns: String = sqlx::query_scalar(columns).fetch_one(&mut superuser).await.unwrap();
    let restore = format!(
        "update account_balances b set {columns} from was w where b.account_id = w.account_id and b.account_id = '{account}'"
    );
    books.db.tamper(&restore).await;
    superuser.execute("drop table was").await.unwrap();
}

/// New connections find a server that was promoted, and those that nobody uses are cut.
async fn promote(books: &Books) {
    let sql = "create function public.pg_walfile_name(pg_lsn) returns text language sql
            as $$ select '0000000A' || substr(pg_catalog.pg_walfile_name($1), 9) $$;
        do $$ begin
            execute format('alter role ledger_service in database %I set search_path = public, pg_catalog', current_database());
        end $$;
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'ledger_writer' and datname = current_database() and state = 'idle'";
    books.db.superuser().await.execute(sql).await.unwrap();
}

/// A primary that fails over loses a commit, and another process writes the same version: the counters agree, the heads do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_warm_process_does_not_append_to_a_head_that_is_gone() {
    Books::run(async |books| {
        let account = books.account("10").await;
        lose_a_charge(books, account, async || {
            books.charge(account, "lost with the old primary", "1").await.unwrap();
        })
        .await;
        let other = books.second_ledger().await;
        books.charge_on(&other, account, "on the new primary", "2").await.unwrap();

        // On the same server only this process has seen what is gone, and says so.
        let refused = books.charge(account, "c", "1").await.unwrap_err();
        assert!(matches!(refused, LedgerError::Quarantined), "{refused}");
        books.release(account).await;
        books.charge_on(&other, account, "d", "1").await.unwrap();
        assert_eq!(
            books.balance(account).await.row.balance,
            money("7"),
            "nothing was appended to what is gone"
        );
        other.close().await;
    })
    .await;
}

/// Rows from before rows named their head are moved all the same, warm and cold, and name it from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_head_is_moved_and_has_one_from_then_on() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let cold = books.second_ledger().await;
        for (idx, ledger) in [&books.ledger, &cold].into_iter().enumerate() {
            books.db.tamper("update account_balances set head = null").await;
            books.charge_on(ledger, account, &idx.to_string(), "1").await.unwrap();
            let named = "select b.head = e.hash from account_balances b
                join events e on e.aggregate_id = b.account_id::text and e.sequence = b.balance_version";
            let mut superuser = books.db.superuser().await;
            let is_named: bool = sqlx::query_scalar(named).fetch_one(&mut superuser).await.unwrap();
            assert!(is_named);
        }
        cold.close().await;
    })
    .await;
}

/// What was decided on the old server, and is written when the connection leads to the new one, is no witness.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_remembers_of_the_server_before_puts_nobody_into_quarantine() {
    Books::run(async |books| {
        let [account, other] = two_of_one_lane(books).await;
        lose_a_charge(books, account, async || {
            books.charge(account, "lost with the old primary", "1").await.unwrap();
        })
        .await;
        promote(books).await;
        let cut = books.charge(other, "cut", "1").await;
        assert!(matches!(cut, Err(LedgerError::Unavailable(_))), "{cut:?}");
        books.charge(account, "the first on the new connection", "2").await.expect("it is in service");
        assert_eq!(books.balance(account).await.row.balance, money("8"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_while_the_server_became_another_puts_nobody_into_quarantine() {
    Books::run(async |books| {
        let [account, other] = two_of_one_lane(books).await;
        let charge = books.charge(account, "kept", "4").await.unwrap().id;
        let lost = async || drop(books.charge(account, "lost with the old primary", "1").await.unwrap());
        lose_a_charge(books, account, lost).await;
        stall(books, &[account]).await;
        let (refunded, ()) = futures::join!(books.refund(charge, "r", None), async {
            stalled(books, 1).await;
            promote(books).await;
            let cut = books.charge(other, "cut", "1").await;
            assert!(matches!(cut, Err(LedgerError::Unavailable(_))), "{cut:?}");
            books.charge(other, "on the new one", "1").await.unwrap();
            let_go(books).await;
        });
        forget_stall(books).await;
        assert_eq!(refunded.expect("it is in service").after().main, money("10"));
    })
    .await;
}

async fn two_of_one_lane(books: &Books) -> [AccountId; 2] {
    let mut accounts = Vec::new();
    while accounts.len() < 2 {
        let account = books.account("10").await;
        accounts.extend(Some(account).filter(|account| account.0.as_u128() >> 127 == 0));
    }
    accounts.try_into().expect("two")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_comes_too_late_is_taken_again() {
    Books::run(async |books| {
        let account = books.account("10").await;
        // As if the machine had slept between the decision and the append.
        books.ledger.set_clock_back(TimeDelta::seconds(305));
        let receipt = books.charge(account, "c", "1").await.unwrap();
        let mut superuser = books.db.superuser().await;
        let late: bool = sqlx::query_scalar(
            "select stored_at - recorded_at > interval '1 minute' from events where aggregate_id = $1 and sequence = $2",
        )
        .bind(account.to_string())
        .bind(receipt.version() as i64)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
        assert!(!late, "it was decided anew, at the time at which it was stored");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retry_of_what_happened_is_never_called_absent_because_a_row_is_lost() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let charge = books.charge(account, "c", "4").await.unwrap().id;
        books.refund(charge, "r", None).await.unwrap();
        books.db.tamper(&format!("delete from account_balances where account_id = '{account}'")).await;
        let cold = books.second_ledger().await;
        let refund = Refund { charge, amount: None };
        let retried = cold.refund(&books.platform.call(key("r")), refund.clone()).await.unwrap_err();
        assert!(
            matches!(retried, LedgerError::Quarantined),
            "503: the same key will tell, and not 404: {retried}"
        );
        books.auditor().await.repair(account, &ledger_tests::label("test")).await.unwrap();
        books.release(account).await;
        assert!(cold.refund(&books.platform.call(key("r")), refund).await.unwrap().replayed);
        cold.close().await;
    })
    .await;
}
