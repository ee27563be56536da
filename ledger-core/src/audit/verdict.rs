//! What an audit has come to, for a program and for a person.

use std::fmt;

use serde::Serialize;

use super::TrialBalance;
use crate::domain::{
    entry::Timestamp,
    ids::{AccountId, EntryId},
};

/// Findings of one check that are kept; the rest are counted.
const FINDINGS_MAX: usize = 20;

/// What an audit has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether every check holds.
    pub sound: bool,
    /// The moment that all of it is true of, in database time.
    pub as_of: Timestamp,
    /// Accounts walked through.
    pub accounts: u64,
    /// Entries walked through.
    pub entries: u64,
    /// Every check there is.
    pub checks: Vec<Check>,
    /// One for each currency.
    pub trial_balances: Vec<TrialBalance>,
}

/// One property of the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which one.
    pub name: CheckName,
    /// Whether it holds.
    pub sound: bool,
    /// How many accounts, entries or rows it was asked of.
    pub checked: u64,
    /// How often it does not hold.
    pub wrong: u64,
    /// Where it does not: the first of them.
    pub findings: Vec<Finding>,
}

/// One place where a check does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The account, if it is about one.
    pub account: Option<AccountId>,
    /// The place in the account's stream, if it is about one.
    pub sequence: Option<u64>,
    /// The id of the entry there.
    pub entry: Option<EntryId>,
    /// What is wrong, for a person to read.
    pub text: String,
}

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident: $title:literal,)*) => {
        /// The properties that an audit proves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum CheckName {
            $($(#[$doc])* $name,)*
        }

        impl CheckName {
            /// All of them, in the order in which they are reported.
            pub const ALL: [Self; [$($title),*].len()] = [$(Self::$name),*];

            /// The property as a statement.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

checks! {
    /// The sequences of each account are 1, 2, 3, …
    StreamsDense: "no entry is missing",
    /// Each entry and note is the one that was sealed, and follows the one that it was sealed behind.
    ChainsWhole: "no entry was changed",
    /// Each entry is possible where it stands, and leaves the balances that it says.
    EventsFold: "every entry follows from those before it",
    /// Each row of `account_balances` is what the account's entries come to.
    BalancesEqualFold: "every balance is what the journal comes to",
    /// cqrs-es reads the same entries and sums them to the same balances, on a road that shares neither our reading nor our fold.
    SecondReplayAgrees: "a second, independent replay agrees",
    /// The movements of each entry sum to zero, and none is of nothing.
    EntriesBalance: "every entry balances",
    /// All debits of a currency are all its credits, and what customers are owed is the sum of their balances.
    DebitsEqualCredits: "debits equal credits",
    /// What left one account has arrived at another.
    TransitZero: "nothing is left in transit",
    /// Nobody owes more than their limit, but for what forced entries made.
    FloorHolds: "nobody is below their floor",
    /// Every row about an account is in the realm of its owner.
    RealmsAgree: "everything is in its owner's realm",
    /// A refused key has no entry, belongs to an account, and says why.
    RefusalsConsistent: "refusals agree with the journal",
    /// A key stands on one entry, and always beside its request.
    KeysUnique: "a key has acted once",
    /// The ledger's time and the database's are the same, but for a wait.
    TimesAgree: "times of recording and of storing agree",
    /// No account is out of service.
    QuarantineEmpty: "no account is in quarantine",
}

impl Verdict {
    pub(super) fn new(as_of: Timestamp) -> Self {
        let check = |name| Check { name, sound: true, checked: 0, wrong: 0, findings: Vec::new() };
        Self {
            sound: true,
            as_of,
            accounts: 0,
            entries: 0,
            checks: CheckName::ALL.map(check).into(),
            trial_balances: Vec::new(),
        }
    }

    /// Whether every check holds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    /// The check of that name.
    #[must_use]
    pub fn check(&self, name: CheckName) -> &Check {
        &self.checks[name as usize]
    }

    /// The first thing that is wrong, in the order of the checks.
    #[must_use]
    pub fn first_finding(&self) -> Option<&Finding> {
        let findings = || self.checks.iter().flat_map(|check| &check.findings);
        findings().find(|finding| finding.account.is_some()).or_else(|| findings().next())
    }

    pub(super) fn count(&mut self, name: CheckName, checked: u64) {
        self.checks[name as usize].checked = checked;
    }

    pub(super) fn find(&mut self, name: CheckName, finding: Finding) {
        let check = &mut self.checks[name as usize];
        check.wrong += 1;
        check.sound = false;
        self.sound = false;
        if check.findings.len() < FINDINGS_MAX {
            check.findings.push(finding);
        }
    }

    /// Counts what is not worth a finding of its own, behind those that were.
    pub(super) fn find_more(&mut self, name: CheckName, wrong: u64) {
        self.checks[name as usize].wrong += wrong;
    }
}

impl Finding {
    pub(super) fn new(account: Option<AccountId>, sequence: Option<u64>, text: impl Into<String>) -> Self {
        let sequence = sequence.filter(|sequence| *sequence > 0);
        let place = sequence.filter(|sequence| *sequence <= EntryId::SEQUENCE_MAX);
        let entry = account.zip(place).map(|(account, sequence)| EntryId::new(account, sequence));
        Self { account, sequence, entry, text: text.into() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sound, as_of, accounts, entries, checks, trial_balances } = self;
        match self.first_finding() {
            None => writeln!(f, "The books are sound")?,
            Some(first) => writeln!(f, "THE BOOKS ARE NOT SOUND: first wrong {first}")?,
        }
        debug_assert_eq!(*sound, self.first_finding().is_none());
        let as_of = as_of.format("%Y-%m-%d %H:%M:%S UTC");
        writeln!(f, "\nAccounts: {accounts}. Entries: {entries}. As of {as_of}.\n")?;
        for check in checks {
            let mark = if check.sound { "ok   " } else { "WRONG" };
            writeln!(f, "  {mark}  {:<45}{:>12} checked", check.name.title(), check.checked)?;
            for finding in &check.findings {
                writeln!(f, "           {finding}")?;
            }
            let more = check.wrong.saturating_sub(check.findings.len() as u64);
            if more > 0 {
                writeln!(f, "           and {more} more")?;
            }
        }
        trial_balances.iter().try_for_each(|trial_balance| write!(f, "\n{trial_balance}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, sequence, entry, text } = self;
        match (account, sequence, entry) {
            (Some(account), Some(sequence), Some(entry)) => {
                write!(f, "account {account}, entry {sequence} ({entry}): {text}")
            }
            (Some(account), _, _) => write!(f, "account {account}: {text}"),
            (None, _, _) => write!(f, "sum: {text}"),
        }
    }
}
