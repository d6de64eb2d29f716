//! Events: hints that something changed. What it is has to be read again, because events come
//! late, twice, and in any order.

use serde::{Deserialize, Serialize};

use super::{Metadata, id_of, or_nothing};

/// An event, as a webhook brings it and a list gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// Its type, such as `checkout.session.completed`; may be one that nobody here knows.
    pub r#type: String,
    /// Seconds since the epoch.
    #[serde(default, deserialize_with = "or_nothing")]
    pub created: i64,
    /// The version that its object is written in.
    #[serde(default)]
    pub api_version: Option<String>,
    /// Whether it is about real money.
    #[serde(default, deserialize_with = "or_nothing")]
    pub livemode: bool,
    /// What it is about.
    pub data: Data,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The object at the moment of the event.
    pub object: Hint,
}

/// Where to look: of an event's object only its relations are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hint {
    /// Its identifier; some objects have none.
    #[serde(default)]
    pub id: Option<String>,
    /// Its kind, such as `checkout.session`.
    #[serde(default, deserialize_with = "or_nothing")]
    pub object: String,
    /// The payment that it belongs to.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
    /// The subscription that it belongs to.
    #[serde(default, deserialize_with = "id_of")]
    pub subscription: Option<String>,
    /// The bill that it belongs to.
    #[serde(default, deserialize_with = "id_of")]
    pub invoice: Option<String>,
    /// Whose it is.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// The account that we said a checkout is for.
    #[serde(default)]
    pub client_reference_id: Option<String>,
    /// What we noted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: Metadata,
    /// What a bill was written for.
    #[serde(default)]
    parent: Option<Parent>,
    /// What a bill was paid with.
    #[serde(default)]
    payment: Option<Payment>,
}

/// What a bill was written for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parent {
    #[serde(default)]
    pub(super) subscription_details: Option<Details>,
}

/// The subscription that a bill was written for, and what we noted on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Details {
    #[serde(default, deserialize_with = "id_of")]
    pub(super) subscription: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub(super) metadata: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Payment {
    #[serde(default, deserialize_with = "id_of")]
    payment_intent: Option<String>,
}

impl Event {
    /// The checkout to read again.
    pub fn session(&self) -> Option<&str> {
        self.own("checkout.session")
    }

    /// The payment to read again: the object itself, or the one that it belongs to.
    pub fn intent(&self) -> Option<&str> {
        let object = &self.data.object;
        let paid_with = || object.payment.as_ref()?.payment_intent.as_deref();
        let related = || object.payment_intent.as_deref().or_else(paid_with);
        self.own("payment_intent").or_else(related)
    }

    /// The subscription to read again: the object itself, or the one that it belongs to.
    pub fn subscription(&self) -> Option<&str> {
        let object = &self.data.object;
        let billed =
            || object.parent.as_ref()?.subscription_details.as_ref()?.subscription.as_deref();
        let related = || object.subscription.as_deref().or_else(billed);
        self.own("subscription").or_else(related)
    }

    /// The bill to read again: the object itself, or the one that it belongs to.
    pub fn invoice(&self) -> Option<&str> {
        self.own("invoice").or(self.data.object.invoice.as_deref())
    }

    /// Whose it is.
    pub fn customer(&self) -> Option<&str> {
        self.own("customer").or(self.data.object.customer.as_deref())
    }

    fn own(&self, kind: &str) -> Option<&str> {
        self.data.object.id.as_deref().filter(|_| self.data.object.object == kind)
    }
}
