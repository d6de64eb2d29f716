//! One object for each address and for each account that is tried: it remembers how often, for as
//! long as that matters, and then nothing.

pub mod stub;

use std::rc::Rc;

use js_sys::{Promise, futures::JsFuture};
use schema::Timestamp;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use worker::{Env, State, worker_sys};

use crate::{
    cx,
    domain::attempts::{Ask, Gate as Tries, Verdict},
    js,
};

/// Between two looks whether anything is worth remembering.
const FORGET_MS: i64 = 24 * 3_600_000;

const MAKE: &str = "CREATE TABLE IF NOT EXISTS gate
                      (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL)";

/// The object as the platform knows it.
#[wasm_bindgen]
pub struct Gate(Rc<Inner>);

struct Inner {
    state: State,
    env: Env,
}

impl std::panic::UnwindSafe for Gate {}
impl std::panic::RefUnwindSafe for Gate {}

#[wasm_bindgen]
impl Gate {
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker_sys::DurableObjectState, env: Env) -> Gate {
        Self(Rc::new(Inner { state: State::from(state), env }))
    }

    /// Answers whether something may be tried. A fault rejects the promise: nobody is let in by it.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            let text = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
            let answer = inner.answer(&text).await.map_err(thrown)?;
            js::answer(200, "content-type: application/json", &answer.into()).map(JsValue::from)
        })
    }

    /// Forgets what no longer matters.
    pub fn alarm(&self) -> Promise {
        let inner = self.0.clone();
        js::promise(
            async move { inner.forget().await.map(|()| JsValue::UNDEFINED).map_err(thrown) },
        )
    }
}

impl Inner {
    async fn answer(&self, text: &str) -> worker::Result<String> {
        let ask: Ask = serde_json::from_str(text)?;
        let storage = self.state.storage();
        let (verdict, is_new) = self.step(ask)?;
        if is_new {
            storage.set_alarm(FORGET_MS).await?;
        }
        Ok(serde_json::to_string(&verdict)?)
    }

    /// Reads, decides and writes in one turn; says whether there was nothing before.
    fn step(&self, ask: Ask) -> worker::Result<(Verdict, bool)> {
        let kept = self.read()?;
        let is_new = kept.is_none();
        let mut tries = kept.unwrap_or_default();
        let verdict = tries.step(ask, self.now()?);
        let body = serde_json::to_string(&tries)?;
        let sql = "INSERT INTO gate VALUES (1, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
        self.state.storage().sql().exec_raw(sql, vec![body.into()])?;
        Ok((verdict, is_new))
    }

    async fn forget(&self) -> worker::Result<()> {
        let storage = self.state.storage();
        let mut tries = self.read()?.unwrap_or_default();
        if tries.forget(self.now()?) {
            return storage.delete_all().await;
        }
        storage.set_alarm(FORGET_MS).await
    }

    fn read(&self) -> worker::Result<Option<Tries>> {
        #[derive(Deserialize)]
        struct Row {
            body: String,
        }
        let sql = self.state.storage().sql();
        sql.exec(MAKE, None)?;
        let rows: Vec<Row> = sql.exec_raw("SELECT body FROM gate", vec![])?.to_array()?;
        rows.first().map(|row| Ok(serde_json::from_str(&row.body)?)).transpose()
    }

    fn now(&self) -> worker::Result<Timestamp> {
        let config = cx::config(&self.env).map_err(|error| error.to_string())?;
        Ok(cx::now(&config))
    }
}

fn thrown(error: worker::Error) -> JsValue {
    JsValue::from_str(&error.to_string())
}
