//! Statements add up: over any span, in pages, while money moves, and not at all where the stream does not hold.

use futures::{FutureExt, future::join_all};
use ledger_core::{AccountId, LedgerError, Money, Statement, StatementRequest};
use ledger_tests::{Books, money};

#[tokio::test]
async fn a_statement_adds_up_over_any_span() {
    Books::run(async |books| {
        let account = books.account("100").await;
        let mut times = Vec::new();
        for name in ["1", "2", "3", "4", "5", "6"] {
            times.push(books.charge(account, name, "1").await.unwrap().recorded_at);
        }
        let span = async |from: Option<usize>, to: Option<usize>| {
            let [from, to] = [from, to].map(|idx| idx.map(|idx| times[idx]));
            let request = StatementRequest { from, to, ..StatementRequest::default() };
            summary(&books.ledger.statement(&books.platform, account, request).await.unwrap())
        };
        assert_eq!(span(None, None).await, (money("0"), 8, money("94"), 8));
        assert_eq!(span(Some(1), Some(4)).await, (money("99"), 3, money("96"), 6));
        assert_eq!(span(Some(4), Some(1)).await, (money("96"), 0, money("96"), 6), "nothing in between");
        let long_ago = StatementRequest {
            to: Some("0001-01-01T00:00:00Z".parse().unwrap()),
            ..StatementRequest::default()
        };
        let before = books.ledger.statement(&books.platform, account, long_ago).await.unwrap();
        assert_eq!(summary(&before), (money("0"), 0, money("0"), 0), "before it was opened");
    })
    .await;
}

#[tokio::test]
async fn the_pages_of_a_statement_are_pinned_to_one_version() {
    Books::run(async |books| {
        let account = books.account("100").await;
        for name in ["1", "2", "3"] {
            books.charge(account, name, "1").await.unwrap();
        }
        let request = StatementRequest { limit: 2, ..StatementRequest::default() };
        let (mut lines, mut after) = (0, None);
        loop {
            let page = StatementRequest { after, ..request };
            let page = books.ledger.statement(&books.platform, account, page).await.unwrap();
            assert_eq!((page.opening_balance, page.closing_balance), (money("0"), money("97")));
            lines += page.lines.len();
            let Some(next) = page.next else { break };
            after = Some(next);
            // What comes between two pages belongs to the next statement.
            books.charge(account, &format!("meanwhile {lines}"), "1").await.unwrap();
        }
        assert_eq!(lines, 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_of_one_moment_while_money_moves() {
    Books::run(async |books| {
        let account = books.account("1000").await;
        let names: Vec<String> = (0..300).map(|idx| format!("c{idx}")).collect();
        let mut charges = Box::pin(join_all(names.iter().map(|name| books.charge(account, name, "1"))));
        let mut statements = 0;
        while (&mut charges).now_or_never().is_none() || statements == 0 {
            let all = StatementRequest::default();
            let statement = books.ledger.statement(&books.platform, account, all).await.unwrap();
            let mut balance = statement.opening_balance;
            for line in &statement.lines {
                assert_eq!(line.receipt.balance_before(), balance);
                balance = line.receipt.after().balance();
            }
            assert_eq!(
                (balance, statement.lines.len() as u64),
                (statement.closing_balance, statement.closing_version)
            );
            statements += 1;
        }
    })
    .await;
}

#[tokio::test]
async fn a_statement_over_a_hole_is_refused() {
    for lost in [2, 3, 4, 6] {
        let books = Books::open().await;
        let account = books.account("10").await;
        let mut last = None;
        for name in ["1", "2", "3", "4"] {
            last = Some(books.charge(account, name, "1").await.unwrap().recorded_at);
        }
        books
            .db
            .tamper(&format!("delete from events where aggregate_id = '{account}' and sequence = {lost}"))
            .await;
        refused(&books, account, StatementRequest::default()).await;
        // Also where the balance before the span cannot be told any more.
        if lost > 3 {
            refused(&books, account, StatementRequest { from: last, ..StatementRequest::default() }).await;
        }
        books.ledger.close().await;
        books.db.remove().await;
    }
}

async fn refused(books: &Books, account: AccountId, request: StatementRequest) {
    let statement = books.ledger.statement(&books.platform, account, request).await;
    assert!(matches!(statement, Err(LedgerError::Quarantined)), "{statement:?}");
}

fn summary(statement: &Statement) -> (Money, usize, Money, u64) {
    let Statement { opening_balance, lines, closing_balance, closing_version, .. } = statement;
    (*opening_balance, lines.len(), *closing_balance, *closing_version)
}
