//! A customer who charges over HTTP, and asks again with the same key until there is an answer.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, body::Bytes};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::{interval, timeout};

const POLL: Duration = Duration::from_millis(20);
/// Longer than any restart may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    credential: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, credential: &str) -> Self {
        Self {
            http: Http::builder(TokioExecutor::new()).build_http(),
            address,
            credential: credential.into(),
        }
    }

    /// From another address of this machine.
    pub(crate) fn from(address: SocketAddr, local: IpAddr, credential: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(local));
        let http = Http::builder(TokioExecutor::new()).build(connector);
        Self { http, address, credential: credential.into() }
    }

    pub(crate) async fn is_alive(&self) -> bool {
        matches!(self.once("GET", "/healthz", None, "").await, Some((StatusCode::OK, _)))
    }

    /// Charges once, whatever happens to the service meanwhile.
    pub(crate) async fn charge(&self, key: &str, amount: &str) -> Value {
        let body = format!(r#"{{"amount": "{amount}", "currency": "USD"}}"#);
        let charged = self.until_answered("POST", "/charges", Some(key), &body).await;
        assert_eq!(charged.0, StatusCode::CREATED, "{key}: {}", charged.1);
        charged.1
    }

    /// Charges once, and says whether there was money for it.
    pub(crate) async fn is_paid(&self, key: &str, amount: &str) -> bool {
        let body = format!(r#"{{"amount": "{amount}", "currency": "USD"}}"#);
        match self.until_answered("POST", "/charges", Some(key), &body).await {
            (StatusCode::CREATED, _) => true,
            (StatusCode::PAYMENT_REQUIRED, _) => false,
            answer => panic!("{key}: {answer:?}"),
        }
    }

    /// What the payer of this key can still spend.
    pub(crate) async fn balance(&self) -> String {
        let (status, budget) = self.until_answered("GET", "/budget", None, "").await;
        assert_eq!(status, StatusCode::OK, "{budget}");
        budget["accounts"][0]["available"].as_str().expect("the payer has an account").into()
    }

    pub(crate) async fn is_ready(&self) -> bool {
        matches!(self.once("GET", "/readyz", None, "").await, Some((StatusCode::OK, _)))
    }

    async fn until_answered(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &str,
    ) -> (StatusCode, Value) {
        let asking = async {
            let mut ticks = interval(POLL);
            loop {
                ticks.tick().await;
                match self.once(method, path, key, body).await {
                    Some((StatusCode::SERVICE_UNAVAILABLE, _)) | None => {}
                    Some(answer) => return answer,
                }
            }
        };
        timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{method} {path} got no answer"))
    }

    async fn once(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &str,
    ) -> Option<(StatusCode, Value)> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("x-virtualkey", &self.credential)
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::from(body.to_owned())).expect("a request");
        let response = self.http.request(request).await.ok()?;
        let status = response.status();
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }
}
