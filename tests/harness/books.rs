//! A ledger to test: actors' short forms, and the audit at the end of every test that touches money.

use ledger_core::{
    AccountBalance, AccountId, Amount, Auditor, CHAIN_START, Caller, Charge, Currency, EntryId,
    IdempotencyKey, Label, Ledger, LedgerError, Money, Note, Open, Owner, Receipt, Refund, StoredEvent,
    TopUp, Verdict,
};
use uuid::Uuid;

use crate::TestDb;

/// A ledger on a database of its own, and the platform as its caller.
pub struct Books {
    pub db: TestDb,
    /// The ledger, logged in as the unprivileged role.
    pub ledger: Ledger,
    pub platform: Caller,
}

impl Books {
    /// Runs a test on fresh books, and ends it with the audit.
    pub async fn run(test: impl AsyncFnOnce(&Books)) {
        let books = Self::open().await;
        test(&books).await;
        books.finish().await;
    }

    /// Closes the ledger, audits the books and removes the database.
    pub async fn finish(self) {
        self.ledger.close().await;
        let verdict = self.audit().await;
        assert!(verdict.is_sound(), "{verdict}");
        self.db.remove().await;
    }

    /// Fresh books, for a test that ends some other way.
    pub async fn open() -> Self {
        let db = TestDb::create().await;
        let ledger = Ledger::connect(&db.url()).await.expect("the ledger starts");
        Self { db, ledger, platform: Caller::platform(label("test")) }
    }

    /// A second process on the same database.
    pub async fn second_ledger(&self) -> Ledger {
        Ledger::connect(&self.db.url()).await.expect("a second ledger starts")
    }

    /// Opens a new tenant's USD account and tops it up, unless with zero.
    #[expect(clippy::disallowed_methods, reason = "an owner that no other test has")]
    pub async fn account(&self, balance: &str) -> AccountId {
        let account = self.open_account(Owner::Tenant(Uuid::new_v4()), "0").await.unwrap().account;
        if money(balance) != Money::ZERO {
            self.top_up(account, "first top-up", balance).await.unwrap();
        }
        account
    }

    pub async fn open_account(&self, owner: Owner, credit_limit: &str) -> Result<Receipt, LedgerError> {
        let open = Open { owner, currency: usd(), credit_limit: money(credit_limit) };
        self.ledger.open(&self.platform.call(key("open")), open).await
    }

    pub async fn top_up(&self, account: AccountId, name: &str, sum: &str) -> Result<Receipt, LedgerError> {
        self.top_up_on(&self.ledger, account, name, sum).await
    }

    /// Tops up through another ledger on the same database.
    pub async fn top_up_on(
        &self,
        ledger: &Ledger,
        account: AccountId,
        name: &str,
        sum: &str,
    ) -> Result<Receipt, LedgerError> {
        let (provider, reference) = ("stripe".parse().unwrap(), label(&format!("pi {name}")));
        let top_up = TopUp { amount: amount(sum), currency: usd(), provider, reference, fee: None };
        ledger.top_up(&self.platform.call(key(name)), account, top_up).await
    }

    pub async fn charge(&self, account: AccountId, name: &str, sum: &str) -> Result<Receipt, LedgerError> {
        self.charge_on(&self.ledger, account, name, sum).await
    }

    /// Charges through another ledger on the same database.
    pub async fn charge_on(
        &self,
        ledger: &Ledger,
        account: AccountId,
        name: &str,
        sum: &str,
    ) -> Result<Receipt, LedgerError> {
        let charge = Charge { amount: amount(sum), currency: usd(), effective_at: None, reference: None };
        ledger.charge(&self.platform.call(key(name)), account, charge).await
    }

    /// Charges with a note beside it.
    pub async fn charge_with(
        &self,
        account: AccountId,
        name: &str,
        sum: &str,
        note: Note,
    ) -> Result<Receipt, LedgerError> {
        let charge = Charge { amount: amount(sum), currency: usd(), effective_at: None, reference: None };
        self.ledger.charge(&self.platform.call(key(name)).note(note)?, account, charge).await
    }

    /// Refunds a charge under a key; all that is left of it without a sum.
    pub async fn refund(
        &self,
        charge: EntryId,
        name: &str,
        sum: Option<&str>,
    ) -> Result<Receipt, LedgerError> {
        let refund = Refund { charge, amount: sum.map(amount) };
        self.ledger.refund(&self.platform.call(key(name)), refund).await
    }

    /// The balance as the database shows it.
    pub async fn balance(&self, account: AccountId) -> AccountBalance {
        self.ledger.balance(&self.platform, account).await.expect("the account is open")
    }

    /// Lets an account out of quarantine.
    pub async fn release(&self, account: AccountId) {
        let auditor = self.auditor().await;
        let released = auditor.release(account, &label("jane"), &label("explained")).await.unwrap();
        assert!(released.is_some(), "it was in quarantine");
        auditor.close().await;
    }

    pub async fn auditor(&self) -> Auditor {
        Auditor::connect(&self.db.url()).await.expect("the auditor connects")
    }

    /// What an audit comes to.
    pub async fn audit(&self) -> Verdict {
        let auditor = self.auditor().await;
        let verdict = auditor.audit().await.expect("the audit comes to an end");
        auditor.close().await;
        verdict
    }
}

impl Books {
    /// Makes every hash of a stream anew, as a careful forger does.
    pub async fn rechain(&self, account: AccountId) {
        let mut superuser = self.db.superuser().await;
        let select = "select aggregate_id, sequence, realm_id, currency, event_type, event_version, payload::text,
                metadata::text, key_hash, request_hash, ref_sequence, note::text, note_digest, recorded_at, hash
            from events where aggregate_id = $1 order by sequence";
        let stream: Vec<StoredEvent> =
            sqlx::query_as(select).bind(account.to_string()).fetch_all(&mut superuser).await.unwrap();
        let mut previous = CHAIN_START;
        for stored in stream {
            previous = stored.link(&previous).hash();
            let (hash, sequence) = (previous.map(|byte| format!("{byte:02x}")).concat(), stored.sequence);
            let forge = format!(
                "update events set hash = '\\x{hash}' where aggregate_id = '{account}' and sequence = {sequence}"
            );
            self.db.tamper(&forge).await;
        }
    }
}

#[must_use]
pub fn usd() -> Currency {
    "USD".parse().unwrap()
}

#[must_use]
pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[must_use]
pub fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

#[must_use]
pub fn label(text: &str) -> Label {
    text.parse().unwrap()
}

#[must_use]
pub fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}
