//! Users: people, each alone or the member of one tenant.

use axum::{Json, extract::State, http::StatusCode};
use email_address::{EmailAddress, Options};
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
    state::Shared,
    store::{NewUser, Tenant, User, UserChange},
    wire::{LabelText, Page, PageParams, Versioned},
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

/// Whose members.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersParams {
    /// Only the members of this tenant.
    tenant_id: Option<Uuid>,
}

problems!(CreateUserProblems: ACCESS, BODY, &[Code::EmailTaken, Code::OwnerNotFound, Code::TenantSuspended]);

/// Makes a user.
#[utoipa::path(
    post, path = "/users", tag = "identity", security(("bearer" = [])),
    request_body = UserRequest,
    responses((status = 201, body = User), CreateUserProblems)
)]
pub(crate) async fn create_user(
    State(shared): State<Shared>,
    by: By<Admin>,
    Body(request): Body<UserRequest>,
) -> Result<(StatusCode, Versioned<User>), ApiError> {
    let user = NewUser {
        tenant_id: request.tenant_id,
        email: request.email.0,
        full_name: request.full_name.into(),
        created_by: by.actor().into(),
    };
    Ok((StatusCode::CREATED, shown(shared.store().insert_user(by.scope(), user).await?)))
}

/// All users, or the members of one tenant.
#[utoipa::path(
    get, path = "/users", tag = "identity", params(UsersParams, PageParams), security(("bearer" = [])),
    responses((status = 200, body = Page<User>), Listing)
)]
pub(crate) async fn list_users(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
    Params(UsersParams { tenant_id }): Params<UsersParams>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<User>>, ApiError> {
    let (store, scope, span) = (shared.store(), by.scope(), page.span());
    let users = match tenant_id {
        Some(tenant) => store.list_of::<_, Tenant>(scope, tenant, span).await?,
        None => store.list(scope, span).await?,
    };
    Ok(Json(page.page(users)))
}

/// One user.
#[utoipa::path(
    get, path = "/users/{id}", tag = "identity", params(("id" = Uuid, Path)), security(("bearer" = [])),
    responses((status = 200, body = User, headers(("ETag" = String))), Unchanged, Naming)
)]
pub(crate) async fn get_user(
    State(shared): State<Shared>,
    by: By<AnyOperator>,
    Named(id): Named<Uuid>,
) -> Result<Versioned<User>, ApiError> {
    Ok(shown(by.find(shared.store(), id).await?))
}

/// Changes a user.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "identity", params(("id" = Uuid, Path), IfMatchParams),
    security(("bearer" = [])),
    request_body = UserPatch,
    responses((status = 200, body = User, headers(("ETag" = String))), Changing)
)]
pub(crate) async fn update_user(
    State(shared): State<Shared>,
    by: By<Admin>,
    Named(id): Named<Uuid>,
    IfMatch(if_version): IfMatch,
    Body(patch): Body<UserPatch>,
) -> Result<Versioned<User>, ApiError> {
    let change = UserChange { if_version, full_name: patch.full_name.map(String::from) };
    Ok(shown(shared.store().update_user(by.scope(), id, change).await?))
}

fn shown(user: User) -> Versioned<User> {
    let version = user.version;
    Versioned(user, version)
}
