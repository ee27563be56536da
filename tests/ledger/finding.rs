//! Entries and accounts are found by what is known of them, and by nobody who may not see them.

use std::collections::BTreeMap;

use ledger_core::{
    AccountId, AccountStatus, AccountsRequest, Caller, Charge, EntriesRequest, EntryFilter, EntryKey, Note,
    Open, Owner, TopUp,
};
use ledger_tests::{Books, amount, key, label, money, usd};
use uuid::Uuid;

const USER: Uuid = Uuid::from_u128(7);

#[tokio::test]
async fn entries_are_found_by_key_reference_request_kind_and_date() {
    Books::run(async |books| {
        let account = books.account("100").await;
        let noted = Note {
            metadata: BTreeMap::from([("reference".to_owned(), "order-1".to_owned())]),
            ..Note::default()
        };
        books.charge_with(account, "noted", "1", noted).await.unwrap();
        let caller = books.platform.in_request(label("request-1"));
        let charge = || Charge { amount: amount("1"), currency: usd(), effective_at: None, reference: None };
        books.ledger.charge(&caller.call(key("in a request")), account, charge()).await.unwrap();
        let realm = books.balance(account).await.row.owner.realm();
        let user = Caller::of_realm(realm, USER, label("user"));
        let moment =
            books.ledger.charge(&user.call(key("noted")), account, charge()).await.unwrap().recorded_at;
        let (provider, reference) = ("bank".parse().unwrap(), label("pi_2"));
        let top_up = TopUp { amount: amount("5"), currency: usd(), provider, reference, fee: None };
        books.ledger.top_up(&caller.call(key("in")), account, top_up).await.unwrap();

        let by_key = |user| {
            let key = Some(EntryKey { key: key("noted"), user });
            found(books, account, EntryFilter { key, ..EntryFilter::default() })
        };
        assert_eq!(
            (by_key(None).await, by_key(Some(USER)).await),
            (vec![3], vec![5]),
            "each namespace has its own"
        );
        assert_eq!(by_key(Some(Uuid::nil())).await, [0; 0]);
        let by_reference = |text| {
            found(books, account, EntryFilter { reference: Some(label(text)), ..EntryFilter::default() })
        };
        assert_eq!((by_reference("order-1").await, by_reference("pi_2").await), (vec![3], vec![6]));
        let request = EntryFilter { request_id: Some(label("request-1")), ..EntryFilter::default() };
        assert_eq!(found(books, account, request.clone()).await, [4, 6]);
        let charged =
            EntryFilter { event_type: Some("account.charged".to_owned()), ..EntryFilter::default() };
        assert_eq!(found(books, account, charged.clone()).await, [3, 4, 5]);
        let both = EntryFilter { event_type: charged.event_type.clone(), ..request };
        assert_eq!(found(books, account, both).await, [4], "all that is asked for must be so");

        let all = EntriesRequest { filter: charged, ..EntriesRequest::default() };
        let since = EntriesRequest { from: Some(moment), ..all.clone() };
        assert_eq!(versions(books, account, since).await, [5]);
        let before = EntriesRequest { to: Some(moment), newest_first: true, limit: 1, ..all.clone() };
        assert_eq!(versions(books, account, before).await, [4, 3], "page by page");
        let nothing = EntriesRequest { from: Some(moment), to: Some(moment), ..all };
        assert_eq!(versions(books, account, nothing).await, [0; 0]);
    })
    .await;
}

