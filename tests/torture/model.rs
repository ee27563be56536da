//! A plain model of an account: whole numbers of 10⁻¹² and the list of all its states. It shares no code with the ledger.

use std::fmt;

/// Money in units of 10⁻¹².
pub(crate) type Units = i128;

const PLACES: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Open { credit_limit: Units },
    TopUp { amount: Units },
    Charge { amount: Units, in_other_currency: bool },
    GiveBack { what: Return, sequence: u64, amount: Option<Units> },
    Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    Charge,
    TopUp,
    /// A top-up too, but by force.
    ChargeBack,
}

/// One wish: a retry is the same call again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) key: u64,
    pub(crate) account: usize,
    pub(crate) command: Command,
    pub(crate) if_version: Option<u64>,
    pub(crate) dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done {
        shown: Shown,
        replayed: bool,
    },
    Refused {
        code: String,
        numbers: Vec<Units>,
        replayed: bool,
    },
    /// The caller hung up, or was told that nobody knows.
    Unknown,
}

/// What an answer shows of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) version: u64,
    pub(crate) amount: Units,
    pub(crate) before: Units,
    pub(crate) after: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) balance: Units,
    pub(crate) available: Units,
    /// Not every answer shows it.
    pub(crate) forced_debt: Option<Units>,
}

/// An account with every state that it has been in.
pub(crate) struct Account {
    states: Vec<State>,
    entries: Vec<Entry>,
}

struct Entry {
    kind: Option<Return>,
    amount: Units,
    /// What has been given back, with the version that did it.
    returned: Vec<(u64, Units)>,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self { states: vec![State { forced_debt: Some(0), ..State::default() }], entries: Vec::new() }
    }

    pub(crate) fn version(&self) -> u64 {
        self.entries.len() as u64
    }

    /// What the call would have been answered at that version, had its key been unused.
    pub(crate) fn answer(&self, version: u64, call: &Call) -> Answer {
        let state = self.states[version as usize];
        let opens = matches!(call.command, Command::Open { .. });
        if version == 0 && !opens {
            return refused("not_found", &[]);
        }
        if call.if_version.is_some_and(|wanted| wanted != version) {
            return refused("stale_version", &[]);
        }
        let limit = state.available - state.balance;
        match call.command {
            Command::Open { credit_limit } if version == 0 => done(1, 0, state, 0, credit_limit, false),
            Command::Open { .. } => refused("account_exists", &[]),
            Command::TopUp { amount } => done(version + 1, amount, state, amount, limit, false),
            Command::Charge { in_other_currency: true, .. } => refused("no_account_in_currency", &[]),
            Command::Charge { amount, .. } if amount > state.available => {
                refused("insufficient_funds", &[state.available, amount])
            }
            Command::Charge { amount, .. } => done(version + 1, amount, state, -amount, limit, false),
            Command::GiveBack { what, sequence, amount } => self.give_back(version, what, sequence, amount),
            Command::Look => {
                let shown = Shown { version, amount: 0, before: state.balance, after: state };
                Answer::Done { shown, replayed: false }
            }
        }
    }

    fn give_back(&self, version: u64, what: Return, sequence: u64, amount: Option<Units>) -> Answer {
        let state = self.states[version as usize];
        let limit = state.available - state.balance;
        let is_charge = what == Return::Charge;
        let kind = if is_charge { Return::Charge } else { Return::TopUp };
        let found = (1..=version).contains(&sequence).then(|| &self.entries[sequence as usize - 1]);
        let Some(entry) = found.filter(|entry| entry.kind == Some(kind)) else {
            return refused("not_found", &[]);
        };
        let returned = entry.returned.iter().filter(|(at, _)| *at <= version).map(|(_, units)| units).sum();
        let left = entry.amount - returned;
        let amount = amount.unwrap_or(left);
        if left == 0 || amount > left {
            let code = if is_charge { "refund_exceeds_charge" } else { "refund_exceeds_top_up" };
            return refused(code, &[entry.amount, returned]);
        }
        match what {
            Return::Charge => done(version + 1, amount, state, amount, limit, false),
            Return::TopUp if amount > state.available => {
                refused("insufficient_funds", &[state.available, amount])
            }
            Return::TopUp => done(version + 1, amount, state, -amount, limit, false),
            Return::ChargeBack => done(version + 1, amount, state, -amount, limit, true),
        }
    }

    /// Takes in what the call did.
    pub(crate) fn apply(&mut self, call: &Call, shown: Shown) {
        let version = self.version() + 1;
        let kind = match call.command {
            Command::Charge { .. } => Some(Return::Charge),
            Command::TopUp { .. } => Some(Return::TopUp),
            Command::GiveBack { sequence, .. } => {
                self.entries[sequence as usize - 1].returned.push((version, shown.amount));
                None
            }
            Command::Open { .. } | Command::Look => None,
        };
        self.entries.push(Entry { kind, amount: shown.amount, returned: Vec::new() });
        self.states.push(shown.after);
    }
}

fn done(version: u64, amount: Units, state: State, moved: Units, limit: Units, forced: bool) -> Answer {
    let balance = state.balance + moved;
    let available = balance + limit;
    let shortfall = (-available).max(0);
    // Only force makes forced debt; anything else can only shrink it.
    let forced_debt = if forced { shortfall } else { shortfall.min(state.forced_debt.unwrap_or(0)) };
    let after = State { balance, available, forced_debt: Some(forced_debt) };
    Answer::Done { shown: Shown { version, amount, before: state.balance, after }, replayed: false }
}

pub(crate) fn refused(code: &str, numbers: &[Units]) -> Answer {
    Answer::Refused { code: code.to_owned(), numbers: numbers.to_vec(), replayed: false }
}

impl Answer {
    /// Whether the two say the same, whoever was first and however much they show.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Done { shown: one, .. }, Self::Done { shown: two, .. }) => {
                let (debt, other_debt) = (one.after.forced_debt, two.after.forced_debt);
                let is_debt_equal = debt.zip(other_debt).is_none_or(|(one, two)| one == two);
                let plain =
                    |shown: &Shown| Shown { after: State { forced_debt: None, ..shown.after }, ..*shown };
                is_debt_equal && plain(one) == plain(two)
            }
            (
                Self::Refused { code, numbers, .. },
                Self::Refused { code: other, numbers: other_numbers, .. },
            ) => code == other && numbers == other_numbers,
            (one, two) => one == two,
        }
    }

    /// Whether it is its key's outcome from now on.
    pub(crate) fn is_stored(&self) -> bool {
        match self {
            Self::Done { .. } => true,
            Self::Refused { code, .. } => {
                let stored = [
                    "account_exists",
                    "insufficient_funds",
                    "refund_exceeds_charge",
                    "refund_exceeds_top_up",
                ];
                stored.contains(&code.as_str())
            }
            Self::Unknown => false,
        }
    }

    pub(crate) fn is_replayed(&self) -> bool {
        matches!(self, Self::Done { replayed: true, .. } | Self::Refused { replayed: true, .. })
    }
}

/// Reads a decimal.
pub(crate) fn units(text: &str) -> Units {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<PLACES$}").parse().expect("a decimal with at most 12 places")
}

/// Writes a decimal as callers do.
pub(crate) struct Decimal(pub(crate) Units);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one: Units = 10_i128.pow(PLACES as u32);
        write!(f, "{}.{:0PLACES$}", self.0 / one, self.0 % one)
    }
}
