//! Lists: every one of them comes in pages.

use ledger_tests::service::TestApp;

crate::tests![lists_come_in_pages];

async fn lists_come_in_pages() {
    TestApp::run(async |app| {
        for idx in 0..5 {
            app.tenant(&format!("t{idx}")).await;
            app.gateway().await;
        }
        for (path, most) in [("/tenants", 5), ("/gateways", 5), ("/operators", 1)] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.admin.get(&format!("{path}?limit=2{cursor}")).await.expect(200);
                seen.extend(page.json["data"].as_array().unwrap().iter().map(|row| row["id"].to_string()));
                let Some(next) = page.json["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            let all = seen.len();
            seen.sort();
            seen.dedup();
            assert_eq!((all, seen.len()), (most, most), "{path}");
        }
    })
    .await;
}
