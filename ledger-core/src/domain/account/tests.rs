//! Decisions as tables: one row one command, through one `check`.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta};
use cqrs_es::{DomainEvent, test::TestFramework};
use expect_test::{Expect, expect};
use uuid::Uuid;

use super::*;
use crate::domain::money::Money;

const OWNER: Owner = Owner::Tenant(Uuid::from_u128(7));

fn noon() -> Timestamp {
    DateTime::from_timestamp_micros(1_795_348_800_000_001).unwrap()
}

/// `open LIMIT`, `top_up SUM [FEE]`, `charge SUM [EUR|future|past]`, and `refund`, `refund_top_up`, `charge_back SEQUENCE [SUM]`.
fn command(row: &str) -> Command {
    let words: Vec<&str> = row.split_whitespace().collect();
    let usd = "USD".parse().unwrap();
    let second = words.get(2);
    match words[0] {
        "open" => {
            Command::Open(Open { owner: OWNER, currency: usd, credit_limit: words[1].parse().unwrap() })
        }
        "top_up" => Command::TopUp(TopUp {
            amount: words[1].parse().unwrap(),
            currency: usd,
            provider: "stripe".parse().unwrap(),
            reference: "pi_1".parse().unwrap(),
            fee: second.map(|fee| fee.parse().unwrap()),
        }),
        "charge" => Command::Charge(Charge {
            amount: words[1].parse().unwrap(),
            currency: second.filter(|word| **word == "EUR").map_or(usd, |eur| eur.parse().unwrap()),
            effective_at: match second {
                Some(&"future") => Some(noon() + TimeDelta::hours(1)),
                Some(&"past") => Some(DateTime::UNIX_EPOCH - TimeDelta::microseconds(1)),
                _ => None,
            },
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

fn check(rows: &str, expected: &Expect) {
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

#[test]
fn money_in_and_out() {
    check(
        "open 0
         top_up 100.00
         charge 70
         charge 70
         charge 30
         charge 0.000000000001
         top_up 0.000000000001 0.3
         charge 0.000000000001",
        &expect![[r#"
            open 0                   -> 1: balance 0 available 0
            top_up 100.00            -> 2: balance 100 available 100
            charge 70                -> 3: balance 30 available 30
            charge 70                -> insufficient_funds
            charge 30                -> 4: balance 0 available 0
            charge 0.000000000001    -> insufficient_funds
            top_up 0.000000000001 0.3 -> 5: balance 0.000000000001 available 0.000000000001
            charge 0.000000000001    -> 6: balance 0 available 0
        "#]],
    );
}

#[test]
fn a_credit_limit_is_a_floor_below_zero() {
    check(
        "open 50
         charge 50
         charge 0.01
         top_up 20
         charge 20",
        &expect![[r#"
            open 50                  -> 1: balance 0 available 50
            charge 50                -> 2: balance -50 available 0
            charge 0.01              -> insufficient_funds
            top_up 20                -> 3: balance -30 available 20
            charge 20                -> 4: balance -50 available 0
        "#]],
    );
}

#[test]
fn refunds_add_up_to_at_most_the_charge() {
    check(
        "open 0
         top_up 10
         charge 10
         refund 3 4
         refund 3 6.01
         refund 3
         refund 3
         refund 3 1
         refund 2
         refund 9",
        &expect![[r#"
            open 0                   -> 1: balance 0 available 0
            top_up 10                -> 2: balance 10 available 10
            charge 10                -> 3: balance 0 available 0
            refund 3 4               -> 4: balance 4 available 4
            refund 3 6.01            -> refund_exceeds_charge
            refund 3                 -> 5: balance 10 available 10
            refund 3                 -> refund_exceeds_charge
            refund 3 1               -> refund_exceeds_charge
            refund 2                 -> charge_not_found
            refund 9                 -> charge_not_found
        "#]],
    );
}

#[test]
fn money_goes_out_only_as_far_as_it_is_there_unless_a_bank_takes_it() {
    check(
        "open 5
         top_up 10
         charge 12
         refund_top_up 2 4
         refund_top_up 2 3
         refund_top_up 3
         charge_back 2
         charge 0.01
         charge_back 2 1
         top_up 6
         charge 0.01
         top_up 2
         charge 1
         refund 3
         charge_back 7",
        &expect![[r#"
            open 5                   -> 1: balance 0 available 5
            top_up 10                -> 2: balance 10 available 15
            charge 12                -> 3: balance -2 available 3
            refund_top_up 2 4        -> insufficient_funds
            refund_top_up 2 3        -> 4: balance -5 available 0
            refund_top_up 3          -> top_up_not_found
            charge_back 2            -> 5: balance -12 available -7 forced debt 7
            charge 0.01              -> insufficient_funds
            charge_back 2 1          -> refund_exceeds_top_up
            top_up 6                 -> 6: balance -6 available -1 forced debt 1
            charge 0.01              -> insufficient_funds
            top_up 2                 -> 7: balance -4 available 1
            charge 1                 -> 8: balance -5 available 0
            refund 3                 -> 9: balance 7 available 12
            charge_back 7            -> 10: balance 5 available 10
        "#]],
    );
}

/// Each row breaks the rule it is named for and every rule after it: the first in the order of `Rejection` is the answer.
#[test]
fn rejections_have_a_fixed_order() {
    check(
        "charge 1 EUR
         open 0
         open -1
         charge 1 EUR
         charge 1 future
         charge 1 past
         charge 1
         top_up 999999999999999
         top_up 1",
        &expect![[r#"
            charge 1 EUR             -> account_not_found
            open 0                   -> 1: balance 0 available 0
            open -1                  -> account_exists
            charge 1 EUR             -> no_account_in_currency
            charge 1 future          -> effective_in_future
            charge 1 past            -> out_of_range
            charge 1                 -> insufficient_funds
            top_up 999999999999999   -> 2: balance 999999999999999 available 999999999999999
            top_up 1                 -> out_of_range
        "#]],
    );
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
    let fund = r#"{"debit":"cash/stripe","credit":"revenue","amount":"5"},"#;
    expect!["its movements do not add up to its amount"]
        .assert_eq(reason(r#""movements":["#, &format!(r#""movements":[{fund}"#)));
}

/// The tools of cqrs-es drive the same decision.
#[test]
fn the_stock_test_framework_drives_the_account() {
    let read = |text| serde_json::from_str::<Event>(text).unwrap();
    let opened = read(include_str!("golden/opened.1.json"));
    let at = opened.entry().at;
    let instruction = |row| Instruction { at, command: command(row) };
    let framework = || TestFramework::<Account>::with(Box::new(Facts::default()));
    let after = Balances { main: "5".parse().unwrap(), ..opened.entry().after };
    let cash = "cash/bank".parse().unwrap();
    let amount = "5".parse().unwrap();
    let movements = vec![Movement { debit: cash, credit: MAIN, amount }];
    let (provider, reference) = ("bank".parse().unwrap(), "wire 1".parse().unwrap());
    let top_up = TopUp { amount, currency: "USD".parse().unwrap(), provider, reference, fee: None };
    let topped_up = Event::ToppedUp(ToppedUp {
        amount,
        provider,
        reference: top_up.reference.clone(),
        entry: Entry { at, effective_at: at, movements, after },
    });
    framework()
        .given(vec![opened.clone()])
        .when(Instruction { at, command: Command::TopUp(top_up) })
        .then_expect_events(vec![topped_up]);
    framework().given(vec![opened]).when(instruction("open 0")).then_expect_error(Rejection::AlreadyOpen);
    framework()
        .given_no_previous_events()
        .when(instruction("charge 1"))
        .then_expect_error(Rejection::NotOpen);
}
