//! What several routes say in the same words.

mod answer;
mod moment;
mod page;
mod text;

pub(crate) use self::{
    answer::{Revealed, Versioned, etag},
    moment::Moment,
    page::{Cursor, Limit, Page, PageParams, Version},
    text::{
        AmountText, CurrencyText, LabelText, LegText, LimitText, Metadata, MoneyText, NoteText, ProviderText,
        ReasonText, SlugText,
    },
};
