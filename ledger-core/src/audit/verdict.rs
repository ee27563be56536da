//! What an audit has come to, for a program and for a person.

use std::fmt;

use serde::Serialize;

use super::{
    TrialBalance,
    finding::{Acknowledgements, Finding},
};
use crate::domain::{entry::Timestamp, ids::AccountId};

/// Findings of one check that are kept, open ones and acknowledged ones; the rest are counted.
const FINDINGS_MAX: usize = 20;

/// What no check is asked about, because nothing that is stored could say otherwise.
const BY_CONSTRUCTION: [&str; 2] = [
    "every entry balances: a movement has one amount for both of its sides",
    "debits equal credits: both are sums of those same amounts",
];

/// What an audit has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether every check holds, but for what is acknowledged.
    pub sound: bool,
    /// The moment that all of it is true of, in database time.
    pub as_of: Timestamp,
    /// Accounts walked through.
    pub accounts: u64,
    /// Entries walked through.
    pub entries: u64,
    /// Every check there is.
    pub checks: Vec<Check>,
    /// What holds by construction and is no check.
    pub by_construction: [&'static str; 2],
    /// Accounts that this audit has taken out of service.
    pub quarantined: u64,
    /// One for each currency.
    pub trial_balances: Vec<TrialBalance>,
    #[serde(skip)]
    acknowledgements: Acknowledgements,
}

/// One property of the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which one.
    pub name: CheckName,
    /// Whether it holds, but for what is acknowledged.
    pub sound: bool,
    /// How many accounts, entries or rows it was asked of.
    pub checked: u64,
    /// How often it does not hold, and nobody has explained that.
    pub wrong: u64,
    /// How often it does not hold, and somebody has explained that.
    pub acknowledged: u64,
    /// Where it does not hold: the first places of either kind.
    pub findings: Vec<Finding>,
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
    /// Each entry can be read and follows from the entries before it.
    EventsFold: "every entry follows from those before it",
    /// What gives an entry back names one of the account that can be given back, and all of it together is at most that one.
    GivenBackWithin: "nothing is given back above its original",
    /// Each balance row is what its stream comes to.
    BalancesEqualFold: "every balance is what the journal comes to",
    /// A replay that shares no code with ours comes to the same.
    SecondReplayAgrees: "a second, independent replay agrees",
    /// What a snapshot or a repair has been taken of is still what stands there.
    SeenStands: "what was seen before still stands",
    /// Each movement's amount is more than zero, by SQL.
    AmountsPositive: "every movement moves more than nothing",
    /// In each currency the customers' legs come to what the balance rows come to, and every leg is of the chart.
    CustomersOwed: "customers are owed what their balances say",
    /// What leaves one account has arrived at another.
    TransitZero: "nothing is left in transit",
    /// No balance row is below its floor.
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
    pub(super) fn new(as_of: Timestamp, acknowledgements: Acknowledgements) -> Self {
        let check =
            |name| Check { name, sound: true, checked: 0, wrong: 0, acknowledged: 0, findings: Vec::new() };
        Self {
            sound: true,
            as_of,
            accounts: 0,
            entries: 0,
            checks: CheckName::ALL.map(check).into(),
            by_construction: BY_CONSTRUCTION,
            quarantined: 0,
            trial_balances: Vec::new(),
            acknowledgements,
        }
    }

    /// Whether every check holds, but for what is acknowledged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    /// The check of that name.
    #[must_use]
    pub fn check(&self, name: CheckName) -> &Check {
        &self.checks[name as usize]
    }

    /// Every finding that is kept, with the check that it is of.
    pub fn findings(&self) -> impl Iterator<Item = (CheckName, &Finding)> {
        self.checks.iter().flat_map(|check| check.findings.iter().map(|finding| (check.name, finding)))
    }

    /// The first thing that is wrong and not acknowledged, in the order of the checks.
    #[must_use]
    pub fn first_finding(&self) -> Option<&Finding> {
        let open =
            || self.findings().map(|(_, finding)| finding).filter(|finding| finding.acknowledged.is_none());
        open().find(|finding| finding.account.is_some()).or_else(|| open().next())
    }

    pub(super) fn count(&mut self, name: CheckName, checked: u64) {
        self.checks[name as usize].checked = checked;
    }

    /// Takes in what is wrong. Returns whether nobody has explained it.
    pub(super) fn find(
        &mut self,
        name: CheckName,
        account: Option<AccountId>,
        sequence: Option<u64>,
        text: impl Into<String>,
    ) -> bool {
        let mut finding = Finding::new(name, account, sequence, text);
        finding.acknowledged = self.acknowledgements.get(&finding.digest).cloned();
        let is_open = finding.acknowledged.is_none();
        let check = &mut self.checks[name as usize];
        let count = if is_open { &mut check.wrong } else { &mut check.acknowledged };
        *count += 1;
        if *count <= FINDINGS_MAX as u64 {
            check.findings.push(finding);
        }
        check.sound &= !is_open;
        self.sound &= !is_open;
        is_open
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { as_of, accounts, entries, quarantined, .. } = self;
        let acknowledged: u64 = self.checks.iter().map(|check| check.acknowledged).sum();
        match (self.first_finding(), acknowledged) {
            (Some(first), _) => writeln!(f, "THE BOOKS ARE NOT SOUND: first wrong {first}")?,
            (None, 0) => writeln!(f, "The books are sound")?,
            (None, n) => writeln!(f, "The books are sound, but for what is acknowledged: {n}")?,
        }
        debug_assert_eq!(self.sound, self.first_finding().is_none());
        let as_of = as_of.format("%Y-%m-%d %H:%M:%S UTC");
        writeln!(f, "\nAccounts: {accounts}. Entries: {entries}. As of {as_of}.\n")?;
        self.checks.iter().try_for_each(|check| write!(f, "{check}"))?;
        writeln!(f, "\nBy construction:")?;
        self.by_construction.iter().try_for_each(|holds| writeln!(f, "  {holds}"))?;
        if *quarantined > 0 {
            writeln!(f, "\nTaken out of service by this audit: {quarantined}")?;
        }
        self.trial_balances.iter().try_for_each(|trial_balance| write!(f, "\n{trial_balance}"))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sound, checked, wrong, acknowledged, findings } = self;
        let mark = if *sound { "ok   " } else { "WRONG" };
        writeln!(f, "  {mark}  {:<45}{checked:>12} checked", name.title())?;
        for finding in findings {
            writeln!(f, "           {finding} [{}]", finding.name)?;
            if let Some(why) = &finding.acknowledged {
                writeln!(f, "           – acknowledged by {} at {}: {}", why.by, why.at, why.reason)?;
            }
        }
        let more = (wrong + acknowledged).saturating_sub(findings.len() as u64);
        if more > 0 { writeln!(f, "           and {more} more") } else { Ok(()) }
    }
}
