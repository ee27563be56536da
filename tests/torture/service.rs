//! The doors of two service processes, through HTTP, by several credentials of one side.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ledger_core::{AccountId, EntryId, Owner};
use ledger_service::app::App;
use ledger_tests::service::{Answer as Response, Call as Request, Client, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    library::{Door, currency},
    model::{Answer, Call, Command, Decimal, Return, Shown, State, Units, refused, units},
};

/// One in so many calls comes from a customer: a key of theirs is apart from those of the platform.
const CALLS_PER_OWN: u64 = 5;

pub(crate) struct Service {
    second: App,
    /// Operators: all may do everything.
    operators: [Client; 2],
    /// Gateways: they may charge, and refund charges.
    gateways: [Client; 2],
    /// Two accounts each.
    tenants: Vec<Tenant>,
    sent: AtomicU64,
}

struct Tenant {
    id: Uuid,
    /// Two virtual keys of one user.
    keys: [Client; 2],
}

impl Service {
    pub(crate) async fn of(app: &TestApp, accounts: usize) -> Arc<Self> {
        let mut tenants = Vec::new();
        for _ in 0..accounts.div_ceil(2) {
            let tenant = app.tenant("torture").await;
            let user = tenant.user().await;
            let key = async |name: &str| {
                let made = app.admin.post("/keys", json!({"user_id": user, "name": name})).await.expect(201);
                app.anonymous().virtual_key(made.text("key"))
            };
            tenants.push(Tenant { id: tenant.id, keys: [key("laptop").await, key("phone").await] });
        }
        Arc::new(Self {
            second: app.second().await,
            operators: [app.admin.clone(), app.operator("admin").await],
            gateways: [app.gateway().await, app.gateway().await],
            tenants,
            sent: AtomicU64::new(0),
        })
    }

    pub(crate) async fn close(&self) {
        self.second.close().await;
    }

    /// Whose call it is stays the same; one in three sendings comes under another credential of theirs.
    fn credential(&self, call: &Call) -> &Client {
        let is_other = self.sent.fetch_add(1, Ordering::Relaxed).is_multiple_of(3);
        let turn = (call.key / 2 + u64::from(is_other)) as usize % 2;
        match call.command {
            Command::Charge { .. } if is_own(call) => &self.tenants[call.account / 2].keys[turn],
            // Operators and gateways share the platform's keys.
            Command::Charge { .. } | Command::GiveBack { what: Return::Charge, .. } if is_other => {
                &self.gateways[turn]
            }
            Command::Open { .. }
            | Command::TopUp { .. }
            | Command::Charge { .. }
            | Command::GiveBack { .. }
            | Command::Look => &self.operators[turn],
        }
    }

    fn request(&self, client: &Client, call: &Call) -> Request {
        let owner = self.tenants[call.account / 2].id;
        let currency = currency(call.account);
        let account = AccountId::of(Owner::Tenant(owner), currency.parse().expect("a currency"));
        let text = |units: Units| Decimal(units).to_string();
        let request = match call.command {
            Command::Open { credit_limit } => {
                let owner = json!({"tenant_id": owner});
                let limit = text(credit_limit);
                client.post("/accounts", json!({"owner": owner, "currency": currency, "credit_limit": limit}))
            }
            Command::TopUp { amount } => {
                let (amount, reference) = (text(amount), format!("wire {}", call.key));
                let body = json!({"amount": amount, "currency": currency, "provider": "bank", "reference": reference});
                client.post(&format!("/accounts/{account}/top-ups"), body)
            }
            Command::Charge { amount, in_other_currency } => {
                let currency = if in_other_currency { "JPY" } else { currency };
                let body = json!({"amount": text(amount), "currency": currency, "dry_run": call.dry_run});
                let path = if is_own(call) { "/charges" } else { &format!("/accounts/{account}/charges") };
                client.post(path, body)
            }
            Command::GiveBack { what, sequence, amount } => {
                let entry = EntryId::new(account, sequence);
                let path = match what {
                    Return::Charge => format!("/charges/{entry}/refunds"),
                    Return::TopUp => format!("/top-ups/{entry}/refunds"),
                    Return::ChargeBack => format!("/top-ups/{entry}/chargebacks"),
                };
                client.give_back(&path, amount.map(text).as_deref())
            }
            Command::Look => return client.get(&format!("/accounts/{account}/balance")),
        };
        let request = request.key(&format!("key {}", call.key));
        call.if_version
            .into_iter()
            .fold(request, |request, version| request.header("if-match", &version.to_string()))
    }
}

impl Door for Service {
    const DRY_RUNS_OF_ALL: bool = false;

    async fn send(&self, process: usize, call: &Call) -> Answer {
        let client = self.credential(call);
        let client = if process == 0 { client.clone() } else { client.at(&self.second) };
        let response = self.request(&client, call).await;
        if response.status >= 400 { refusal(&response, call) } else { done(&response) }
    }
}

fn is_own(call: &Call) -> bool {
    call.key.is_multiple_of(CALLS_PER_OWN)
}

/// An entry, or the account itself where it was opened or looked at.
fn done(response: &Response) -> Answer {
    let money = |name: &str| response.json[name].as_str().map(units);
    let balance = money("balance_after").or_else(|| money("balance")).expect("a balance");
    let available = money("available_after").or_else(|| money("available")).expect("what is available");
    let shown = Shown {
        version: response.json["version"].as_u64().expect("a version"),
        amount: money("amount").unwrap_or(0),
        before: money("balance_before").unwrap_or(balance),
        after: State { balance, available, forced_debt: money("forced_debt") },
    };
    Answer::Done { shown, replayed: is_replayed(response) }
}

fn refusal(response: &Response, call: &Call) -> Answer {
    let numbers = |names: [&str; 2]| {
        names.iter().filter_map(|name| response.json.get(*name).and_then(Value::as_str)).map(units).collect()
    };
    let is_foreign = matches!(call.command, Command::Charge { in_other_currency: true, .. });
    let (code, numbers) = match response.problem() {
        // Nobody knows, or nothing happened: the same key will tell.
        (503, "try_again") => return Answer::Unknown,
        // A payer is known even where their account is not there yet.
        (_, "no_account_in_currency") if is_own(call) && !is_foreign => return refused("not_found", &[]),
        (_, code @ "insufficient_funds") => (code, numbers(["available", "amount"])),
        (_, code @ "refund_exceeds_charge") => (code, numbers(["charged", "refunded"])),
        (_, code @ "refund_exceeds_top_up") => (code, numbers(["topped_up", "returned"])),
        (_, code) => (code, Vec::new()),
    };
    Answer::Refused { code: code.to_owned(), numbers, replayed: is_replayed(response) }
}

fn is_replayed(response: &Response) -> bool {
    response.header("idempotency-replayed") == Some("true")
}
