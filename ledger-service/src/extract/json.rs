//! JSON as strictly as money needs it: one object, every name once, and every fault of the request found, not only the first.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::error::{ApiError, Code, FieldError};

/// Faults that one answer names.
const FAULTS_MAX: usize = 100;

/// The object as a `T`, or all that is wrong with it.
pub(super) fn read<T: DeserializeOwned + ToSchema>(bytes: &[u8]) -> Result<T, ApiError> {
    // Read as plain JSON first, so that what is no JSON at all is never called a wrong value.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
    let mut faults = Vec::new();
    let mut tree = tree(bytes, &mut faults)?;
    let Value::Object(object) = &tree else {
        return Err(ApiError::invalid("", "the body is one JSON object"));
    };
    faults.extend(missing::<T>(object));
    // What is wrong is noted and taken out, and the rest is read again.
    while faults.len() < FAULTS_MAX {
        let error = match serde_path_to_error::deserialize::<_, T>(&tree) {
            Ok(read) if faults.is_empty() => return Ok(read),
            Ok(_) => break,
            Err(error) => error,
        };
        let pointer = pointer(error.path());
        let is_first = faults.is_empty();
        let taken_out = take_out(&mut tree, &pointer);
        if taken_out || is_first {
            faults.push(FieldError::new(pointer, error.into_inner().to_string()));
        }
        // A field that is missing, or was just taken out: there is no more to find.
        if !taken_out {
            break;
        }
    }
    Err(ApiError::faulty(faults))
}

/// The names that the reference calls required and that are not there.
fn missing<T: ToSchema>(object: &Map<String, Value>) -> Vec<FieldError> {
    let required = match T::schema() {
        RefOr::T(Schema::Object(schema)) => schema.required,
        RefOr::T(_) | RefOr::Ref(_) => Vec::new(),
    };
    let absent = required.into_iter().filter(|name| !object.contains_key(name));
    absent.map(|name| FieldError::new(step(&name), "this is missing")).collect()
}

/// Takes a member out of the object that it is in. What is in a list stays: the places behind it would change.
fn take_out(tree: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = tree.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.is_some_and(|object| object.remove(&name).is_some())
}

/// RFC 6901.
fn pointer(path: &Path) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(step(key)),
        Segment::Enum { variant } => Some(step(variant)),
        Segment::Unknown => None,
    };
    path.iter().filter_map(segment).collect()
}

fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::Malformed, format!("the body is not JSON: {error}"))
}

/// The body as a tree. A name that stands twice in one object is a fault: which of the two counts would be anybody's guess.
fn tree(bytes: &[u8], faults: &mut Vec<FieldError>) -> Result<Value, ApiError> {
    let mut at = String::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let tree = Branch { at: &mut at, faults }.deserialize(&mut reader);
    tree.map_err(|error| {
        let text = error.to_string();
        // By its grammar it is JSON, so what cannot be held is a wrong value.
        let is_value = ["number out of range", "recursion limit"].iter().any(|start| text.starts_with(start));
        if is_value {
            ApiError::invalid(at, "this is larger than anything that is taken")
        } else {
            malformed(&error)
        }
    })
}

struct Branch<'a> {
    /// Where in the tree it is; stays where reading ended.
    at: &'a mut String,
    faults: &'a mut Vec<FieldError>,
}

impl Branch<'_> {
    fn within(&mut self, name: &str) -> (usize, Branch<'_>) {
        let length = self.at.len();
        self.at.push_str(&step(name));
        (length, Branch { at: self.at, faults: self.faults })
    }
}

impl<'de> DeserializeSeed<'de> for Branch<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Branch<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let (length, branch) = self.within(&values.len().to_string());
            let value = list.next_element_seed(branch)?;
            self.at.truncate(length);
            match value {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let (length, branch) = self.within(&name);
            let value = members.next_value_seed(branch)?;
            if object.insert(name, value).is_some() && self.faults.len() < FAULTS_MAX {
                self.faults.push(FieldError::new(self.at.clone(), "this name stands twice"));
            }
            self.at.truncate(length);
        }
        Ok(Value::Object(object))
    }
}
