//! Accounts: one per owner and currency.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use ledger_core::{
    AccountBalance, AccountId, AccountStatus, AccountsRequest, Currency, Label, Money, Open, Owner, RealmId,
};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, RefOr,
        schema::{AdditionalProperties, KnownFormat, Schema, SchemaFormat, Type},
    },
};
use uuid::Uuid;

use super::entries::created;
use crate::{
    auth::{AnyOperator, By, Cashier, Mover, Reader},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY, Listing, MONEY, Unchanged},
    },
    extract::{Body, Keyed, KeyedParams, Named, Params},
    state::Shared,
    store::Scope,
    wire::{CurrencyText, Cursor, LabelText, Limit, LimitText, MoneyText, Page, Versioned},
};

/// Tenants that a name may stand for in a search.
const NAMED_TENANTS_MAX: u32 = 1_000;

/// Whose account in what currency.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountRequest {
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    /// How far below zero it may go.
    #[serde(default)]
    #[schema(value_type = Option<LimitText>, nullable = false)]
    credit_limit: CreditLimit,
}

/// How far below zero an account may go.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Money")]
struct CreditLimit(Money);

impl TryFrom<Money> for CreditLimit {
    type Error = &'static str;
    fn try_from(limit: Money) -> Result<Self, &'static str> {
        if limit.is_negative() { Err("a credit limit is zero or more") } else { Ok(Self(limit)) }
    }
}

/// A person or a company: exactly one of the two. For the reference only: the type that reads it is the ledger's own.
pub(crate) struct OwnerSchema;

impl PartialSchema for OwnerSchema {
    fn schema() -> RefOr<Schema> {
        let id = SchemaFormat::KnownFormat(KnownFormat::Uuid);
        let id = ObjectBuilder::new().schema_type(Type::String).format(Some(id)).build();
        let no_more = AdditionalProperties::<Schema>::FreeForm(false);
        let only = |name| {
            let object = ObjectBuilder::new().property(name, id.clone()).required(name);
            object.additional_properties(Some(no_more.clone()))
        };
        let either = OneOfBuilder::new().item(only("user_id")).item(only("tenant_id"));
        Schema::from(either.description(Some("A person or a company: exactly one of the two")).build()).into()
    }
}

impl ToSchema for OwnerSchema {}

/// An account and its sums as of a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountResponse {
    id: Uuid,
    #[schema(value_type = OwnerSchema)]
    owner: Owner,
    #[serde(flatten)]
    balance: BalanceResponse,
    status: Status,
}

/// What an account still takes part in.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountStatus)]
pub(crate) enum Status {
    Open,
    /// Out of service: its entries do not hold, and what it says of its sums is not to be relied on.
    Quarantined,
}

/// The sums of an account as of a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceResponse {
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    #[schema(value_type = MoneyText)]
    balance: Money,
    /// What holds have set aside.
    #[schema(value_type = MoneyText)]
    frozen_balance: Money,
    /// What a new charge may cost: balance − frozen_balance + credit_limit.
    #[schema(value_type = MoneyText)]
    available: Money,
    /// What the owner owes.
    #[schema(value_type = MoneyText)]
    outstanding_amount: Money,
    #[schema(value_type = MoneyText)]
    credit_limit: Money,
    /// Given by the platform and not yet used.
    #[schema(value_type = MoneyText)]
    free_credit: Money,
    /// The part below the floor that chargebacks have made.
    #[schema(value_type = MoneyText)]
    forced_debt: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_charged_at: Option<DateTime<Utc>>,
    /// The number of the account's last entry.
    version: u64,
    /// When the account last moved or refused.
    as_of: DateTime<Utc>,
}

/// Which accounts: those for which all of it is so.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsParams {
    owner_user_id: Option<Uuid>,
    owner_tenant_id: Option<Uuid>,
    /// Of tenants with this in their name, in capitals or not.
    #[param(value_type = Option<LabelText>)]
    tenant_name: Option<Label>,
    #[param(value_type = Option<CurrencyText>)]
    currency: Option<Currency>,
    #[param(inline)]
    status: Option<Status>,
    /// With less than this.
    #[param(value_type = Option<MoneyText>)]
    balance_below: Option<Money>,
    /// Rows of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<AccountId>>,
}

problems!(OpenAccountProblems: ACCESS, BODY, MONEY, &[Code::AccountExists, Code::OwnerIsMember, Code::OwnerNotFound, Code::TenantSuspended]);
problems!(AccountProblems: ACCESS, &[Code::NotFound]);

/// Opens the one account of an owner in a currency.
#[utoipa::path(
    post, path = "/accounts", tag = "money", params(KeyedParams), security(("bearer" = [])),
    request_body = AccountRequest,
    responses((status = 201, body = AccountResponse), OpenAccountProblems)
)]
pub(crate) async fn open_account(
    State(shared): State<Shared>,
    by: Mover<Cashier>,
    keyed: Keyed,
    Body(AccountRequest { owner, currency, credit_limit }): Body<AccountRequest>,
) -> Result<Response, ApiError> {
    let open = Open { owner, currency, credit_limit: credit_limit.0 };
    // A retry is answered first: the owner may have been suspended since.
    let may = shared.store().expect_owner(by.scope(), owner).await;
    let by = by.begin(may)?;
    let opened = shared.ledger().open(&by.call(&keyed), open).await;
    let receipt = opened.map_err(|error| by.refused(error))?;
    let opened = AccountBalance::opened(&receipt)
        .ok_or_else(|| ApiError::internal("an opening that opened no account"))?;
    Ok(created(&receipt, AccountResponse::from(opened), &format!("/accounts/{}", receipt.account)))
}

