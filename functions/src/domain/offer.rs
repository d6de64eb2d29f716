//! What a customer may buy: the operator's packs and offers, and in which currencies they are paid.
//! Integer cents in, exact credit out; a currency that no table names is refused, never guessed.

use std::collections::HashMap;

use schema::MicroUsd;
use serde::{Deserialize, Serialize};

/// The least and the most that one payment may be, in cents: Stripe takes nothing smaller, and
/// nothing with more than eight digits.
const PRICE_CENTS: std::ops::RangeInclusive<i64> = 50..=99_999_999;
/// The most credit that an offer may give: a million dollars, so that a slip is no fortune.
const CREDIT_MAX_CENTS: i64 = 100_000_000;
/// The currency of every wallet.
pub const USD: &str = "usd";
/// What a cent is worth.
const MICRO_USD_PER_CENT: i64 = 10_000;

/// A pack or an offer: so much paid, so much credited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    pub id: String,
    pub name: String,
    pub price_cents: i64,
    pub credit_cents: i64,
    #[serde(default)]
    pub audience: Audience,
}

/// Whom an offer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everybody, as often as they like.
    #[default]
    Everyone,
    /// Customers who are signed in, once each.
    Private,
    /// The same, shown when they are about to leave.
    Exit,
}

impl Audience {
    /// As it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Private => "private",
            Self::Exit => "exit",
        }
    }
}

impl Offer {
    /// What the wallet is credited with.
    pub const fn credit(&self) -> MicroUsd {
        MicroUsd::from_cents(self.credit_cents)
    }

    /// Whether an account may take it once only.
    pub const fn is_once(&self) -> bool {
        !matches!(self.audience, Audience::Everyone)
    }
}

/// The offers of a deployment, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offers(Vec<Offer>);

impl Offers {
    /// Reads the operator's list, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let list: Vec<Offer> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for (place, offer) in list.iter().enumerate() {
            let id = &offer.id;
            let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if id.is_empty() || id.len() > 40 || !id.chars().all(word) {
                return Err(format!("`{id}` is no id: 1 to 40 letters, digits, `-` or `_`"));
            }
            if list.iter().take(place).any(|earlier| earlier.id == *id) {
                return Err(format!("`{id}` is there twice"));
            }
            if !PRICE_CENTS.contains(&offer.price_cents) {
                return Err(format!("the price of `{id}` is not within {PRICE_CENTS:?} cents"));
            }
            if !(1..=CREDIT_MAX_CENTS).contains(&offer.credit_cents) {
                return Err(format!("the credit of `{id}` is not within 1..={CREDIT_MAX_CENTS}"));
            }
        }
        Ok(Self(list))
    }

    /// The offer of that id.
    pub fn find(&self, id: &str) -> Option<&Offer> {
        self.0.iter().find(|offer| offer.id == id)
    }

    /// What a visitor sees; a customer who is signed in also sees what is for them alone and was
    /// not `taken`.
    pub fn shown<'a>(&'a self, taken: Option<&'a [String]>) -> impl Iterator<Item = &'a Offer> {
        self.0.iter().filter(move |offer| match taken {
            _ if !offer.is_once() => true,
            Some(taken) => !taken.contains(&offer.id),
            None => false,
        })
    }
}

/// An amount in the smallest unit of a currency, whose code is in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount: i64,
    pub currency: String,
}

/// In which currencies an offer may be paid, and what the smallest unit of each is worth in
/// micro-dollars: the operator's table. Dollars are always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currencies(HashMap<String, i64>);

impl Default for Currencies {
    fn default() -> Self {
        Self(HashMap::from([(USD.to_owned(), MICRO_USD_PER_CENT)]))
    }
}

