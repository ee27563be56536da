//! A note can be erased for ever, and the chain still holds.

use std::{collections::BTreeMap, process::Command};

use ledger_core::{LedgerError, Note};
use ledger_tests::Books;

const SECRET: &str = "Jane Roe, Elm Street 7";

#[tokio::test]
async fn a_dump_after_erasing_a_note_holds_none_of_its_text() {
    Books::run(async |books| {
        let account = books.account("10").await;
        let note = Note {
            description: Some(format!("for {SECRET}")),
            metadata: BTreeMap::from([("person".to_owned(), SECRET.to_owned())]),
        };
        let entry = books.charge_with(account, "c", "1", note.clone()).await.unwrap().id;
        assert_eq!(books.ledger.entry(&books.platform, entry).await.unwrap().note, Some(note));
        assert!(dump(books).contains(SECRET), "the dump does look where the note is");

        books.ledger.erase_note(&books.platform, entry).await.unwrap();
        assert!(!dump(books).contains("Roe"));
        let line = books.ledger.entry(&books.platform, entry).await.unwrap();
        assert_eq!((line.note, line.receipt.id), (None, entry), "the entry stays");

        // The same key still tells, with or without the words that are gone.
        assert!(books.charge(account, "c", "1").await.unwrap().replayed);
        let absent = ledger_core::EntryId::new(account, 99);
        assert!(matches!(books.ledger.erase_note(&books.platform, absent).await, Err(LedgerError::NotFound)));
    })
    .await;
}

/// By the role that is made for it: row security is FORCEd, so that even the owner could not.
fn dump(books: &Books) -> String {
    let output = Command::new("pg_dump")
        .args(["--role=ledger_backup", "--dbname", &books.db.superuser_url()])
        .output()
        .expect("pg_dump is installed: `make test` sees to it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
