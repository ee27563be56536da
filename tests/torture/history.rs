//! What was asked and answered, and when; and whether one account after the other, as the model keeps them, explains it all.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::model::{Account, Answer, Call, Command, Shown};

/// One sending of a call. The times are counts of a clock that all workers share.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) call: Arc<Call>,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) answer: Answer,
}

/// Something that cannot be, by the name of the check that saw it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) check: &'static str,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// What the books must have come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) entries: u64,
    pub(crate) refusals: u64,
}

/// The outcome of a key: what was answered first, and when it may have been decided.
struct Outcome<'a> {
    call: &'a Call,
    answer: &'a Answer,
    begun: u64,
    acknowledged: u64,
}

/// Holds a whole history against the model.
pub(crate) fn check(attempts: &[Attempt], accounts: usize) -> (Totals, Vec<Violation>) {
    let mut violations = Vec::new();
    let mut keys: BTreeMap<u64, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.call.is_keyed()) {
        keys.entry(attempt.call.key).or_default().push(attempt);
    }
    let mut outcomes = BTreeMap::new();
    for (key, sent) in &mut keys {
        sent.sort_by_key(|attempt| attempt.ended);
        outcomes.extend(outcome(sent, &mut violations).map(|outcome| (*key, outcome)));
    }
    let refused = outcomes.values().filter(|outcome| !matches!(outcome.answer, Answer::Done { .. }));
    let mut totals = Totals { entries: 0, refusals: refused.count() as u64 };
    for account in 0..accounts {
        let of_account = |call: &Call| call.account == account;
        let moves = outcomes.values().filter(|outcome| of_account(outcome.call)).collect::<Vec<_>>();
        let Some((model, story)) = replay(account, &moves, &mut violations) else { continue };
        totals.entries += model.version();
        for outcome in moves {
            if !matches!(outcome.answer, Answer::Done { .. }) {
                let (call, answer) = (outcome.call, outcome.answer);
                judge(&model, &story, call, answer, (outcome.begun, outcome.acknowledged), &mut violations);
            }
        }
        let unstored = attempts.iter().filter(|attempt| {
            !(attempt.call.is_keyed() && attempt.answer.is_stored()) && attempt.answer != Answer::Unknown
        });
        for Attempt { call, answer, begun, ended, .. } in unstored.filter(|sent| of_account(&sent.call)) {
            if !is_reuse(answer) {
                judge(&model, &story, call, answer, (*begun, *ended), &mut violations);
            }
        }
    }
    (totals, violations)
}

/// What a key came to: every attempt must have been told the same, and one of them first.
fn outcome<'a>(sent: &[&'a Attempt], violations: &mut Vec<Violation>) -> Option<Outcome<'a>> {
    let mut wrong =
        |check, attempt: &Attempt| violations.push(Violation { check, what: format!("{attempt:?}") });
    let Some(first) = sent.iter().find(|attempt| attempt.answer.is_stored()) else {
        for attempt in sent.iter().filter(|attempt| is_reuse(&attempt.answer)) {
            wrong("one_outcome", attempt);
        }
        return None;
    };
    let same: Vec<_> = sent.iter().filter(|attempt| attempt.call == first.call).collect();
    let mut originals = 0;
    for attempt in sent {
        let is_late = attempt.begun > first.ended;
        let is_fine = if attempt.call == first.call {
            let is_told = attempt.answer.agrees(&first.answer);
            originals += usize::from(is_told && !attempt.answer.is_replayed());
            // Before the outcome was there, the same key may have been answered something that is not stored.
            is_told || attempt.answer == Answer::Unknown || (!is_late && !attempt.answer.is_stored())
        } else {
            is_reuse(&attempt.answer)
                || attempt.answer == Answer::Unknown
                || !(is_late || attempt.answer.is_stored())
        };
        if !is_fine || (is_late && attempt.answer.agrees(&first.answer) && !attempt.answer.is_replayed()) {
            wrong("one_outcome", attempt);
        }
    }
    // Whoever did it may have hung up before he was told.
    let was_anybody_lost = same.iter().any(|attempt| attempt.answer == Answer::Unknown);
    if originals > 1 || (originals == 0 && !was_anybody_lost) {
        wrong("one_outcome", first);
    }
    let begun = same.iter().map(|attempt| attempt.begun).min()?;
    Some(Outcome { call: &first.call, answer: &first.answer, begun, acknowledged: first.ended })
}

fn is_reuse(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { code, .. } if code == "idempotency_key_reused")
}

/// When each version of an account may first have been there, and when it must have been.
struct Story {
    begun: Vec<u64>,
    acknowledged: Vec<u64>,
}

impl Story {
    /// The versions that the account may have been at, at some moment between the two.
    fn versions(&self, (begun, ended): (u64, u64)) -> (u64, u64) {
        let is_there = |at: &u64| *at < begun;
        let least = self.acknowledged.iter().rposition(is_there).map_or(0, |idx| idx as u64 + 1);
        let is_possible = |at: &u64| *at > ended;
        let most = self.begun.iter().position(is_possible).unwrap_or(self.begun.len()) as u64;
        (least, most)
    }
}

/// Does again, one after the other, all that was done to the account.
fn replay(
    account: usize,
    outcomes: &[&Outcome<'_>],
    violations: &mut Vec<Violation>,
) -> Option<(Account, Story)> {
    let mut done: Vec<(Shown, &Outcome<'_>)> = Vec::new();
    for outcome in outcomes {
        if let Answer::Done { shown, .. } = outcome.answer {
            done.push((*shown, outcome));
        }
    }
    done.sort_by_key(|(shown, _)| shown.version);
    let mut wrong = |check, what: String| violations.push(Violation { check, what });
    let (mut model, mut story) = (Account::new(), Story { begun: Vec::new(), acknowledged: Vec::new() });
    for (shown, outcome) in done {
        let version = model.version();
        if shown.version != version + 1 {
            wrong(
                "dense",
                format!("account {account}: {version} is followed by {shown:?}, {:?}", outcome.call),
            );
            return None;
        }
        let expected = model.answer(version, outcome.call);
        let Answer::Done { shown: expected_shown, .. } = &expected else {
            wrong("arithmetic", format!("{expected:?} was expected, not {shown:?}: {:?}", outcome.call));
            return None;
        };
        if !expected.agrees(outcome.answer) {
            wrong(
                "arithmetic",
                format!("{expected_shown:?} was expected, not {shown:?}: {:?}", outcome.call),
            );
            return None;
        }
        if story.begun.iter().any(|begun| *begun > outcome.acknowledged) {
            wrong("order", format!("it came after something that began when it was done: {shown:?}"));
        }
        model.apply(outcome.call, *expected_shown);
        story.begun.push(outcome.begun);
        story.acknowledged.push(outcome.acknowledged);
    }
    Some((model, story))
}

/// Whether the answer was right at some moment between the call and it.
fn judge(
    model: &Account,
    story: &Story,
    call: &Call,
    answer: &Answer,
    between: (u64, u64),
    violations: &mut Vec<Violation>,
) {
    let (least, most) = story.versions(between);
    if !(least..=most).any(|version| model.answer(version, call).agrees(answer)) {
        let expected = model.answer(least, call);
        let what =
            format!("at version {least} to {most}: {expected:?} was expected, not {answer:?}: {call:?}");
        violations.push(Violation { check: "justified", what });
    }
}

impl Call {
    pub(crate) fn is_keyed(&self) -> bool {
        !self.dry_run && self.command != Command::Look
    }
}
