//! Texts of a certain form: as the reference describes them, and as they are read.

use std::collections::BTreeMap;

use ledger_core::{NOTE_CHARS_MAX, NOTE_NAME_CHARS_MAX, NOTE_PAIRS_MAX};
use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr,
        schema::{Schema, Type},
    },
};

/// A text of a certain form, for the reference only: the type that reads it is the ledger's own.
macro_rules! text {
    ($($(#[doc = $doc:literal])+ $name:ident = $pattern:literal, $example:literal;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                text.description(Some(concat!($($doc),+))).pattern(Some($pattern)).examples([$example]).build().into()
            }
        }
        impl ToSchema for $name {}
    )+};
}
text! {
    /// Money is a decimal string: at most 15 digits before the point and 12 behind it. Never a JSON number.
    MoneyText = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$", "12.50";
    /// A sum of money over many accounts: a decimal string of any length before the point.
    TotalText = r"^-?(0|[1-9][0-9]*)(\.[0-9]{1,12})?$", "1250000.50";
    /// Money above zero, as a decimal string.
    AmountText = r"^(?!0(\.0+)?$)(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$", "12.50";
    /// Money that is zero or more, as a decimal string.
    LimitText = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$", "100";
    /// A currency or unit of credit.
    CurrencyText = r"^[A-Z][A-Z0-9]{2,11}$", "USD";
    /// A payment provider's short name.
    ProviderText = r"^[a-z0-9_-]{1,32}$", "stripe";
    /// A place of the chart of accounts.
    LegText = r"^[a-z_]+(/[a-z0-9_-]{1,32})?$", "main";
    /// A tenant's short name.
    SlugText = r"^[a-z0-9][a-z0-9-]{0,62}$", "acme-labs";
    /// A short printable text.
    LabelText = r"^[^\x00-\x1f\x7f-\x9f]{1,255}$", "pi_3MtwBwLkdIwHu7ix";
    /// A printable text, which may be empty.
    NoteText = r"^[^\x00-\x1f\x7f-\x9f]{0,500}$", "a batch of embeddings";
    /// A printable text that says something.
    ReasonText = r"^[^\x00-\x1f\x7f-\x9f]{1,500}$", "a duplicate";
}

const NAME_PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]{1,40}$";

/// A printable text of so many characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text<const LEAST: usize, const MOST: usize>(String);

/// What can be said beside an entry, in words that can be erased.
pub(crate) type NoteWords = Text<0, NOTE_CHARS_MAX>;
/// Why something is given back.
pub(crate) type Reason = Text<1, NOTE_CHARS_MAX>;

impl<const LEAST: usize, const MOST: usize> TryFrom<String> for Text<LEAST, MOST> {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if (LEAST..=MOST).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text))
        } else {
            Err(format!("this is {LEAST} to {MOST} printable characters"))
        }
    }
}

impl<const LEAST: usize, const MOST: usize> From<Text<LEAST, MOST>> for String {
    fn from(text: Text<LEAST, MOST>) -> Self {
        text.0
    }
}

/// The caller's own names and values.
#[derive(Default, Deserialize)]
#[serde(try_from = "BTreeMap<Text<1, NOTE_NAME_CHARS_MAX>, NoteWords>")]
pub(crate) struct Metadata(pub(crate) BTreeMap<String, String>);

impl TryFrom<BTreeMap<Text<1, NOTE_NAME_CHARS_MAX>, NoteWords>> for Metadata {
    type Error = String;
    fn try_from(pairs: BTreeMap<Text<1, NOTE_NAME_CHARS_MAX>, NoteWords>) -> Result<Self, String> {
        if pairs.len() > NOTE_PAIRS_MAX {
            return Err(format!("these are at most {NOTE_PAIRS_MAX} pairs"));
        }
        Ok(Self(pairs.into_iter().map(|(name, value)| (name.0, value.0)).collect()))
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(NAME_PATTERN)).build();
        let metadata = ObjectBuilder::new().schema_type(Type::Object).property_names(Some(name));
        let metadata = metadata.additional_properties(Some(NoteText::schema()));
        metadata.max_properties(Some(NOTE_PAIRS_MAX)).build().into()
    }
}

impl ToSchema for Metadata {}
