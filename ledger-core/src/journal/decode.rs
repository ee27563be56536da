//! Reading columns in which PostgreSQL holds more than Rust can: a time such as `infinity`, a number such as `1e30` or `NaN`.
//! sqlx panics on them, or rounds. Here they are errors, so a damaged row is unreadable and nothing worse.

use chrono::DateTime;
use rust_decimal::Decimal;
use sqlx::{
    Decode, Postgres, Row, Type,
    error::BoxDynError,
    postgres::{PgRow, PgTypeInfo, PgValueRef},
};

use crate::domain::{
    entry::Timestamp,
    money::{MONEY_SCALE_MAX, Money},
};

/// PostgreSQL counts microseconds from the year 2000.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// A number comes in groups of four digits. The group at this place is worth 10^-12, the last that money has.
const LAST_GROUP: i16 = -(MONEY_SCALE_MAX as i16) / GROUP_DIGITS;
/// And this is the place of the first one: 10^15 is not reached before it.
const FIRST_GROUP: i16 = 3;
const GROUP_DIGITS: i16 = 4;
const _: () = assert!((MONEY_SCALE_MAX as i16) % GROUP_DIGITS == 0);

pub(crate) fn money(row: &PgRow, column: &str) -> sqlx::Result<Money> {
    row.try_get::<Sum, _>(column).map(|Sum(money)| money)
}

pub(crate) fn time(row: &PgRow, column: &str) -> sqlx::Result<Timestamp> {
    row.try_get::<Moment, _>(column).map(|Moment(time)| time)
}

pub(crate) fn optional_time(row: &PgRow, column: &str) -> sqlx::Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<Moment>, _>(column)?.map(|Moment(time)| time))
}

struct Moment(Timestamp);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        <Timestamp as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        let time = micros.checked_add(EPOCH_MICROS).and_then(DateTime::from_timestamp_micros);
        time.map(Self).ok_or_else(|| "a time is infinite, or out of range".into())
    }
}

struct Sum(Money);

impl Type<Postgres> for Sum {
    fn type_info() -> PgTypeInfo {
        <Decimal as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Sum {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let words: Vec<i16> =
            value.as_bytes()?.chunks_exact(2).map(|word| i16::from_be_bytes([word[0], word[1]])).collect();
        let [_, first, sign, _, groups @ ..] = words.as_slice() else {
            return Err("a number is cut off".into());
        };
        let negative = match sign.cast_unsigned() {
            0x0000 => false,
            0x4000 => true,
            _ => return Err("a number is none, or infinite".into()),
        };
        let mut sum = 0_i128;
        // Seven groups at most, so 28 digits: `i128` and `Decimal` hold them exactly.
        for (place, group) in (i16::MIN..=*first).rev().zip(groups) {
            if !(LAST_GROUP..=FIRST_GROUP).contains(&place) {
                return Err("a number has more digits than money".into());
            }
            sum += i128::from(*group)
                * 10_i128.pow((GROUP_DIGITS * (place - LAST_GROUP)).cast_unsigned().into());
        }
        let sum = if negative { -sum } else { sum };
        Ok(Self(Money::new(Decimal::try_from_i128_with_scale(sum, MONEY_SCALE_MAX as u32)?)?))
    }
}
