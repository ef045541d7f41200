//! The report as one HTML page that loads nothing and needs no script. maud escapes all that comes from the log.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::told::{callers, ended, figures, minute, period, policies, short, shown};
use crate::ops::check::CheckState;
use crate::ops::report::{
    RefusedGroup, Report, ReportedException, ReportedMachine, ReportedRwenv, WeekTask, WrongVerdict,
};

/// How it looks.
const STYLE: &str = include_str!("../../../../templates/report.css");
/// Nothing is loaded and nothing runs, whatever the log holds.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
/// Longest line of the log that the page shows, in characters.
const LONGEST: usize = 400;
/// Groups that the page shows.
const GROUPS: usize = 60;
/// Exceptions, or uses of one, that the page shows.
const MANY: usize = 40;

pub(super) fn page(report: &Report) -> String {
    let (since, made) = period(report);
    let title = match &report.rwenv {
        Some(name) => format!("Agents in {name}"),
        None => "Agents and environments".to_owned(),
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="robots" content="noindex";
                title { (shown(&title)) ", " (since) " to " (made) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#week" { "Skip to what to do this week" }
                header {
                    h1 { (shown(&title)) }
                    p.soft { time datetime=(report.since) { (since) } " to " time datetime=(report.made) { (made) } " UTC" }
                    nav aria-label="Sections" { ul {
                        @for (id, name) in SECTIONS { li { a href={ "#" (id) } { (name) } } }
                    } }
                }
                main {
                    (numbers(report))
                    (week(&report.week))
                    (refused(&report.refused))
                    (wrong(&report.wrong))
                    (exceptions(&report.exceptions))
                    (machines(&report.machines))
                    (environments(&report.environments))
                }
                footer { p { "Made by rwenv " (env!("CARGO_PKG_VERSION")) " from the audit log. Times are UTC. Secret values are masked in the log." } }
            }
        }
    };
    markup.into_string()
}

/// The sections, as the page links to them.
const SECTIONS: [(&str, &str); 5] = [
    ("week", "Do this week"),
    ("refused", "Wanted and not given"),
    ("exceptions", "Exceptions"),
    ("machines", "Is the guard on"),
    ("environments", "Environments"),
];

fn section(id: &str, body: &Markup) -> Markup {
    let title = SECTIONS.iter().find(|(known, _)| *known == id).map(|(_, title)| *title).unwrap_or_default();
    html! { section id=(id) aria-labelledby={ (id) "-title" } { h2 id={ (id) "-title" } { (title) } (body) } }
}

fn numbers(report: &Report) -> Markup {
    html! { dl.figures {
        @for (at, (what, count, more)) in figures(&report.figures).into_iter().enumerate() {
            div.bad[at >= 4 && count > 0] { dt { (what) } dd.n { (grouped(count)) } dd.m { (more) } }
        }
    } }
}

/// A number with thin spaces between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

fn week(tasks: &[WeekTask]) -> Markup {
    section(
        "week",
        &html! {
            @if tasks.is_empty() { p { "Nothing: every door is on, and nothing waits." } }
            @else { ol.week { @for task in tasks {
                li { (short(&task.why, LONGEST))
                    @if let Some(command) = &task.command { code { (shown(command)) } } @else { p { strong { (shown(task.what())) } } } }
            } } }
        },
    )
}

fn refused(groups: &[RefusedGroup]) -> Markup {
    let most = groups.iter().map(RefusedGroup::times).max().unwrap_or(1);
    section(
        "refused",
        &html! {
            @if groups.is_empty() { p { "Nothing was refused." } }
            div.cards { @for group in groups.iter().take(GROUPS) { (refused_group(group, most)) } }
            @if groups.len() > GROUPS { p.soft { (groups.len() - GROUPS) " more rules: rwenv report --json" } }
        },
    )
}

fn refused_group(group: &RefusedGroup, most: u64) -> Markup {
    let share = (group.times() * 100).checked_div(most).unwrap_or_default().max(1);
    html! { article {
        h3 { (shown(group.rwenv.as_deref().unwrap_or("no rwenv"))) " " code { (shown(&group.rule)) } }
        div.bar aria-hidden="true" { span style={ "width:" (share) "%" } {} }
        p { span.state { (grouped(group.denied)) } " denied, " span.state { (grouped(group.asked)) } " asked"
            @if group.sessions > 0 { span.soft { ", in " (group.sessions) @if group.sessions == 1 { " session" } @else { " sessions" } } }
            @if !group.callers.is_empty() { span.soft { ", by " (shown(&callers(group))) } } }
        ul { @for line in &group.lines {
            li { span.times { (line.times) " × " } code { (short(&line.command, LONGEST)) } @if line.record > 0 { span.times.no { " no. " (line.record) } } }
        } }
        @if !group.next.is_empty() { p.next { strong { "Then: " }
            @for (at, (step, times)) in group.next.iter().enumerate() { @if at > 0 { ", " } (times) " × " (step.as_words()) }
        } }
        @if let Some(instead) = &group.instead { p.next { strong { "Changed instead: " } code { (short(instead, LONGEST)) } } }
    } }
}

