//! Statements.

use ledger_tests::service::TestApp;

crate::tests![a_statement_adds_up_over_any_span_and_page];

async fn a_statement_adds_up_over_any_span_and_page() {
    TestApp::run(async |app| {
        let account = app.tenant("acme").await.account("100").await;
        let mut times = Vec::new();
        for _ in 0..6 {
            times.push(app.admin.charge(account, "1").await.expect(201).text("recorded_at").to_owned());
        }
        let path = format!("/accounts/{account}/statement");
        let all = app.admin.get(&path).await.expect(200);
        assert_eq!((all.text("opening_balance"), all.text("closing_balance")), ("0", "94"));
        assert_eq!((all.json["lines"].as_array().unwrap().len(), all.text("currency")), (8, "USD"));

        let span = format!("{path}?from={}&to={}", times[1], times[4]);
        let part = app.admin.get(&span).await.expect(200);
        assert_eq!((part.text("opening_balance"), part.text("closing_balance")), ("99", "96"));
        assert_eq!(part.json["lines"].as_array().unwrap().len(), 3);
        assert_eq!(part.text("as_of"), part.json["lines"][2]["recorded_at"]);
        assert_eq!(part.json["lines"][0]["balance_after"], "98");

        let (mut seen, mut cursor) = (0, String::new());
        loop {
            let page = app.admin.get(&format!("{span}&limit=2{cursor}")).await.expect(200);
            assert_eq!((page.text("opening_balance"), page.text("closing_balance")), ("99", "96"));
            seen += page.json["lines"].as_array().unwrap().len();
            let Some(next) = page.json["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, 3);
        let nothing = app.admin.get(&format!("{path}?from=2999-01-01T00:00:00Z")).await.expect(200);
        assert_eq!((nothing.text("opening_balance"), nothing.text("closing_balance")), ("94", "94"));
        let before = app.admin.get(&format!("{path}?to=2001-01-01T00:00:00Z")).await.expect(200);
        assert_eq!((before.text("opening_balance"), before.text("closing_balance")), ("0", "0"));
        assert!(before.json.get("as_of").is_none(), "it was not open yet");
        // What comes between two pages belongs to the next statement.
        let first = app.admin.get(&format!("{path}?limit=2")).await.expect(200);
        app.admin.charge(account, "1").await.expect(201);
        let second = format!("{path}?limit=1000&cursor={}", first.text("next_cursor"));
        let second = app.admin.get(&second).await.expect(200);
        assert_eq!((second.text("closing_balance"), second.json["version"].as_u64()), ("94", Some(8)));
        assert_eq!(second.json["lines"].as_array().unwrap().len(), 6);
        for query in [
            "from=yesterday",
            "from=-4714-01-01T00:00:00Z",
            "to=2016-12-31T23:59:60Z",
            "cursor=Nw",
            "limit=0",
            "at=2001-01-01T00:00:00Z",
            "cursor=*",
        ] {
            assert_eq!(
                app.admin.get(&format!("{path}?{query}")).await.problem(),
                (422, "invalid"),
                "{query}"
            );
        }
    })
    .await;
}
