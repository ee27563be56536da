//! What several routes say in the same words.

mod answer;
mod moment;
mod page;
mod text;

pub(crate) use self::{
    answer::{Revealed, Versioned, etag, unless_known},
    moment::{Moment, UsageTime},
    page::{Cursor, Limit, Page, PageParams, Version},
    text::{
        AmountText, CurrencyText, LabelText, LegText, LimitText, Metadata, MoneyText, NoteText, NoteWords,
        ProviderText, Reason, ReasonText, SlugText, TotalText,
    },
};