#[tokio::test]
async fn accounts_are_found_by_what_they_hold_and_by_nobody_else() {
    Books::run(async |books| {
        let (rich, poor) = (books.account("100").await, books.account("1").await);
        let owner = books.balance(poor).await.row.owner;
        let open = Open { owner, currency: "EUR".parse().unwrap(), credit_limit: money("9") };
        let euros = books.ledger.open(&books.platform.call(key("open")), open).await.unwrap().account;
        let all = AccountsRequest::default;
        let sorted = |mut accounts: Vec<AccountId>| {
            accounts.sort();
            accounts
        };
        assert_eq!(accounts(books, &books.platform, all()).await, sorted(vec![rich, poor, euros]));
        let paged = AccountsRequest { limit: 1, ..all() };
        assert_eq!(accounts(books, &books.platform, paged).await, sorted(vec![rich, poor, euros]));
        let below = AccountsRequest { balance_below: Some(money("1")), ..all() };
        assert_eq!(accounts(books, &books.platform, below).await, [euros]);
        let dollars = AccountsRequest { currency: Some(usd()), ..all() };
        assert_eq!(accounts(books, &books.platform, dollars.clone()).await, sorted(vec![rich, poor]));
        let of_owner = AccountsRequest { owner: Some(owner), ..all() };
        assert_eq!(accounts(books, &books.platform, of_owner.clone()).await, sorted(vec![poor, euros]));
        let of_realm = AccountsRequest { realms: Some(vec![owner.realm()]), ..dollars.clone() };
        assert_eq!(accounts(books, &books.platform, of_realm).await, [poor]);
        let of_nobody = AccountsRequest { realms: Some(Vec::new()), ..all() };
        assert_eq!(accounts(books, &books.platform, of_nobody).await, []);
        let of_a_user = AccountsRequest { owner: Some(Owner::User(owner.realm().0)), ..all() };
        assert_eq!(accounts(books, &books.platform, of_a_user).await, [], "a tenant's id is no user's");

        let mut superuser = books.db.superuser().await;
        let quarantine = "insert into quarantine (account_id, realm_id, reason)
            select account_id, realm_id, 'so' from account_balances where account_id = $1";
        sqlx::query(quarantine).bind(rich.0).execute(&mut superuser).await.unwrap();
        let status = |status| AccountsRequest { status: Some(status), ..dollars.clone() };
        assert_eq!(accounts(books, &books.platform, status(AccountStatus::Quarantined)).await, [rich]);
        assert_eq!(accounts(books, &books.platform, status(AccountStatus::Open)).await, [poor]);

        // Whoever is of one realm finds what is theirs, whatever they ask for.
        let tenant = Caller::of_realm(owner.realm(), USER, label("tenant"));
        let rich_owner = books.balance(rich).await.row.owner;
        let foreign = AccountsRequest { owner: Some(rich_owner), ..all() };
        assert_eq!(accounts(books, &tenant, foreign).await, []);
        let foreign = AccountsRequest { realms: Some(vec![rich_owner.realm()]), ..all() };
        assert_eq!(accounts(books, &tenant, foreign).await, []);
        assert_eq!(accounts(books, &tenant, all()).await, sorted(vec![poor, euros]));
        assert_eq!(accounts(books, &tenant, status(AccountStatus::Quarantined)).await, []);
        sqlx::query("delete from quarantine").execute(&mut superuser).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_overview_sums_all_accounts_and_names_the_last_audit() {
    Books::run(async |books| {
        let empty = books.ledger.overview(&books.platform).await.unwrap();
        assert_eq!((empty.currencies.len(), empty.quarantined, empty.last_audit), (0, 0, None));
        books.account("100.5").await;
        let owner = Owner::Tenant(USER);
        let overdrawn = books.open_account(owner, "5").await.unwrap().account;
        books.charge(overdrawn, "c", "4.25").await.unwrap();
        let auditor = books.auditor().await;
        let verdict = auditor.audit().await.unwrap();
        auditor.record(&verdict, &label("ada")).await.unwrap();
        auditor.record(&verdict, &label("grace")).await.unwrap();
        auditor.close().await;

        let overview = books.ledger.overview(&books.platform).await.unwrap();
        let [dollars] = overview.currencies.as_slice() else { panic!("{overview:?}") };
        assert_eq!((dollars.currency.as_str(), dollars.accounts, dollars.overdrawn), ("USD", 2, 1));
        assert_eq!((dollars.balance.as_str(), dollars.outstanding_amount.as_str()), ("96.25", "4.25"));
        let audit = overview.last_audit.unwrap();
        assert_eq!(
            (audit.actor.as_str(), audit.sound, audit.wrong, audit.first_finding),
            ("grace", true, 0, None)
        );
        assert_eq!((audit.as_of, audit.accounts, audit.entries), (verdict.as_of, 2, 4));
        let tenant = Caller::of_realm(owner.realm(), USER, label("tenant"));
        assert_eq!(books.ledger.overview(&tenant).await.unwrap_err().code(), "not_found");
    })
    .await;
}

async fn found(books: &Books, account: AccountId, filter: EntryFilter) -> Vec<u64> {
    versions(books, account, EntriesRequest { filter, ..EntriesRequest::default() }).await
}

/// The versions on all pages.
async fn versions(books: &Books, account: AccountId, mut request: EntriesRequest) -> Vec<u64> {
    let mut versions = Vec::new();
    loop {
        let page = books.ledger.entries(&books.platform, account, request.clone()).await.unwrap();
        versions.extend(page.lines.iter().map(|line| line.receipt.version()));
        request.after = page.next;
        if request.after.is_none() {
            return versions;
        }
    }
}

/// The accounts on all pages.
async fn accounts(books: &Books, caller: &Caller, mut request: AccountsRequest) -> Vec<AccountId> {
    let mut accounts = Vec::new();
    loop {
        let page = books.ledger.accounts(caller, request.clone()).await.unwrap();
        accounts.extend(page.accounts.iter().map(|account| account.account));
        request.after = page.next;
        if request.after.is_none() {
            return accounts;
        }
    }
}
