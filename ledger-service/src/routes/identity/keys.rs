//! Virtual keys: what a customer's programs carry. The key itself is shown once, to whoever makes or rotates it.

use axum::{Json, extract::State, http::StatusCode};
use ledger_core::Label;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    auth::{Admin, AnyOperator, By},
    error::{
        ApiError, Code, problems,
        reference::{ACCESS, BODY, Changing, Listing, Naming, Unchanged},
    },
    extract::{Body, IfMatch, IfMatchParams, Named, Params},
    secret::{KeyKind, Secret},
    state::Shared,
    store::{Key, KeyChange, User},
    wire::{LabelText, Page, PageParams, Revealed, Versioned},
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

/// Whose keys.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysParams {
    /// Only the keys of this user.
    user_id: Option<Uuid>,
}

problems!(CreateKeyProblems: ACCESS, BODY, &[Code::OwnerNotFound, Code::TenantSuspended]);

/// Makes a virtual key for a user.
#[utoipa::path(
    post, path = "/keys", tag = "identity", security(("bearer" = [])),
    request_body = KeyRequest,
    responses((status = 201, body = Revealed<Key>), CreateKeyProblems)
)]
pub(crate) async fn create_key(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(KeyRequest { user_id, name }): Body<KeyRequest>,
) -> Result<(StatusCode, Versioned<Revealed<Key>>), ApiError> {
    let secret = Secret::generate(KeyKind::Virtual);
    let (store, name) = (shared.store(), name.into());
    let key = store.insert_key(by.scope(), user_id, name, secret.digest(), by.actor().into()).await?;
    Ok((StatusCode::CREATED, revealed(key, &secret)))
}

/// All virtual keys, or those of one user.
#[utoipa::path(
    get, path = "/keys", tag = "identity", params(KeysParams, PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<Key>), Listing)
)]
pub(crate) async fn list_keys(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
    Params(KeysParams { user_id }): Params<KeysParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<Key>>, ApiError> {
    let (store, scope, span) = (shared.store(), by.scope(), page.span());
    let keys = match user_id {
        Some(user) => store.list_of::<_, User>(scope, user, span).await?,
        None => store.list(scope, span).await?,
    };
    Ok(Json(page.page(keys)))
}

/// One virtual key.
#[utoipa::path(
    get, path = "/keys/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = Key, headers(("ETag" = String))), Unchanged, Naming)
)]
pub(crate) async fn get_key(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
    Named(id): Named<Uuid>,
) -> Result<Versioned<Key>, ApiError> {
    Ok(shown(by.find(shared.store(), id).await?))
}

/// Changes a virtual key in use.
#[utoipa::path(
    patch, path = "/keys/{id}", tag = "identity", params(("id" = Uuid, Path), IfMatchParams),
    security(("bearer" = [])),
    request_body = KeyPatch,
    responses((status = 200, body = Key, headers(("ETag" = String))), Changing)
)]
pub(crate) async fn update_key(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
    IfMatch(if_version): IfMatch,
    Body(KeyPatch { name }): Body<KeyPatch>,
) -> Result<Versioned<Key>, ApiError> {
    let change = KeyChange { if_version, name: name.map(String::from), ..KeyChange::default() };
    Ok(shown(shared.store().update_key(by.scope(), id, change).await?))
}

/// Takes a virtual key out of use, at once and for good.
#[utoipa::path(
    delete, path = "/keys/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 204), Naming)
)]
pub(crate) async fn revoke_key(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<StatusCode, ApiError> {
    let change = KeyChange { revoked_by: Some(by.actor().into()), ..KeyChange::default() };
    shared.store().update_key(by.scope(), id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a virtual key a new secret. The old one is refused at once.
#[utoipa::path(
    post, path = "/keys/{id}/rotate", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = Revealed<Key>, headers(("ETag" = String))), Naming)
)]
pub(crate) async fn rotate_key(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
) -> Result<Versioned<Revealed<Key>>, ApiError> {
    let secret = Secret::generate(KeyKind::Virtual);
    let change = KeyChange { digest: Some(secret.digest()), ..KeyChange::default() };
    Ok(revealed(shared.store().update_key(by.scope(), id, change).await?, &secret))
}

fn shown(key: Key) -> Versioned<Key> {
    let version = key.version;
    Versioned(key, version)
}

fn revealed(key: Key, secret: &Secret) -> Versioned<Revealed<Key>> {
    let version = key.version;
    Versioned(Revealed::new(key, secret), version)
}
