//! Rows of payments, and what the ledger has booked for one.

use schema::{MicroUsd, PaymentId};
use serde::Deserialize;

use super::{Fault, Rows};
use crate::{
    domain::payment::{self, Payment},
    objects::sql::{number, optional},
};

impl Rows {
    /// Adds a payment, under the key of whoever wished it.
    pub fn add_payment(&self, payment: &Payment, key: Option<&str>) -> Result<(), Fault> {
        let sql = "INSERT INTO payments (id, key, session, intent, offer, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Payment { id, session, intent, offer, .. } = payment;
        let bindings = vec![
            id.to_string().into(),
            optional(key),
            optional(session.as_deref()),
            optional(intent.as_deref()),
            optional(offer.as_deref()),
            serde_json::to_string(payment)?.into(),
        ];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    /// Writes what became of a payment.
    pub fn update_payment(&self, payment: &Payment) -> Result<(), Fault> {
        let sql = "UPDATE payments SET session = ?2, intent = ?3, body = ?4 WHERE id = ?1";
        let bindings = vec![
            payment.id.to_string().into(),
            optional(payment.session.as_deref()),
            optional(payment.intent.as_deref()),
            serde_json::to_string(payment)?.into(),
        ];
        self.0.exec_raw(sql, bindings).map(drop)
    }

    pub fn payment(&self, id: PaymentId) -> Result<Option<Payment>, Fault> {
        let sql = "SELECT body FROM payments WHERE id = ?";
        Ok(self.values(sql, vec![id.to_string().into()])?.pop())
    }

    pub fn payment_of_key(&self, key: &str) -> Result<Option<Payment>, Fault> {
        Ok(self.values("SELECT body FROM payments WHERE key = ?", vec![key.into()])?.pop())
    }

    pub fn payment_of_session(&self, session: &str) -> Result<Option<Payment>, Fault> {
        Ok(self.values("SELECT body FROM payments WHERE session = ?", vec![session.into()])?.pop())
    }

    pub fn payments_of_offer(&self, offer: &str) -> Result<Vec<Payment>, Fault> {
        self.values("SELECT body FROM payments WHERE offer = ? ORDER BY id", vec![offer.into()])
    }

    /// Payments that took an offer, whichever.
    pub fn payments_of_offers(&self) -> Result<Vec<Payment>, Fault> {
        self.values("SELECT body FROM payments WHERE offer IS NOT NULL ORDER BY id", vec![])
    }

    /// Payments before one, newest first, one more than `limit`.
    pub fn payments(&self, before: Option<PaymentId>, limit: u32) -> Result<Vec<Payment>, Fault> {
        let sql = "SELECT body FROM payments WHERE id < ? ORDER BY id DESC LIMIT ?";
        // Above every id, of which the digits are hexadecimal.
        let before = before.map_or_else(|| "pay_g".to_owned(), |id| id.to_string());
        self.values(sql, vec![before.into(), number(i64::from(limit) + 1)])
    }

    /// Sources and amounts of the stored rows that a payment's may be among.
    pub fn booked_for(&self, intent: &str) -> Result<Vec<(String, MicroUsd)>, Fault> {
        #[derive(Deserialize)]
        struct Row {
            source: String,
            amount: i64,
        }
        // What begins with it: `;` is what follows `:`.
        let sql = "SELECT source, amount FROM entries WHERE source >= ? AND source < ?";
        let source = payment::source(intent);
        let bindings = vec![source.as_str().into(), format!("{source};").into()];
        let rows = self.rows::<Row>(sql, bindings)?.into_iter();
        Ok(rows.map(|row| (row.source, MicroUsd::new(row.amount))).collect())
    }
}
