//! One place where the books do not hold, and whether somebody has explained it.

use std::{collections::HashMap, fmt};

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};

use super::CheckName;
use crate::domain::{
    chain::Hash,
    ids::{AccountId, EntryId},
};

/// Bytes of a finding's digest that its name shows: enough that no two findings of one audit share them.
const NAME_BYTES: usize = 8;

/// One place where a check does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, which follows from the check, the place and the text: another finding has another one.
    pub name: String,
    /// The account, if it is about one.
    pub account: Option<AccountId>,
    /// The place in the account's stream, if it is about one.
    pub sequence: Option<u64>,
    /// The id of the entry there.
    pub entry: Option<EntryId>,
    /// What is wrong, for a person to read.
    pub text: String,
    /// Who has explained it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    #[serde(skip)]
    pub(super) digest: Hash,
}

/// Somebody has explained a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// Why it is no reason to worry.
    pub reason: String,
    /// When, in the database's words.
    pub at: String,
}

/// All acknowledgements there are, by the finding.
pub(super) type Acknowledgements = HashMap<Hash, Acknowledgement>;

pub(super) async fn acknowledgements(connection: &mut PgConnection) -> sqlx::Result<Acknowledgements> {
    let select = "select finding, actor, reason, acknowledged_at::text as at from acknowledgements";
    let rows = sqlx::query(select).fetch_all(connection).await?;
    let read = |row: &sqlx::postgres::PgRow| {
        let (by, reason, at) = (row.try_get("actor")?, row.try_get("reason")?, row.try_get("at")?);
        Ok((row.try_get("finding")?, Acknowledgement { by, reason, at }))
    };
    rows.iter().map(read).collect()
}

impl Finding {
    pub(super) fn new(
        check: CheckName,
        account: Option<AccountId>,
        sequence: Option<u64>,
        text: impl Into<String>,
    ) -> Self {
        let (text, sequence) = (text.into(), sequence.filter(|sequence| *sequence > 0));
        let place = sequence.filter(|sequence| *sequence <= EntryId::SEQUENCE_MAX);
        let entry = account.zip(place).map(|(account, sequence)| EntryId::new(account, sequence));
        let said = serde_json::to_vec(&(check, account, sequence, &text)).expect("a finding is plain JSON");
        let digest: Hash = Sha256::digest(said).into();
        let name = digest[..NAME_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name, account, sequence, entry, text, acknowledged: None, digest }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, sequence, entry, text, .. } = self;
        match (account, sequence, entry) {
            (Some(account), Some(sequence), Some(entry)) => {
                write!(f, "account {account}, entry {sequence} ({entry}): {text}")
            }
            (Some(account), _, _) => write!(f, "account {account}: {text}"),
            (None, _, _) => write!(f, "sum: {text}"),
        }
    }
}
