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

/// Words a notice.
pub fn words(notice: &Notice, brand: &str) -> Words {
    let (subject, lines) = (subject(notice, brand), lines(notice));
    Words { subject, lines, action: action(notice), block: block(notice) }
}

fn subject(notice: &Notice, brand: &str) -> String {
    match notice {
        Notice::SignedUp => format!("Welcome to {brand}"),
        Notice::VerifyEmail { .. } => format!("Verify your address for {brand}"),
        Notice::ResetPassword { .. } => format!("Choose a new password for {brand}"),
        Notice::PasswordChanged => format!("Your password for {brand} has changed"),
        Notice::EmailChanged { .. } => format!("Your address for {brand} has changed"),
        Notice::AddressTaken { .. } => format!("You have an account of {brand}"),
        Notice::SignupPending => format!("We look at your sign-up for {brand}"),
        Notice::SignupApproved => format!("Your account of {brand} is open"),
        Notice::SignupRejected => format!("Your sign-up for {brand}"),
        Notice::ToppedUp { amount, .. } => format!("{} added to your wallet", dollars(*amount)),
        Notice::Refunded { amount, .. } => format!("{} paid back to you", dollars(*amount)),
        Notice::LowBalance { threshold, .. } => {
            format!("Your balance is below {}", dollars(*threshold))
        }
        Notice::FairUse { window, used_percent, .. } => {
            format!("{used_percent} % of your {window} of fair use")
        }
        Notice::PaymentFailed { amount, .. } => format!("A payment of {} failed", dollars(*amount)),
        Notice::ActionRequired { amount, .. } => {
            format!("Your bank wants you to confirm {}", dollars(*amount))
        }
        Notice::AutoTopUpPaused => "Automatic top-up is paused".to_owned(),
        Notice::SubscriptionStarted => format!("{brand} Unlimited has begun"),
        Notice::SubscriptionEnded => format!("{brand} Unlimited has ended"),
        Notice::OrderDelivered { order, .. } => format!("Your order {}", one_line(order, 80)),
    }
}

const NOT_ME: &str = "If this was not you, you need do nothing.";

fn lines(notice: &Notice) -> Vec<String> {
    let all = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    match notice {
        Notice::SignedUp => {
            all(&["Your account is open. Fill your wallet, and your first request is near."])
        }
        Notice::VerifyEmail { .. } => all(&["Please confirm that this address is yours.", NOT_ME]),
        Notice::ResetPassword { .. } => {
            all(&["Somebody asked for a new password of your account.", NOT_ME])
        }
        Notice::PasswordChanged => all(&["If this was not you, choose another password at once."]),
        Notice::EmailChanged { to } => vec![
            format!("Mails of your account go to {} from now on.", one_line(to, 254)),
            "If this was not you, answer this mail at once.".to_owned(),
        ],
        Notice::AddressTaken { .. } => {
            all(&["Somebody wanted to sign up with this address, which has an account.", NOT_ME])
        }
        Notice::SignupPending => all(&["You will hear from us as soon as it is approved."]),
        Notice::SignupApproved => all(&["Your sign-up was approved. You can sign in now."]),
        Notice::SignupRejected => {
            all(&["We could not approve your sign-up. Answer this mail if you think we are wrong."])
        }
        Notice::ToppedUp { balance, .. } => {
            vec![format!("Thank you. Your balance is {} now.", dollars(*balance))]
        }
        Notice::Refunded { balance, .. } => {
            vec![format!("It left your wallet, whose balance is {} now.", dollars(*balance))]
        }
        Notice::LowBalance { balance, .. } => {
            vec![format!("{} is left. Requests are refused when it is used up.", dollars(*balance))]
        }
        Notice::FairUse { resets_at, .. } => {
            vec![format!("What is used of it comes back by {}.", minute(&resets_at.to_string()))]
        }
        Notice::PaymentFailed { reason, .. } => {
            vec![format!("What we were told: {}", one_line(reason, 300))]
        }
        Notice::ActionRequired { .. } => all(&["Nothing is charged until you do."]),
        Notice::AutoTopUpPaused => all(&[
            "Three payments failed, so we stopped trying.",
            "Change your card and switch it on again.",
        ]),
        Notice::SubscriptionStarted => {
            all(&["Requests come out of your subscription from now on."])
        }
        Notice::SubscriptionEnded => all(&["Requests come out of your wallet from now on."]),
        Notice::OrderDelivered { .. } => {
            all(&["Here is what you bought. Keep it to yourself: it holds your key."])
        }
    }
}

/// What can be done about it, where a person can follow its link; another is left out.
fn action(notice: &Notice) -> Option<Action> {
    let (label, link) = match notice {
        Notice::VerifyEmail { link } => ("Verify this address", link),
        Notice::ResetPassword { link } => ("Choose a new password", link),
        Notice::AddressTaken { link } => ("Sign in, or choose a new password", link),
        Notice::LowBalance { link, .. } => ("Top up", link),
        Notice::PaymentFailed { link, .. } => ("Pay in another way", link),
        Notice::ActionRequired { link, .. } => ("Confirm the payment", link),
        Notice::SignedUp
        | Notice::PasswordChanged
        | Notice::EmailChanged { .. }
        | Notice::SignupPending
        | Notice::SignupApproved
        | Notice::SignupRejected
        | Notice::ToppedUp { .. }
        | Notice::Refunded { .. }
        | Notice::FairUse { .. }
        | Notice::AutoTopUpPaused
        | Notice::SubscriptionStarted
        | Notice::SubscriptionEnded
        | Notice::OrderDelivered { .. } => return None,
    };
    let follows = link.starts_with("https://") || link.starts_with("http://");
    let clean = !link.chars().any(|c| c.is_whitespace() || c.is_control());
    (follows && clean).then(|| Action { label, link: link.clone() })
}

fn block(notice: &Notice) -> Option<String> {
    if let Notice::OrderDelivered { text, .. } = notice { Some(text.clone()) } else { None }
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
