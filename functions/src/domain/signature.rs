//! Signatures of Stripe's webhooks: HMAC-SHA256 over `t`, a dot and the body's bytes as they came,
//! under the whole secret with its `whsec_`.

use hmac::{Hmac, Mac};
use schema::{Timestamp, stripe::Event};
use sha2::Sha256;

/// How old a signature may be: an attacker who has got hold of one has no longer than this.
pub const TOLERANCE_S: i64 = 300;

/// How far ahead of us a signature may be. Stripe's own clients know no limit; a clock that is off
/// by more than a day is no clock, and what it signed would be good for too long.
pub const AHEAD_MAX_S: i64 = 86_400;

/// Signatures that are looked at: Stripe sends one for each secret that is valid, which are two at
/// most. Each more is work that anybody could ask of us.
const TRIED_MAX: usize = 8;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// We have no secret to check with.
    MissingSecret,
    MissingHeader,
    /// It names no moment.
    UnparsableHeader,
    /// It holds no signature of a kind that we know.
    NoExpectedScheme,
    /// None of its signatures is of a secret of ours, for these bytes and this moment.
    NoMatchingSignature,
    /// It was signed too long ago, or too far ahead.
    TimestampOutsideTolerance,
    /// It is signed and no event.
    InvalidJson,
}

impl Refused {
    /// In a word, for the log and for whoever sent it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingSecret => "missing_secret",
            Self::MissingHeader => "missing_header",
            Self::UnparsableHeader => "unparsable_header",
            Self::NoExpectedScheme => "no_expected_scheme",
            Self::NoMatchingSignature => "no_matching_signature",
            Self::TimestampOutsideTolerance => "timestamp_outside_tolerance",
            Self::InvalidJson => "invalid_json",
        }
    }
}

/// What was signed, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub body: &'a [u8],
    /// The `Stripe-Signature` header; empty if there was none.
    pub header: &'a str,
}

/// The event that a webhook brings, if Stripe has signed it under one of our secrets and lately.
pub fn event(signed: Signed<'_>, secrets: &[&str], now: Timestamp) -> Result<Event, Refused> {
    verify(signed, secrets, now.seconds(), TOLERANCE_S)?;
    serde_json::from_slice(signed.body).map_err(|_| Refused::InvalidJson)
}

/// Whether these bytes were signed under one of our secrets. The age counts backwards from `now`;
/// a tolerance of nothing, as in Stripe's own clients, means any age.
fn verify(
    signed: Signed<'_>,
    secrets: &[&str],
    now_s: i64,
    tolerance_s: i64,
) -> Result<(), Refused> {
    // An empty secret would be known to everyone.
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    let secrets: Vec<_> = secrets.collect();
    if secrets.is_empty() {
        return Err(Refused::MissingSecret);
    }
    if signed.header.is_empty() {
        return Err(Refused::MissingHeader);
    }
    let parts = || signed.header.split(',').filter_map(|part| part.trim().split_once('='));
    let moment = parts().find(|(name, _)| *name == "t").map(|(_, text)| text);
    let moment = moment.ok_or(Refused::UnparsableHeader)?;
    let at_s: i64 = moment.parse().map_err(|_| Refused::UnparsableHeader)?;
    let given = parts().filter(|(name, _)| *name == "v1").map(|(_, text)| text);
    let given: Vec<_> = given.take(TRIED_MAX).collect();
    if given.is_empty() {
        return Err(Refused::NoExpectedScheme);
    }
    let given: Vec<_> = given.into_iter().filter_map(bytes).collect();
    if !secrets.iter().any(|secret| matches(secret, moment, signed.body, &given)) {
        return Err(Refused::NoMatchingSignature);
    }
    let age_s = now_s.saturating_sub(at_s);
    if (tolerance_s > 0 && age_s > tolerance_s) || age_s < -AHEAD_MAX_S {
        return Err(Refused::TimestampOutsideTolerance);
    }
    Ok(())
}

/// Whether one of the signatures is of that secret. Each comparison takes the same time wherever
/// two differ.
fn matches(secret: &str, moment: &str, body: &[u8], given: &[[u8; 32]]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(moment.as_bytes());
    mac.update(b".");
    mac.update(body);
    given.iter().any(|tag| mac.clone().verify_slice(tag).is_ok())
}

