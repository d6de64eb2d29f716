//! The dialogue, line by line, and under servers that say anything at all.

use proptest::prelude::*;

use super::*;

const MESSAGE: &[u8] = b"Subject: x\r\n\r\n.dot\r\nend\r\n";

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

fn dialogue(security: Security) -> Dialogue {
    let (from, to) = (address("we@ours.test"), address("ann@theirs.test"));
    let login = Login { username: "we".to_owned(), password: "secret".to_owned() };
    Dialogue::new(security, Some(login), &Mail { from: &from, to: &to, message: MESSAGE })
}

/// Leads a dialogue: what the server says, and what is said then.
#[track_caller]
fn lead(dialogue: &mut Dialogue, lines: &[(&str, &str)]) {
    for (heard, said) in lines {
        let step = dialogue.heard(format!("{heard}\r\n").as_bytes());
        match step {
            Step::Say(bytes) => assert_eq!(bytes, format!("{said}\r\n").into_bytes(), "{heard}"),
            Step::Secure => assert_eq!(*said, "(TLS)"),
            other => panic!("{other:?} after {heard}"),
        }
    }
}

const BEFORE_TLS: [(&str, &str); 3] = [
    ("220 hello", "EHLO ours.test"),
    ("250-you\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS", "STARTTLS"),
    ("220 go ahead", "(TLS)"),
];

const AFTER_LOGIN: [(&str, &str); 3] = [
    ("235 welcome", "MAIL FROM:<we@ours.test>"),
    ("250 fine", "RCPT TO:<ann@theirs.test>"),
    ("250 fine", "DATA"),
];

fn up_to_the_message(security: Security) -> Dialogue {
    let mut it = dialogue(security);
    if security == Security::Starttls {
        lead(&mut it, &BEFORE_TLS);
        assert_eq!(it.secured(), Step::Say(b"EHLO ours.test\r\n".to_vec()));
    } else {
        lead(&mut it, &[("220 hello", "EHLO ours.test")]);
    }
    lead(&mut it, &[("250-you\r\n250 AUTH PLAIN LOGIN", "AUTH PLAIN AHdlAHNlY3JldA==")]);
    lead(&mut it, &AFTER_LOGIN);
    it
}

#[test]
fn a_mail_is_handed_over_and_accepted() {
    for security in [Security::Starttls, Security::Tls] {
        let mut it = up_to_the_message(security);
        let message = b"Subject: x\r\n\r\n..dot\r\nend\r\n".to_vec();
        assert_eq!(it.heard(b"354 go\r\n"), Step::HandOver { message, end: b".\r\n" });
        let accepted = Ending::Accepted("250 2.0.0 queued as 7".to_owned());
        assert_eq!(it.heard(b"250 2.0.0 queued as 7\r\n"), Step::Over(accepted));
    }
}

#[test]
fn a_password_is_never_said_before_tls() {
    let mut it = dialogue(Security::Starttls);
    lead(&mut it, &[("220 hello", "EHLO ours.test")]);
    let Step::Over(Ending::Later(why)) = it.heard(b"250-you\r\n250 AUTH PLAIN\r\n") else {
        panic!("it went on without TLS")
    };
    assert!(why.contains("STARTTLS"), "{why}");
}

#[test]
fn what_was_said_before_tls_does_not_count_after_it() {
    let mut it = dialogue(Security::Starttls);
    lead(&mut it, &BEFORE_TLS[..2]);
    let injected = b"220 go ahead\r\n250-you\r\n250 AUTH PLAIN\r\n";
    assert_eq!(it.heard(injected), Step::Secure);
    assert_eq!(it.secured(), Step::Say(b"EHLO ours.test\r\n".to_vec()));
    assert_eq!(it.heard(b""), Step::Listen, "the answer that came too early is forgotten");
}

#[test]
fn a_login_is_said_in_two_parts_where_that_is_the_only_way() {
    let mut it = dialogue(Security::Tls);
    lead(
        &mut it,
        &[
            ("220 hello", "EHLO ours.test"),
            ("250-you\r\n250 AUTH LOGIN XOAUTH2", "AUTH LOGIN"),
            ("334 VXNlcm5hbWU6", "d2U="),
            ("334 UGFzc3dvcmQ6", "c2VjcmV0"),
            ("235 welcome", "MAIL FROM:<we@ours.test>"),
        ],
    );
}

