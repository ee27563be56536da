//! An event-sourced, double-entry billing ledger on PostgreSQL, for platforms that resell compute.
//!
//! The journal is the only truth; balances are functions of it. Commands are decided by a pure function in memory and
//! appended a batch at a time with one statement. A key has exactly one outcome, for ever.
//!
//! Start with [`migrate`] and [`Ledger::connect`]; the README has a program to paste.

mod account;
mod audit;
mod auditor;
mod balances;
mod caller;
mod chain;
mod chart;
mod entry;
mod error;
mod export;
mod failpoint;
mod ids;
mod journal;
mod lane;
mod ledger;
mod limits;
mod money;
mod outcome;
mod pools;
mod probe;
mod projection;
mod realm;
mod replay;
mod statement;
mod stream;

#[cfg(feature = "failpoints")]
pub use self::failpoint::{Failpoints, Gate};
pub use self::{
    account::{
        Account, Charge, ChargeBack, Charged, ChargedBack, Command, Event, Facts, FetchFacts, FoldError,
        Holder, Instruction, Open, Opened, Original, OriginalKind, Refund, RefundTopUp, Refunded, Rejection,
        TopUp, TopUpRefunded, ToppedUp,
    },
    audit::{Check, CheckName, Column, Difference, Finding, TrialBalance, TrialLine, Verdict},
    auditor::{Auditor, AuditorError, Progress},
    balances::{AccountBalance, Line, STATEMENT_LINES_MAX},
    caller::{Call, Caller},
    chain::{CHAIN_START, Hash, Link, SealedNote, ShortHash, digest_note},
    chart::{ChartError, Leg, PlatformAccount, Provider, SubAccount},
    entry::{Balances, Entry, Movement, Timestamp, microseconds},
    error::LedgerError,
    export::{Exported, Format, FormatError},
    ids::{AccountId, EntryId, Owner, RealmId},
    journal::{AccountContext, AccountStore, JournalFacts, REFUSAL_DAYS, REFUSALS_PER_ACCOUNT_MAX},
    ledger::Ledger,
    limits::{
        IdempotencyKey, LABEL_CHARS_MAX, Label, LimitError, NOTE_CHARS_MAX, NOTE_NAME_CHARS_MAX,
        NOTE_PAIRS_MAX, Note,
    },
    money::{Amount, Currency, CurrencyError, MONEY_DIGITS_MAX, MONEY_SCALE_MAX, Money, MoneyError},
    outcome::Receipt,
    pools::{Role, connect_as, migrate},
    projection::BalanceRow,
    realm::in_realm,
    replay::{Replay, Replayed},
    stream::{BrokenStream, StoredEvent, Stream},
};
