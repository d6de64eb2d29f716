//! What each notice says, in words.

use schema::MicroUsd;

use crate::domain::notice::Notice;

/// A notice in words, for any channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub subject: String,
    pub lines: Vec<String>,
    /// What can be done about it.
    pub action: Option<Action>,
    /// What is to be copied as it is.
    pub block: Option<String>,
}

/// A link, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub label: &'static str,
    pub link: String,
}

impl Words {
    fn new(subject: impl Into<String>, lines: &[&str]) -> Self {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Self { subject: subject.into(), lines, action: None, block: None }
    }

    /// A link that a person can follow; another is left out.
    fn link(self, label: &'static str, link: &str) -> Self {
        let follows = link.starts_with("https://") || link.starts_with("http://");
        let clean = !link.chars().any(|c| c.is_whitespace() || c.is_control());
        let action = (follows && clean).then(|| Action { label, link: link.to_owned() });
        Self { action, ..self }
    }
}

/// Words a notice.
pub fn words(notice: &Notice, brand: &str) -> Words {
    match notice {
        Notice::SignedUp
        | Notice::VerifyEmail { .. }
        | Notice::ResetPassword { .. }
        | Notice::PasswordChanged
        | Notice::EmailChanged { .. }
        | Notice::AddressTaken { .. }
        | Notice::SignupPending
        | Notice::SignupApproved
        | Notice::SignupRejected => of_people(notice, brand),
        Notice::ToppedUp { .. }
        | Notice::Refunded { .. }
        | Notice::LowBalance { .. }
        | Notice::FairUse { .. }
        | Notice::PaymentFailed { .. }
        | Notice::ActionRequired { .. }
        | Notice::AutoTopUpPaused
        | Notice::SubscriptionStarted
        | Notice::SubscriptionEnded
        | Notice::OrderDelivered { .. } => of_money(notice, brand),
    }
}

const NOT_ME: &str = "If this was not you, you need do nothing.";

fn of_people(notice: &Notice, brand: &str) -> Words {
    match notice {
        Notice::VerifyEmail { link } => Words::new(
            format!("Verify your address for {brand}"),
            &["Please confirm that this address is yours.", NOT_ME],
        )
        .link("Verify this address", link),
        Notice::ResetPassword { link } => Words::new(
            format!("Choose a new password for {brand}"),
            &["Somebody asked for a new password of your account.", NOT_ME],
        )
        .link("Choose a new password", link),
        Notice::PasswordChanged => Words::new(
            format!("Your password for {brand} has changed"),
            &["If this was not you, choose another password at once."],
        ),
        Notice::EmailChanged { to } => Words::new(
            format!("Your address for {brand} has changed"),
            &[
                &format!("Mails of your account go to {to} from now on."),
                "If this was not you, answer this mail at once.",
            ],
        ),
        Notice::AddressTaken { link } => Words::new(
            format!("You have an account of {brand}"),
            &["Somebody wanted to sign up with this address, which has an account.", NOT_ME],
        )
        .link("Sign in, or choose a new password", link),
        Notice::SignupPending => Words::new(
            format!("We look at your sign-up for {brand}"),
            &["You will hear from us as soon as it is approved."],
        ),
        Notice::SignupApproved => Words::new(
            format!("Your account of {brand} is open"),
            &["Your sign-up was approved. You can sign in now."],
        ),
        Notice::SignupRejected => Words::new(
            format!("Your sign-up for {brand}"),
            &["We could not approve your sign-up. Answer this mail if you think we are wrong."],
        ),
        _ => Words::new(
            format!("Welcome to {brand}"),
            &["Your account is open. Fill your wallet, and your first request is a minute away."],
        ),
    }
}

