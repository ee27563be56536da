//! A caller of the service, as anybody's program would be: HTTP and JSON, and the same key until there is an answer.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// How long a service may be away, being restarted, before the caller gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);

/// One credential's way to the service.
#[derive(Clone)]
pub(crate) struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    base: String,
    credential: String,
}

/// What the service said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whether it is the stored answer to an earlier request with the same key.
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(base: &str, credential: &str) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { http, base: base.into(), credential: credential.into() }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, None, Bytes::new()).await
    }

    /// Posts under an idempotency key until there is an answer; a lost one is asked for again, and nothing happens twice.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::POST, path, Some(key), serde_json::to_vec(body)?.into()).await
    }

    /// Whether anybody is there and ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let asked = self.once(Method::GET, "/readyz", None, Bytes::new()).await;
        asked.is_ok_and(|answer| answer.status == StatusCode::OK)
    }

    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: Bytes) -> Result<Answer> {
        let begun = Instant::now();
        loop {
            let asked = self.once(method.clone(), path, key, body.clone()).await;
            match asked {
                Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => return Ok(answer),
                other if begun.elapsed() > PATIENCE => {
                    return other.with_context(|| format!("{method} {}{path} got no answer", self.base));
                }
                Ok(_) | Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn once(&self, method: Method, path: &str, key: Option<&str>, body: Bytes) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.credential))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let exchange = async {
            let response = self.http.request(request.body(Full::new(body))?).await?;
            let status = response.status();
            let replayed = response.headers().contains_key("idempotency-replayed");
            let bytes = response.into_body().collect().await?.to_bytes();
            Ok(Answer { status, replayed, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
        };
        timeout(ANSWER_PATIENCE, exchange).await?
    }
}

impl Answer {
    /// The body, if all went well.
    pub(crate) fn expect_success(self) -> Result<Value> {
        if !self.status.is_success() {
            bail!("the service answers {}: {}", self.status, self.body);
        }
        Ok(self.body)
    }

    /// The stable name of what went wrong.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}
