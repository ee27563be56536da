//! The chart of accounts as accountants' tools call it: `Assets`, `Liabilities`, `Income`, `Expenses`, `Equity`.
//!
//! One naming for all formats: beancount's, the strictest. Each part of a name starts with a capital or a digit and goes on
//! with letters, digits and dashes.

use crate::{
    audit::{TrialBalance, TrialLine},
    domain::{
        chart::{Leg, PlatformAccount, Provider, SubAccount},
        ids::AccountId,
        money::{Amount, Money},
    },
};

/// Where opening balances come from. They sum to nothing, because the books did.
pub(super) const OPENING: &str = "Equity:Opening-Balances";

/// The accounts of the platform in a trial balance, with what stands there at the start and at the end.
pub(super) fn platform(sums: &TrialBalance) -> impl Iterator<Item = (String, &str, &str)> {
    sums.lines.iter().filter_map(|TrialLine { account, opening, balance, .. }| match account.parse() {
        Ok(Leg::Platform(account)) => Some((platform_name(account), opening.as_str(), balance.as_str())),
        Ok(Leg::Customer(_)) | Err(_) => None,
    })
}

/// What was given, with the other sign.
pub(super) fn negative(sum: &str) -> String {
    sum.strip_prefix('-').map_or_else(|| format!("-{sum}"), str::to_owned)
}

/// The name of a customer's account with all its parts.
pub(super) fn customer(account: AccountId) -> String {
    // An id may start with a small letter, hence the word before it.
    format!("Liabilities:Customers:Id-{account}")
}

/// The name of a leg, in an entry of this customer.
pub(super) fn name(leg: Leg, account: AccountId) -> String {
    match leg {
        Leg::Customer(SubAccount::Main) => format!("{}:Main", customer(account)),
        Leg::Customer(SubAccount::Held) => format!("{}:Held", customer(account)),
        Leg::Platform(platform) => platform_name(platform),
    }
}

/// The name of one of the platform's own accounts.
pub(super) fn platform_name(account: PlatformAccount) -> String {
    match account {
        PlatformAccount::Cash(provider) => return format!("Assets:Cash:{}", provider_name(provider)),
        PlatformAccount::Revenue => "Income:Revenue",
        PlatformAccount::PromotionalCredit => "Equity:Promotional-Credit",
        PlatformAccount::PromotionalDiscount => "Income:Promotional-Discount",
        PlatformAccount::Breakage => "Income:Breakage",
        PlatformAccount::Fees => "Expenses:Fees",
        PlatformAccount::WriteOff => "Expenses:Write-Off",
        PlatformAccount::Adjustment => "Equity:Adjustment",
        PlatformAccount::Conversion => "Equity:Conversion",
        PlatformAccount::Transit => "Equity:Transit",
        PlatformAccount::Rounding => "Equity:Rounding",
    }
    .to_owned()
}

/// Two providers never get one name: theirs have no capitals, so a capital inside is free to stand for what beancount refuses.
fn provider_name(provider: Provider) -> String {
    let text = provider.to_string().replace('_', "XU");
    let mut chars = text.chars();
    match chars.next() {
        Some('-') => format!("XD{text}"),
        Some(first) => format!("{}{}", first.to_ascii_uppercase(), chars.as_str()),
        None => text,
    }
}

/// Both postings of a movement: the debited account with a positive sum, then the credited one with the same, negative.
pub(super) fn postings(account: AccountId, debit: Leg, credit: Leg, amount: Amount) -> [(String, Money); 2] {
    [(name(debit, account), amount.money()), (name(credit, account), -amount.money())]
}

/// All twelve places: the tools take their tolerance from the digits that they see, and ours is none.
pub(super) fn digits(sum: Money) -> String {
    format!("{:.12}", sum.decimal())
}

/// A sum of many accounts, which may be more than [`Money`] holds: exact decimals as text, as the database sums them.
pub(super) fn padded(sum: &str) -> String {
    let places = sum.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let point = if places == 0 { "." } else { "" };
    format!("{sum}{point}{}", "0".repeat(12_usize.saturating_sub(places)))
}

/// hledger takes a digit in a currency only between quotes.
pub(super) fn quoted(currency: &str) -> String {
    if currency.bytes().any(|byte| byte.is_ascii_digit()) {
        format!("\"{currency}\"")
    } else {
        currency.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_keep_apart() {
        let name = |provider: &str| provider_name(provider.parse().unwrap());
        assert_eq!(name("stripe"), "Stripe");
        assert_eq!(name("adyen_eu"), "AdyenXUeu");
        let alike = ["a-b", "a_b", "axub", "_a", "-a", "xua", "xu-a", "xd-a", "9_", "u", "_"];
        let names: std::collections::BTreeSet<_> = alike.into_iter().map(name).collect();
        assert_eq!(names.len(), alike.len(), "{names:?}");
        assert!(names.iter().all(|name| {
            name.starts_with(|first: char| first.is_ascii_uppercase() || first.is_ascii_digit())
        }));
    }

    #[test]
    fn sums_have_twelve_places() {
        assert_eq!(digits("-0.5".parse().unwrap()), "-0.500000000000");
        assert_eq!((padded("7"), padded("-1.25")), ("7.000000000000".into(), "-1.250000000000".into()));
    }
}