fn of_money(notice: &Notice, brand: &str) -> Words {
    match notice {
        Notice::ToppedUp { amount, balance } => Words::new(
            format!("{} added to your wallet", dollars(*amount)),
            &[&format!("Thank you. Your balance is {} now.", dollars(*balance))],
        ),
        Notice::Refunded { amount, balance } => Words::new(
            format!("{} paid back to you", dollars(*amount)),
            &[&format!(
                "It was taken out of your wallet, whose balance is {} now.",
                dollars(*balance)
            )],
        ),
        Notice::LowBalance { balance, threshold, link } => Words::new(
            format!("Your balance is below {}", dollars(*threshold)),
            &[&format!("{} is left. Requests are refused when it is used up.", dollars(*balance))],
        )
        .link("Top up", link),
        Notice::FairUse { window, used_percent, resets_at } => Words::new(
            format!("{used_percent} % of your {window} of fair use"),
            &[&format!("What is used of it comes back by {}.", minute(&resets_at.to_string()))],
        ),
        Notice::PaymentFailed { amount, reason, link } => Words::new(
            format!("A payment of {} failed", dollars(*amount)),
            &[&format!("What we were told: {}", one_line(reason, 300))],
        )
        .link("Pay in another way", link),
        Notice::ActionRequired { amount, link } => Words::new(
            format!("Your bank wants you to confirm {}", dollars(*amount)),
            &["Nothing is charged until you do."],
        )
        .link("Confirm the payment", link),
        Notice::AutoTopUpPaused => Words::new(
            "Automatic top-up is paused",
            &[
                "Three payments failed, so we stopped trying. Change your card and switch it on again.",
            ],
        ),
        Notice::SubscriptionStarted => Words::new(
            format!("{brand} Unlimited has begun"),
            &["Requests come out of your subscription from now on."],
        ),
        Notice::SubscriptionEnded => Words::new(
            format!("{brand} Unlimited has ended"),
            &["Requests come out of your wallet from now on."],
        ),
        Notice::OrderDelivered { order, text } => Words {
            block: Some(text.clone()),
            ..Words::new(
                format!("Your order {}", one_line(order, 80)),
                &["Here is what you bought. Keep it to yourself: it holds your key."],
            )
        },
        _ => Words::new(format!("A message of {brand}"), &[]),
    }
}

/// `$12.34`
fn dollars(amount: MicroUsd) -> String {
    let text = amount.dollars_and_cents();
    text.strip_prefix('-').map_or_else(|| format!("${text}"), |text| format!("-${text}"))
}

/// `2026-11-20 03:30 UTC` of an ISO time.
fn minute(iso: &str) -> String {
    let (date, time) = iso.split_once('T').unwrap_or((iso, ""));
    format!("{date} {} UTC", time.get(..5).unwrap_or_default())
}

/// A text on one line, of at most so many characters: what others said never makes a header of its
/// own.
pub fn one_line(text: &str, most: usize) -> String {
    let clean =
        |c: char| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c };
    let line: String = text.chars().map(clean).take(most).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_dollars_and_moments_are_minutes() {
        assert_eq!(dollars(MicroUsd::new(12_340_000)), "$12.34");
        assert_eq!(dollars(MicroUsd::new(-500_000)), "-$0.50");
        assert_eq!(minute("2026-11-20T03:30:41.123Z"), "2026-11-20 03:30 UTC");
    }

    #[test]
    fn what_others_said_stays_on_its_line() {
        let reason = "declined\r\nBcc: all@theirs.test\0\u{2028}x";
        let notice = Notice::PaymentFailed {
            amount: MicroUsd::new(1),
            reason: reason.to_owned(),
            link: "https://x.test/".to_owned(),
        };
        let lines = words(&notice, "Gantry").lines;
        assert_eq!(lines, ["What we were told: declined Bcc: all@theirs.test x"]);
    }

    #[test]
    fn only_what_can_be_followed_is_a_link() {
        for link in
            ["javascript:alert(1)", "/wallet", "https://x.test/ y", "https://x.test/\r\nz", ""]
        {
            let notice = Notice::VerifyEmail { link: link.to_owned() };
            assert_eq!(words(&notice, "Gantry").action, None, "{link:?}");
        }
    }
}
