//! A mail server: the socket beneath `domain::smtp`, bounded in time.

use std::{pin::Pin, time::Duration};

use futures::future::{Either, select};
use js_sys::{Promise, Uint8Array, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue};
use worker::Delay;

use crate::{
    domain::{
        notice::Ending,
        smtp::{Dialogue, GOODBYE, Login, Mail, Security, Step},
    },
    js,
};

/// Where to send by.
pub struct Server<'a> {
    pub host: &'a str,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// How long the whole dialogue may take.
    pub patience_ms: u32,
}

/// Hangs up, however it ends.
struct Hung(js::Line);

impl Drop for Hung {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Sends a mail. `handed` is called when all but its end is said: what it writes is safe before the
/// end leaves, because the platform holds bytes back until writes are.
pub async fn send(
    server: Server<'_>,
    mail: &Mail<'_>,
    handed: impl FnOnce() -> Result<(), String>,
) -> Ending {
    let Server { host, port, security, login, patience_ms } = server;
    let secure = security == Security::Tls;
    let line = match js::Line::new(host.trim_matches(['[', ']']), port, secure) {
        Ok(line) => Hung(line),
        Err(thrown) => return Ending::Later(js::said(&thrown)),
    };
    let dialogue = Dialogue::new(security, login, mail);
    let patience = Box::pin(Delay::from(Duration::from_millis(u64::from(patience_ms))));
    let mut talk = Talk { line, dialogue, patience, patience_ms, greeting: secure };
    let mut handed = Some(handed);
    let mut step = talk.hear().await;
    loop {
        step = match step {
            Step::Listen => talk.hear().await,
            Step::Say(bytes) => talk.say_and_hear(&bytes).await,
            Step::Secure => talk.secure().await,
            Step::HandOver { message, end } => {
                if let Err(step) = talk.say(&message).await {
                    step_before_end(step)
                } else if let Some(Err(why)) = handed.take().map(|handed| handed()) {
                    Step::Over(Ending::Later(why))
                } else {
                    talk.say_and_hear(end).await
                }
            }
            Step::Over(ending) => {
                // Politeness, for which nobody waits.
                drop(talk.line.0.say(&Uint8Array::from(GOODBYE)));
                return ending;
            }
        };
    }
}

/// A message whose end was not said is not accepted, whatever became of its beginning.
fn step_before_end(step: Step) -> Step {
    match step {
        Step::Over(Ending::Unconfirmed(why)) => Step::Over(Ending::Later(why)),
        step => step,
    }
}

struct Talk {
    line: Hung,
    dialogue: Dialogue,
    patience: Pin<Box<Delay>>,
    patience_ms: u32,
    /// Whether TLS has begun and nothing was heard under it yet: what breaks off then is of its
    /// certificate, more often than not, and the platform says no more.
    greeting: bool,
}

impl Talk {
    async fn hear(&mut self) -> Step {
        match self.wait(self.line.0.hear()).await {
            Ok(heard) if heard.is_undefined() => self.dialogue.cut("The server hung up."),
            Ok(heard) => {
                self.greeting = false;
                self.dialogue.heard(&heard.unchecked_into::<Uint8Array>().to_vec())
            }
            Err(step) => step,
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Step> {
        self.wait(self.line.0.say(&Uint8Array::from(bytes))).await.map(drop)
    }

    async fn say_and_hear(&mut self, bytes: &[u8]) -> Step {
        match self.say(bytes).await {
            Ok(()) => self.hear().await,
            Err(step) => step,
        }
    }

    async fn secure(&mut self) -> Step {
        self.greeting = true;
        match self.line.0.secure() {
            Ok(opened) => match self.wait(opened).await {
                Ok(_) => self.dialogue.secured(),
                Err(step) => step,
            },
            Err(thrown) => self.broken(&thrown),
        }
    }

    async fn wait(&mut self, promise: Promise) -> Result<JsValue, Step> {
        match select(JsFuture::from(promise), &mut self.patience).await {
            Either::Left((Ok(value), _)) => Ok(value),
            Either::Left((Err(thrown), _)) => Err(self.broken(&thrown)),
            Either::Right(_) => {
                let ms = self.patience_ms;
                Err(self.dialogue.cut(&format!("The server took more than {ms} ms.")))
            }
        }
    }

    fn broken(&self, thrown: &JsValue) -> Step {
        let said = js::said(thrown);
        if self.greeting {
            return self.dialogue.cut(&format!(
                "No TLS with the server: its certificate is not trusted or is for another name, \
                 or it speaks no TLS on this port ({said})."
            ));
        }
        self.dialogue.cut(&format!("The connection broke off ({said})."))
    }
}
