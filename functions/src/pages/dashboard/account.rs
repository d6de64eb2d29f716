//! The customer: who they are, how they are reached, and how they sign in.

use askama::Template;
use schema::Result;

use super::{
    super::{Frame, Nothing, PageOr},
    seen,
};
use crate::{
    cx::Cx,
    domain::{country::COUNTRIES, notice::Topic, person::Person},
    services::{accounts, notices, people},
};

#[derive(Template)]
#[template(path = "dashboard/account.html")]
pub struct Account {
    frame: Frame,
    username: String,
    plan: &'static str,
    person: Person,
    /// What is still to be told.
    missing: Vec<&'static str>,
    verified: bool,
    has_password: bool,
    low_balance: bool,
    fair_use: bool,
    countries: &'static [(&'static str, &'static str)],
}

impl Account {
    fn lives_in(&self, code: &&str) -> bool {
        self.person.country.as_deref() == Some(*code)
    }
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Account>> {
    seen(cx, async |cx, account| {
        let description = accounts::describe(cx, account).await?;
        let person = description.person;
        let unwanted = notices::unwanted(cx, account).await?;
        Ok(Account {
            frame: Frame::of(cx),
            username: description.profile.username,
            plan: description.profile.plan.as_str(),
            missing: person.missing(),
            verified: person.is_verified(),
            has_password: people::has_password(cx, account).await?,
            low_balance: !unwanted.contains(&Topic::LowBalance),
            fair_use: !unwanted.contains(&Topic::FairUse),
            person,
            countries: &COUNTRIES,
        })
    })
    .await
}
