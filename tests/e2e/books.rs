//! The laws of a ledger, held against the rows that the operator reads, and the price of what the
//! scripted model produced.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use schema::admin::WalletTransaction;
use tests::account::Account;
use tests::rehearsal::{Record, Usage};
use tests::world::World;
use tokio::time::{Instant, sleep};

/// How long a settlement may take after the upstream has ended.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// A ledger that keeps the laws, summed up. Money is micro-dollars.
#[derive(Debug)]
pub struct Books {
    pub rows: Vec<WalletTransaction>,
    pub balance: i64,
    pub held: i64,
    pub credited: i64,
    /// What calls paid, by request id.
    pub paid: BTreeMap<String, i64>,
    /// Calls that cost nothing.
    pub free: usize,
}

/// The books as they stand.
pub async fn read(world: &World, account: &Account) -> Books {
    let rows = world.operator().rows(&account.id).await.expect("rows");
    Books::of(rows)
}

/// The books when nothing is held any more.
pub async fn closed(world: &World, account: &Account) -> Books {
    until(world, account, |books| books.held == 0).await
}

/// The books when something is held.
pub async fn held(world: &World, account: &Account) -> Books {
    until(world, account, |books| books.held > 0).await
}

/// The books when so many calls have paid and nothing is held any more.
pub async fn paid(world: &World, account: &Account, calls: usize) -> Books {
    let books = until(world, account, |it| it.held == 0 && it.paid.len() >= calls).await;
    assert_eq!(books.paid.len(), calls, "more charges than calls: {:#?}", books.rows);
    books
}

/// The books when they are as wished.
pub async fn until(world: &World, account: &Account, wish: impl Fn(&Books) -> bool) -> Books {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let books = read(world, account).await;
        if wish(&books) {
            return books;
        }
        assert!(Instant::now() < deadline, "the books are not as they should be: {books:#?}");
        sleep(POLL).await;
    }
}

/// What usage costs by the prices of a fresh world.
pub fn price(usage: Usage) -> i64 {
    i64::try_from(usage.input * 5 + usage.output * 30).expect("a small sum")
}

/// What everything costs that the scripted model produced and reported.
pub fn produced(records: &[Record]) -> i64 {
    records.iter().filter_map(Record::usage).map(price).sum()
}

impl Books {
    fn of(rows: Vec<WalletTransaction>) -> Self {
        let mut books = Self {
            rows: Vec::new(),
            balance: 0,
            held: 0,
            credited: 0,
            paid: BTreeMap::new(),
            free: 0,
        };
        let mut open = BTreeMap::<String, i64>::new();
        let (mut over, mut sources) = (HashSet::new(), HashSet::new());
        for (row, seq) in rows.iter().zip(1..) {
            assert_eq!(row.seq, seq, "a gap in the sequence");
            if let Some(source) = &row.source {
                assert!(sources.insert(source), "{source} is booked twice");
            }
            books.add(row);
            let Some(call) = row.call.clone() else { continue };
            assert!(!over.contains(&call), "a row after the end of {call}: {row:?}");
            books.enter(row, &mut open);
            if row.kind != "hold" && row.kind != "extend" {
                over.insert(call);
            }
        }
        assert_eq!(books.held, open.values().sum::<i64>(), "held, but by no open hold");
        books.rows = rows;
        books
    }

    /// What a row does to the sums, and what it may never do.
    fn add(&mut self, row: &WalletTransaction) {
        self.balance += row.amount_micro_usd.micros();
        self.held += row.held_micro_usd.micros();
        assert_eq!(row.balance_after_micro_usd.micros(), self.balance, "{row:?}");
        assert!(self.held >= 0, "less than nothing is held: {row:?}");
        assert!(self.held <= self.balance, "more is held than there is: {row:?}");
        if row.call.is_none() {
            self.credited += row.amount_micro_usd.micros();
        }
    }

    /// A call holds once, holds more while it runs, and ends once with all that it held.
    fn enter(&mut self, row: &WalletTransaction, open: &mut BTreeMap<String, i64>) {
        let call = row.call.clone().unwrap_or_default();
        let (amount, held) = (row.amount_micro_usd.micros(), row.held_micro_usd.micros());
        match row.kind.as_str() {
            "hold" => assert!(open.insert(call, held).is_none() && held > 0, "{row:?}"),
            "extend" => *open.get_mut(&call).expect("an open hold") += held,
            "post" | "void" | "expire" => {
                assert_eq!(open.remove(&call), Some(-held), "{row:?}");
                if row.kind == "post" {
                    assert!(-held >= -amount && amount <= 0, "more paid than held: {row:?}");
                    self.paid.insert(call, -amount);
                } else {
                    assert_eq!(amount, 0, "{row:?}");
                    self.free += 1;
                }
            }
            other => panic!("a call has no row of the kind {other}"),
        }
    }

    /// Every charge is the price of one response, as the scripted model reported it.
    pub fn paid_what_was_produced(&self, records: &[Record]) {
        let prices: BTreeMap<_, _> = records
            .iter()
            .filter_map(|it| Some((it.response_id.clone()?, price(it.usage()?))))
            .collect();
        for row in self.rows.iter().filter(|row| row.kind == "post") {
            let id = row.source.as_deref().and_then(|source| source.strip_prefix("response:"));
            let price = id.and_then(|id| prices.get(id));
            assert_eq!(price, Some(&-row.amount_micro_usd.micros()), "{row:?}");
        }
    }

    /// What all calls have paid.
    pub fn spent(&self) -> i64 {
        self.paid.values().sum()
    }
}
