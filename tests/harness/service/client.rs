//! Somebody who calls: a credential, and requests through the real router in this process.

use std::{fmt, future::IntoFuture};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header},
};
use futures::{FutureExt, future::BoxFuture};
use http_body_util::BodyExt;
use ledger_service::app::App;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::{fresh, recorder::Recorder};

/// Somebody who calls.
#[derive(Clone)]
pub struct Client {
    router: Router,
    headers: HeaderMap,
}

impl Client {
    /// Nobody yet.
    #[must_use]
    pub fn new(app: &App) -> Self {
        Self { router: app.router(), headers: HeaderMap::new() }
    }

    /// The same caller at another service process.
    #[must_use]
    pub fn at(&self, app: &App) -> Self {
        Self { router: app.router(), ..self.clone() }
    }

    /// With a key as `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(&self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }

    /// With a key as `x-virtualkey`.
    #[must_use]
    pub fn virtual_key(&self, key: &str) -> Self {
        self.with("x-virtualkey", key)
    }

    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value.parse().expect("a header's value"));
        client
    }

    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path, None)
    }

    /// A request with a JSON body and a key that nobody has used.
    #[must_use]
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call(Method::POST, path, Some(body)).key(&fresh("key"))
    }

    #[must_use]
    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.call(Method::PATCH, path, Some(body))
    }

    #[must_use]
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path, None)
    }

    #[must_use]
    pub fn call(&self, method: Method, path: &str, body: Option<Value>) -> Call {
        let mut headers = self.headers.clone();
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        Call { router: self.router.clone(), method, path: path.to_owned(), headers, body }
    }

    /// Books money that has come in, by a payment that nobody has booked.
    #[must_use]
    pub fn top_up(&self, account: Uuid, amount: &str) -> Call {
        self.pay_in(account, amount, "stripe", &fresh("pi"))
    }

    /// Books a payment that came in through a provider.
    #[must_use]
    pub fn pay_in(&self, account: Uuid, amount: &str, provider: &str, reference: &str) -> Call {
        let body = json!({"amount": amount, "currency": "USD", "provider": provider, "reference": reference});
        self.post(&format!("/accounts/{account}/top-ups"), body)
    }

    #[must_use]
    pub fn charge(&self, account: Uuid, amount: &str) -> Call {
        self.post(&format!("/accounts/{account}/charges"), json!({"amount": amount, "currency": "USD"}))
    }

    /// Charges whoever pays for this virtual key.
    #[must_use]
    pub fn pay(&self, amount: &str) -> Call {
        self.post("/charges", json!({"amount": amount, "currency": "USD"}))
    }

    /// Gives an entry back: a part of it, or all that is left.
    #[must_use]
    pub fn give_back(&self, path: &str, amount: Option<&str>) -> Call {
        self.post(path, json!({"amount": amount, "reason": "asked for"}))
    }

    /// The balance as the API tells it.
    pub async fn balance(&self, account: Uuid) -> String {
        self.get(&format!("/accounts/{account}/balance")).await.expect(200).text("balance").to_owned()
    }
}

/// One request, to be awaited.
pub struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl Call {
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), value.parse().expect("a header's value"));
        self
    }

    /// With one more line of this header.
    #[must_use]
    pub fn and_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), value.parse().expect("a header's value"));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    #[must_use]
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..self }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = BoxFuture<'static, Answer>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let Self { router, method, path, headers, body } = self;
            let mut request = Request::new(body);
            *request.method_mut() = method.clone();
            *request.uri_mut() = path.parse().expect("a path");
            *request.headers_mut() = headers;
            let response = router.oneshot(request).await.expect("the router always answers");
            let (parts, body) = response.into_parts();
            let body = body.collect().await.expect("the answer is whole").to_bytes();
            let answer = Answer::new(parts.status.as_u16(), parts.headers, body);
            Recorder::record(method.as_str(), &path, &answer);
            answer
        }
        .boxed()
    }
}

/// What the service said.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Answer {
    /// An answer as it came over the wire.
    #[must_use]
    pub fn new(status: u16, headers: HeaderMap, body: Bytes) -> Self {
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Self { status, headers, body, json }
    }

    /// The same answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The status, and the code of the problem.
    #[must_use]
    pub fn problem(&self) -> (u16, &str) {
        (self.status, self.json["code"].as_str().unwrap_or_default())
    }

    /// The place of the first fault.
    #[must_use]
    pub fn pointer(&self) -> &str {
        self.json["errors"][0]["pointer"].as_str().unwrap_or_default()
    }

    /// The id of what was made.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> Uuid {
        self.text("id").parse().expect("an id")
    }

    #[must_use]
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All that a caller could tell two answers apart by, but for the request's own id and path.
    #[must_use]
    pub fn likeness(&self) -> String {
        let mut json = self.json.clone();
        for name in ["request_id", "instance"] {
            if let Some(object) = json.as_object_mut() {
                object.remove(name);
            }
        }
        // The length follows from the path that is named in the body.
        let told = |name: &HeaderName| *name != "x-request-id" && *name != header::CONTENT_LENGTH;
        let headers = self.headers.iter().filter(|(name, _)| told(name));
        let mut headers: Vec<_> = headers.map(|line| format!("{line:?}")).collect();
        headers.sort();
        format!("{} {headers:?} {json}", self.status)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}
