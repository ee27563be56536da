//! Whatever somebody with all rights changes behind the ledger's back, the audit turns red and names the place.

use ledger_core::{AccountId, CheckName, EntryId, Format, Note, Replay};
use ledger_tests::{Books, label};

/// Where the tampering of most tests strikes: the charge of 30.5 in the stream that [`books`] writes.
const CHARGE: u64 = 3;
/// The last entry of that stream.
const LAST: u64 = 6;

/// Books of two accounts. The second one's stream: opened, topped up, charged with a note, charged, refunded, charged.
async fn books() -> (Books, AccountId) {
    let books = Books::open().await;
    books.account("7.00").await;
    let account = books.account("100.00").await;
    books.charge_with(account, "noted", "30.5", Note::describing("thirty and a half")).await.unwrap();
    let charge = books.charge(account, "one", "1.25").await.unwrap();
    books.refund(charge.id, "back", Some("0.25")).await.unwrap();
    books.charge(account, "last", "0.000000000001").await.unwrap();
    let verdict = books.audit().await;
    assert!(verdict.is_sound(), "{verdict}");
    (books, account)
}

/// Tampers, and expects that this check names this entry of the account, and the verdict names it first.
async fn tampered(sql: &str, check: CheckName, sequence: u64) -> String {
    let (books, account) = books().await;
    let sql = sql.replace("$account", &format!("'{account}'"));
    books.db.tamper(&sql).await;

    let verdict = books.audit().await;

    let text = verdict.to_string();
    assert!(!verdict.is_sound(), "the audit is blind for: {sql}");
    let check = verdict.check(check);
    let place = (Some(account), Some(sequence), Some(EntryId::new(account, sequence)));
    let named = check.findings.iter().any(|found| (found.account, found.sequence, found.entry) == place);
    assert!(!check.sound && named, "{sql}\n{text}");
    let first = verdict.first_finding().unwrap();
    assert_eq!((first.account, first.sequence, first.entry), place, "{text}");
    let headline = text.lines().next().unwrap();
    assert!(headline.starts_with("THE BOOKS ARE NOT SOUND: first wrong account"), "{headline}");
    assert!(headline.contains(&format!("{account}, entry {sequence}")), "{headline}");
    books.ledger.close().await;
    books.db.remove().await;
    text
}

/// The same for a change of the charge, which its hash gives away.
async fn changed(set: &str) {
    let sql = format!("update events set {set} where aggregate_id = $account and sequence = {CHARGE}");
    tampered(&sql, CheckName::ChainsWhole, CHARGE).await;
}

#[tokio::test]
async fn an_edited_amount() {
    changed("payload = replace(payload::text, '30.5', '3.5')::json").await;
}

#[tokio::test]
async fn a_space_in_the_payload() {
    changed("payload = replace(payload::text, ':', ': ')::json").await;
}

