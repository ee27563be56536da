//! Virtual keys: what a customer's programs carry. The key itself is shown once, to whoever makes or rotates it.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use ledger_core::Label;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    auth::{Admin, Auditor, By},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY},
    },
    extract::{Body, IfMatch, IfMatchParams, Named, Params},
    secret::{KeyKind, Secret},
    state::Shared,
    store::{KeyChange, NewKey, StoredKey},
    wire::{Cursor, LabelText, Limit, Page, Row, etag},
};

/// A key to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// Whose key it is; their tenant pays, or else they do.
    user_id: Uuid,
    #[schema(value_type = LabelText)]
    name: Label,
}

/// What is to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyPatch {
    #[schema(value_type = Option<LabelText>)]
    name: Option<Label>,
}

/// A virtual key, without the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyResponse {
    id: Uuid,
    user_id: Uuid,
    name: String,
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When it was taken out of use, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<DateTime<Utc>>,
}

/// A virtual key, with the key: this is the only time it is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyResponse {
    #[serde(flatten)]
    stored: KeyResponse,
    key: String,
}

/// Whose keys, and a page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysParams {
    /// Only the keys of this user.
    user_id: Option<Uuid>,
    /// Rows of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Row>>,
}

problems!(CreateKeyProblems: ACCESS, BODY, &[Code::OwnerNotFound]);
problems!(ListKeysProblems: ACCESS, &[Code::Invalid]);
problems!(KeyProblems: ACCESS, &[Code::NotFound]);
problems!(UpdateKeyProblems: ACCESS, BODY, &[Code::NotFound, Code::StaleVersion]);

/// Makes a virtual key for a user.
#[utoipa::path(
    post, path = "/keys", tag = "identity", security(("bearer" = [])),
    request_body = KeyRequest,
    responses((status = 201, body = NewKeyResponse), CreateKeyProblems)
)]
pub(crate) async fn create_key(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(KeyRequest { user_id, name }): Body<KeyRequest>,
) -> Result<Response, ApiError> {
    let secret = Secret::generate(KeyKind::Virtual);
    let (name, created_by) = (name.into(), by.actor().into());
    let key =
        shared.store().insert_key(NewKey { user_id, name, digest: secret.digest(), created_by }).await?;
    Ok((StatusCode::CREATED, revealed(key, &secret)).into_response())
}

/// All virtual keys, or those of one user.
#[utoipa::path(
    get, path = "/keys", tag = "identity", params(KeysParams), security(("bearer" = [])),
    responses((status = 200, body = Page<KeyResponse>), ListKeysProblems)
)]
pub(crate) async fn list_keys(
    State(shared): State<Shared>,
    _: By<Auditor>,
    Params(KeysParams { user_id, limit, cursor }): Params<KeysParams>,
) -> Result<Json<Page<KeyResponse>>, ApiError> {
    let keys = shared.store().list_keys(user_id, Row::after(cursor), limit.rows()).await?;
    let cursor = |key: &StoredKey| Row { created_at: key.created_at, id: key.id }.cursor();
    Ok(Json(Page::of(keys, limit, cursor, KeyResponse::from)))
}

/// One virtual key.
#[utoipa::path(
    get, path = "/keys/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = KeyResponse, headers(("ETag" = String))), KeyProblems)
)]
pub(crate) async fn get_key(
    State(shared): State<Shared>,
    _: By<Auditor>,
    Named(id): Named<Uuid>,
) -> Result<Response, ApiError> {
    Ok(shown(shared.store().select_key(id).await?))
}

/// Changes a virtual key in use.
#[utoipa::path(
    patch, path = "/keys/{id}", tag = "identity", params(("id" = Uuid, Path), IfMatchParams),
    security(("bearer" = [])),
    request_body = KeyPatch,
    responses((status = 200, body = KeyResponse, headers(("ETag" = String))), UpdateKeyProblems)
)]
pub(crate) async fn update_key(
    State(shared): State<Shared>,
    _: By<Admin>,
    Named(id): Named<Uuid>,
    IfMatch(if_version): IfMatch,
    Body(KeyPatch { name }): Body<KeyPatch>,
) -> Result<Response, ApiError> {
    let change = KeyChange { if_version, name: name.map(String::from), ..KeyChange::default() };
    Ok(shown(shared.store().update_key(id, change).await?))
}

/// Takes a virtual key out of use, at once and for good.
#[utoipa::path(
    delete, path = "/keys/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), KeyProblems)
)]
pub(crate) async fn revoke_key(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    let change = KeyChange { revoked_by: Some(by.actor().into()), ..KeyChange::default() };
    shared.store().update_key(id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a virtual key a new secret. The old one is refused at once.
#[utoipa::path(
    post, path = "/keys/{id}/rotate", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = NewKeyResponse, headers(("ETag" = String))), KeyProblems)
)]
pub(crate) async fn rotate_key(
    State(shared): State<Shared>,
    _: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<Response, ApiError> {
    let secret = Secret::generate(KeyKind::Virtual);
    let change = KeyChange { digest: Some(secret.digest()), ..KeyChange::default() };
    Ok(revealed(shared.store().update_key(id, change).await?, &secret))
}

fn shown(key: StoredKey) -> Response {
    ([(header::ETAG, etag(key.version))], Json(KeyResponse::from(key))).into_response()
}

fn revealed(key: StoredKey, secret: &Secret) -> Response {
    let version = etag(key.version);
    let body = NewKeyResponse { stored: key.into(), key: secret.reveal().to_owned() };
    ([(header::ETAG, version)], Json(body)).into_response()
}

impl From<StoredKey> for KeyResponse {
    fn from(key: StoredKey) -> Self {
        let StoredKey { id, user_id, name, version, created_at, updated_at, revoked_at } = key;
        Self { id, user_id, name, version, created_at, updated_at, revoked_at }
    }
}