impl Currencies {
    /// Reads the operator's table, such as `{"eur": 11000}`, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self::default();
        if text.trim().is_empty() {
            return Ok(table);
        }
        let read: HashMap<String, i64> = serde_json::from_str(text).map_err(|e| e.to_string())?;
        for (code, rate) in read {
            if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_lowercase()) {
                return Err(format!("`{code}` is no currency: three lower-case letters"));
            }
            if rate <= 0 || (code == USD && rate != MICRO_USD_PER_CENT) {
                return Err(format!("`{code}` cannot be worth {rate} micro-dollars"));
            }
            table.0.insert(code, rate);
        }
        Ok(table)
    }

    /// A price in dollars' cents in a currency; a started unit counts in full, so that no rounding
    /// sells below the price. Nothing for a currency that the table does not name.
    pub fn price(&self, cents: i64, currency: &str) -> Option<Money> {
        let rate = i128::from(*self.0.get(currency)?);
        let micros = i128::from(cents) * i128::from(MICRO_USD_PER_CENT);
        let amount = i64::try_from((micros + rate - 1) / rate).ok()?;
        Some(Money { amount, currency: currency.to_owned() })
    }

    /// The codes, for who chose another.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<_> = self.0.keys().map(String::as_str).collect();
        codes.sort_unstable();
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[
        {"id": "usd_10", "name": "Ten", "price_cents": 1000, "credit_cents": 2500},
        {"id": "exit_50", "name": "Stay", "price_cents": 5000, "credit_cents": 58500,
         "audience": "exit"}]"#;

    #[test]
    fn an_offer_gives_exactly_what_it_says() {
        let offers = Offers::parse(LIST).unwrap();
        let exit = offers.find("exit_50").unwrap();
        assert_eq!((exit.credit(), exit.is_once()), (MicroUsd::new(585_000_000), true));
    }

    #[test]
    fn what_is_for_customers_alone_is_shown_to_them_until_they_took_it() {
        let offers = Offers::parse(LIST).unwrap();
        let ids = |taken: Option<&[String]>| -> Vec<String> {
            offers.shown(taken).map(|offer| offer.id.clone()).collect()
        };
        assert_eq!(ids(None), ["usd_10"]);
        assert_eq!(ids(Some(&[])), ["usd_10", "exit_50"]);
        assert_eq!(ids(Some(&["exit_50".to_owned(), "usd_10".to_owned()])), ["usd_10"]);
    }

    #[test]
    fn a_list_with_a_slip_in_it_is_refused_as_a_whole() {
        for (from, to) in [
            ("1000", "49"),
            ("1000", "10.5"),
            ("1000", "100000000"),
            ("2500", "0"),
            ("2500", "100000001"),
            ("usd_10", "exit_50"),
            ("usd_10", ""),
            ("usd_10", "a b"),
            ("\"exit\"", "\"nobody\""),
            ("\"name\"", "\"title\""),
        ] {
            assert!(Offers::parse(&LIST.replacen(from, to, 1)).is_err(), "{from} {to}");
        }
        assert_eq!(Offers::parse(" ").unwrap(), Offers::default());
    }

    #[test]
    fn a_price_in_another_currency_follows_the_table_and_is_never_rounded_down() {
        let table = Currencies::parse(r#"{"eur": 11000, "jpy": 6700}"#).unwrap();
        let price = |cents, code| table.price(cents, code).map(|money| money.amount);
        assert_eq!(price(5_000, "usd"), Some(5_000));
        assert_eq!(price(5_000, "eur"), Some(4_546));
        assert_eq!(price(1_100, "eur"), Some(1_000));
        assert_eq!(price(1_000, "jpy"), Some(1_493));
        assert_eq!(price(1_000, "gbp"), None);
        assert_eq!(price(1_000, "USD"), None);
        assert_eq!(table.codes(), ["eur", "jpy", "usd"]);
    }

    #[test]
    fn a_table_cannot_make_a_dollar_something_else() {
        for bad in [r#"{"usd": 9999}"#, r#"{"eur": 0}"#, r#"{"EUR": 1}"#, r#"{"eur": 1.5}"#, "[]"] {
            assert!(Currencies::parse(bad).is_err(), "{bad}");
        }
    }
}
