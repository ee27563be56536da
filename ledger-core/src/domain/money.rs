//! Money: exact decimals with named bounds, and the currency they are in.

use std::{fmt, ops::Neg, str::FromStr};

use arrayvec::ArrayString;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Digits allowed behind the point. Real token prices go down to 5e-9 USD, and a margin needs three more.
pub const MONEY_SCALE_MAX: usize = 12;
/// Digits allowed before the point, so that |x| < 10¹⁵ and a sum of two still fits a `Decimal` exactly.
pub const MONEY_DIGITS_MAX: usize = 15;

/// A signed, exact sum of money: at most [`MONEY_DIGITS_MAX`] digits before the point and [`MONEY_SCALE_MAX`] behind it.
///
/// In JSON it is a decimal string, never a number. It is kept without trailing zeros, so that equal money has one text.
///
/// ```
/// # use ledger_core::Money;
/// let price: Money = "0.000000005".parse()?;
/// assert_eq!(price.to_string(), "0.000000005");
/// assert!("1e3".parse::<Money>().is_err(), "no exponents, no underscores, no plus signs");
/// # Ok::<(), ledger_core::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money(Decimal);

/// Why a text or a number is not money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not of the form `-?digits[.digits]`, without leading zeros.
    #[error("money is a plain decimal such as 12.50")]
    Malformed,
    /// More digits than the ledger keeps; it refuses rather than rounds.
    #[error("money has at most {MONEY_DIGITS_MAX} digits before the point and {MONEY_SCALE_MAX} behind it")]
    TooManyDigits,
    /// Zero or less, where only more than zero makes sense.
    #[error("an amount is more than zero")]
    NotPositive,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Takes a decimal that is in range and needs no rounding.
    ///
    /// # Errors
    /// [`MoneyError::TooManyDigits`] when it is not.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        // Decimal's own checked arithmetic silently drops digits (1e17 + 1e-12 = 1e17), so range and scale are checked here.
        let value = value.normalize();
        let in_range = value.abs() < Decimal::from(10_u64.pow(MONEY_DIGITS_MAX as u32));
        if in_range && value.scale() as usize <= MONEY_SCALE_MAX {
            Ok(Self(if value.is_zero() { Decimal::ZERO } else { value }))
        } else {
            Err(MoneyError::TooManyDigits)
        }
    }

    /// The sum, or `None` when it leaves the range. Within the range no digit is ever lost.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        // Two operands below 10¹⁵ with 12 places need at most 28 digits, and Decimal holds 28 exactly.
        Self::new(self.0.checked_add(other.0)?).ok()
    }

    /// The difference, or `None` when it leaves the range.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(-other)
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self < Self::ZERO
    }

    /// The number itself, for binding to NUMERIC.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        if self.0.is_zero() { self } else { Self(-self.0) }
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `-?digits[.digits]` and nothing else: Decimal's own parser takes `1e3`, `1_000`, `+5` and rounds 40 digits.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !plain(whole) || leading_zero || !fraction.is_none_or(plain) {
            return Err(MoneyError::Malformed);
        }
        if whole.len() > MONEY_DIGITS_MAX || fraction.is_some_and(|part| part.len() > MONEY_SCALE_MAX) {
            return Err(MoneyError::TooManyDigits);
        }
        let money = Self::new(Decimal::from_str_exact(text).map_err(|_| MoneyError::Malformed)?)?;
        if money == Self::ZERO && text.starts_with('-') { Err(MoneyError::Malformed) } else { Ok(money) }
    }
}

impl TryFrom<String> for Money {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` keeps width and alignment working in tables.
        f.pad(&self.0.to_string())
    }
}

/// Money above zero: the only kind that a movement can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Amount(Money);

impl Amount {
    /// Checks at the door that there is something to move.
    ///
    /// # Errors
    /// [`MoneyError::NotPositive`] for zero and below.
    pub fn new(money: Money) -> Result<Self, MoneyError> {
        if money > Money::ZERO { Ok(Self(money)) } else { Err(MoneyError::NotPositive) }
    }

    /// How many digits it needs behind the point.
    #[must_use]
    pub fn digits(self) -> u32 {
        self.0.decimal().scale()
    }

    /// The amount as signed money.
    #[must_use]
    pub fn money(self) -> Money {
        self.0
    }
}

impl TryFrom<Money> for Amount {
    type Error = MoneyError;
    fn try_from(money: Money) -> Result<Self, MoneyError> {
        Self::new(money)
    }
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl FromStr for Amount {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::new(text.parse()?)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A currency or unit of credit: 3 to 12 characters, capitals and digits, a capital first (`USD`, `CREDITS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(ArrayString<12>);

/// The text is not a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is 3 to 12 capital letters and digits, such as USD")]
pub struct CurrencyError;

impl Currency {
    /// How many digits its smallest coin has behind the point, by ISO 4217: 2 for USD, 0 for JPY. `None` for what ISO does not
    /// know, such as units of credit, or knows no coin of, such as gold.
    ///
    /// A payment is never finer than that. A charge may be, down to [`MONEY_SCALE_MAX`] digits.
    #[must_use]
    pub fn coin_digits(self) -> Option<u32> {
        iso_currency::Currency::from_code(&self.0)?.exponent().map(u32::from)
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;
    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let spelled = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if text.len() < 3 || !spelled || !text.starts_with(|first: char| first.is_ascii_uppercase()) {
            return Err(CurrencyError);
        }
        ArrayString::from(text).map(Self).map_err(|_| CurrencyError)
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
#[path = "money/tests.rs"]
mod tests;
