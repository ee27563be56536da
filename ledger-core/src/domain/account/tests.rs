//! Decisions as tables: one row one command, through one `check`. Each flow has its tables in its file; here is what concerns all.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta};
use cqrs_es::DomainEvent;
use expect_test::{Expect, expect};
use uuid::Uuid;

use super::*;
use crate::domain::{chart::Leg, entry::Movement, limits::Label, money::Money};

const OWNER: Owner = Owner::Tenant(Uuid::from_u128(7));

pub(super) fn noon() -> Timestamp {
    DateTime::from_timestamp_micros(1_795_348_800_000_001).unwrap()
}

/// Reads `open LIMIT`, `top_up SUM [FEE] [bank] [pi_REFERENCE]`, `charge SUM [EUR|future|past|leap|order_REFERENCE]`, and `refund`, `refund_top_up`, `charge_back SEQUENCE [SUM]`.
pub(super) fn command(row: &str) -> Command {
    let words: Vec<&str> = row.split_whitespace().collect();
    let usd = "USD".parse().unwrap();
    let second = words.get(2);
    let named = |start| words.iter().copied().find(|word| word.starts_with(start));
    match words[0] {
        "open" => {
            Command::Open(Open { owner: OWNER, currency: usd, credit_limit: words[1].parse().unwrap() })
        }
        "top_up" => Command::TopUp(TopUp {
            amount: words[1].parse().unwrap(),
            currency: usd,
            provider: if named("bank").is_some() { "bank" } else { "stripe" }.parse().unwrap(),
            reference: named("pi_").unwrap_or("pi_1").parse().unwrap(),
            fee: second.and_then(|fee| fee.parse().ok()),
        }),
        "charge" => Command::Charge(Charge {
            amount: words[1].parse().unwrap(),
            currency: second.filter(|word| **word == "EUR").map_or(usd, |eur| eur.parse().unwrap()),
            effective_at: match second {
                Some(&"future") => Some(noon() + TimeDelta::hours(1)),
                Some(&"past") => Some(DateTime::UNIX_EPOCH - TimeDelta::microseconds(1)),
                Some(&"leap") => Some("2020-01-01T23:59:60.5Z".parse().unwrap()),
                _ => None,
            },
            reference: named("order_").map(|reference| reference.parse().unwrap()),
        }),
        "refund" | "refund_top_up" | "charge_back" => {
            let original = EntryId::new(AccountId::of(OWNER, usd), words[1].parse().unwrap());
            let amount = second.map(|sum| sum.parse().unwrap());
            match words[0] {
                "refund" => Command::Refund(Refund { charge: original, amount }),
                "refund_top_up" => Command::RefundTopUp(RefundTopUp { top_up: original, amount }),
                _ => Command::ChargeBack(ChargeBack { top_up: original, amount }),
            }
        }
        verb => panic!("no such verb: {verb}"),
    }
}

pub(super) fn check(rows: &str, expected: &Expect) {
    let (mut account, mut facts, mut actual) = (Account::default(), Facts::default(), String::new());
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let outcome = match account.decide(&Instruction { at: noon(), command: command(row) }, &facts) {
            Err(rejection) => rejection.code().to_owned(),
            Ok(events) => {
                for event in events {
                    account.fold(&event).unwrap();
                    facts.learn(account.version, &event);
                }
                let balances = &account.balances;
                let debt = Some(balances.forced_debt).filter(|debt| *debt > Money::ZERO);
                let debt = debt.map(|debt| format!(" forced debt {debt}")).unwrap_or_default();
                let (balance, available) = (balances.balance(), balances.available());
                format!("{}: balance {balance} available {available}{debt}", account.version)
            }
        };
        writeln!(actual, "{row:<24} -> {outcome}").unwrap();
    }
    expected.assert_eq(&actual);
}

/// Version 1 of every event, as it was first written. A change here breaks every journal there is.
#[test]
fn golden_events_are_read_for_ever() {
    let golden = [
        ("account.opened", include_str!("golden/opened.1.json")),
        ("account.topped_up", include_str!("golden/topped_up.1.json")),
        ("account.charged", include_str!("golden/charged.1.json")),
        ("account.refunded", include_str!("golden/refunded.1.json")),
        ("account.top_up_refunded", include_str!("golden/top_up_refunded.1.json")),
        ("account.charged_back", include_str!("golden/charged_back.1.json")),
    ];
    let mut account = Account::default();
    for (event_type, text) in golden {
        let event: Event = serde_json::from_str(text).unwrap_or_else(|error| panic!("{event_type}: {error}"));
        assert_eq!((event.event_type().as_str(), event.event_version().as_str()), (event_type, "1"));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            text.trim_end(),
            "{event_type} is written as it is read"
        );
        account.fold(&event).unwrap();
    }
    assert_eq!(account.balances.balance().to_string(), "-60");
}