fn wrong(all: &[WrongVerdict]) -> Markup {
    html! { @if !all.is_empty() {
        h3 { "False stops reported" }
        div.cards { @for one in all.iter().take(MANY) { article {
            h3 { "No. " (one.record) " on " (shown(&one.machine)) }
            p { code { (short(&one.what, LONGEST)) } }
            p.soft { (minute(&one.time)) " by " (shown(&one.person)) @if let Some(why) = &one.reason { ": " (shown(why)) } }
        } } }
    } }
}

fn exceptions(all: &[ReportedException]) -> Markup {
    section(
        "exceptions",
        &html! {
            @if all.is_empty() { p { "No grant was made." } }
            div.cards { @for one in all.iter().take(MANY) { (exception(one)) } }
            @if all.len() > MANY { p.soft { (all.len() - MANY) " more: rwenv grant review" } }
        },
    )
}

fn exception(one: &ReportedException) -> Markup {
    let grant = &one.grant;
    html! { article {
        h3 { (shown(&grant.rwenvs.join(", "))) " " code { (shown(&grant.id)) } }
        p { (shown(&grant.person)) " on " (shown(&one.machine)) ", " (minute(&grant.made)) ": "
            strong { @if grant.reason.is_empty() { "no reason given" } @else { (shown(&grant.reason)) } } }
        p { (short(&grant.what, LONGEST)) }
        p.soft { (ended(grant)) }
        @if one.uses.is_empty() { p.soft { "Nothing passed by it." } }
        ul { @for used in one.uses.iter().take(MANY) { li { span.times { (minute(&used.time)) " " } code { (short(&used.command, LONGEST)) } } } }
        @for left in &one.left { p class=(if one.differs { "warn" } else { "soft" }) { (shown(left)) } }
        @if one.differs { p { code { "rwenv grant review --since 7d --propose" } } }
    } }
}

fn state(state: CheckState) -> (&'static str, &'static str) {
    match state {
        CheckState::Ok => ("ok", "on"),
        CheckState::Warn => ("warn", "look"),
        CheckState::Fail => ("fail", "off"),
    }
}

fn machines(all: &[ReportedMachine]) -> Markup {
    section(
        "machines",
        &html! { div.cards { @for machine in all { article {
            h3 { (shown(&machine.name)) @if machine.here { span.tag { "here" } } }
            p.soft { "build " (shown(machine.program.as_deref().unwrap_or("unknown")))
                ", " (policies(machine))
                @if let Some(last) = &machine.last { ", last record " (minute(last)) } }
            ul { @for door in &machine.doors {
                @let (class, word) = state(door.state);
                li { span.state.(class) { (word) } " " strong { (shown(&door.name)) } ": " (short(&door.says, LONGEST))
                    @if let Some(fix) = door.fix.as_ref().filter(|_| door.state != CheckState::Ok) { " " code { (shown(fix)) } } }
            } }
        } } } },
    )
}

fn environments(all: &[ReportedRwenv]) -> Markup {
    section(
        "environments",
        &html! {
            @if all.is_empty() { p { "None is configured here." } }
            div.cards { @for rwenv in all { article {
                h3 { (shown(&rwenv.name)) span.tag { (rwenv.mode) } @if let Some(level) = rwenv.level { span.tag { (level) } } }
                p { (shown(&rwenv.custody)) }
                @if let Some(branch) = &rwenv.branch { p { (shown(branch)) } }
                @for raise in &rwenv.raise { p { strong { "Raise it: " } code { (shown(raise)) } } }
                @match &rwenv.unknown {
                    Some(why) => p.soft { "Changes: " (shown(why)) },
                    None => p { span.state { (rwenv.commits) } " " @if rwenv.commits == 1 { "commit" } @else { "commits" } },
                }
                ul { @for commit in &rwenv.changes {
                    li { span.times { (minute(&commit.time)) " " } code { (commit.id) } " " (shown(&commit.author)) ": " (short(&commit.subject, LONGEST)) }
                } }
            } } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let all: Vec<String> = [0, 999, 1000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(all, ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
    }
}
