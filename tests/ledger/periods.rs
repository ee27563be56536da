//! Accountants have periods: what closes one opens the next, whoever sums, and a period that is over stays as it is.

use std::{collections::BTreeMap, path::Path};

use ledger_core::{AccountId, Format, RealmId, Selection, Timestamp, TrialBalance};
use ledger_tests::Books;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::export::{bean_check, busy_books, export_part, run, written};

/// The first of each month from January on; the last one is the end of the first quarter.
const MONTHS: [&str; 4] = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"];

/// The books of [`busy_books`], moved into the past: the first three entries of each account to January, two to February, and
/// what is left to March.
async fn quarter(books: &Books) -> Vec<AccountId> {
    let accounts = busy_books(books).await;
    let day = "to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD')";
    let month = "(case when sequence <= 3 then '01' when sequence <= 5 then '02' else '03' end)";
    let sql = format!(
        "update events set payload = replace(payload::text, {day}, '2026-' || {month} || '-15')::json,
             recorded_at = ('2026-' || {month} || '-15')::date::timestamp at time zone 'utc'
                 + (recorded_at at time zone 'utc')::time"
    );
    books.db.tamper(&sql).await;
    for account in &accounts {
        books.rechain(*account).await;
    }
    accounts
}

fn moment(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().unwrap()
}

fn month(idx: usize) -> Selection {
    Selection { from: Some(moment(MONTHS[idx])), to: Some(moment(MONTHS[idx + 1])), ..Selection::default() }
}

/// The lines of an export, without the time of opening and closing ones.
async fn lines(books: &Books, selection: &Selection) -> Vec<Value> {
    let (text, _) = export_part(books, Format::JsonLines, selection).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What stands where, by the opening or closing lines: a customer by id, the platform by account and currency.
fn standing(lines: &[Value], kind: &str) -> BTreeMap<String, String> {
    let of = |line: &Value| {
        let name = line["account_id"].as_str().or(line["platform_account"].as_str()).unwrap();
        let balance = line["balance"].as_str().unwrap().to_owned();
        (format!("{name} {}", line["currency"].as_str().unwrap()), balance)
    };
    lines.iter().filter(|line| line["type"] == kind).map(of).filter(|(_, balance)| balance != "0").collect()
}

fn entries(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["type"] != "opening" && line["type"] != "closing").collect()
}

