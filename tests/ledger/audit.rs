//! The audit: sound on sound books whatever happens meanwhile, red for each thing that it checks, and easy to read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::{StreamExt, future::join, stream};
use ledger_core::{AccountId, CheckName, Owner};
use ledger_tests::Books;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn books_under_load_are_sound() {
    Books::run(async |books| {
        let other = books.second_ledger().await;
        let mut accounts = Vec::new();
        for _ in 0..8 {
            accounts.push(books.account("1000").await);
        }
        let (audited, charged) = (AtomicBool::new(false), AtomicUsize::new(0));
        let until_audited = stream::iter(0..).take_while(|_| {
            let go_on = !audited.load(Ordering::Relaxed);
            async move { go_on }
        });
        let load = until_audited.for_each_concurrent(32, async |idx: usize| {
            let ledger = if idx.is_multiple_of(2) { &books.ledger } else { &other };
            // Every fifth is refused, and one account is fought over by both ledgers.
            let price = if idx.is_multiple_of(5) { "2000" } else { "0.000001" };
            let outcome = books.charge_on(ledger, accounts[idx % 8], &format!("charge {idx}"), price).await;
            charged.fetch_add(usize::from(outcome.is_ok()), Ordering::Relaxed);
        });
        let audits = async {
            for _ in 0..5 {
                let before = charged.load(Ordering::Relaxed);
                let verdict = books.audit().await;
                assert!(verdict.is_sound(), "{verdict}");
                assert!(verdict.entries >= before as u64, "it saw all that was answered before it began");
            }
            audited.store(true, Ordering::Relaxed);
        };
        join(load, audits).await;
        assert!(charged.load(Ordering::Relaxed) > 100, "there was a load");
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn each_check_turns_red() {
    let drop_floor = "alter table account_balances drop constraint account_balances_floor;";
    let in_payload = |from: &str, to: &str| {
        format!(
            "update events set payload = replace(payload::text, '{from}', '{to}')::json where sequence = 3"
        )
    };
    let canaries = [
        (CheckName::StreamsDense, "delete from events where sequence = 2".to_owned()),
        (CheckName::ChainsWhole, "update events set request_hash = key_hash where sequence = 2".into()),
        (CheckName::EventsFold, "update events set currency = 'EUR' where sequence = 2".into()),
        (CheckName::GivenBackWithin, "update events set ref_sequence = 2 where sequence = 3".into()),
        (CheckName::BalancesEqualFold, "update account_balances set last_charged_at = null".into()),
        (CheckName::SecondReplayAgrees, "update account_balances set balance = 9, frozen_balance = 1".into()),
        (
            CheckName::SeenStands,
            "insert into snapshots (account_id, realm_id, sequence, head, state, schema_hash)
             select aggregate_id::uuid, realm_id, sequence, sha256(hash), '{}', hash from events where sequence = 3"
                .into(),
        ),
        (CheckName::AmountsPositive, in_payload("\"0.5\"", "\"-0.5\"")),
        (CheckName::CustomersOwed, "update account_balances set balance = 10".into()),
        (CheckName::TransitZero, in_payload("revenue", "transit")),
        (CheckName::FloorHolds, format!("{drop_floor} update account_balances set balance = -1")),
        (CheckName::RealmsAgree, "update refusals set realm_id = gen_random_uuid()".into()),
        (CheckName::RefusalsConsistent, r#"update refusals set rejection = '{"code":"moody"}'"#.into()),
        (
            CheckName::KeysUnique,
            "drop index events_key_hash; update events set key_hash = (select key_hash from events where sequence = 1)
             where sequence > 1"
                .into(),
        ),
        (CheckName::TimesAgree, "update events set stored_at = stored_at + interval '6 minutes'".into()),
        (
            CheckName::QuarantineEmpty,
            "insert into quarantine (account_id, realm_id, reason) select account_id, realm_id, 'so' from account_balances;
             update account_balances set balance = 10"
                .into(),
        ),
    ];
    assert_eq!(canaries.clone().map(|(name, _)| name), CheckName::ALL, "every check has its canary");
    for (name, sql) in canaries {
        let books = Books::open().await;
        let account = books.account("1.00").await;
        books.charge(account, "half", "0.5").await.unwrap();
        books.charge(account, "too much", "7").await.unwrap_err();
        books.db.tamper(&sql).await;
        let verdict = books.audit().await;
        assert!(!verdict.check(name).sound && !verdict.is_sound(), "{name:?} is blind for {sql}\n{verdict}");
        books.ledger.close().await;
        books.db.remove().await;
    }
}

#[tokio::test]
async fn rows_that_belong_to_nothing_are_found() {
    let books = Books::open().await;
    let account = books.account("1.00").await;
    books.charge(account, "too much", "7").await.unwrap_err();
    books.db.tamper("update refusals set account_id = gen_random_uuid()").await;
    books.db.tamper("insert into events select (jsonb_populate_record(e, '{\"aggregate_id\": \"nobody\"}')).* from events e").await;

    let verdict = books.audit().await;

    let realms = verdict.check(CheckName::RealmsAgree);
    assert_eq!(
        realms.findings[0].text, "a row of refusals is kept of it, and there is no such account",
        "{verdict}"
    );
    let unreadable = verdict.check(CheckName::EventsFold);
    assert!(
        unreadable.findings[0].text.starts_with("it is stored as \"nobody\" and cannot be read"),
        "{verdict}"
    );
    assert_eq!((verdict.accounts, verdict.entries), (2, 4), "{verdict}");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_verdict_can_be_read_by_a_person_and_by_a_program() {
    Books::run(async |books| {
        let account = books.open_account(Owner::Tenant(Uuid::from_u128(1)), "5").await.unwrap().account;
        books.top_up(account, "in", "100").await.unwrap();
        books.charge(account, "out", "30.5").await.unwrap();

        let verdict = books.audit().await;

        let as_of = verdict.as_of.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let text = verdict.to_string().replace(&as_of, "[as of]");
        expect_test::expect![[r#"
            The books are sound

            Accounts: 1. Entries: 3. As of [as of].

              ok     no entry is missing                                     3 checked
              ok     no entry was changed                                    3 checked
              ok     every entry follows from those before it                3 checked
              ok     nothing is given back above its original                0 checked
              ok     every balance is what the journal comes to              1 checked
              ok     a second, independent replay agrees                     1 checked
              ok     what was seen before still stands                       0 checked
              ok     every movement moves more than nothing                  3 checked
              ok     customers are owed what their balances say              1 checked
              ok     nothing is left in transit                              1 checked
              ok     nobody is below their floor                             1 checked
              ok     everything is in its owner's realm                      3 checked
              ok     refusals agree with the journal                         0 checked
              ok     a key has acted once                                    3 checked
              ok     times of recording and of storing agree                 3 checked
              ok     no account is in quarantine                             0 checked

            By construction:
              every entry balances: a movement has one amount for both of its sides
              debits equal credits: both are sums of those same amounts

            Trial balance, USD                              debits               credits               balance
              cash/stripe                                      100                     0                   100
              customers, main                                 30.5                   100                 -69.5
              revenue                                            0                  30.5                 -30.5
              total                                          130.5                 130.5
        "#]]
        .assert_eq(&text);
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(json["sound"], true);
        assert_eq!(json["checks"][0]["name"], "streams_dense");
        assert_eq!(json["trial_balances"][0]["currency"], "USD");
        assert_eq!(json["trial_balances"][0]["lines"][1]["balance"], "-69.5");
    })
    .await;
}

#[tokio::test]
async fn a_superuser_may_not_audit() {
    let books = Books::open().await;
    let refused = ledger_core::Auditor::connect(&books.db.superuser_url()).await.unwrap_err();
    assert!(refused.to_string().contains("connect as ledger_service"), "{refused}");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn empty_books_are_sound() {
    Books::run(async |books| {
        let verdict = books.audit().await;
        assert_eq!((verdict.accounts, verdict.entries), (0, 0));
        let nobody = AccountId(Uuid::from_u128(1));
        let missing = books.auditor().await.repair(nobody, &ledger_tests::label("me")).await.unwrap_err();
        assert_eq!(missing.to_string(), "not found");
    })
    .await;
}
