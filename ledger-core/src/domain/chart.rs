//! The chart of accounts: every place that money can be, and its name on disk.

use std::{fmt, str::FromStr};

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

/// One side of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Leg {
    /// A part of the customer's account that the entry belongs to. A liability: a credit raises it.
    Customer(SubAccount),
    /// One of the platform's own accounts. It has no balance row: it is the sum of the legs that name it.
    Platform(PlatformAccount),
}

/// The parts of a customer's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubAccount {
    /// What can be spent.
    Main,
    /// What holds have set aside.
    Held,
}

/// The platform's accounts, each once per currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformAccount {
    /// Money at a payment provider. An asset.
    Cash(Provider),
    /// Earned by charges. Income.
    Revenue,
    /// Given away and not yet used. Equity.
    PromotionalCredit,
    /// Revenue that promotional credit paid for. Contra-income.
    PromotionalDiscount,
    /// Paid for and expired unused. Income.
    Breakage,
    /// What payment providers keep. An expense.
    Fees,
    /// Debt given up. An expense.
    WriteOff,
    /// Corrections by hand. Equity.
    Adjustment,
    /// Between two currencies. Equity.
    Conversion,
    /// Between two customers; zero after every commit. Equity.
    Transit,
    /// Residue of invoices and payments. Equity.
    Rounding,
}

/// A payment provider's short name: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Provider(ArrayString<32>);

/// The text names no account of the chart, or no provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name of the chart of accounts")]
pub struct ChartError(String);

/// The accounts whose name on disk is one word; `cash` carries its provider behind a slash.
const NAMES: [(&str, Leg); 12] = [
    ("main", Leg::Customer(SubAccount::Main)),
    ("held", Leg::Customer(SubAccount::Held)),
    ("revenue", Leg::Platform(PlatformAccount::Revenue)),
    ("promotional_credit", Leg::Platform(PlatformAccount::PromotionalCredit)),
    ("promotional_discount", Leg::Platform(PlatformAccount::PromotionalDiscount)),
    ("breakage", Leg::Platform(PlatformAccount::Breakage)),
    ("fees", Leg::Platform(PlatformAccount::Fees)),
    ("write_off", Leg::Platform(PlatformAccount::WriteOff)),
    ("adjustment", Leg::Platform(PlatformAccount::Adjustment)),
    ("conversion", Leg::Platform(PlatformAccount::Conversion)),
    ("transit", Leg::Platform(PlatformAccount::Transit)),
    ("rounding", Leg::Platform(PlatformAccount::Rounding)),
];

impl Leg {
    /// What the customer can spend.
    pub const MAIN: Self = Self::Customer(SubAccount::Main);
    /// What charges earn.
    pub const REVENUE: Self = Self::Platform(PlatformAccount::Revenue);
    /// What payment providers keep.
    pub const FEES: Self = Self::Platform(PlatformAccount::Fees);

    /// Money at this provider.
    #[must_use]
    pub const fn cash(provider: Provider) -> Self {
        Self::Platform(PlatformAccount::Cash(provider))
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Platform(PlatformAccount::Cash(provider)) = self {
            return write!(f, "cash/{provider}");
        }
        let (name, _) = NAMES.iter().find(|(_, leg)| leg == self).expect("every account but cash has a name");
        f.pad(name)
    }
}

impl FromStr for Leg {
    type Err = ChartError;
    fn from_str(text: &str) -> Result<Self, ChartError> {
        if let Some(provider) = text.strip_prefix("cash/") {
            return Ok(Self::Platform(PlatformAccount::Cash(provider.parse()?)));
        }
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, leg)| *leg).ok_or_else(|| ChartError(text.to_owned()))
    }
}

impl FromStr for Provider {
    type Err = ChartError;
    fn from_str(text: &str) -> Result<Self, ChartError> {
        let spelled =
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        match ArrayString::from(text) {
            Ok(name) if spelled && !text.is_empty() => Ok(Self(name)),
            _ => Err(ChartError(text.to_owned())),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = ChartError;
            fn try_from(text: String) -> Result<Self, ChartError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}
as_text!(Leg, Provider);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_one_name() {
        for (name, leg) in NAMES {
            assert_eq!(leg.to_string(), name);
            assert_eq!(name.parse(), Ok(leg));
        }
        let cash = Leg::Platform(PlatformAccount::Cash("stripe".parse().unwrap()));
        assert_eq!(cash.to_string().parse(), Ok(cash));
        for text in ["", "cash", "cash/", "cash/Stripe", "cash/a b", "grant", "Main"] {
            assert!(text.parse::<Leg>().is_err(), "{text:?}");
        }
    }
}
