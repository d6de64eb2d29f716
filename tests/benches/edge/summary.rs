//! The few figures that the design is held to, and who is ahead where.

use std::fmt::Write;

use serde_json::{Value, json};

use super::kind::Kind;
use super::measure::Cell;
use super::report::{
    ADDED_DELAY, ADDED_P50, CPU, FLOOR, Figure, PEAK_MB, PER_SECOND, short, title,
};

const GANTRY: &str = "gantry";
const RIVALS: [&str; 2] = ["portkey", "litellm"];

/// Processor time as a multiple of the pass-through's, at this many connections.
const CPU_CONNECTIONS: usize = 16;
const CPU_GOALS: [(Kind, f64); 3] =
    [(Kind::Json, 3.2), (Kind::Stream(20), 2.3), (Kind::Stream(200), 1.2)];
/// Milliseconds added to the first byte of 20 events at the median, for one caller.
const FIRST_BYTE_GOAL_MS: f64 = 0.35;
const FIRST_BYTE_KIND: Kind = Kind::Stream(20);

/// A goal, and what came of it.
struct Goal {
    what: String,
    goal: f64,
    found: Option<f64>,
}

/// A figure that decides who is ahead.
struct Race {
    what: &'static str,
    figure: Figure,
    more_is_better: bool,
}

/// A difference below this is none: nobody can be faster than a provider that takes its time.
const EVEN: f64 = 0.02;

const RACES: [Race; 5] = [
    Race { what: "requests/s", figure: PER_SECOND, more_is_better: true },
    Race { what: "first byte p50", figure: ADDED_P50, more_is_better: false },
    Race { what: "delay", figure: ADDED_DELAY, more_is_better: false },
    Race { what: "CPU", figure: CPU, more_is_better: false },
    Race { what: "memory", figure: PEAK_MB, more_is_better: false },
];

/// The summary for a person.
pub fn text(cells: &[Cell], targets: &[&'static str]) -> String {
    let mut text = "\nsummary\n".to_owned();
    for goal in goals(cells) {
        let found = goal.found.map_or("not measured".to_owned(), |it| format!("{it:.2}"));
        let met = goal.found.map_or("", |it| if it <= goal.goal { "met" } else { "MISSED" });
        let _ = writeln!(text, "{:<64}{found:>14}  (goal {}) {met}", goal.what, goal.goal);
    }
    for rival in RIVALS.iter().filter(|rival| targets.contains(rival) && targets.contains(&GANTRY))
    {
        let _ = writeln!(text, "\nGantry / {rival}: more requests/s are better, less of the rest");
        let _ = write!(text, "{:<34}", "");
        for race in &RACES {
            let _ = write!(text, "{:>16}", race.what);
        }
        text.push('\n');
        for cell in cells {
            let name = format!("{}, {} at once", title(cell.kind), cell.connections);
            let _ = write!(text, "{name:<34}");
            for race in &RACES {
                let _ = write!(text, "{:>16}", race.outcome(cell, rival));
            }
            text.push('\n');
        }
    }
    text
}

impl Race {
    fn outcome(&self, cell: &Cell, rival: &str) -> String {
        let Some(ratio) = cell.ratio(GANTRY, rival, self.figure) else { return "-".to_owned() };
        let ahead = (ratio >= 1.0) == self.more_is_better || (ratio - 1.0).abs() < EVEN;
        format!("{}{}", short(ratio), if ahead { "" } else { " LOST" })
    }
}

/// The summary for a program.
pub fn json(cells: &[Cell], targets: &[&'static str]) -> Value {
    let goals: Vec<Value> = goals(cells)
        .into_iter()
        .map(|goal| json!({ "what": goal.what, "goal": goal.goal, "found": goal.found }))
        .collect();
    let mut races = Vec::new();
    for rival in RIVALS.iter().filter(|rival| targets.contains(rival)) {
        for (cell, race) in cells.iter().flat_map(|cell| RACES.iter().map(move |r| (cell, r))) {
            races.push(json!({
                "rival": rival, "kind": cell.kind.name(), "connections": cell.connections,
                "figure": race.what, "ratio": cell.ratio(GANTRY, rival, race.figure),
            }));
        }
    }
    json!({ "goals": goals, "races": races })
}

fn goals(cells: &[Cell]) -> Vec<Goal> {
    let at = |kind, connections| {
        cells.iter().find(move |cell| cell.kind == kind && cell.connections == connections)
    };
    let cpu = CPU_GOALS.map(|(kind, goal)| Goal {
        what: format!("CPU / pass-through, {}, {CPU_CONNECTIONS} at once", title(kind)),
        goal,
        found: at(kind, CPU_CONNECTIONS).and_then(|cell| cell.ratio(GANTRY, FLOOR, CPU)),
    });
    let one = at(FIRST_BYTE_KIND, 1);
    let ours = one.and_then(|cell| cell.figure(GANTRY, ADDED_P50));
    let floor = one.and_then(|cell| cell.figure(FLOOR, ADDED_P50));
    let first_byte = [
        ("ms to the first byte beyond the provider, 20 events, one caller", ours),
        ("ms beyond the pass-through", ours.zip(floor).map(|(ours, floor)| ours - floor)),
    ];
    let first_byte = first_byte.map(|(what, found)| Goal {
        what: what.to_owned(),
        goal: FIRST_BYTE_GOAL_MS,
        found,
    });
    cpu.into_iter().chain(first_byte).collect()
}
