//! Entries in pages, from either end, and never across a hole.

use futures::future::join_all;
use ledger_core::{AccountId, AccountStatus, EntriesRequest, EntryId, LedgerError, Note};
use ledger_tests::Books;

#[tokio::test]
async fn entries_come_in_pages_from_either_end() {
    Books::run(async |books| {
        let account = books.account("10").await;
        for name in ["1", "2", "3", "4", "5"] {
            books.charge(account, name, "1").await.unwrap();
        }
        let forward = pages(books, account, EntriesRequest { limit: 3, ..EntriesRequest::default() }).await;
        assert_eq!(forward, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
        let newest_first = EntriesRequest { newest_first: true, limit: 3, ..EntriesRequest::default() };
        assert_eq!(pages(books, account, newest_first).await, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
        let behind_the_end = EntriesRequest { after: Some(u64::MAX), ..EntriesRequest::default() };
        assert_eq!(pages(books, account, behind_the_end).await, [Vec::<u64>::new()]);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_a_thousand_has_a_next_one() {
    Books::run(async |books| {
        let account = books.account("1000").await;
        let names: Vec<String> = (0..1_000).map(|idx| format!("c{idx}")).collect();
        join_all(names.iter().map(|name| books.charge(account, name, "1"))).await;
        let pages = pages(books, account, EntriesRequest::default()).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 2]);
    })
    .await;
}

/// A hole, or an entry that was changed, is nothing to show, whatever lies around it.
#[tokio::test]
async fn what_does_not_hold_is_never_shown() {
    for tampering in [
        "delete from events where aggregate_id = $account and sequence = 3",
        "delete from events where aggregate_id = $account and sequence = 5",
        "update events set payload = replace(payload::text, '\"2\"', '\"3\"')::json where aggregate_id = $account and sequence = 4",
        "update events set note = null, note_digest = null where aggregate_id = $account and sequence = 4",
        "insert into quarantine (account_id, realm_id, reason) select account_id, realm_id, 'so' from account_balances",
    ] {
        let books = Books::open().await;
        let account = books.account("10").await;
        for name in ["1", "2", "3"] {
            let note = Note::describing(name);
            books.charge_with(account, name, "2", note).await.unwrap();
        }
        books.db.tamper(&tampering.replace("$account", &format!("'{account}'"))).await;
        for newest_first in [false, true] {
            let request = EntriesRequest { newest_first, ..EntriesRequest::default() };
            let shown = books.ledger.entries(&books.platform, account, request).await;
            assert!(matches!(shown, Err(LedgerError::Quarantined)), "{tampering}: {shown:?}");
        }
        books.ledger.close().await;
        books.db.remove().await;
    }
}

#[tokio::test]
async fn an_account_in_quarantine_shows_its_status_and_no_entry() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let first = EntryId::new(account, 1);
        let mut superuser = books.db.superuser().await;
        let quarantine = "insert into quarantine (account_id, realm_id, reason) select account_id, realm_id, 'so' from account_balances";
        sqlx::query(quarantine).execute(&mut superuser).await.unwrap();
        assert_eq!(books.balance(account).await.status, AccountStatus::Quarantined);
        let shown = books.ledger.entry(&books.platform, first).await;
        assert!(matches!(shown, Err(LedgerError::Quarantined)), "{shown:?}");
        sqlx::query("delete from quarantine").execute(&mut superuser).await.unwrap();
        assert_eq!(books.balance(account).await.status, AccountStatus::Open);
        books.ledger.entry(&books.platform, first).await.unwrap();
    })
    .await;
}

/// The versions on each page.
async fn pages(books: &Books, account: AccountId, request: EntriesRequest) -> Vec<Vec<u64>> {
    let (mut pages, mut after) = (Vec::new(), request.after);
    loop {
        let page =
            books.ledger.entries(&books.platform, account, EntriesRequest { after, ..request.clone() });
        let page = page.await.unwrap();
        pages.push(page.lines.iter().map(|line| line.receipt.version()).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}
