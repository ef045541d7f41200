//! Stories of two and three calls: the first ones write, plant, configure or move something, the last one runs it. Every row runs in real
//! bash with programs that write down what they are asked for, so whether it harms is seen, not said. `tests/corpus/stories`
//! has the classes; rows are their products with the ways to make a file and with what is done at the end.

mod machine;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use machine::{Machine, Stubs};
use rows::Row;

use crate::support::{skip, variable};

/// How often each thing came.
#[derive(Default)]
struct Seen {
    ran: usize,
    harmed: usize,
    stopped: usize,
    /// Programs that rows need and this machine does not have.
    missing: BTreeSet<String>,
    wrong: Vec<String>,
}

/// What is wrong with how a row was answered, if anything.
fn wrong(row: &Row, got: &str, harmed: bool) -> Option<String> {
    if harmed != row.harms {
        return Some(format!(
            "it {} in bash, which the class does not expect",
            if harmed { "harms" } else { "does no harm" }
        ));
    }
    let fits = match row.want.as_str() {
        "stop" => got != "allow",
        want => got == want,
    };
    (!fits).then(|| format!("want {}, got {got}", row.want))
}

fn judge(row: &Row, stubs: &Stubs, seen: &Mutex<Seen>) {
    let machine = Machine::new(row, stubs);
    let mut rank = "allow";
    let mut said = String::new();
    for call in &row.calls {
        let answer = machine.ask(call);
        let got = answer.decision();
        if got == "deny" || (got == "ask" && rank == "allow") || !["allow", "ask", "deny"].contains(&got) {
            (rank, said) = (got, format!("{}{}", answer.stderr, answer.stdout));
        }
        machine.run(call);
    }
    let harmed = machine.harmed();
    let mut seen = seen.lock().unwrap();
    seen.ran += 1;
    seen.harmed += usize::from(harmed);
    seen.stopped += usize::from(rank != "allow");
    if let Some(missing) = row.needs.iter().find(|program| crate::support::find(program).is_none()) {
        // It is judged all the same, but nobody has seen what it does.
        seen.missing.insert(missing.clone());
        return;
    }
    if let Some(why) = wrong(row, rank, harmed) {
        let calls: Vec<String> = row.calls.iter().map(ToString::to_string).collect();
        let said = said.chars().take(300).collect::<String>();
        seen.wrong.push(format!(
            "{} [{}]: {why}\n    {}\n    ran: {}\n    said: {said}",
            row.about,
            row.rwenv,
            calls.join("\n    "),
            machine.log().join(" | "),
        ));
    }
}

#[test]
fn what_earlier_calls_left_counts_when_the_next_one_runs() {
    // A share of them, all, or those of the classes whose names hold a text.
    let asked = variable("RWENV_STORIES");
    let is_asked = |(at, row): &(usize, Row)| match asked.as_deref() {
        None => at % 5 < 2,
        Some("all") => true,
        Some(text) => row.about.contains(text),
    };
    let rows: Vec<Row> = rows::all().into_iter().enumerate().filter(is_asked).map(|(_, row)| row).collect();
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(Seen::default());
    let stubs = Stubs::new();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    judge(row, &stubs, &seen);
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    // Here, where the thread has the test's name.
    seen.missing.iter().for_each(|program| skip(&format!("rows that need {program}, which is not here")));
    println!("{} rows, {} harm, {} stopped", seen.ran, seen.harmed, seen.stopped);
    assert!(seen.wrong.is_empty(), "{} of {} rows:\n{}", seen.wrong.len(), seen.ran, seen.wrong.join("\n"));
    assert!(asked.is_some() || seen.ran >= 1_500, "only {} rows", seen.ran);
}

#[test]
fn every_class_of_stories_has_both_kinds() {
    let mut kinds: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for row in rows::all() {
        assert!(row.calls.len() >= 2, "{}: a story has two calls or more", row.about);
        kinds.entry(row.of.clone()).or_default()[usize::from(row.harms)] += 1;
    }
    for (of, [harmless, harmful]) in &kinds {
        assert!(*harmless > 3 && *harmful > 9, "{of}: {harmless} harmless and {harmful} harmful rows");
    }
    assert!(kinds.len() >= 11, "{kinds:?}");
}