#[tokio::test]
async fn what_closes_a_month_opens_the_next_and_together_they_are_the_whole() {
    let books = Books::open().await;
    let accounts = quarter(&books).await;
    let mut months = Vec::new();
    for idx in 0..3 {
        months.push(lines(&books, &month(idx)).await);
    }
    assert!(standing(&months[0], "opening").is_empty(), "nothing was before January");
    for pair in months.windows(2) {
        assert_eq!(standing(&pair[0], "closing"), standing(&pair[1], "opening"));
    }
    let whole = lines(&books, &Selection::default()).await;
    let mut each: Vec<_> = months.iter().flat_map(|lines| entries(lines)).collect();
    each.sort_by_key(|line| (line["account_id"].to_string(), line["sequence"].as_u64()));
    assert_eq!(each, entries(&whole));
    let mut sizes = months.iter().map(|lines| entries(lines).len());
    assert_eq!([sizes.next(), sizes.next(), sizes.next()], [Some(9), Some(4), Some(8)]);
    let closing = standing(&months[2], "closing");
    for account in &accounts[1..] {
        let balance = books.balance(*account).await;
        let key = format!("{account} {}", balance.currency);
        assert_eq!(closing[&key], balance.row.balance.to_string(), "the end of the quarter is now");
    }
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn other_peoples_tools_come_to_our_balances_at_the_end_of_each_period() {
    let books = Books::open().await;
    let accounts = quarter(&books).await;
    let folder = tempfile::tempdir().unwrap();
    let owner = books.balance(accounts[2]).await.row.owner.realm();
    let open_end = Selection { from: Some(moment("2026-02-01")), ..Selection::default() };
    let early = Selection { to: Some(moment("2026-02-01")), ..Selection::default() };
    let of_account = Selection { account: Some(accounts[3]), ..month(1) };
    let of_owner = Selection { owner: Some(owner), ..month(2) };
    let of_currency = Selection { currency: Some("USD".parse().unwrap()), ..open_end };
    let selections = [month(0), month(1), month(2), open_end, early, of_account, of_owner, of_currency];
    for (idx, selection) in selections.into_iter().enumerate() {
        let (text, _) = export_part(&books, Format::Hledger, &selection).await;
        let journal = written(&folder, &format!("{idx}.journal"), &text);
        run(Path::new("hledger"), &["-f", &journal, "check", "--strict"])
            .unwrap_or_else(|error| panic!("{selection:?}: {error}\n{text}"));
        let (text, _) = export_part(&books, Format::Beancount, &selection).await;
        let ledger = written(&folder, &format!("{idx}.beancount"), &text);
        run(&bean_check(), &[&ledger]).unwrap_or_else(|error| panic!("{selection:?}: {error}\n{text}"));
    }
    // They check us: were a closing balance another by the smallest sum there is, they would say so.
    let (text, _) = export_part(&books, Format::Hledger, &month(1)).await;
    let whole = text.lines().find(|line| line.contains(" =* ") && !line.contains("=* 0.0")).unwrap();
    let digits = whole.rsplit(' ').nth(1).unwrap().parse::<Decimal>().unwrap();
    let wrong = text.replace(&digits.to_string(), &(digits + Decimal::new(1, 12)).to_string());
    let wrong = written(&folder, "wrong.journal", &wrong);
    let refused = run(Path::new("hledger"), &["-f", &wrong, "check"]).unwrap_err();
    assert!(refused.contains("balance assertion"), "{refused}");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_selection_takes_one_account_one_owner_or_one_currency() {
    let books = Books::open().await;
    let accounts = quarter(&books).await;
    let (first, last) = (accounts[0], accounts[3]);
    let owner = books.balance(last).await.row.owner.realm();
    let nobody = RealmId(uuid::Uuid::from_u128(99));
    for (selection, n_accounts, n_entries) in [
        (Selection { account: Some(first), ..Selection::default() }, 1, 1),
        (Selection { owner: Some(owner), ..Selection::default() }, 1, 9),
        (Selection { currency: Some("USD".parse().unwrap()), ..Selection::default() }, 2, 3),
        (
            Selection { account: Some(last), currency: Some("EUR".parse().unwrap()), ..Selection::default() },
            0,
            0,
        ),
        (Selection { owner: Some(nobody), ..Selection::default() }, 0, 0),
    ] {
        for format in Format::ALL {
            let (text, exported) = export_part(&books, format, &selection).await;
            let expected = (n_accounts, n_entries);
            assert_eq!((exported.accounts, exported.entries), expected, "{format} {selection:?}\n{text}");
            assert!(n_accounts == 4 || !text.contains(&accounts[1].to_string()) || n_accounts == 2, "{text}");
        }
    }
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_spreadsheet_of_a_period_adds_up() {
    let books = Books::open().await;
    quarter(&books).await;
    let (text, _) = export_part(&books, Format::Csv, &month(1)).await;
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let names = rows.headers().unwrap().clone();
    let column = |name: &str| names.iter().position(|column| column == name).unwrap();
    let (kind, amount, currency) = (column("type"), column("amount"), column("currency"));
    let mut sums: BTreeMap<(String, &str), Decimal> = BTreeMap::new();
    for row in rows.records().map(Result::unwrap) {
        let part = match &row[kind] {
            "opening" => "opening",
            "closing" => "closing",
            _ => "movement",
        };
        *sums.entry((row[currency].to_owned(), part)).or_default() += row[amount].parse::<Decimal>().unwrap();
    }
    assert_eq!(sums.len(), 2 * 3 + 2, "{sums:?}: in February nothing moves in USD");
    assert!(sums.values().all(Decimal::is_zero), "{sums:?}");
    books.ledger.close().await;
    books.db.remove().await;
}

#[tokio::test]
async fn a_trial_balance_of_a_period_brings_forward_moves_and_closes() {
    let books = Books::open().await;
    let accounts = quarter(&books).await;
    let auditor = books.auditor().await;
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let mut before: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    for idx in 0..3 {
        for TrialBalance { currency, lines, debits, credits } in
            auditor.trial_balances(&month(idx)).await.unwrap()
        {
            assert_eq!(debits, credits);
            for line in lines {
                let key = (currency.clone(), line.account.clone());
                let opening = before.get(&key).copied().unwrap_or_default();
                assert_eq!(decimal(&line.opening), opening, "{idx} {key:?}");
                let moved = decimal(&line.debits) - decimal(&line.credits);
                assert_eq!(decimal(&line.balance), opening + moved, "{idx} {key:?}");
                before.insert(key, decimal(&line.balance));
            }
        }
    }
    let of_one = Selection { account: Some(accounts[2]), ..month(1) };
    let text = auditor.trial_balances(&of_one).await.unwrap()[0].to_string();
    expect_test::expect![[r#"
        Trial balance, EUR                             opening                debits               credits               balance
          cash/pay_pal-2                                 20.01                     0                     0                 20.01
          cash/stripe                                     96.8                     0                     0                  96.8
          fees                                             3.2                     0                     0                   3.2
          customers, main                              -120.01        0.246913578024                     0     -119.763086421976
          revenue                                            0                     0        0.246913578024       -0.246913578024
          total                                                       0.246913578024        0.246913578024
    "#]].assert_eq(&text);
    auditor.close().await;
    books.ledger.close().await;
    books.db.remove().await;
}
