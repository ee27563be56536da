//! Whatever somebody with all rights changes behind the ledger's back, the audit turns red and names the place.

use ledger_core::{AccountId, CheckName, EntryId, Note};
use ledger_tests::Books;

/// Where the tampering of most tests strikes: the charge of 30.5 in the stream that [`books`] writes.
pub(crate) const CHARGE: u64 = 3;
/// The refund of 0.25 in it.
const REFUND: u64 = 5;
/// The last entry of that stream.
pub(crate) const LAST: u64 = 6;

/// Books of two accounts. The second one's stream: opened, topped up, charged with a note, charged, refunded, charged.
pub(crate) async fn books() -> (Books, AccountId) {
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
pub(crate) async fn tampered(sql: &str, check: CheckName, sequence: u64) -> String {
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

/// Makes the refund of 0.25 something else, and every hash anew: in shape and sums nothing is wrong with the stream.
async fn forged_refund(sql: &str, said: &str) {
    let (books, account) = books().await;
    books.db.tamper(&sql.replace("$account", &format!("'{account}'"))).await;
    books.rechain(account).await;

    let verdict = books.audit().await;

    assert!(
        verdict.check(CheckName::ChainsWhole).sound && verdict.check(CheckName::EventsFold).sound,
        "{verdict}"
    );
    let check = verdict.check(CheckName::GivenBackWithin);
    let found = &check.findings[0];
    assert_eq!((check.checked, found.account, found.sequence), (1, Some(account), Some(REFUND)), "{verdict}");
    assert!(found.text.contains(said), "{verdict}");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_refund_above_its_charge() {
    // The charge of 1.25 becomes one of 0.125, and all that follows from it with it.
    let sql = r#"update events set payload = replace(replace(payload::text, '"1.25"', '"0.125"'), '"68.25"', '"69.375"')::json
            where aggregate_id = $account and sequence = 4;
        update events set payload = replace(payload::text, '"68.5"', '"69.625"')::json
            where aggregate_id = $account and sequence = 5;
        update events set payload = replace(payload::text, '"68.499999999999"', '"69.624999999999"')::json
            where aggregate_id = $account and sequence = 6"#;
    forged_refund(sql, "with it 0.25 is given back of entry 4, which was of 0.125").await;
}

#[tokio::test]
async fn a_refund_of_what_is_no_charge() {
    let naming = |sequence: u64| {
        format!(
            "update events set ref_sequence = {sequence},
                 payload = replace(payload::text, '-000000000004', '-00000000000{sequence}')::json
             where aggregate_id = $account and sequence = {REFUND}"
        )
    };
    forged_refund(&naming(2), "it gives back entry 2, which is of another kind").await;
    forged_refund(&naming(1), "it gives back entry 1, which is none that can be given back").await;
}

#[tokio::test]
async fn a_refund_of_somebody_elses_charge() {
    let sql = r#"update events set payload = regexp_replace(payload::text, '"charge":"........', '"charge":"00000000')::json
        where aggregate_id = $account and sequence = 5"#;
    forged_refund(sql, "it gives back an entry of another account").await;
}

#[tokio::test]
async fn a_second_place_in_one_account() {
    // Behind a break the walk goes on: whoever explains the first must not cover the second.
    for (first, second) in [
        ("delete from events where sequence = 3", "update events set metadata = '{}' where sequence = 5"),
        ("update events set payload = '{}' where sequence = 3", "delete from events where sequence = 5"),
        (
            "update events set recorded_at = 'infinity' where sequence = 3",
            "update events set note = '{}', note_digest = sha256('') where sequence = 6",
        ),
        ("delete from events where sequence = 1", "update events set metadata = '{}' where sequence = 5"),
        (
            "update events set metadata = '{}' where sequence = 5",
            "update account_balances set balance = balance + 1 where account_id = $account",
        ),
    ] {
        let (books, account) = books().await;
        let only = |sql: &str| {
            let sql = sql.replace("$account", &format!("'{account}'"));
            if sql.contains("account_id") { sql } else { format!("{sql} and aggregate_id = '{account}'") }
        };
        books.db.tamper(&only(first)).await;
        let before = books.audit().await;
        books.db.tamper(&only(second)).await;
        let after = books.audit().await;
        let known: Vec<_> = before.findings().map(|(_, finding)| &finding.name).collect();
        let fresh: Vec<_> = after.findings().filter(|(_, finding)| !known.contains(&&finding.name)).collect();
        assert!(!known.is_empty() && !fresh.is_empty(), "{first}; {second}\n{after}");
        books.ledger.close().await;
        books.db.remove().await;
    }
}

/// The newest entry deleted, and the row what it was before it.
const SET_BACK: &str = "
delete from events where aggregate_id = $account and sequence = 6;
update account_balances b set balance = 68.5, balance_version = 5, head = e.hash, last_charged_at = c.recorded_at
from events e, events c where account_id = $account and e.aggregate_id = $account and e.sequence = 5
    and c.aggregate_id = $account and c.sequence = 4";

#[tokio::test]
async fn the_newest_entry_deleted_and_the_row_set_back_but_not_its_head() {
    let sql =
        format!("{SET_BACK}; update account_balances set head = sha256(head) where account_id = $account");
    let text = tampered(&sql, CheckName::BalancesEqualFold, LAST - 1).await;
    assert!(text.contains("head is "), "{text}");
}

#[tokio::test]
async fn the_newest_entry_deleted_and_the_row_set_back_where_somebody_had_seen_it() {
    let snapshot = "insert into snapshots (account_id, realm_id, sequence, head, state, schema_hash)
        select aggregate_id::uuid, realm_id, sequence, hash, '{}', hash from events where aggregate_id = $account and sequence = 6";
    let repair = "insert into repairs (account_id, realm_id, actor, after)
        select account_id, realm_id, 'jane', to_json(b) from account_balances b where account_id = $account";
    for seen in [snapshot, repair] {
        let text = tampered(&format!("{seen}; {SET_BACK}"), CheckName::SeenStands, LAST).await;
        assert!(text.contains("it is gone, or another one"), "{text}");
    }
}

/// What docs/auditing.md says that nothing inside the database shows. When one of these turns red, that page says too little.
#[tokio::test]
async fn what_the_database_alone_cannot_show() {
    for (what, sql) in [
        ("the newest entry deleted and the row set back", SET_BACK),
        (
            "a whole customer deleted",
            "delete from events where aggregate_id = $account; delete from refusals where account_id = $account;
             delete from account_balances where account_id = $account",
        ),
        ("refusals deleted", "delete from refusals"),
        ("a refusal's request exchanged", "update refusals set request_hash = key_hash"),
        ("a refusal exchanged for another", r#"update refusals set rejection = '{"code":"already_open"}'"#),
        ("the count of decisions changed", "update account_balances set decisions = decisions + 7"),
        ("a note set to null", "update events set note = null where aggregate_id = $account and sequence = 3"),
    ] {
        let (books, account) = books().await;
        books.charge(account, "refused", "1000").await.unwrap_err();
        books.db.tamper(&sql.replace("$account", &format!("'{account}'"))).await;
        let verdict = books.audit().await;
        assert!(verdict.is_sound(), "{what}: {verdict}");
        books.ledger.close().await;
        books.db.remove().await;
    }
}
