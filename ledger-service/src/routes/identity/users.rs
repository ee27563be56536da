//! Users: people, each alone or the member of one tenant.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use email_address::{EmailAddress, Options};
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
    state::Shared,
    store::{NewUser, User, UserChange},
    wire::{Cursor, LabelText, Limit, Page, Row, etag},
};

/// Characters of an address, by RFC 5321.
const EMAIL_CHARS_MAX: usize = 254;

/// A user to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserRequest {
    #[schema(value_type = String, format = "email", max_length = 254, example = "ada@example.com")]
    email: Email,
    #[schema(value_type = LabelText)]
    full_name: Label,
    /// Whose member they are, and who pays for them. An individual if absent.
    tenant_id: Option<Uuid>,
}

/// What is to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    #[schema(value_type = Option<LabelText>)]
    full_name: Option<Label>,
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserResponse {
    id: Uuid,
    tenant_id: Option<Uuid>,
    email: String,
    full_name: String,
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// An address in its canonical form: in small letters, because no mailbox in use tells them apart.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Email(String);

impl TryFrom<String> for Email {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let canonical = text.to_lowercase();
        let plain = canonical.chars().count() <= EMAIL_CHARS_MAX && !canonical.chars().any(char::is_control);
        if plain && EmailAddress::parse_with_options(&canonical, options).is_ok() {
            Ok(Self(canonical))
        } else {
            Err("an e-mail address is of the form ada@example.com")
        }
    }
}

/// Whose members, and a page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersParams {
    /// Only the members of this tenant.
    tenant_id: Option<Uuid>,
    /// Rows of a page.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = 100, required = false)]
    limit: Limit,
    /// Where the page begins: `next_cursor` of the one before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<Row>>,
}

problems!(CreateUserProblems: ACCESS, BODY, &[Code::EmailTaken, Code::OwnerNotFound]);
problems!(ListUsersProblems: ACCESS, &[Code::Invalid]);
problems!(GetUserProblems: ACCESS, &[Code::NotFound]);
problems!(UpdateUserProblems: ACCESS, BODY, &[Code::NotFound, Code::StaleVersion]);

/// Makes a user.
#[utoipa::path(
    post, path = "/users", tag = "identity", security(("bearer" = [])),
    request_body = UserRequest,
    responses((status = 201, body = UserResponse), CreateUserProblems)
)]
pub(crate) async fn create_user(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(request): Body<UserRequest>,
) -> Result<Response, ApiError> {
    let user = NewUser {
        tenant_id: request.tenant_id,
        email: request.email.0,
        full_name: request.full_name.into(),
        created_by: by.actor().into(),
    };
    let user = shared.store().insert_user(user).await?;
    Ok((StatusCode::CREATED, shown(user)).into_response())
}

/// All users, or the members of one tenant.
#[utoipa::path(
    get, path = "/users", tag = "identity", params(UsersParams), security(("bearer" = [])),
    responses((status = 200, body = Page<UserResponse>), ListUsersProblems)
)]
pub(crate) async fn list_users(
    State(shared): State<Shared>,
    _: By<Auditor>,
    Params(UsersParams { tenant_id, limit, cursor }): Params<UsersParams>,
) -> Result<Json<Page<UserResponse>>, ApiError> {
    let users = shared.store().list_users(tenant_id, Row::after(cursor), limit.rows()).await?;
    let cursor = |user: &User| Row { created_at: user.created_at, id: user.id }.cursor();
    Ok(Json(Page::of(users, limit, cursor, UserResponse::from)))
}

/// One user.
#[utoipa::path(
    get, path = "/users/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), GetUserProblems)
)]
pub(crate) async fn get_user(
    State(shared): State<Shared>,
    _: By<Auditor>,
    Named(id): Named<Uuid>,
) -> Result<Response, ApiError> {
    Ok(shown(shared.store().select_user(id).await?))
}

/// Changes a user.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "identity", params(("id" = Uuid, Path), IfMatchParams),
    security(("bearer" = [])),
    request_body = UserPatch,
    responses((status = 200, body = UserResponse, headers(("ETag" = String))), UpdateUserProblems)
)]
pub(crate) async fn update_user(
    State(shared): State<Shared>,
    _: By<Admin>,
    Named(id): Named<Uuid>,
    IfMatch(if_version): IfMatch,
    Body(patch): Body<UserPatch>,
) -> Result<Response, ApiError> {
    let change = UserChange { if_version, full_name: patch.full_name.map(String::from) };
    Ok(shown(shared.store().update_user(id, change).await?))
}

fn shown(user: User) -> Response {
    ([(header::ETAG, etag(user.version))], Json(UserResponse::from(user))).into_response()
}

impl From<User> for UserResponse {
    fn from(user: User) -> Self {
        let User { id, tenant_id, email, full_name, version, created_at, updated_at } = user;
        Self { id, tenant_id, email, full_name, version, created_at, updated_at }
    }
}