/// The accounts of an owner, or, for operators, of all: those that are asked for, by their ids. A page may have fewer rows
/// than its limit, also none, and yet a next one.
#[utoipa::path(
    get, path = "/accounts", tag = "money", params(AccountsParams), security(("bearer" = [])),
    responses((status = 200, body = Page<AccountResponse>), Listing)
)]
pub(crate) async fn list_accounts(
    State(shared): State<Shared>,
    by: By<Reader>,
    Params(params): Params<AccountsParams>,
) -> Result<Json<Page<AccountResponse>>, ApiError> {
    let owner = match (params.owner_user_id, params.owner_tenant_id) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("?owner_user_id", "an account has one owner: a user or a tenant"));
        }
        (Some(user), None) => Some(Owner::User(user)),
        (None, tenant) => tenant.map(Owner::Tenant),
    };
    // A gateway knows whom it asks about. Only a person looks around among all customers.
    if owner.is_none() && matches!(by.scope(), Scope::Platform) && !by.may::<AnyOperator>() {
        return Err(ApiError::new(Code::Forbidden, "name an owner: only operators see the accounts of all"));
    }
    let realms = match params.tenant_name {
        Some(name) => Some(named(&shared, &by, name).await?),
        None => None,
    };
    let request = AccountsRequest {
        owner,
        realms,
        currency: params.currency,
        status: params.status.map(AccountStatus::from),
        balance_below: params.balance_below,
        after: params.cursor.map(|Cursor(account)| account),
        limit: params.limit.shown(),
    };
    let page = shared.ledger().accounts(&by.caller, request).await?;
    let next_cursor = page.next.map(|account| Cursor(account).to_string());
    Ok(Json(Page { data: page.accounts.into_iter().map(AccountResponse::from).collect(), next_cursor }))
}

/// The realms of the tenants with such a name.
async fn named(shared: &Shared, by: &By<Reader>, name: Label) -> Result<Vec<RealmId>, ApiError> {
    let realms = shared.store().realms_named(by.scope(), name.into(), NAMED_TENANTS_MAX + 1).await?;
    if realms.len() > NAMED_TENANTS_MAX as usize {
        let detail = format!("more than {NAMED_TENANTS_MAX} tenants have such a name: say more of it");
        return Err(ApiError::invalid("?tenant_name", detail));
    }
    Ok(realms)
}

/// An account with its sums.
#[utoipa::path(
    get, path = "/accounts/{id}", tag = "money", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = AccountResponse, headers(("ETag" = String))), Unchanged, AccountProblems)
)]
pub(crate) async fn get_account(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(account): Named<AccountId>,
) -> Result<Response, ApiError> {
    let balance = shared.ledger().balance(&by.caller, account).await?;
    if balance.status == AccountStatus::Quarantined {
        // No version tells that it is out of service, so no reader may take the answer for the one they have.
        return Ok(Json(AccountResponse::from(balance)).into_response());
    }
    let version = balance.row.balance_version;
    Ok(Versioned(AccountResponse::from(balance), version).into_response())
}

/// The sums of an account alone.
#[utoipa::path(
    get, path = "/accounts/{id}/balance", tag = "money", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = BalanceResponse, headers(("ETag" = String))), Unchanged, AccountProblems)
)]
pub(crate) async fn get_balance(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(account): Named<AccountId>,
) -> Result<Versioned<BalanceResponse>, ApiError> {
    let balance = shared.ledger().balance(&by.caller, account).await?;
    let version = balance.row.balance_version;
    Ok(Versioned(balance.into(), version))
}

impl From<AccountBalance> for AccountResponse {
    fn from(account: AccountBalance) -> Self {
        let (id, owner) = (account.account.0, account.row.owner);
        Self { id, owner, status: account.status.into(), balance: account.into() }
    }
}

impl From<AccountStatus> for Status {
    fn from(status: AccountStatus) -> Self {
        match status {
            AccountStatus::Open => Self::Open,
            AccountStatus::Quarantined => Self::Quarantined,
        }
    }
}

impl From<Status> for AccountStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Quarantined => Self::Quarantined,
        }
    }
}

impl From<AccountBalance> for BalanceResponse {
    fn from(AccountBalance { currency, row, available, updated_at, .. }: AccountBalance) -> Self {
        Self {
            currency,
            balance: row.balance,
            frozen_balance: row.frozen_balance,
            available,
            outstanding_amount: row.outstanding_amount,
            credit_limit: row.credit_limit,
            free_credit: row.free_credit,
            forced_debt: row.forced_debt,
            last_charged_at: row.last_charged_at,
            version: row.balance_version,
            as_of: updated_at,
        }
    }
}