#[tokio::test]
async fn a_balanced_pair_of_movements_slipped_in() {
    let pair = r#"{"debit":"revenue","credit":"fees","amount":"5"},{"debit":"fees","credit":"revenue","amount":"5"}"#;
    let set = format!(r#"payload = replace(payload::text, '"movements":[', '"movements":[{pair},')::json"#);
    changed(&set).await;
}

#[tokio::test]
async fn a_character_moved_from_the_type_to_the_version() {
    changed("event_type = 'account.charge', event_version = 'd1'").await;
}

#[tokio::test]
async fn two_fields_exchanged() {
    changed("key_hash = request_hash, request_hash = key_hash").await;
}

#[tokio::test]
async fn an_amount_that_is_none() {
    // The database cannot sum it either. That is a finding, and the audit goes on.
    changed("payload = replace(payload::text, '30.5', 'lots')::json").await;
}

#[tokio::test]
async fn a_changed_realm() {
    changed("realm_id = gen_random_uuid()").await;
}

#[tokio::test]
async fn a_changed_note() {
    changed("note = replace(note::text, 'thirty', 'forty')::json").await;
}

#[tokio::test]
async fn a_changed_actor() {
    changed("metadata = replace(metadata::text, 'test', 'boss')::json").await;
}

#[tokio::test]
async fn a_changed_time_of_recording() {
    changed("recorded_at = recorded_at - interval '1 microsecond'").await;
}

#[tokio::test]
async fn an_amount_edited_and_every_hash_made_anew() {
    let (books, account) = books().await;
    let edit = "update events set payload = replace(payload::text, '30.5', '3.5')::json
        where aggregate_id = $account and sequence = 3";
    books.db.tamper(&edit.replace("$account", &format!("'{account}'"))).await;
    books.rechain(account).await;

    let verdict = books.audit().await;

    assert!(verdict.check(CheckName::ChainsWhole).sound, "the forger was careful: {verdict}");
    let found = &verdict.check(CheckName::EventsFold).findings[0];
    assert_eq!((found.account, found.sequence), (Some(account), Some(CHARGE)), "{verdict}");
    books.ledger.close().await;
    books.db.remove().await;
}

/// A time that PostgreSQL cannot read. Whoever reads the views goes on, and the audit names the entry.
#[tokio::test]
async fn a_leap_second_and_every_hash_made_anew() {
    let (books, account) = books().await;
    let time = |to: &str| {
        format!(
            r#"update events set payload = regexp_replace(payload::text, '"effective_at":"[^"]*"', '"effective_at":"{to}"')::json
            where aggregate_id = '{account}' and sequence = {CHARGE}"#
        )
    };
    let mut superuser = books.db.superuser().await;
    for to in ["2020-01-01T23:59:60.5Z", "2021-02-29T00:00:00Z", "-4714-01-01T00:00:00Z", "noon"] {
        books.db.tamper(&time(to)).await;
        for view in ["postings", "api.billing_transactions"] {
            let select = format!("select count(*), count(effective_at) from {view} where account_id = $1");
            let (rows, times): (i64, i64) =
                sqlx::query_as(&select).bind(account.0).fetch_one(&mut superuser).await.unwrap();
            assert!(times < rows && times > 0, "{view} shows {to} as no time: {times} of {rows}");
        }
    }
    books.db.tamper(&time("2020-01-01T23:59:60.5Z")).await;
    books.rechain(account).await;

    let verdict = books.audit().await;

    assert!(verdict.check(CheckName::ChainsWhole).sound, "the forger was careful: {verdict}");
    let found = &verdict.check(CheckName::EventsFold).findings[0];
    assert_eq!((found.account, found.sequence), (Some(account), Some(CHARGE)), "{verdict}");
    assert!(verdict.to_string().contains("leap second"), "{verdict}");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_changed_currency() {
    let sql = "update events set currency = 'EUR' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::EventsFold, CHARGE).await;
}

#[tokio::test]
async fn a_changed_time_of_storing() {
    let sql = "update events set stored_at = stored_at - interval '1 day' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::TimesAgree, CHARGE).await;
}

#[tokio::test]
async fn a_deleted_middle_entry() {
    let sql = "delete from events where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::StreamsDense, CHARGE).await;
}

#[tokio::test]
async fn a_deleted_last_entry() {
    let sql = "delete from events where aggregate_id = $account and sequence = 6";
    let text = tampered(sql, CheckName::BalancesEqualFold, LAST).await;
    assert!(text.contains("the journal ends at 5, the balance row at 6"), "{text}");
}

#[tokio::test]
async fn a_whole_stream_deleted() {
    tampered("delete from events where aggregate_id = $account", CheckName::BalancesEqualFold, 1).await;
}

#[tokio::test]
async fn two_entries_exchanged() {
    let sequence = |of: u8, to: u8| {
        format!("update events set sequence = {to} where aggregate_id = $account and sequence = {of};")
    };
    let sql = [sequence(3, 99), sequence(4, 3), sequence(99, 4)].concat();
    tampered(&sql, CheckName::ChainsWhole, CHARGE).await;
}

#[tokio::test]
async fn an_entry_made_up() {
    let sql = "insert into events (aggregate_id, sequence, event_type, event_version, payload, metadata, realm_id, currency,
            recorded_at, hash)
        select aggregate_id, 7, event_type, event_version, payload, metadata, realm_id, currency, recorded_at, hash
        from events where aggregate_id = $account and sequence = 6";
    tampered(sql, CheckName::ChainsWhole, 7).await;
}

#[tokio::test]
async fn a_changed_balance() {
    let sql = "update account_balances set balance = balance + 0.000000000001 where account_id = $account";
    let text = tampered(sql, CheckName::BalancesEqualFold, LAST).await;
    assert!(text.contains("balance is 68.5 in the balance row and 68.499999999999 by the journal"), "{text}");
}

#[tokio::test]
async fn a_deleted_balance() {
    let sql = "delete from account_balances where account_id = $account";
    tampered(sql, CheckName::BalancesEqualFold, LAST).await;
}

#[tokio::test]
async fn a_refusal_beside_the_success_of_its_key() {
    let sql = r#"insert into refusals (account_id, key_hash, realm_id, request_hash, rejection, refused_at)
        select aggregate_id::uuid, key_hash, realm_id, request_hash, '{"code":"already_open"}', recorded_at
        from events where aggregate_id = $account and sequence = 3"#;
    tampered(sql, CheckName::RefusalsConsistent, CHARGE).await;
}

#[tokio::test]
async fn an_erased_note_is_no_tampering() {
    let (books, account) = books().await;
    books.ledger.erase_note(&books.platform, EntryId::new(account, CHARGE)).await.unwrap();
    let verdict = books.audit().await;
    assert!(verdict.is_sound(), "{verdict}");
    books.ledger.close().await;
    books.db.remove().await;
}

/// What PostgreSQL can store in a balance row and nobody can pay.
const UNREADABLE: [&str; 9] = [
    "balance = 1e30",
    "balance = 'NaN'",
    "balance = 'infinity'",
    "frozen_balance = 1e-30",
    "outstanding_amount = '-infinity'",
    "credit_limit = 1e20",
    "forced_debt = 1e-13",
    "last_charged_at = 'infinity'",
    "updated_at = '-infinity'",
];

#[tokio::test]
async fn a_balance_row_that_cannot_be_read_is_named_and_mended() {
    let (books, account) = books().await;
    let auditor = books.auditor().await;
    for set in UNREADABLE {
        books.db.tamper(&format!("update account_balances set {set} where account_id = '{account}'")).await;

        let verdict = auditor.audit().await.unwrap();

        let found = &verdict.check(CheckName::BalancesEqualFold).findings[0];
        assert_eq!((found.account, found.sequence), (Some(account), Some(LAST)), "{set}\n{verdict}");
        assert!(found.text.starts_with("the balance row cannot be read: "), "{set}\n{verdict}");
        auditor.export(Format::Csv, &mut std::io::sink()).await.unwrap();
        let mend = Replay::Mend(label("jane"));
        let replayed = auditor.replay(&mend, |_, mended| assert!(mended, "{set}")).await.unwrap();
        assert_eq!((replayed.different, replayed.mended), (1, 1), "{set}");
        let verdict = auditor.audit().await.unwrap();
        assert!(verdict.is_sound(), "{set}\n{verdict}");
    }
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_count_that_no_entry_can_have() {
    let sql = "alter table account_balances drop constraint account_balances_floor;
        update account_balances set balance_version = 4611686018427387904, balance = -1 where account_id = $account";
    let text = tampered(sql, CheckName::BalancesEqualFold, LAST + 1).await;
    assert!(text.contains("the journal ends at 6, the balance row at 4611686018427387904"), "{text}");
    let sql =
        "update events set sequence = 4611686018427387904 where aggregate_id = $account and sequence = 6";
    tampered(sql, CheckName::StreamsDense, LAST).await;
}

#[tokio::test]
async fn an_infinite_time_of_recording() {
    let sql = "update events set recorded_at = 'infinity' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::EventsFold, CHARGE).await;
    let sql = "update events set recorded_at = '294000-01-01' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::EventsFold, CHARGE).await;
}

#[tokio::test]
async fn an_infinite_time_of_storing() {
    let sql = "update events set stored_at = 'infinity' where aggregate_id = $account and sequence = 3";
    tampered(sql, CheckName::TimesAgree, CHARGE).await;
}
