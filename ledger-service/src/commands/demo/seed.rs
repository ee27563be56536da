//! A tenant with a user, a virtual key and money, made through the API; made once, however often it is asked for.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::client::Client;
use crate::commands::credentials::{Credentials, DEMO_KEY};

pub(crate) const CURRENCY: &str = "USD";

/// The demo tenant's account, and a caller for each side of it.
pub(crate) struct Demo {
    pub(crate) operator: Client,
    pub(crate) customer: Client,
    pub(crate) account_id: String,
}

impl Demo {
    /// Finds the demo tenant or makes it; whatever an earlier run has not finished is finished.
    pub(crate) async fn seed(base: &str, operator_key: &str, credentials: &mut Credentials) -> Result<Self> {
        let operator = Client::new(base, operator_key);
        let tenant = json!({ "name": "Demo", "slug": "demo" });
        let tenant_id = find_or_create(&operator, "/tenants", &tenant, "slug").await?;
        let user = json!({ "tenant_id": tenant_id, "email": "demo@example.com", "full_name": "Demo" });
        let user_id = find_or_create(&operator, "/users", &user, "email").await?;

        let owned =
            operator.get(&format!("/accounts?owner_tenant_id={tenant_id}")).await?.expect_success()?;
        let account_id = match find(&owned, "currency", CURRENCY) {
            Some(account_id) => account_id,
            None => {
                let account = json!({ "owner": { "tenant_id": tenant_id }, "currency": CURRENCY });
                id_of(&operator.post("/accounts", "demo account", &account).await?.expect_success()?)?
            }
        };
        // Under the same key each time, so that it is money once.
        top_up(&operator, &account_id, "demo top-up", "100").await?;
        // Last, because whoever finds the key in the file wants to charge with it.
        let customer = customer(&operator, base, &user_id, credentials).await?;
        Ok(Self { operator, customer, account_id })
    }

    /// Money in, once for each key.
    pub(crate) async fn top_up(&self, key: &str, amount: &str) -> Result<()> {
        top_up(&self.operator, &self.account_id, key, amount).await
    }

    /// What the account shows.
    pub(crate) async fn balance(&self) -> Result<String> {
        let account = self.operator.get(&format!("/accounts/{}", self.account_id)).await?.expect_success()?;
        account["balance"].as_str().map(Into::into).context("an account has a balance")
    }
}

async fn top_up(operator: &Client, account_id: &str, key: &str, amount: &str) -> Result<()> {
    let top_up = json!({ "amount": amount, "currency": CURRENCY, "provider": "bank", "reference": key });
    // An operator before this one may have done it: the platform's keys are shared, so that is a retry.
    operator.post(&format!("/accounts/{account_id}/top-ups"), key, &top_up).await?.expect_success()?;
    Ok(())
}

/// The caller with the key of an earlier run, or with a new one if that is gone: nobody can be shown a key twice.
async fn customer(
    operator: &Client,
    base: &str,
    user_id: &str,
    credentials: &mut Credentials,
) -> Result<Client> {
    if let Some(key) = credentials.get(DEMO_KEY) {
        let customer = Client::new(base, key);
        if customer.get("/budget").await?.status.is_success() {
            return Ok(customer);
        }
    }
    let key = json!({ "user_id": user_id, "name": "demo" });
    let made = operator.post("/keys", "demo key", &key).await?.expect_success()?;
    let key = made["key"].as_str().context("a new key is shown")?;
    credentials.set(DEMO_KEY, key)?;
    Ok(Client::new(base, key))
}

/// The id of what has this name, in a list that takes it once.
async fn find_or_create(operator: &Client, path: &str, wanted: &Value, unique: &str) -> Result<String> {
    let answer = operator.post(path, unique, wanted).await?;
    if !answer.code().ends_with("_taken") {
        return id_of(&answer.expect_success()?);
    }
    let name = wanted[unique].as_str().unwrap_or_default();
    let mut page = format!("{path}?limit=1000");
    loop {
        let list = operator.get(&page).await?.expect_success()?;
        if let Some(id) = find(&list, unique, name) {
            return Ok(id);
        }
        let next = list["next_cursor"].as_str().with_context(|| format!("{name} is in {path}"))?;
        page = format!("{path}?limit=1000&cursor={next}");
    }
}

fn find(list: &Value, field: &str, wanted: &str) -> Option<String> {
    let found = list["data"].as_array()?.iter().find(|row| row[field] == wanted)?;
    found["id"].as_str().map(Into::into)
}

fn id_of(made: &Value) -> Result<String> {
    made["id"].as_str().map(Into::into).context("what was made has an id")
}