/// A signature's bytes; in lower case, as Stripe writes them and its clients compare them.
fn bytes(hex: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?;
    bytes.try_into().ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use base64::{Engine, engine::general_purpose::STANDARD};
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    const COPY: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/stripe/signature-vectors.json");
    const SECRET: &str = "whsec_ours";

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        id: String,
        payload_b64: Option<String>,
        payload_template: Option<String>,
        header: Option<String>,
        secrets: Vec<String>,
        now: i64,
        tolerance: i64,
        expect: String,
        reason: Option<String>,
    }

    impl Vector {
        fn payload(&self) -> Vec<u8> {
            match &self.payload_template {
                Some(template) => {
                    let x = "x".repeat(262_144);
                    template.replace("<x repeated 262144 times>", &x).into_bytes()
                }
                None => STANDARD.decode(self.payload_b64.as_ref().unwrap()).unwrap(),
            }
        }

        fn judge(&self) -> Result<Event, Refused> {
            let body = self.payload();
            let header = self.header.as_deref().unwrap_or_default();
            let secrets: Vec<_> = self.secrets.iter().map(String::as_str).collect();
            verify(Signed { body: &body, header }, &secrets, self.now, self.tolerance)?;
            serde_json::from_slice(&body).map_err(|_| Refused::InvalidJson)
        }
    }

    /// Vectors made and judged by Stripe's own clients. Where they leave it to us, the bytes count
    /// as they came: such a signature is right, and what it signs is no event.
    #[test]
    fn stripe_signature_vectors() {
        let path = env::var("STRIPE_VECTORS").unwrap_or_else(|_| COPY.to_owned());
        let vectors: Vectors = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(vectors.vectors.len() >= 38, "{path} has {} vectors", vectors.vectors.len());
        for vector in &vectors.vectors {
            let got = vector.judge().map_err(Refused::as_str);
            match vector.expect.as_str() {
                "ok" => assert!(got.is_ok(), "{}: {got:?}", vector.id),
                "error" => {
                    let reason = vector.reason.as_deref().expect("a reason");
                    assert_eq!(got.map(|_| ()), Err(reason), "{}", vector.id);
                }
                "implementation_defined" => {
                    assert_eq!(got.map(|_| ()), Err("invalid_json"), "{}", vector.id);
                }
                other => panic!("{}: what is {other}?", vector.id),
            }
        }
    }

    fn signed(at_s: i64, secret: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at_s}.").as_bytes());
        mac.update(body);
        let hex: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={at_s},v1={hex}")
    }

    fn check(at_s: i64, now_s: i64) -> Result<(), Refused> {
        let header = signed(at_s, SECRET, b"{}");
        let signed = Signed { body: b"{}", header: &header };
        verify(signed, &[SECRET], now_s, TOLERANCE_S)
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_and_at_most_a_day_ahead() {
        const NOW_S: i64 = 1_790_000_000;
        let outside = Err(Refused::TimestampOutsideTolerance);
        assert_eq!(check(NOW_S - TOLERANCE_S, NOW_S), Ok(()));
        assert_eq!(check(NOW_S - TOLERANCE_S - 1, NOW_S), outside);
        assert_eq!(check(NOW_S + AHEAD_MAX_S, NOW_S), Ok(()));
        assert_eq!(check(NOW_S + AHEAD_MAX_S + 1, NOW_S), outside);
        assert_eq!(check(i64::MAX, NOW_S), outside);
        assert_eq!(check(i64::MIN, NOW_S), outside);
    }

    #[test]
    fn beyond_a_few_signatures_none_is_tried() {
        let header = signed(1, SECRET, b"{}");
        let (moment, right) = header.split_once(',').unwrap();
        let padded = |wrong: usize| {
            let wrong = format!(",v1={}", "0".repeat(64)).repeat(wrong);
            let header = format!("{moment}{wrong},{right}");
            verify(Signed { body: b"{}", header: &header }, &[SECRET], 1, TOLERANCE_S)
        };
        assert_eq!(padded(TRIED_MAX - 1), Ok(()));
        assert_eq!(padded(TRIED_MAX), Err(Refused::NoMatchingSignature));
    }

    proptest! {
        #[test]
        fn no_header_is_a_fault_and_none_is_believed(header in ".*", body in any::<Vec<u8>>()) {
            let signed = Signed { body: &body, header: &header };
            prop_assert!(event(signed, &[SECRET], Timestamp::from_millis(0)).is_err());
        }

        #[test]
        fn one_changed_bit_is_not_believed(
            body in prop::collection::vec(any::<u8>(), 1..64),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let header = signed(7, SECRET, &body);
            let mut other = body.clone();
            other[at.index(body.len())] ^= 1 << bit;
            let judge = |body: &[u8]| verify(Signed { body, header: &header }, &[SECRET], 7, 300);
            prop_assert_eq!(judge(&body), Ok(()));
            prop_assert_eq!(judge(&other), Err(Refused::NoMatchingSignature));
        }
    }
}