#[test]
fn a_refusal_is_final_where_it_is_of_the_mail_and_not_of_us() {
    let ending = |reply: &str, steps: &[(&str, &str)]| {
        let mut it = dialogue(Security::Tls);
        lead(&mut it, &[("220 hello", "EHLO ours.test"), ("250-x\r\n250 AUTH PLAIN", PLAIN)]);
        lead(&mut it, steps);
        let Step::Over(ending) = it.heard(format!("{reply}\r\n").as_bytes()) else { panic!() };
        ending
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(ending("535 no", &[]), Ending::Later(text("535 no")));
    assert_eq!(ending("550 nobody", &AFTER_LOGIN[..2]), Ending::Refused(text("550 nobody")));
    assert_eq!(ending("451 later", &AFTER_LOGIN[..2]), Ending::Later(text("451 later")));
    assert_eq!(ending("530 login", &AFTER_LOGIN[..1]), Ending::Later(text("530 login")));
    assert_eq!(ending("250 what", &AFTER_LOGIN), Ending::Later(text("250 what")));
}

const PLAIN: &str = "AUTH PLAIN AHdlAHNlY3JldA==";

#[test]
fn silence_after_the_end_leaves_it_unconfirmed_and_silence_before_does_not() {
    let mut it = up_to_the_message(Security::Tls);
    assert_eq!(it.cut("gone"), Step::Over(Ending::Later("gone".to_owned())));
    assert!(matches!(it.heard(b"354 go\r\n"), Step::HandOver { .. }));
    assert_eq!(it.cut("gone"), Step::Over(Ending::Unconfirmed("gone".to_owned())));
    assert!(matches!(it.heard(b"hm\r\n"), Step::Over(Ending::Unconfirmed(_))));
}

#[test]
fn a_mail_that_is_too_large_is_not_begun() {
    let mut it = dialogue(Security::Tls);
    lead(&mut it, &[("220 hello", "EHLO ours.test")]);
    assert!(matches!(it.heard(b"250-x\r\n250 SIZE 10\r\n"), Step::Over(Ending::Refused(_))));
    let mut it = dialogue(Security::Tls);
    lead(
        &mut it,
        &[("220 hello", "EHLO ours.test"), ("250-x\r\n250-SIZE 0\r\n250 AUTH PLAIN", PLAIN)],
    );
}

#[test]
fn a_server_that_speaks_out_of_turn_is_left() {
    let mut it = dialogue(Security::Tls);
    assert!(matches!(it.heard(b"220 a\r\n250 b\r\n"), Step::Over(Ending::Later(_))));
}

/// What servers say, in any order, and what none should.
fn said_by_a_server() -> impl Strategy<Value = String> {
    let hello = "250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n";
    prop_oneof![
        prop::sample::select(vec![
            "220 x\r\n",
            hello,
            "250 x\r\n",
            "354 x\r\n",
            "235 x\r\n",
            "334 x\r\n",
            "421 x\r\n",
        ])
        .prop_map(str::to_owned),
        ".{0,20}",
        "[2-5][0-9]{2}[ -].{0,9}\r\n",
    ]
}

proptest! {
    #[test]
    fn a_message_never_holds_its_own_end(message in prop::collection::vec(
        prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200))
    {
        let stuffed = stuffed(&message);
        let said = [&stuffed[..], END].concat();
        let ends = |end: &[u8]| said.windows(end.len()).filter(|at| *at == end).count();
        prop_assert!(!stuffed.starts_with(b".\r\n"));
        prop_assert_eq!(ends(b"\r\n.\r\n"), usize::from(!stuffed.is_empty()));
        // No lone CR or LF, which one server takes for a line's end and the next does not.
        let text = said.iter().filter(|b| **b == b'\r').count();
        prop_assert_eq!(ends(b"\r\n"), text);
        prop_assert_eq!(said.iter().filter(|b| **b == b'\n').count(), text);
    }

    #[test]
    fn whatever_a_server_says_nothing_is_told_twice_or_in_the_open(
        heard in prop::collection::vec(said_by_a_server(), 0..24),
        starttls in any::<bool>()
    )
    {
        let security = if starttls { Security::Starttls } else { Security::Tls };
        let mut it = dialogue(security);
        let (mut secure, mut handed) = (!starttls, 0);
        for text in heard {
            let mut step = it.heard(text.as_bytes());
            if step == Step::Secure {
                prop_assert!(!secure, "TLS begins once");
                secure = true;
                step = it.secured();
            }
            match step {
                Step::Say(bytes) => {
                    let line = String::from_utf8(bytes).unwrap();
                    prop_assert!(line.ends_with("\r\n") && line.matches('\n').count() == 1);
                    let open = line.starts_with("EHLO") || line.starts_with("STARTTLS");
                    prop_assert!(secure || open, "said in the open: {}", line);
                }
                Step::HandOver { .. } => { prop_assert!(secure); handed += 1; }
                Step::Over(ending) => {
                    let taken = matches!(ending, Ending::Accepted(_) | Ending::Unconfirmed(_));
                    prop_assert!(handed == 1 || !taken);
                    return Ok(());
                }
                Step::Listen | Step::Secure => {}
            }
            prop_assert!(handed <= 1);
        }
    }
}
