//! An event-sourced, double-entry billing ledger on PostgreSQL, for platforms that resell compute.
//!
//! The journal is the only truth; balances are functions of it. Commands are decided by a pure function in memory and
//! appended a batch at a time with one statement. A key has exactly one outcome, for ever.
//!
//! Start with [`migrate`] and [`Ledger::connect`]; the README has a program to paste.

mod audit;
mod auditor;
mod caller;
mod chores;
mod clock;
mod cqrs;
mod domain;
mod error;
mod export;
mod failpoint;
mod journal;
mod lane;
mod ledger;
mod locked;
mod outcome;
mod pools;
mod probe;
mod read;
mod replay;
mod round;

pub use self::{
    audit::{
        Acknowledgement, Check, CheckName, Column, Difference, Finding, Repaired, Selection, TrialBalance,
        TrialLine, Verdict,
    },
    auditor::{Auditor, AuditorError, Progress},
    caller::{Call, Caller},
    cqrs::{AccountContext, AccountStore, FetchFacts, HandleError, JournalFacts},
    domain::{
        account::{
            Account, Charge, ChargeBack, Charged, ChargedBack, Command, Event, Facts, FoldError, Holder,
            Inadmissible, Instruction, Open, Opened, Original, OriginalKind, Refund, RefundTopUp, Refunded,
            Rejection, TopUp, TopUpRefunded, ToppedUp,
        },
        chain::{CHAIN_START, Hash, Link, SealedNote, ShortHash, digest_note},
        chart::{ChartError, Leg, PlatformAccount, Provider, SubAccount},
        entry::{Balances, Entry, Movement, Timestamp, microseconds},
        ids::{AccountId, EntryId, Owner, RealmId},
        limits::{
            IdempotencyKey, LABEL_CHARS_MAX, Label, LimitError, NOTE_CHARS_MAX, NOTE_NAME_CHARS_MAX,
            NOTE_PAIRS_MAX, Note,
        },
        money::{Amount, Currency, CurrencyError, MONEY_DIGITS_MAX, MONEY_SCALE_MAX, Money, MoneyError},
        projection::BalanceRow,
    },
    error::LedgerError,
    export::{Exported, Format, FormatError},
    journal::{
        REFUSAL_DAYS, REFUSALS_PER_ACCOUNT_MAX,
        stream::{BrokenStream, StoredEvent, Stream},
        tx::in_realm,
    },
    ledger::Ledger,
    outcome::Receipt,
    pools::{Role, connect_as, migrate},
    read::{
        accounts::{AccountsPage, AccountsRequest, PAGE_ACCOUNTS_MAX},
        balance::{AccountBalance, AccountStatus},
        entries::{EntriesPage, EntriesRequest},
        lines::{EntryFilter, EntryKey, Line, PAGE_LINES_MAX},
        overview::{AuditRecord, CurrencyOverview, Overview},
        statement::{Statement, StatementPlace, StatementRequest},
    },
    replay::{Replay, Replayed},
};
#[cfg(feature = "failpoints")]
pub use self::{
    failpoint::{Failpoints, Gate},
    journal::append_statements,
};
