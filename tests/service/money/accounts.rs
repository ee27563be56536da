//! Accounts: one per owner and currency.

use ledger_tests::service::TestApp;
use serde_json::json;
use uuid::Uuid;

crate::tests![
    accounts_are_found_by_what_they_hold_and_whose_they_are,
    an_account_is_opened_once_and_shows_its_sums,
    an_account_needs_an_owner_who_exists,
    a_member_whom_nobody_would_charge_gets_no_account,
];

async fn an_account_is_opened_once_and_shows_its_sums() {
    TestApp::run(async |app| {
        let acme = app.tenant("acme").await;
        let open = json!({"owner": acme.json(), "currency": "USD", "credit_limit": "5"});
        let opened = app.admin.post("/accounts", open.clone()).key("open").await.expect(201);
        assert_eq!(opened.json["owner"], acme.json());
        assert_eq!((opened.text("available"), opened.text("status")), ("5", "open"));
        let id = opened.id();
        assert_eq!(opened.header("location"), Some(format!("/accounts/{id}").as_str()));

        let replayed = app.admin.post("/accounts", open.clone()).key("open").await.expect(201);
        assert_eq!(
            (replayed.body, replayed.headers["idempotency-replayed"].as_bytes()),
            (opened.body, &b"true"[..])
        );
        let twice = app.admin.post("/accounts", open).await;
        assert_eq!(twice.problem(), (409, "account_exists"));

        app.admin.top_up(id, "10.50").await.expect(201);
        app.admin.charge(id, "12").await.expect(201);
        let account = app.admin.get(&format!("/accounts/{id}")).await.expect(200);
        assert_eq!(account.header("etag"), Some("\"3\""));
        assert_eq!((account.text("balance"), account.text("outstanding_amount")), ("-1.5", "1.5"));
        assert!(account.json["last_charged_at"].is_string() && account.json["as_of"].is_string());
        let listed = app.admin.get(&format!("/accounts?owner_tenant_id={}", acme.id)).await.expect(200);
        assert_eq!(listed.json["data"], json!([account.json]));
        for query in [
            "?owner_user_id=x",
            "?nonsense=1",
            "?owner_user_id=1",
            "?status=closed",
            "?balance_below=1e3",
            "?cursor=MQ",
        ] {
            let refused = app.admin.get(&format!("/accounts{query}")).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{query}");
        }
    })
    .await;
}

async fn an_account_needs_an_owner_who_exists() {
    TestApp::run(async |app| {
        for kind in ["user_id", "tenant_id"] {
            let open = json!({"owner": {kind: Uuid::from_u128(9)}, "currency": "USD"});
            let refused = app.admin.post("/accounts", open).await;
            assert_eq!(refused.problem(), (422, "owner_not_found"));
            assert_eq!(refused.pointer(), format!("/owner/{kind}"));
        }
        let ada = app.individual("ada").await;
        ada.account("1").await;
        let listed = app.admin.get(&format!("/accounts?owner_user_id={}", ada.id)).await.expect(200);
        assert_eq!(listed.json["data"][0]["owner"], ada.json());
        let negative = json!({"owner": ada.json(), "currency": "EUR", "credit_limit": "-1"});
        let refused = app.admin.post("/accounts", negative).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "invalid"), "/credit_limit"));
    })
    .await;
}

async fn accounts_are_found_by_what_they_hold_and_whose_they_are() {
    TestApp::run(async |app| {
        let (acme, globex, ada) =
            (app.tenant("acme").await, app.tenant("globex").await, app.individual("ada").await);
        let (rich, poor, own) =
            (acme.account("100").await, globex.account("0").await, ada.account("5").await);
        let mut superuser = app.books.db.superuser().await;
        let quarantine = "insert into quarantine (account_id, realm_id, reason)
            select account_id, realm_id, 'so' from account_balances where account_id = $1";
        sqlx::query(quarantine).bind(rich).execute(&mut superuser).await.unwrap();
        for (query, accounts) in [
            ("?limit=2".to_owned(), vec![rich, poor, own]),
            ("?balance_below=5&currency=USD".to_owned(), vec![poor]),
            ("?currency=EUR".to_owned(), vec![]),
            ("?status=quarantined".to_owned(), vec![rich]),
            ("?status=open&balance_below=1000".to_owned(), vec![poor, own]),
            ("?tenant_name=ACME".to_owned(), vec![rich]),
            ("?tenant_name=%25".to_owned(), vec![]),
            (format!("?owner_tenant_id={}&limit=1", globex.id), vec![poor]),
            (format!("?owner_user_id={}", globex.id), vec![]),
            (format!("?owner_tenant_id={}&status=open", acme.id), vec![]),
        ] {
            let (mut found, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.admin.get(&format!("/accounts{query}{cursor}")).await.expect(200);
                let ids = page.json["data"].as_array().unwrap().iter();
                found.extend(ids.map(|account| account["id"].as_str().unwrap().parse::<Uuid>().unwrap()));
                let Some(next) = page.json["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            let sorted = |mut accounts: Vec<Uuid>| {
                accounts.sort();
                accounts
            };
            assert_eq!(found, sorted(accounts), "{query}");
        }
        let path = format!("/accounts/{rich}");
        assert_eq!(app.admin.get(&path).await.expect(200).text("status"), "quarantined");
        let both = format!("/accounts?owner_user_id={}&owner_tenant_id={}", ada.id, acme.id);
        assert_eq!(app.admin.get(&both).await.problem(), (422, "invalid"));

        // A gateway names whom it asks about; one that acts for a customer finds that customer's, whatever it asks for.
        let gateway = app.gateway().await;
        assert_eq!(gateway.get("/accounts").await.problem(), (403, "forbidden"));
        gateway.get(&format!("/accounts?owner_user_id={}", ada.id)).await.expect(200);
        let confined = gateway.virtual_key(&globex.key().await.1);
        for query in ["", "?tenant_name=e", "?balance_below=1000"] {
            let seen = confined.get(&format!("/accounts{query}")).await.expect(200);
            assert_eq!(seen.json["data"][0]["id"], poor.to_string(), "{query}");
            assert_eq!(seen.json["data"].as_array().unwrap().len(), 1, "{query}");
        }
        let foreign = [acme.id, Uuid::from_u128(9)].map(|id| format!("/accounts?owner_tenant_id={id}"));
        let [foreign, absent] = [confined.get(&foreign[0]).await, confined.get(&foreign[1]).await];
        assert_eq!(
            (foreign.status, &foreign.body),
            (200, &absent.body),
            "a foreign owner is as an absent one"
        );
        sqlx::query("delete from quarantine").execute(&mut superuser).await.unwrap();
    })
    .await;
}

async fn a_member_whom_nobody_would_charge_gets_no_account() {
    TestApp::run(async |app| {
        let member = app.tenant("acme").await.user().await;
        let open = json!({"owner": {"user_id": member}, "currency": "USD"});
        let refused = app.admin.post("/accounts", open).await;
        assert_eq!((refused.problem(), refused.pointer()), ((422, "owner_is_member"), "/owner/user_id"));
        assert!(refused.text("detail").contains("the tenant pays for its members"), "{refused:?}");
    })
    .await;
}
