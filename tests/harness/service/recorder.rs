//! Holds every answer against the reference: one that is not declared fails its test at once, and one that is declared and
//! was never seen fails the suite at its end.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{LazyLock, Mutex},
};

use serde_json::Value;

use super::Answer;

/// One way in which an operation can end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub operation: String,
    pub status: u16,
    /// The problem's code; empty when all went well.
    pub code: String,
}

/// One operation of the reference.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Such as `POST`.
    pub method: String,
    pub path: String,
    pub id: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.operation, self.status, self.code)
    }
}

/// What the reference declares and what the suite has seen, for the whole test program.
pub struct Recorder;

static REFERENCE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&ledger_service::app::reference()).expect("the reference is JSON"));
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(operations);
static DECLARED: LazyLock<BTreeSet<Outcome>> = LazyLock::new(declared);
static SEEN: LazyLock<Mutex<BTreeSet<Outcome>>> = LazyLock::new(Mutex::default);

impl Recorder {
    #[must_use]
    pub fn operations() -> &'static [Operation] {
        &OPERATIONS
    }

    /// Every outcome that the reference declares.
    #[must_use]
    pub fn declared() -> &'static BTreeSet<Outcome> {
        &DECLARED
    }

    /// What is declared and was never seen.
    #[must_use]
    pub fn missing() -> Vec<Outcome> {
        let seen = SEEN.lock().unwrap();
        DECLARED.iter().filter(|outcome| !seen.contains(outcome)).cloned().collect()
    }

    pub fn record(method: &str, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        let is_asked = |of: &&Operation| of.method == method && matches(&of.path, path);
        let Some(Operation { id, .. }) = OPERATIONS.iter().find(is_asked) else { return };
        let code = answer.json["code"].as_str().filter(|_| answer.status >= 400).unwrap_or_default();
        let outcome = Outcome { operation: id.clone(), status: answer.status, code: code.to_owned() };
        assert!(DECLARED.contains(&outcome), "{outcome} is not declared: {answer:?}");
        if answer.status >= 400 {
            let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
            assert_eq!(content_type, Some("application/problem+json"), "{answer:?}");
        }
        SEEN.lock().unwrap().insert(outcome);
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut of_template, mut of_path) = (template.split('/'), path.split('/'));
    loop {
        match (of_template.next(), of_path.next()) {
            (None, None) => return true,
            (Some(part), Some(name)) if part == name || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn operations() -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in REFERENCE["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an operation has an id").to_owned();
            operations.push(Operation { method: method.to_uppercase(), path: path.clone(), id });
        }
    }
    operations
}

fn declared() -> BTreeSet<Outcome> {
    let mut declared = BTreeSet::new();
    for Operation { method, path, id } in OPERATIONS.iter() {
        let responses = &REFERENCE["paths"][path][method.to_lowercase()]["responses"];
        for (status, response) in responses.as_object().expect("responses") {
            let status = status.parse().expect("a status");
            let problem = &response["content"]["application/problem+json"]["schema"];
            let codes = problem["allOf"][1]["properties"]["code"]["enum"].as_array();
            let codes = codes.map_or_else(
                || vec![String::new()],
                |codes| codes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            );
            let outcome = |code| Outcome { operation: id.clone(), status, code };
            declared.extend(codes.into_iter().map(outcome));
        }
    }
    declared
}
