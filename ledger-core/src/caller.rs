//! Who calls: what they may see, and what is kept of them on every event.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    domain::{
        account::Command,
        chain::SealedNote,
        ids::RealmId,
        limits::{IdempotencyKey, Label, LimitError, Note},
        request::Namespace,
    },
    round::request::Key,
};

/// On whose behalf a call is made. An account of another realm is *not found*, in the database and in memory alike.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) realm: Option<RealmId>,
    namespace: Namespace,
    actor: Label,
    request_id: Option<Label>,
}

impl Caller {
    /// The platform itself: any account. `actor` is the id of the operator, gateway or job; it is kept for ever.
    ///
    /// All of the platform's callers share their keys: a retry may come from another one, or under a new credential.
    #[must_use]
    pub fn platform(actor: Label) -> Self {
        Self { realm: None, namespace: Namespace::Platform, actor, request_id: None }
    }

    /// The same caller, who can neither touch nor see any other realm: a gateway that acts for one customer.
    #[must_use]
    pub fn within(self, realm: RealmId) -> Self {
        Self { realm: Some(self.realm.unwrap_or(realm)), ..self }
    }

    /// A user of one realm, who can neither touch nor see any other.
    ///
    /// `user` is the id of the person, whatever credential they come with: their keys are their own, and can neither take
    /// those of the platform nor those of another user.
    #[must_use]
    pub fn of_realm(realm: RealmId, user: Uuid, actor: Label) -> Self {
        Self { realm: Some(realm), namespace: Namespace::User(user), actor, request_id: None }
    }

    /// The same caller within one request, whose id is kept on the event.
    #[must_use]
    pub fn in_request(&self, request_id: Label) -> Self {
        Self { request_id: Some(request_id), ..self.clone() }
    }

    /// A call under this key: whatever happens to the answer, the same key never acts twice.
    #[must_use]
    pub fn call(&self, key: IdempotencyKey) -> Call<'_> {
        Call { caller: self, key, note: Note::default(), if_version: None, dry_run: false }
    }

    /// What is kept beside an event, as flat JSON text. What is ours wins over what the caller says under the same name.
    pub(crate) fn metadata(
        &self,
        key: Option<&IdempotencyKey>,
        mut more: BTreeMap<String, String>,
    ) -> String {
        #[derive(Serialize)]
        struct Metadata<'a> {
            actor: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
            #[serde(flatten)]
            more: BTreeMap<String, String>,
        }
        more.retain(|name, _| !["actor", "request_id", "key"].contains(&name.as_str()));
        let (actor, request_id) = (self.actor.as_str(), self.request_id.as_ref().map(Label::as_str));
        let metadata = Metadata { actor, request_id, key: key.map(IdempotencyKey::as_str), more };
        serde_json::to_string(&metadata).expect("metadata is plain JSON")
    }
}

/// One keyed call of a caller.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub(crate) caller: &'a Caller,
    key: IdempotencyKey,
    note: Note,
    pub(crate) if_version: Option<u64>,
    pub(crate) dry_run: bool,
}

impl Call<'_> {
    /// Adds free text, which is stored where it can be erased. A retry is compared without it.
    ///
    /// # Errors
    /// [`LimitError`] naming the part that is too long.
    pub fn note(self, note: Note) -> Result<Self, LimitError> {
        note.check()?;
        Ok(Self { note, ..self })
    }

    /// Acts only if the account is still at this version; otherwise [`LedgerError::Stale`](crate::LedgerError::Stale).
    #[must_use]
    pub fn if_version(self, version: u64) -> Self {
        Self { if_version: Some(version), ..self }
    }

    /// Only tells what would happen now. Nothing is stored, and the key stays unused.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }

    pub(crate) fn seal(&self) -> Option<SealedNote> {
        SealedNote::seal(&self.note)
    }

    pub(crate) fn metadata(&self) -> String {
        self.caller.metadata(Some(&self.key), BTreeMap::new())
    }

    /// The hash of the key, and of what it stands for. A dry run has no key.
    pub(crate) fn key(&self, command: &Command) -> Option<Key> {
        let hash = self.caller.namespace.hash(&self.key);
        (!self.dry_run).then(|| Key { hash, request_hash: command.form().hash() })
    }
}
