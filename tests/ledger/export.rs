//! Other people's tools take our exports, sum them by themselves, and come to our balances.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use ledger_core::{
    AccountId, Charge, ChargeBack, Exported, Format, Note, Open, Owner, RefundTopUp, Selection, TopUp,
};
use ledger_tests::{Books, amount, key, label, money};
use serde_json::Value;
use uuid::Uuid;

/// Books with all that has happened so far to anybody: fees, twelve decimals, refunds, chargebacks, debt, a past, two currencies.
pub(crate) async fn busy_books(books: &Books) -> Vec<AccountId> {
    let (platform, ledger) = (&books.platform, &books.ledger);
    let mut accounts = vec![books.account("0").await, books.account("0.01").await];
    for (owner, currency) in
        [(Owner::User(Uuid::from_u128(1)), "EUR"), (Owner::Tenant(Uuid::from_u128(2)), "GPU2H")]
    {
        let currency = currency.parse().unwrap();
        let open = Open { owner, currency, credit_limit: money("50") };
        let account = ledger.open(&platform.call(key("open")), open).await.unwrap().account;
        let top_up = |name: &str, provider: &str, sum: &str, fee: Option<&str>| {
            let (provider, reference) = (provider.parse().unwrap(), label("=cmd|' /C calc'!A0"));
            let top_up = TopUp { amount: amount(sum), currency, provider, reference, fee: fee.map(amount) };
            let call = platform.call(key(name));
            async move { ledger.top_up(&call, account, top_up).await.unwrap().id }
        };
        let first = top_up("in", "stripe", "100", Some("3.2")).await;
        let second = top_up("in again", "pay_pal-2", "20.01", None).await;
        let charge =
            Charge { amount: amount("0.123456789012"), currency, effective_at: None, reference: None };
        let past =
            Charge { effective_at: Some("2020-02-29T23:59:59.999999Z".parse().unwrap()), ..charge.clone() };
        ledger.charge(&platform.call(key("past")), account, past).await.unwrap();
        let call = platform.call(key("noted")).note(Note::describing("@SUM(A1), \"quoted\"; ü")).unwrap();
        let charge = ledger.charge(&call, account, charge).await.unwrap();
        books.refund(charge.id, "back", Some("0.000000000012")).await.unwrap();
        let part = RefundTopUp { top_up: second, amount: Some(amount("5")) };
        ledger.refund_top_up(&platform.call(key("pay out")), part).await.unwrap();
        let large = Charge { amount: amount("160"), currency, effective_at: None, reference: None };
        ledger.charge(&platform.call(key("on credit")), account, large).await.unwrap();
        let whole = ChargeBack { top_up: first, amount: None };
        ledger.charge_back(&platform.call(key("bank")), whole).await.unwrap();
        accounts.push(account);
    }
    accounts
}

async fn export(books: &Books, format: Format) -> String {
    let (text, exported) = export_part(books, format, &Selection::default()).await;
    assert_eq!((exported.accounts, exported.entries), (4, 21));
    text
}

/// Also how much it is.
pub(crate) async fn export_part(books: &Books, format: Format, selection: &Selection) -> (String, Exported) {
    let auditor = books.auditor().await;
    let mut out = Vec::new();
    let exported = auditor.export(format, selection, &mut out).await.unwrap();
    auditor.close().await;
    (String::from_utf8(out).unwrap(), exported)
}

/// Runs a tool that `make test` installs.
pub(crate) fn run(tool: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(tool).args(arguments).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{}: {error}: run `make test`, or `.ci/install test`", tool.display())
    });
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

pub(crate) fn bean_check() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("target/venv/bin/bean-check")
}

