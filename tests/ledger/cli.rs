//! The program `ledger`: what it prints, and what its exit code says.

use std::process::{Command, Output};

use expect_test::{Expect, expect};
use ledger_core::AccountId;
use ledger_tests::{Books, program};
use serde_json::Value;
use sqlx::Executor;
use uuid::Uuid;

/// Runs `ledger` on a database.
fn ledger(url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("ledger"));
    command.args(arguments).env("DATABASE_URL", url).env_remove("USER");
    command.output().expect("the program starts")
}

/// It does not work out, and says why in this one sentence.
fn fails(url: &str, arguments: &[&str], sentence: Expect) {
    let output = ledger(url, arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    sentence.assert_eq(&String::from_utf8(output.stderr).unwrap());
}

/// It answers this on stdout, with this exit code.
fn answers(url: &str, arguments: &[&str], code: i32) -> String {
    let output = ledger(url, arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn trouble_is_one_sentence_with_its_remedy() {
    fails(
        "nonsense",
        &["audit"],
        expect![[r#"
            error: invalid value 'nonsense' for '--database-url <URL>': it is not of the form postgres://user@host/database

            For more information, try '--help'.
        "#]],
    );
    let books = Books::open().await;
    fails(
        &books.db.superuser_url(),
        &["audit"],
        expect![[r#"
            ledger: postgres sees through row security; connect as ledger_service, or a role like it
        "#]],
    );
    fails(
        &books.db.url(),
        &["migrate"],
        expect![[r#"
        ledger: migration: while executing migrations: error returned from database: permission denied for schema public; migrate as a superuser, or as the owner of the database with the right to create roles
    "#]],
    );
    let nobody = AccountId(Uuid::from_u128(7)).to_string();
    fails(
        &books.db.url(),
        &["repair", &nobody],
        expect![[r#"
        ledger: there is no account 00000000-0000-0000-0000-000000000007
    "#]],
    );
    let stranger = books.db.url().replace("ledger_service", "stranger");
    fails(
        &stranger,
        &["audit"],
        expect![[r#"
        ledger: role "stranger" does not exist; check the user in DATABASE_URL; `ledger migrate` makes ledger_service
    "#]],
    );
    books.db.superuser().await.execute("drop table _sqlx_migrations").await.unwrap();
    fails(
        &books.db.url(),
        &["audit"],
        expect![[r#"
        ledger: the database has no schema of this version; run `ledger migrate` first
    "#]],
    );
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn migrate_says_what_comes_next() {
    Books::run(async |books| {
        let told = answers(&books.db.superuser_url(), &["migrate"], 0);
        assert!(told.contains("alter role ledger_service password"), "{told}");
        let told = answers(&books.db.superuser_url(), &["migrate", "--json"], 0);
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["migrated"], true);
    })
    .await;
}

#[tokio::test]
async fn an_audit_exits_with_zero_only_on_sound_books() {
    let books = Books::open().await;
    let account = books.account("1.00").await;
    let url = books.db.url();
    assert!(answers(&url, &["audit"], 0).starts_with("The books are sound\n"));
    let verdict: Value = serde_json::from_str(&answers(&url, &["--json", "audit"], 0)).unwrap();
    assert_eq!((&verdict["sound"], &verdict["entries"]), (&true.into(), &2.into()));

    books.db.tamper("update account_balances set balance = 2").await;

    let told = answers(&url, &["audit"], 1);
    assert!(
        told.starts_with(&format!("THE BOOKS ARE NOT SOUND: first wrong account {account}, entry 2")),
        "{told}"
    );
    let verdict: Value = serde_json::from_str(&answers(&url, &["audit", "--json"], 1)).unwrap();
    assert_eq!(verdict["sound"], false);
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn an_account_comes_back_and_a_finding_is_explained_in_somebodys_name() {
    Books::run(async |books| {
        let account = books.account("1.00").await;
        let (url, id) = (books.db.url(), account.to_string());
        books.db.tamper("update account_balances set balance = 2").await;
        assert!(
            answers(&url, &["audit", "--quarantine"], 1).contains("Taken out of service by this audit: 1\n")
        );
        let judgement = ["--reason", "a try", "--by", "jane"];
        let release = [&["release", &id], &judgement[..]].concat();
        let sentence = format!(
            "ledger: account {id} does not hold: balance is 2 in the balance row and 1 by the journal\n"
        );
        let refused = ledger(&url, &release);
        assert_eq!((refused.status.code(), String::from_utf8(refused.stderr).unwrap()), (Some(2), sentence));
        assert!(
            answers(&url, &["repair", &id], 0).contains("It stays out of service: an audit: balance is 2")
        );

        let verdict: Value = serde_json::from_str(&answers(&url, &["audit", "--json"], 1)).unwrap();
        let findings = verdict["checks"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|check| check["findings"].as_array().unwrap());
        let names: Vec<_> = findings.map(|finding| finding["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), 1, "{verdict}");
        let told = answers(&url, &[&["acknowledge", names[0]], &judgement[..]].concat(), 0);
        assert!(
            told.starts_with(&format!("acknowledged: account {id}: it is out of service since ")),
            "{told}"
        );
        let told = answers(&url, &["audit"], 0);
        assert!(told.starts_with("The books are sound, but for what is acknowledged: 1\n"), "{told}");
        let told = answers(&url, &release, 0);
        assert!(told.starts_with(&format!("account {id} is in service again; ")), "{told}");
        assert!(answers(&url, &release, 0).contains("there is nothing to release it from"));
        assert!(answers(&url, &["audit"], 0).starts_with("The books are sound\n"));
        let nameless = ledger(&url, &["release", &id, "--reason", "a try"]);
        assert_eq!(nameless.status.code(), Some(2), "nobody's judgement is none");
    })
    .await;
}

#[tokio::test]
async fn replay_and_repair_say_what_they_mend() {
    Books::run(async |books| {
        let account = books.account("1.00").await;
        let (url, id) = (books.db.url(), account.to_string());
        let damage = "update account_balances set balance = 2";
        let difference = format!("account {id}: balance is 2 in the balance row and 1 by the journal");

        books.db.tamper(damage).await;
        assert!(answers(&url, &["replay", "--verify"], 1).starts_with(&format!("{difference}\n")));
        assert!(answers(&url, &["replay"], 0).starts_with(&format!("{difference}; mended\n")));
        let equal: Value =
            serde_json::from_str(&answers(&url, &["replay", "--verify", "--json"], 0)).unwrap();
        assert_eq!((&equal["equal"], &equal["accounts"]), (&true.into(), &1.into()));

        books.db.tamper(damage).await;
        let mended: Value = serde_json::from_str(&answers(&url, &["replay", "--json"], 0)).unwrap();
        assert_eq!(mended["differences"][0]["columns"][0]["rebuilt"], "1", "{mended}");
        assert_eq!((&mended["equal"], &mended["differences"][0]["mended"]), (&true.into(), &true.into()));

        books.db.tamper(damage).await;
        assert_eq!(answers(&url, &["repair", &id, "--by", "jane"], 0), format!("{difference}; mended\n"));
        let right = answers(&url, &["repair", &id], 0);
        assert_eq!(
            right,
            format!("account {id}: the balance is what the journal comes to; nothing to mend\n")
        );
    })
    .await;
}

#[tokio::test]
async fn a_part_of_the_books_is_asked_for_by_day_or_time_owner_and_currency() {
    Books::run(async |books| {
        let account = books.account("1.50").await;
        let owner = books.balance(account).await.row.owner.realm().to_string();
        let url = books.db.url();
        let told = answers(&url, &["trial-balance", "--tenant", &owner, "--from", "2026-01-01"], 0);
        assert!(told.starts_with("Trial balance, USD ") && told.contains("cash/stripe"), "{told}");
        let told = answers(&url, &["trial-balance", "--to", "2026-01-01T00:00:00Z", "--json"], 0);
        assert_eq!(told, "[]\n");
        let export = ["export", "--format", "jsonl", "--currency", "USD", "--from", "2100-01-01"];
        let told = answers(&url, &export, 0);
        let kinds: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let kinds: Vec<_> = kinds.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["opening", "opening", "closing", "closing"], "the platform's and the customer's");
        fails(
            &url,
            &["trial-balance", "--from", "2026-01-02", "--to", "2026-01-01"],
            expect![[r#"
                ledger: --from is not before --to
            "#]],
        );
        let unclear = ledger(&url, &["trial-balance", "--from", "January"]);
        assert!(String::from_utf8(unclear.stderr).unwrap().contains("it is not of the form 2026-01-31"));
    })
    .await;
}

#[tokio::test]
async fn a_file_is_replaced_only_by_a_whole_export() {
    let books = Books::open().await;
    books.account("1.00").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.csv");
    let arguments = ["export", "--format", "csv", "--output", path.to_str().unwrap()];

    answers(&books.db.url(), &arguments, 0);
    let whole = std::fs::read_to_string(&path).unwrap();
    assert_eq!(whole, answers(&books.db.url(), &arguments[..3], 0), "stdout gets the same");
    assert_eq!(whole.lines().count(), 3, "{whole}");
    books
        .db
        .tamper("update events set recorded_at = recorded_at - interval '1 hour' where sequence = 2")
        .await;
    let broken = ledger(&books.db.url(), &arguments);

    assert_eq!(broken.status.code(), Some(2));
    let told = String::from_utf8(broken.stderr).unwrap();
    assert!(told.starts_with("ledger: the journal does not hold: account "), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left lying about");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn an_operator_is_made_on_the_machine_by_the_owner_alone() {
    let books = Books::open().await;
    let key = answers(&books.db.superuser_url(), &["operators", "create", "ada", "--role", "cashier"], 0);
    assert!(key.starts_with("op_") && key.trim().len() == 46, "{key}");
    let mut superuser = books.db.superuser().await;
    let made = "select name || ' ' || role || ' by ' || created_by from operators";
    let made: String = sqlx::query_scalar(made).fetch_one(&mut superuser).await.unwrap();
    assert_eq!(made, "ada cashier by operator");
    fails(
        &books.db.url(),
        &["operators", "create", "eve"],
        expect![[r#"
            ledger: permission denied for table operators; log in as ledger_service; to migrate or to make an operator, as the owner of the database
        "#]],
    );
    books.finish().await;
}
