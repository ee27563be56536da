//! A service to test: actors are clients, requests go through the real router, and every answer is held against the reference.

mod client;
mod recorder;

use ledger_service::{
    app::App,
    config::Limits,
    secret::{KeyKind, Secret},
};
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::{
    client::{Answer, Call, Client},
    recorder::{Operation, Outcome, Recorder},
};
use crate::Books;

/// The service on books of its own.
pub struct TestApp {
    /// The ledger and the database below.
    pub books: Books,
    pub app: App,
    /// An operator who may do everything.
    pub admin: Client,
    /// The key of that operator.
    pub admin_key: Secret,
}

impl TestApp {
    /// Runs a test on a fresh service, and ends it with the audit.
    pub async fn run(test: impl AsyncFnOnce(&TestApp)) {
        Self::run_within(Limits::default(), test).await;
    }

    /// Runs a test on a service with these limits.
    pub async fn run_within(limits: Limits, test: impl AsyncFnOnce(&TestApp)) {
        let app = Self::open(limits).await;
        test(&app).await;
        app.app.close().await;
        app.books.finish().await;
    }

    /// A fresh service, for a test that ends some other way.
    pub async fn open(limits: Limits) -> Self {
        let books = Books::open().await;
        let app = App::start(books.ledger.clone(), &books.db.url(), limits).expect("the service starts");
        let admin_key = Secret::generate(KeyKind::Operator);
        assert!(app.seed_operator(&admin_key).await.expect("the database answers"), "the first operator");
        let admin = Client::new(&app).bearer(admin_key.reveal());
        Self { books, app, admin, admin_key }
    }

    /// Another service process on the same database.
    pub async fn second(&self) -> App {
        let ledger = self.books.second_ledger().await;
        App::start(ledger, &self.books.db.url(), Limits::default()).expect("a second service starts")
    }

    #[must_use]
    pub fn anonymous(&self) -> Client {
        Client::new(&self.app)
    }

    /// A new operator with this role.
    pub async fn operator(&self, role: &str) -> Client {
        let made = self.admin.post("/operators", json!({"name": role, "role": role})).await.expect(201);
        self.anonymous().bearer(made.text("key"))
    }

    pub async fn gateway(&self) -> Client {
        let made = self.admin.post("/gateways", json!({"name": "edge"})).await.expect(201);
        self.anonymous().bearer(made.text("key"))
    }

    /// A new tenant.
    pub async fn tenant(&self, name: &str) -> Owner<'_> {
        let made = self.admin.post("/tenants", json!({"name": name, "slug": fresh(name)})).await.expect(201);
        Owner { app: self, tenant_id: Some(made.id()), id: made.id() }
    }

    /// A new person who belongs to no tenant.
    pub async fn individual(&self, name: &str) -> Owner<'_> {
        let id = self.user(name, None).await;
        Owner { app: self, tenant_id: None, id }
    }

    async fn user(&self, name: &str, tenant_id: Option<Uuid>) -> Uuid {
        let email = format!("{}@example.com", fresh(name));
        let body = json!({"email": email, "full_name": name, "tenant_id": tenant_id});
        self.admin.post("/users", body).await.expect(201).id()
    }
}

/// A customer: a tenant, or a person on their own.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    app: &'a TestApp,
    tenant_id: Option<Uuid>,
    /// The tenant's or the person's id.
    pub id: Uuid,
}

impl Owner<'_> {
    /// As the API names an owner.
    #[must_use]
    pub fn json(&self) -> Value {
        if self.tenant_id.is_some() { json!({"tenant_id": self.id}) } else { json!({"user_id": self.id}) }
    }

    /// Opens the USD account and tops it up, unless with nothing.
    pub async fn account(&self, balance: &str) -> Uuid {
        let open = json!({"owner": self.json(), "currency": "USD"});
        let account = self.app.admin.post("/accounts", open).await.expect(201).id();
        if balance != "0" {
            self.app.admin.top_up(account, balance).await.expect(201);
        }
        account
    }

    /// A new user: a member of the tenant, or the person itself.
    pub async fn user(&self) -> Uuid {
        match self.tenant_id {
            Some(_) => self.app.user("member", self.tenant_id).await,
            None => self.id,
        }
    }

    /// A new virtual key of a user, and its text.
    pub async fn key(&self) -> (Client, String) {
        let body = json!({"user_id": self.user().await, "name": "laptop"});
        let made = self.app.admin.post("/keys", body).await.expect(201);
        let key = made.text("key").to_owned();
        (self.app.anonymous().virtual_key(&key), key)
    }
}

/// A name that no other test has.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
pub fn fresh(name: &str) -> String {
    format!("{name}-{}", Uuid::new_v4().simple())
}