pub(crate) fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn hledger_comes_to_our_balances() {
    Books::run(async |books| {
        let accounts = busy_books(books).await;
        let (folder, hledger) = (tempfile::tempdir().unwrap(), Path::new("hledger"));
        let text = export(books, Format::Hledger).await;
        let path = written(&folder, "ledger.journal", &text);

        run(hledger, &["-f", &path, "check", "--strict"]).unwrap();

        let sums = run(hledger, &["-f", &path, "balance", "--flat", "--no-total", "-O", "csv"]).unwrap();
        let mut sums = csv::Reader::from_reader(sums.as_bytes());
        let sums: BTreeMap<String, String> = sums.deserialize().map(Result::unwrap).collect();
        let mut nonzero = 0;
        for account in &accounts {
            let balance = books.balance(*account).await;
            let main = sums.get(&format!("Liabilities:Customers:Id-{account}:Main"));
            let ours = balance.row.balance.decimal();
            nonzero += usize::from(!ours.is_zero());
            let currency = balance.currency.to_string();
            let currency = if currency == "GPU2H" { format!("\"{currency}\"") } else { currency };
            let theirs = main.map_or("0".into(), |sum| sum.replace(&format!(" {currency}"), ""));
            assert_eq!(theirs.parse::<rust_decimal::Decimal>().unwrap(), -ours, "{sums:?}");
        }
        assert_eq!(nonzero, 3);
        let cash = &sums["Assets:Cash:Stripe"];
        assert_eq!(cash, "-3.200000000000 EUR, -3.200000000000 \"GPU2H\", 0.010000000000 USD");

        // It checks us: were our balance another by the smallest sum there is, it would say so.
        books
            .db
            .tamper("update account_balances set balance = balance + 0.000000000001 where currency = 'EUR'")
            .await;
        let wrong = written(&folder, "wrong.journal", &export(books, Format::Hledger).await);
        let refused = run(hledger, &["-f", &wrong, "check"]).unwrap_err();
        assert!(refused.contains("balance assertion"), "{refused}");
        books
            .db
            .tamper("update account_balances set balance = balance - 0.000000000001 where currency = 'EUR'")
            .await;
    })
    .await;
}

#[tokio::test]
async fn beancount_comes_to_our_balances() {
    Books::run(async |books| {
        busy_books(books).await;
        let bean_check = bean_check();
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder, "ledger.beancount", &export(books, Format::Beancount).await);

        run(&bean_check, &[&path]).unwrap();

        books
            .db
            .tamper("update account_balances set balance = balance + 0.000000000001 where currency = 'EUR'")
            .await;
        let wrong = written(&folder, "wrong.beancount", &export(books, Format::Beancount).await);
        let refused = run(&bean_check, &[&wrong]).unwrap_err();
        assert!(refused.contains("Balance failed"), "{refused}");
        books
            .db
            .tamper("update account_balances set balance = balance - 0.000000000001 where currency = 'EUR'")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_spreadsheet_runs_none_of_our_cells() {
    Books::run(async |books| {
        busy_books(books).await;
        let text = export(books, Format::Csv).await;
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let names = rows.headers().unwrap().clone();
        let column = |name: &str| names.iter().position(|column| column == name).unwrap();
        let (amount, currency) = (column("amount"), column("currency"));
        let mut sums: BTreeMap<String, rust_decimal::Decimal> = BTreeMap::new();
        let (mut described, mut referred) = (0, 0);
        for row in rows.records().map(Result::unwrap) {
            *sums.entry(row[currency].to_owned()).or_default() +=
                row[amount].parse::<rust_decimal::Decimal>().unwrap();
            described += usize::from(&row[column("description")] == "'@SUM(A1), \"quoted\"; ü");
            referred += usize::from(&row[column("reference")] == "'=cmd|' /C calc'!A0");
            for (idx, cell) in row.iter().enumerate().filter(|(idx, _)| *idx != amount) {
                assert!(!cell.starts_with(['=', '+', '-', '@']), "{}: {cell}", &names[idx]);
            }
        }
        assert_eq!((described, referred), (2 * 2, 2 * 6), "two rows a movement");
        assert_eq!(sums.keys().collect::<Vec<_>>(), ["EUR", "GPU2H", "USD"]);
        assert!(sums.values().all(rust_decimal::Decimal::is_zero), "{sums:?}");
    })
    .await;
}

#[tokio::test]
async fn a_program_gets_every_entry_and_never_an_erased_text() {
    Books::run(async |books| {
        let account = busy_books(books).await[2];
        let before = export(books, Format::JsonLines).await;
        assert_eq!(before, export(books, Format::JsonLines).await, "the same journal is written the same");
        let lines: Vec<Value> = before.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let described = lines
            .iter()
            .find(|line| line["account_id"] == account.to_string() && line["description"] != Value::Null);
        let described = described.unwrap();
        assert_eq!(described["description"], "@SUM(A1), \"quoted\"; ü");
        assert_eq!(described["movements"][0]["amount"], "0.123456789012");

        let entry = described["entry_id"].as_str().unwrap().parse().unwrap();
        books.ledger.erase_note(&books.platform, entry).await.unwrap();

        let after = export(books, Format::JsonLines).await;
        assert_eq!(before.matches("quoted").count(), 2);
        assert_eq!(after.matches("quoted").count(), 1, "{after}");
        assert_eq!(lines.len(), after.lines().count());
        for format in [Format::Hledger, Format::Beancount] {
            let text = export(books, format).await;
            assert!(!text.contains("quoted") && !text.contains("calc"), "no free text: {text}");
        }
    })
    .await;
}
