//! The doors to the ledger: two façades on one database are two processes for every purpose here.

use std::sync::Arc;

use ledger_core::{
    AccountBalance, AccountId, Caller, Charge, ChargeBack, Currency, EntryId, Ledger, LedgerError, Money,
    Open, Owner, Receipt, Refund, RefundTopUp, Rejection, TopUp,
};
use ledger_tests::{Books, key, label};
use uuid::Uuid;

use crate::model::{Answer, Call, Command, Decimal, Return, Shown, State, Units, refused, units};

/// Where calls go in, whatever is behind it.
pub(crate) trait Door: Send + Sync + 'static {
    /// Whether every command can be asked what it would do, or charges alone.
    const DRY_RUNS_OF_ALL: bool;

    /// Sends a call to one of the processes.
    fn send(&self, process: usize, call: &Call) -> impl Future<Output = Answer> + Send;
}

pub(crate) struct Library {
    ledgers: [Ledger; 2],
    caller: Caller,
}

impl Library {
    pub(crate) async fn on(books: &Books) -> Arc<Self> {
        let ledgers = [books.ledger.clone(), books.second_ledger().await];
        Arc::new(Self { ledgers, caller: Caller::platform(label("torture")) })
    }

    pub(crate) async fn close(&self) {
        self.ledgers[1].close().await;
    }

    async fn ask(&self, ledger: &Ledger, call: &Call) -> Result<Receipt, LedgerError> {
        let (owner, currency) = holder(call.account);
        let account = AccountId::of(owner, currency);
        let keyed = self.caller.call(key(&format!("key {}", call.key)));
        let keyed = call.if_version.into_iter().fold(keyed, ledger_core::Call::if_version);
        let keyed = if call.dry_run { keyed.dry_run() } else { keyed };
        let amount = |units: Units| Decimal(units).to_string().parse().expect("an amount");
        match call.command {
            Command::Open { credit_limit } => {
                let credit_limit = Decimal(credit_limit).to_string().parse().expect("money");
                ledger.open(&keyed, Open { owner, currency, credit_limit }).await
            }
            Command::TopUp { amount: sum } => {
                let (provider, reference) =
                    ("bank".parse().expect("a provider"), label(&format!("wire {}", call.key)));
                let top_up = TopUp { amount: amount(sum), currency, provider, reference, fee: None };
                ledger.top_up(&keyed, account, top_up).await
            }
            Command::Charge { amount: sum, in_other_currency } => {
                let currency = if in_other_currency { "JPY".parse().expect("a currency") } else { currency };
                let charge = Charge { amount: amount(sum), currency, effective_at: None, reference: None };
                ledger.charge(&keyed, account, charge).await
            }
            Command::GiveBack { what, sequence, amount: sum } => {
                let (entry, amount) = (EntryId::new(account, sequence), sum.map(amount));
                match what {
                    Return::Charge => ledger.refund(&keyed, Refund { charge: entry, amount }).await,
                    Return::TopUp => {
                        ledger.refund_top_up(&keyed, RefundTopUp { top_up: entry, amount }).await
                    }
                    Return::ChargeBack => {
                        ledger.charge_back(&keyed, ChargeBack { top_up: entry, amount }).await
                    }
                }
            }
            Command::Look => unreachable!("looking is no command of the ledger"),
        }
    }
}

impl Door for Library {
    const DRY_RUNS_OF_ALL: bool = true;

    async fn send(&self, process: usize, call: &Call) -> Answer {
        let ledger = &self.ledgers[process];
        if call.command == Command::Look {
            let (owner, currency) = holder(call.account);
            let balance = ledger.balance(&self.caller, AccountId::of(owner, currency)).await;
            return balance.map_or_else(refusal, |balance| looked(&balance));
        }
        self.ask(ledger, call).await.map_or_else(refusal, |receipt| done(&receipt))
    }
}

/// Two accounts an owner, in two units that have no coins, so that payments may be as fine as charges.
fn holder(account: usize) -> (Owner, Currency) {
    (Owner::Tenant(Uuid::from_u128(1 + account as u128 / 2)), currency(account).parse().expect("a currency"))
}

pub(crate) fn currency(account: usize) -> &'static str {
    if account.is_multiple_of(2) { "CREDITS" } else { "TOKENS" }
}

fn done(receipt: &Receipt) -> Answer {
    let after = receipt.after();
    let after = State {
        balance: of(after.balance()),
        available: of(after.available()),
        forced_debt: Some(of(after.forced_debt)),
    };
    let (amount, before) = (of(receipt.event.amount()), of(receipt.balance_before()));
    let shown = Shown { version: receipt.version(), amount, before, after };
    Answer::Done { shown, replayed: receipt.replayed }
}

fn looked(AccountBalance { row, available, .. }: &AccountBalance) -> Answer {
    let after =
        State { balance: of(row.balance), available: of(*available), forced_debt: Some(of(row.forced_debt)) };
    let shown = Shown { version: row.balance_version, amount: 0, before: after.balance, after };
    Answer::Done { shown, replayed: false }
}

fn refusal(error: LedgerError) -> Answer {
    let (rejection, replayed) = match &error {
        LedgerError::Rejected { rejection, replayed } => (rejection, replayed),
        // Nothing happened or nobody knows: the same key will tell.
        LedgerError::Busy | LedgerError::Unavailable(_) => return Answer::Unknown,
        LedgerError::NotFound
        | LedgerError::KeyReused { .. }
        | LedgerError::Invalid(_)
        | LedgerError::Inadmissible(_)
        | LedgerError::Stale
        | LedgerError::Quarantined
        | LedgerError::Unsafe(_) => return refused(error.code(), &[]),
    };
    let code = match rejection.code() {
        // A stranger could not tell them from an absent account, and the model does not either.
        "charge_not_found" | "top_up_not_found" => return refused("not_found", &[]),
        code => code.to_owned(),
    };
    let mut numbers = Vec::new();
    if let Rejection::InsufficientFunds { available, amount } = rejection {
        numbers = vec![of(*available), of(amount.money())];
    }
    if let Rejection::RefundExceedsCharge { charged: all, refunded: gone, .. }
    | Rejection::RefundExceedsTopUp { topped_up: all, returned: gone, .. } = rejection
    {
        numbers = vec![of(all.money()), of(*gone)];
    }
    Answer::Refused { code, numbers, replayed: *replayed }
}

fn of(money: Money) -> Units {
    units(&money.to_string())
}
