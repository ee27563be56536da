//! In which realm something lies, before a realm is known. One statement each, for what is there, absent or foreign.

use uuid::Uuid;

use crate::{
    caller::Caller,
    domain::{
        ids::{AccountId, EntryId, Owner, RealmId},
        money::Currency,
    },
    error::LedgerError,
    ledger::Ledger,
};

/// By the balance row, or else by the first event: an account that has lost its row is broken, and not absent.
const REALM: &str = "
select coalesce(
    (select realm_id from account_balances where account_id = $1),
    (select realm_id from events where aggregate_id = $2 and sequence = 1))";

/// An entry's id names all but 48 bits of its account's. There is one account in that range, or none.
const PLACE: &str = "
select realm_id, account_id from account_balances where account_id between $1 and $2
union all
(select realm_id, aggregate_id::uuid from events where aggregate_id between $3 and $4 order by aggregate_id, sequence limit 1)
limit 1";

impl Ledger {
    /// The realm that this caller may look for the account in: their own, or the account's if they are the platform.
    pub(crate) async fn realm_for(
        &self,
        caller: &Caller,
        account: AccountId,
    ) -> Result<RealmId, LedgerError> {
        match caller.realm {
            Some(realm) => Ok(realm),
            None => self.find_realm(account).await?.ok_or(LedgerError::NotFound),
        }
    }

    /// Tells a foreign account and an absent one the same, and before a lane hears of them: it would answer for the one from
    /// memory and read the journal for the other. A caller's own account follows from their id, and costs no read.
    pub(crate) async fn expect_visible(
        &self,
        caller: &Caller,
        account: AccountId,
        currency: Currency,
    ) -> Result<(), LedgerError> {
        let Some(own) = caller.realm else { return Ok(()) };
        let owners = [Owner::Tenant(own.0), Owner::User(own.0)];
        if owners.iter().any(|owner| AccountId::of(*owner, currency) == account) {
            return Ok(());
        }
        match self.find_realm(account).await? {
            Some(realm) if realm == own => Ok(()),
            Some(_) | None => Err(LedgerError::NotFound),
        }
    }

    async fn find_realm(&self, account: AccountId) -> Result<Option<RealmId>, LedgerError> {
        let realm: Option<Uuid> = sqlx::query_scalar(REALM)
            .bind(account.0)
            .bind(account.to_string())
            .fetch_one(self.auth())
            .await?;
        Ok(realm.map(RealmId))
    }

    /// Where an entry lies, if this caller may see it. A foreign one costs the same statement as an absent one, so that their
    /// answers take equally long.
    pub(crate) async fn place_of(
        &self,
        caller: &Caller,
        entry: EntryId,
    ) -> Result<(RealmId, AccountId), LedgerError> {
        let (least, greatest) = entry.account_range();
        let place = sqlx::query_as(PLACE)
            .bind(least.0)
            .bind(greatest.0)
            .bind(least.to_string())
            .bind(greatest.to_string())
            .fetch_optional(self.auth());
        let place = place.await?.map(|(realm, account)| (RealmId(realm), AccountId(account)));
        let is_visible =
            |(realm, _): &(RealmId, _)| entry.sequence() > 0 && caller.realm.is_none_or(|own| own == *realm);
        place.filter(is_visible).ok_or(LedgerError::NotFound)
    }
}
