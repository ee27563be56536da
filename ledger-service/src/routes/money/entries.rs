//! Entries: what has happened on an account, one after the other.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use ledger_core::{
    AccountId, Caller, Currency, EntriesRequest, Entry, EntryFilter, EntryId, EntryKey, Event,
    IdempotencyKey, Label, Leg, Line, Money, Movement, Note, Receipt,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    auth::{By, Reader},
    error::{ApiError, Code, IDEMPOTENCY_REPLAYED, problems, reference::ACCESS},
    extract::{Named, Params},
    state::Shared,
    wire::{CurrencyText, Cursor, LabelText, LegText, Limit, Moment, MoneyText, Page, Version, etag},
};

/// What a command did, the same to the byte for every retry.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryResponse {
    pub(crate) id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) r#type: EntryType,
    #[schema(value_type = MoneyText)]
    amount: Money,
    #[schema(value_type = CurrencyText)]
    currency: Currency,
    /// Double entry: each movement debits one place and credits another.
    movements: Vec<MovementResponse>,
    #[schema(value_type = MoneyText)]
    balance_before: Money,
    #[schema(value_type = MoneyText)]
    pub(crate) balance_after: Money,
    #[schema(value_type = MoneyText)]
    available_after: Money,
    /// The entry that this one gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refers_to: Option<Uuid>,
    /// Who took the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    provider: Option<String>,
    /// The provider's name for the payment, or the caller's own for the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reference: Option<String>,
    /// Why it was given back, as long as that is not erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// The caller's own words, as long as they are not erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// The caller's own names and values, as long as they are not erased.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    metadata: BTreeMap<String, String>,
    /// The account's version after it.
    pub(crate) version: u64,
    /// When it counts for the business.
    effective_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    /// Only what would have happened: nothing was stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    dry_run: bool,
}

/// What kind of entry it is.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntryType {
    Opened,
    ToppedUp,
    Charged,
    Refunded,
    TopUpRefunded,
    ChargedBack,
}

/// One amount from one place to another.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovementResponse {
    #[schema(value_type = LegText)]
    debit: Leg,
    #[schema(value_type = LegText)]
    credit: Leg,
    #[schema(value_type = MoneyText)]
    amount: Money,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntriesParams {
    /// The one under this idempotency key: the platform's own, unless `key_user` says whose.
    #[param(value_type = Option<LabelText>)]
    key: Option<IdempotencyKey>,
    /// The user whose key it is.
    key_user: Option<Uuid>,
    /// Those that were sent with this reference.
    #[param(value_type = Option<LabelText>)]
    reference: Option<Label>,
    /// Those that this request made.
    #[param(value_type = Option<LabelText>)]
    request_id: Option<Label>,
    /// Those of this kind.
    #[param(inline)]
    r#type: Option<EntryType>,
    /// Those recorded at this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Moment>,
    /// Those recorded before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Moment>,
    /// By when they were recorded.
    #[serde(default)]
    #[param(inline, required = false)]
    order: Order,
    /// Rows of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Version>>,
}

/// Which way a list goes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(default = "asc")]
enum Order {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}

problems!(EntriesProblems: ACCESS, &[Code::NotFound, Code::Invalid, Code::AccountQuarantined]);
problems!(EntryProblems: ACCESS, &[Code::NotFound, Code::AccountQuarantined]);

/// What has happened on an account: all of it, or what is asked for. A page of what is asked for may have fewer rows than its
/// limit, also none, and yet a next one.
#[utoipa::path(
    get, path = "/accounts/{id}/entries", tag = "money", params(("id" = Uuid, Path), EntriesParams),
    security(("bearer" = [])),
    responses((status = 200, body = Page<EntryResponse>), EntriesProblems)
)]
pub(crate) async fn list_entries(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(account): Named<AccountId>,
    Params(params): Params<EntriesParams>,
) -> Result<Json<Page<EntryResponse>>, ApiError> {
    let page = shared.ledger().entries(&by.caller, account, params.read()?).await?;
    let next_cursor = page.next.map(|version| Cursor(Version(version)).to_string());
    Ok(Json(Page { data: page.lines.into_iter().map(EntryResponse::from).collect(), next_cursor }))
}

/// One entry, if it is of this kind.
pub(super) async fn entry_of_type(
    shared: &Shared,
    by: &By<Reader>,
    entry: EntryId,
    kind: EntryType,
) -> Result<Json<EntryResponse>, ApiError> {
    let line = EntryResponse::from(shared.ledger().entry(&by.caller, entry).await?);
    if line.r#type == kind { Ok(Json(line)) } else { Err(ApiError::not_found()) }
}

