use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: Result<&str, MoneyError>) {
    let parsed: Result<Money, _> = text.parse();
    assert_eq!(parsed.map(|money| money.to_string()).as_deref(), expected.as_ref().copied(), "{text:?}");
}

#[test]
fn money_is_a_plain_decimal_and_nothing_else() {
    check("0", Ok("0"));
    check("1.50", Ok("1.5"));
    check("-0.000000000001", Ok("-0.000000000001"));
    check("999999999999999.999999999999", Ok("999999999999999.999999999999"));
    for text in [
        "", " ", "-", "+5", "1e3", "1_000", "NaN", "-0", "-0.00", ".5", "5.", "007", "１２", "1,5", "0x1",
        " 1", "1 ",
    ] {
        check(text, Err(MoneyError::Malformed));
    }
    check("1.0000000000001", Err(MoneyError::TooManyDigits));
    check("1000000000000000", Err(MoneyError::TooManyDigits));
}

#[test]
fn money_is_never_a_json_number() {
    assert!(serde_json::from_str::<Money>("1.5").is_err());
    assert_eq!(serde_json::from_str::<Money>("\"1.50\"").unwrap(), "1.5".parse().unwrap());
    assert!(serde_json::from_str::<Amount>("\"0\"").is_err(), "an amount is above zero");
}

/// Money as an integer of 10⁻¹² units: i128 does the same sums without `Decimal`.
fn of_units(units: i128) -> Option<Money> {
    let money = Decimal::try_from_i128_with_scale(units, MONEY_SCALE_MAX as u32).ok()?;
    Money::new(money).ok()
}

const UNITS_MAX: i128 = 10_i128.pow((MONEY_DIGITS_MAX + MONEY_SCALE_MAX) as u32);

proptest! {
    #[test]
    fn a_sum_loses_no_digit_in_range_and_is_refused_out_of_range(
        a in -UNITS_MAX + 1..UNITS_MAX, b in -UNITS_MAX + 1..UNITS_MAX,
    ) {
        let sum = of_units(a).unwrap().checked_add(of_units(b).unwrap());
        prop_assert_eq!(sum.is_some(), (a + b).abs() < UNITS_MAX);
        prop_assert_eq!(sum, of_units(a + b));
    }

    #[test]
    fn text_and_back_is_the_same_money(units in -UNITS_MAX + 1..UNITS_MAX) {
        let money = of_units(units).unwrap();
        prop_assert_eq!(money.to_string().parse(), Ok(money));
        prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
    }
}

#[test]
fn a_currency_has_the_digits_of_its_smallest_coin() {
    let digits = |code: &str| code.parse::<Currency>().unwrap().coin_digits();
    assert_eq!(["USD", "EUR", "JPY", "KWD"].map(digits), [Some(2), Some(2), Some(0), Some(3)]);
    assert_eq!(["XAU", "CREDITS", "TOKENS", "GPU"].map(digits), [None; 4]);
}

#[test]
fn a_currency_is_capitals_and_digits() {
    assert_eq!("USD".parse::<Currency>().unwrap().to_string(), "USD");
    for text in ["", "US", "usd", "1SD", "U$D", "ABCDEFGHIJKLM"] {
        assert_eq!(text.parse::<Currency>(), Err(CurrencyError), "{text:?}");
    }
}
