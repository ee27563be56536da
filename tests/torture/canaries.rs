//! A check that cannot fail shows nothing: each is shown a true history with one thing made wrong.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    history::{Attempt, check},
    model::{Answer, Call, Command, refused},
};

/// Makes one thing wrong; `None` where the history has no such thing.
type Spoil = fn(Vec<Attempt>) -> Option<Vec<Attempt>>;

/// What is made wrong, the check that has to see it, and how it is done.
const CANARIES: [(&str, &str, Spoil); 6] = [
    ("an acknowledged entry is lost", "dense", lose),
    ("an entry is booked twice", "one_outcome", double),
    ("a balance is a crumb too high", "arithmetic", raise),
    ("a refusal names what was never available", "justified", exaggerate),
    ("a balance is shown as it was", "justified", look_back),
    ("a key is forgotten", "one_outcome", forget),
];

/// Makes one thing wrong after the other, and tells which check has seen it.
pub(crate) fn sing(attempts: &[Attempt], accounts: usize) -> Vec<Value> {
    let mut heard = Vec::new();
    for (canary, expected, spoil) in CANARIES {
        let spoiled =
            spoil(attempts.to_vec()).unwrap_or_else(|| panic!("the history is too small: {canary}"));
        let (_, violations) = check(&spoiled, accounts);
        let seen = violations.iter().map(|violation| violation.check).find(|check| *check == expected);
        assert!(seen.is_some(), "{canary}: `{expected}` did not see it, but {violations:?}");
        heard.push(json!({"canary": canary, "expected_check": expected, "seen_check": seen}));
    }
    heard
}

/// All that is known of one entry in mid-stream goes.
fn lose(mut attempts: Vec<Attempt>) -> Option<Vec<Attempt>> {
    let key = made(&attempts, 2)?.call.key;
    attempts.retain(|sent| sent.call.key != key);
    Some(attempts)
}

fn double(mut attempts: Vec<Attempt>) -> Option<Vec<Attempt>> {
    let mut again = made(&attempts, 2)?.clone();
    if let Answer::Done { shown, .. } = &mut again.answer {
        shown.version += 1;
    }
    attempts.push(again);
    Some(attempts)
}

fn raise(mut attempts: Vec<Attempt>) -> Option<Vec<Attempt>> {
    let key = made(&attempts, 3)?.call.key;
    for sent in attempts.iter_mut().filter(|sent| sent.call.key == key) {
        if let Answer::Done { shown, .. } = &mut sent.answer {
            shown.after.balance += 1;
        }
    }
    Some(attempts)
}

fn exaggerate(mut attempts: Vec<Attempt>) -> Option<Vec<Attempt>> {
    let is_refused = |sent: &&Attempt| {
        let Answer::Refused { code, .. } = &sent.answer else { return false };
        code == "insufficient_funds" && sent.call.is_keyed()
    };
    let key = attempts.iter().find(is_refused)?.call.key;
    for sent in attempts.iter_mut().filter(|sent| sent.call.key == key) {
        if let Answer::Refused { numbers, .. } = &mut sent.answer {
            // Another command under the same key is refused without numbers.
            numbers.first_mut().into_iter().for_each(|available| *available += 1);
        }
    }
    Some(attempts)
}

fn look_back(mut attempts: Vec<Attempt>) -> Option<Vec<Attempt>> {
    let looks = attempts.iter_mut().rev().filter(|sent| sent.call.command == Command::Look);
    let mut shown = looks.filter_map(|sent| match &mut sent.answer {
        Answer::Done { shown, .. } => Some(shown),
        Answer::Refused { .. } | Answer::Unknown => None,
    });
    shown.next()?.version -= 1;
    Some(attempts)
}

/// A retry of what was acknowledged is told that the account has moved on.
fn forget(mut attempts: Vec<Attempt>) -> Option<Vec<Attempt>> {
    let old = made(&attempts, 2)?.call.clone();
    let call = Arc::new(Call { if_version: Some(1), ..(*old).clone() });
    for sent in attempts.iter_mut().filter(|sent| sent.call == old) {
        sent.call = call.clone();
    }
    let end = attempts.iter().map(|sent| sent.ended).max()?;
    let answer = refused("stale_version", &[]);
    attempts.push(Attempt { call, begun: end + 1, ended: end + 2, answer });
    Some(attempts)
}

/// The answer to whoever has brought an account to that version.
fn made(attempts: &[Attempt], version: u64) -> Option<&Attempt> {
    let is_it = |sent: &&Attempt| match &sent.answer {
        Answer::Done { shown, .. } => sent.call.is_keyed() && shown.version == version,
        Answer::Refused { .. } | Answer::Unknown => false,
    };
    attempts.iter().find(is_it)
}
