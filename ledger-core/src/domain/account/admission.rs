//! Events that somebody else has decided, such as a stock framework: they are taken in only if this account decides the same.

use super::{Account, Event, Facts, Instruction, Rejection};
use crate::domain::{entry::Timestamp, ids::AccountId};

/// An event that somebody else has decided is not what this account decides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} is not admitted: {reason}")]
pub struct Inadmissible {
    /// The place in the stream that it would have had.
    pub sequence: u64,
    /// Why, for a person to read.
    pub reason: String,
}

impl Account {
    /// Whether events that somebody else has decided are, to the last character, what this account decides: each is decided
    /// again from the command that it answers, at its own time. None may be later than `latest`.
    ///
    /// `id` is the account's, which it does not know before it is open.
    ///
    /// # Errors
    /// [`Inadmissible`] naming the first event that is not.
    pub fn admits(
        &self,
        id: AccountId,
        events: &[Event],
        facts: &Facts,
        latest: Timestamp,
    ) -> Result<(), Inadmissible> {
        let (mut account, mut facts) = (self.clone(), facts.clone());
        for event in events {
            let sequence = account.version + 1;
            let refused = |reason: String| Inadmissible { sequence, reason };
            let at = event.entry().at;
            if at > latest {
                return Err(refused(format!("its time, {at}, has not come")));
            }
            let currency = match (event, account.holder) {
                (Event::Opened(opened), _) => opened.currency,
                (_, Some(holder)) => holder.currency,
                (_, None) => return Err(refused(Rejection::NotOpen.to_string())),
            };
            let instruction = Instruction { at, command: event.command(currency) };
            let decided =
                account.decide(&instruction, &facts).map_err(|rejection| refused(rejection.to_string()))?;
            if decided != [event.clone()] {
                return Err(refused("the account decides something else".into()));
            }
            account.fold(event).map_err(|error| refused(error.reason.into()))?;
            if account.id() != Some(id) {
                return Err(refused("it opens another account than this one".into()));
            }
            facts.learn(sequence, event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::domain::account::tests::{command, noon};

    const ROWS: [&str; 6] = [
        "open 50",
        "top_up 100 3.2",
        "charge 30.5",
        "refund 3 5.5",
        "refund_top_up 2 35",
        "charge_back 2 65",
    ];

    /// Hands in the events of these commands, the one at `place` (from 1) with this text exchanged.
    fn admit(place: u64, from: &str, to: &str) -> Result<(), Inadmissible> {
        let (mut account, mut facts, mut events) = (Account::default(), Facts::default(), Vec::new());
        for row in ROWS {
            let instruction = Instruction { at: noon(), command: command(row) };
            let event = account.decide(&instruction, &facts).unwrap().remove(0);
            account.fold(&event).unwrap();
            facts.learn(account.version, &event);
            let text = serde_json::to_string(&event).unwrap();
            let changed = if account.version == place { text.replace(from, to) } else { text.clone() };
            assert_eq!(changed == text, account.version != place, "{text} has {from}");
            events.push(serde_json::from_str(&changed).unwrap());
        }
        Account::default().admits(account.id().unwrap(), &events, &Facts::default(), noon())
    }

    fn check(place: u64, from: &str, to: &str, expected: &Expect) {
        expected.assert_eq(&admit(place, from, to).unwrap_err().to_string());
    }

    #[test]
    fn what_the_account_decides_is_admitted() {
        assert_eq!(admit(0, "", ""), Ok(()));
    }

    #[test]
    fn what_it_does_not_decide_of_money_in_is_refused() {
        let at = r#""at":"2026-11-22T12:00:00.000001Z""#;
        check(
            1,
            "0000-000000000007",
            "0000-000000000008",
            &expect!["event 1 is not admitted: it opens another account than this one"],
        );
        check(1, "USD", "EUR", &expect!["event 1 is not admitted: it opens another account than this one"]);
        check(
            1,
            r#""credit_limit":"50""#,
            r#""credit_limit":"-50""#,
            &expect!["event 1 is not admitted: a sum is out of range"],
        );
        check(
            2,
            at,
            r#""at":"2026-11-22T11:59:59Z""#,
            &expect!["event 2 is not admitted: the account decides something else"],
        );
        check(
            2,
            at,
            r#""at":"2026-11-22T12:00:01Z""#,
            &expect!["event 2 is not admitted: its time, 2026-11-22 12:00:01 UTC, has not come"],
        );
        check(2, "fees", "revenue", &expect!["event 2 is not admitted: the account decides something else"]);
        check(
            2,
            r#""effective_at":"2026"#,
            r#""effective_at":"2025"#,
            &expect!["event 2 is not admitted: the account decides something else"],
        );
        check(3, "30.5", "3000", &expect!["event 3 is not admitted: 150 is available, 3000 is needed"]);
    }

    #[test]
    fn what_it_does_not_decide_of_money_spent_and_given_back_is_refused() {
        check(
            3,
            "revenue",
            "breakage",
            &expect!["event 3 is not admitted: the account decides something else"],
        );
        check(
            3,
            r#""effective_at":"2026"#,
            r#""effective_at":"2027"#,
            &expect![
                "event 3 is not admitted: effective_at 2027-11-22 12:00:00.000001 UTC is later than now, 2026-11-22 12:00:00.000001 UTC"
            ],
        );
        check(
            3,
            "00:00.000001Z\",\"mov",
            "00:00.0000001Z\",\"mov",
            &expect!["event 3 is not admitted: the account decides something else"],
        );
        check(
            3,
            r#""main":"69.5""#,
            r#""main":"70""#,
            &expect!["event 3 is not admitted: the account decides something else"],
        );
        check(
            4,
            "5.5",
            "1000",
            &expect!["event 4 is not admitted: 0 of the charge of 30.5 has been refunded already"],
        );
        check(
            4,
            "8f96-b081-000000000003",
            "8f96-b081-000000000002",
            &expect!["event 4 is not admitted: the account has no such charge"],
        );
        check(5, "stripe", "bank", &expect!["event 5 is not admitted: the account decides something else"]);
        check(
            6,
            "65",
            "66",
            &expect!["event 6 is not admitted: 35 of the top-up of 100 has been given back already"],
        );
        check(
            6,
            r#""forced_debt":"0""#,
            r#""forced_debt":"1""#,
            &expect!["event 6 is not admitted: the account decides something else"],
        );
    }
}
