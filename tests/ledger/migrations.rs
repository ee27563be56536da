//! Migrations meet what older releases have left behind.

use ledger_tests::Books;
use sqlx::Executor;

/// Before the rule that a payment credits once there were journals without it: they keep what they have, and can be upgraded.
#[tokio::test]
async fn payments_that_were_booked_twice_do_not_stop_an_upgrade() {
    let books = Books::open().await;
    let account = books.account("5").await;
    let mut superuser = books.db.superuser().await;
    let is_unique = "select indisunique from pg_index where indexrelid = 'events_payment'::regclass";
    assert!(sqlx::query_scalar::<_, bool>(is_unique).fetch_one(&mut superuser).await.unwrap());

    superuser.execute("drop index events_payment").await.unwrap();
    let twice = format!(
        "insert into events (aggregate_id, sequence, event_type, event_version, payload, metadata, realm_id, currency,
            recorded_at, hash)
        select aggregate_id, 3, event_type, event_version, payload, metadata, realm_id, currency, recorded_at, hash
        from events where aggregate_id = '{account}' and sequence = 2"
    );
    books.db.tamper(&twice).await;
    superuser.execute(include_str!("../../migrations/0021_events_payment.sql")).await.unwrap();

    assert!(!sqlx::query_scalar::<_, bool>(is_unique).fetch_one(&mut superuser).await.unwrap());
    books.ledger.close().await;
    books.db.remove().await;
}