/// A field that came later: without it, the event is written as it always was.
#[test]
fn a_charge_is_read_with_its_reference_and_without() {
    let text = include_str!("golden/charged.1.reference.json").trim_end();
    let event: Event = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), text);
    assert_eq!(event.shape().reference.map(Label::as_str), Some("order_7"));
    let without = text.replace(r#""reference":"order_7","#, "");
    assert_eq!(without, include_str!("golden/charged.1.json").trim_end());
}

#[test]
fn an_event_that_lacks_money_or_has_more_than_is_known_is_refused() {
    let golden = include_str!("golden/charged.1.json");
    let without = golden.replace(r#""forced_debt":"0""#, "").replace(",}", "}");
    assert!(serde_json::from_str::<Event>(&without).is_err(), "money is never defaulted");
    for (known, unknown) in
        [(r#""held""#, r#""hidden":"1","held""#), ("\"at\"", "\"or\":1,\"at\""), ("charged", "burnt")]
    {
        assert!(serde_json::from_str::<Event>(&golden.replacen(known, unknown, 1)).is_err(), "{unknown}");
    }
}

#[test]
fn what_does_not_follow_does_not_fold() {
    let mut account = Account::default();
    for text in [include_str!("golden/opened.1.json"), include_str!("golden/topped_up.1.json")] {
        account.fold(&serde_json::from_str(text).unwrap()).unwrap();
    }
    let golden = include_str!("golden/charged.1.json");
    let reason = |from: &str, to: &str| {
        let event: Event = serde_json::from_str(&golden.replace(from, to)).unwrap();
        account.clone().fold(&event).unwrap_err().reason
    };
    expect!["its movements do not add up to its amount"]
        .assert_eq(reason(r#""amount":"30.5","entry""#, r#""amount":"30.4","entry""#));
    expect!["the balances after it are not those before it plus its movements"]
        .assert_eq(reason(r#""main":"69.500000000001""#, r#""main":"69.5""#));
    expect!["its time is before that of the event before it"]
        .assert_eq(reason("2026-11-22T12:00:02", "2026-11-22T11:00:02"));
    expect!["it has a time before 1970, or a leap second"].assert_eq(reason("18:15:46.680590", "23:59:60.5"));
    expect!["it has a time before 1970, or a leap second"].assert_eq(reason("T12:00:02Z", "T23:59:60Z"));
    expect!["it has a time before 1970, or a leap second"].assert_eq(reason("2023-11-16", "1969-11-16"));
    let fund = r#"{"debit":"cash/stripe","credit":"revenue","amount":"5"},"#;
    expect!["its movements do not add up to its amount"]
        .assert_eq(reason(r#""movements":["#, &format!(r#""movements":[{fund}"#)));
}

#[test]
fn several_legs_together_make_the_amount_and_a_fee_is_no_part_of_it() {
    let leg = |text: &str| text.parse::<Leg>().unwrap();
    let movement = |debit, credit, sum: &str| Movement {
        debit: leg(debit),
        credit: leg(credit),
        amount: sum.parse().unwrap(),
    };
    let moved = |movements| {
        let entry = Entry { at: noon(), effective_at: noon(), movements, after: Balances::default() };
        let shape = Shape {
            name: "",
            entry: &entry,
            amount: Money::ZERO,
            legs: vec![(leg("main"), leg("revenue")), (leg("held"), leg("revenue"))],
            fee: Some((leg("fees"), leg("cash/bank"))),
            payment: None,
            reference: None,
            original: None,
            refers_to: None,
            forced: false,
        };
        shape.moved().map(|moved| moved.to_string())
    };
    let two = vec![movement("main", "revenue", "2"), movement("held", "revenue", "0.5")];
    assert_eq!(moved(two.clone()).as_deref(), Some("2.5"));
    assert_eq!(
        moved([two.clone(), vec![movement("fees", "cash/bank", "9")]].concat()).as_deref(),
        Some("2.5")
    );
    assert_eq!(moved([two, vec![movement("revenue", "main", "1")]].concat()), None);
}

/// Every command in its canonical form, with and without what is optional, and the hash that retries are compared by. A change
/// here makes a stranger of every retry that is under way.
#[test]
fn golden_requests_are_the_same_for_ever() {
    let golden = [
        ("open 50", include_str!("golden/requests/open.1.txt")),
        ("top_up 100.50 | top_up 100.5 3.20", include_str!("golden/requests/top_up.1.txt")),
        (
            "charge 30.50 | charge 0.000000000001 past | charge 1 order_7",
            include_str!("golden/requests/charge.1.txt"),
        ),
        ("refund 3 | refund 3 1.0", include_str!("golden/requests/refund.1.txt")),
        ("refund_top_up 2 | refund_top_up 2 1", include_str!("golden/requests/refund_top_up.1.txt")),
        ("charge_back 2 | charge_back 2 1", include_str!("golden/requests/charge_back.1.txt")),
    ];
    for (rows, text) in golden {
        let form = |row| command(row).form();
        let lines = rows
            .split(" | ")
            .map(form)
            .map(|form| format!("{}\n{}\n", form, Uuid::from_bytes(form.hash()).simple()));
        assert_eq!(lines.collect::<String>(), text, "{rows}");
    }
}