/// One entry.
#[utoipa::path(
    get, path = "/entries/{id}", tag = "money", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = EntryResponse), EntryProblems)
)]
pub(crate) async fn get_entry(
    State(shared): State<Shared>,
    by: By<Reader>,
    Named(entry): Named<EntryId>,
) -> Result<Json<EntryResponse>, ApiError> {
    Ok(Json(shared.ledger().entry(&by.caller, entry).await?.into()))
}

impl EntriesParams {
    fn read(self) -> Result<EntriesRequest, ApiError> {
        let key = match (self.key, self.key_user) {
            (Some(key), user) => Some(EntryKey { key, user }),
            (None, Some(_)) => return Err(ApiError::invalid("?key_user", "say which key of this user")),
            (None, None) => None,
        };
        Ok(EntriesRequest {
            filter: EntryFilter {
                key,
                event_type: self.r#type.map(EntryType::event_type),
                reference: self.reference,
                request_id: self.request_id,
            },
            from: self.from.map(|Moment(from)| from),
            to: self.to.map(|Moment(to)| to),
            newest_first: self.order == Order::Desc,
            after: self.cursor.map(|Cursor(Version(version))| version),
            limit: self.limit.shown(),
        })
    }
}

impl EntryResponse {
    /// Of an entry, with what was said beside it.
    fn new(receipt: &Receipt, Note { description, metadata }: Note) -> Self {
        let Entry { effective_at, movements, after, .. } = receipt.event.entry();
        let (provider, reference) = match &receipt.event {
            Event::ToppedUp(top_up) => (Some(top_up.provider), Some(&top_up.reference)),
            Event::TopUpRefunded(refund) => (Some(refund.provider), None),
            Event::ChargedBack(charge_back) => (Some(charge_back.provider), None),
            Event::Charged(charged) => (None, charged.reference.as_ref()),
            Event::Opened(_) | Event::Refunded(_) => (None, None),
        };
        let refers_to = receipt.event.refers_to();
        // What gives something back was sent with a reason, and all else with a description.
        let (reason, description) = match refers_to {
            Some(_) => (description, None),
            None => (None, description),
        };
        Self {
            id: receipt.id.0,
            account_id: receipt.account.0,
            r#type: EntryType::of(&receipt.event),
            amount: receipt.event.amount(),
            currency: receipt.currency,
            movements: movements.iter().map(MovementResponse::from).collect(),
            balance_before: receipt.balance_before(),
            balance_after: after.balance(),
            available_after: after.available(),
            refers_to: refers_to.map(|entry| entry.0),
            provider: provider.map(|provider| provider.to_string()),
            reference: reference.map(ToString::to_string),
            reason,
            description,
            metadata,
            version: receipt.version(),
            effective_at: *effective_at,
            recorded_at: receipt.recorded_at,
            dry_run: false,
        }
    }
}

impl EntryType {
    /// As the journal names it.
    fn event_type(self) -> String {
        let name = serde_json::to_value(self).expect("a kind is a word");
        format!("account.{}", name.as_str().expect("a kind is a word"))
    }

    fn of(event: &Event) -> Self {
        match event {
            Event::Opened(_) => Self::Opened,
            Event::ToppedUp(_) => Self::ToppedUp,
            Event::Charged(_) => Self::Charged,
            Event::Refunded(_) => Self::Refunded,
            Event::TopUpRefunded(_) => Self::TopUpRefunded,
            Event::ChargedBack(_) => Self::ChargedBack,
        }
    }
}

impl From<&Movement> for MovementResponse {
    fn from(movement: &Movement) -> Self {
        Self { debit: movement.debit, credit: movement.credit, amount: movement.amount.money() }
    }
}

impl From<Line> for EntryResponse {
    fn from(Line { receipt, note }: Line) -> Self {
        Self::new(&receipt, note.unwrap_or_default())
    }
}

/// 201 with what was created, the account's new version, and whether an earlier call has created it.
pub(crate) fn created(receipt: &Receipt, body: impl Serialize, location: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::ETAG, etag(receipt.version()));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    if receipt.replayed {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    (StatusCode::CREATED, headers, Json(body)).into_response()
}

/// 201 with an entry, and what was said beside it.
pub(crate) async fn created_entry(
    shared: &Shared,
    caller: &Caller,
    receipt: &Receipt,
    said: Note,
) -> Result<Response, ApiError> {
    // To a retry, what was said first, as long as it is not erased.
    let note = match receipt.replayed {
        true => shared.ledger().entry(caller, receipt.id).await?.note.unwrap_or_default(),
        false => said,
    };
    Ok(created(receipt, EntryResponse::new(receipt, note), &format!("/entries/{}", receipt.id)))
}

/// 200 with what would have been created.
pub(crate) fn foreseen_entry(receipt: &Receipt, said: Note) -> Response {
    Json(EntryResponse { dry_run: true, ..EntryResponse::new(receipt, said) }).into_response()
}
