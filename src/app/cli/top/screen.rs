//! How the screen is drawn. What a colour says is said by a word as well.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table, TableState, Wrap};

use super::super::summary::shown;
use super::model::{Screen, ShownList};
use crate::ops::watched::WatchedRwenv;
use rwenv_gate::ledger::audit::AuditEntry;
use rwenv_gate::ledger::grants::Grant;

/// Fewest columns in which the details of a verdict have columns of their own.
const WIDE: u16 = 130;

pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    let (rwenvs, grants) =
        screen.moment.as_ref().map_or((0, 0), |moment| (moment.rwenvs.len(), moment.grants.len()));
    let height = frame.area().height;
    let areas = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length((count(rwenvs) + 3).min(height / 3).max(4)),
        Constraint::Min(4),
        Constraint::Length((count(grants) + 2).clamp(3, 6)),
        Constraint::Length(1),
    ]);
    let [head, above, middle, below, foot] = areas.areas(frame.area());
    frame.render_widget(Paragraph::new(heading(screen)), head);
    environments(frame, above, screen);
    verdicts(frame, middle, screen);
    grant_list(frame, below, screen);
    let keys = "Tab list · ↑↓ row · Enter details · a stopped only · q quit";
    frame.render_widget(Paragraph::new(keys).style(soft()), foot);
    if screen.details {
        details(frame, screen);
    }
}

fn soft() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn coloured(screen: &Screen, colour: Color) -> Style {
    if screen.colours {
        Style::new().fg(colour).add_modifier(Modifier::BOLD)
    } else {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

/// Whether the guard is on, in two lines.
fn heading(screen: &Screen) -> Text<'static> {
    let title = Span::styled("rwenv top", Style::new().add_modifier(Modifier::BOLD));
    let Some(moment) = &screen.moment else {
        return Text::from(Line::from(vec![title, "  looking …".into()]));
    };
    match moment.off.split_first() {
        None => Text::from(Line::from(vec![
            title,
            "  ".into(),
            Span::styled("nothing is off", coloured(screen, Color::Green)),
        ])),
        Some((first, others)) => {
            let more =
                if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            Text::from(vec![
                Line::from(vec![
                    title,
                    "  ".into(),
                    Span::styled(
                        format!("guard off: {}{more}", shown(&first.says)),
                        coloured(screen, Color::Red),
                    ),
                ]),
                Line::from(format!("  → {}", shown(&first.fix))),
            ])
        }
    }
}

fn block(title: String, list: ShownList, screen: &Screen) -> Block<'static> {
    let style = if screen.list == list { coloured(screen, Color::Cyan) } else { Style::new() };
    let mark = if screen.list == list { "▶ " } else { "" };
    Block::new().borders(Borders::TOP).title(Span::styled(format!("{mark}{title} "), style))
}

fn table(frame: &mut Frame<'_>, area: Rect, screen: &Screen, list: ShownList, table: Table<'_>) {
    let here = Style::new().add_modifier(Modifier::REVERSED);
    let table =
        table.row_highlight_style(if screen.list == list { here } else { Style::new() }).column_spacing(2);
    let mut state = TableState::new().with_selected(Some(screen.row(list)));
    frame.render_stateful_widget(table, area, &mut state);
}

fn head(titles: &[&'static str]) -> Row<'static> {
    Row::new(titles.iter().map(|title| Cell::from(*title))).style(soft())
}

/// How old something is, in one unit.
fn age(seconds: Option<u64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds @ 0..60) => format!("{seconds} s"),
        Some(seconds @ 60..3600) => format!("{} min", seconds / 60),
        Some(seconds @ 3600..86_400) => format!("{} h", seconds / 3600),
        Some(seconds) => format!("{} d", seconds / 86_400),
    }
}

/// What is not ready, in a few words, and how grave that is.
fn ready(rwenv: &WatchedRwenv) -> (String, Color) {
    match (&rwenv.unready, &rwenv.unknown) {
        (Some(unready), _) => match unready.as_slice() {
            [] => (format!("all {} ready", rwenv.objects), Color::Green),
            [first, ..] => {
                let message = first.message.lines().next().unwrap_or_default();
                let title = format!("{} {}: {message}", first.kind, first.name);
                (format!("{} of {} not ready: {}", unready.len(), rwenv.objects, shown(&title)), Color::Red)
            }
        },
        (None, why) => {
            (format!("not known: {}", shown(why.as_deref().unwrap_or("not looked at yet"))), Color::Yellow)
        }
    }
}

/// The width of the longest name.
fn name(rwenvs: &[WatchedRwenv]) -> u16 {
    let longest = rwenvs.iter().map(|rwenv| rwenv.name.len()).max().unwrap_or(0);
    u16::try_from(longest.clamp(5, 20)).unwrap_or(20)
}

fn environments(frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
    let rwenvs = screen.moment.as_ref().map(|moment| moment.rwenvs.as_slice()).unwrap_or_default();
    let row = |rwenv: &WatchedRwenv| {
        let (says, colour) = ready(rwenv);
        let mode = match rwenv.mode.as_str() {
            "read-only" => Color::Green,
            "gitops-only" => Color::Cyan,
            _ => Color::Yellow,
        };
        Row::new([
            Cell::from(rwenv.name.clone()),
            Cell::from(Span::styled(rwenv.mode.clone(), coloured(screen, mode))),
            Cell::from(rwenv.clone.clone()),
            Cell::from(age(rwenv.age)),
            Cell::from(Span::styled(says, coloured(screen, colour))),
        ])
    };
    let widths = [
        Constraint::Max(name(rwenvs)),
        Constraint::Length(11),
        Constraint::Length(12),
        Constraint::Length(6),
        Constraint::Min(20),
    ];
    let rows = Table::new(rwenvs.iter().map(row), widths)
        .header(head(&["RWENV", "MODE", "CLONE", "AGE", "READY"]))
        .block(block(format!("Environments {}", rwenvs.len()), ShownList::Environments, screen));
    table(frame, area, screen, ShownList::Environments, rows);
}

/// What became of a call, as a word and a colour.
fn fate(entry: &AuditEntry) -> (String, Color) {
    match entry.decision.as_str() {
        "deny" => ("denied".to_owned(), Color::Red),
        "ask" => ("asked".to_owned(), Color::Yellow),
        "allow" if entry.reasons.iter().any(|said| said.grant.is_some()) => {
            ("granted".to_owned(), Color::Magenta)
        }
        "allow" => ("allowed".to_owned(), Color::Green),
        _ => (entry.event.clone(), Color::Blue),
    }
}

fn what(entry: &AuditEntry) -> String {
    shown(if entry.event.is_empty() { &entry.command } else { &entry.detail })
}

fn verdicts(frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
    let records = screen.records();
    let wide = area.width >= WIDE;
    let row = |entry: &&AuditEntry| {
        let (word, colour) = fate(entry);
        let rule = entry.reasons.first().map(|said| said.rule.clone()).unwrap_or_default();
        let mut cells = vec![
            Cell::from(entry.time.get(11..19).unwrap_or_default().to_owned()),
            Cell::from(Span::styled(word, coloured(screen, colour))),
            Cell::from(entry.rwenvs.join(",")),
        ];
        if wide {
            cells.extend([Cell::from(entry.door.clone()), Cell::from(rule)]);
        }
        cells.push(Cell::from(what(entry)));
        Row::new(cells)
    };
    // As wide as the names are.
    let longest = records.iter().map(|entry| entry.rwenvs.join(",").len()).max().unwrap_or(0);
    let names = u16::try_from(longest.clamp(5, 24)).unwrap_or(24);
    let mut widths = vec![Constraint::Length(8), Constraint::Length(9), Constraint::Length(names)];
    let mut titles = vec!["UTC", "DECISION", "RWENV"];
    if wide {
        widths.extend([Constraint::Length(8), Constraint::Length(24)]);
        titles.extend(["DOOR", "RULE"]);
    }
    widths.push(Constraint::Min(20));
    titles.push("WHAT");
    let only = if screen.only_stopped { ", stopped or asked" } else { "" };
    let rows = Table::new(records.iter().map(row), widths).header(head(&titles)).block(block(
        format!("Verdicts and events{only}"),
        ShownList::Verdicts,
        screen,
    ));
    table(frame, area, screen, ShownList::Verdicts, rows);
}

fn grant_list(frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
    let grants = screen.moment.as_ref().map(|moment| moment.grants.as_slice()).unwrap_or_default();
    let row = |grant: &Grant| {
        Row::new([
            Cell::from(grant.id.clone()),
            Cell::from(Span::styled(grant.left_in_words(), coloured(screen, Color::Yellow))),
            Cell::from(grant.rwenvs.join(",")),
            Cell::from(shown(&grant.command)),
        ])
    };
    let widths = [Constraint::Length(8), Constraint::Length(7), Constraint::Max(16), Constraint::Min(20)];
    let rows = Table::new(grants.iter().map(row), widths).block(block(
        format!("Grants {}", grants.len()),
        ShownList::Grants,
        screen,
    ));
    table(frame, area, screen, ShownList::Grants, rows);
}

/// All that is known of the row, over the rest.
fn details(frame: &mut Frame<'_>, screen: &Screen) {
    let row = screen.row(screen.list);
    let moment = screen.moment.as_ref();
    let lines = match screen.list {
        ShownList::Environments => moment.and_then(|moment| moment.rwenvs.get(row)).map(of_rwenv),
        ShownList::Verdicts => screen.records().get(row).map(|entry| of_record(entry)),
        ShownList::Grants => moment.and_then(|moment| moment.grants.get(row)).map(of_grant),
    };
    let lines = lines.unwrap_or_default();
    let text: Vec<Line<'_>> = lines
        .into_iter()
        .map(|(name, value)| {
            Line::from(vec![Span::styled(format!("{name:12}"), soft()), Span::raw(shown(&value))])
        })
        .collect();
    let area = frame.area();
    let height = u16::try_from(text.len())
        .unwrap_or(u16::MAX)
        .saturating_mul(2)
        .max(6)
        .min(area.height.saturating_sub(4));
    let [_, middle, _] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(height), Constraint::Fill(1)]).areas(area);
    let block = Block::bordered().title(" Details, Esc closes ");
    frame.render_widget(Clear, middle);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), middle);
}

fn of_rwenv(rwenv: &WatchedRwenv) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("rwenv", rwenv.name.clone()),
        ("mode", rwenv.mode.clone()),
        ("clone", format!("{}, synced {} ago", rwenv.clone, age(rwenv.age))),
        ("ready", ready(rwenv).0),
    ];
    for row in rwenv.unready.iter().flatten() {
        all.push(("not ready", format!("{} {}/{}: {}", row.kind, row.namespace, row.name, row.message)));
    }
    all.push(("more", format!("rwenv flux status --cluster {}", rwenv.name)));
    all
}

fn of_record(entry: &AuditEntry) -> Vec<(&'static str, String)> {
    let mut all =
        vec![("time", entry.time.clone()), ("decision", fate(entry).0), ("door", entry.door.clone())];
    let mut add = |name, value: Option<String>| {
        all.extend(value.filter(|text| !text.is_empty()).map(|text| (name, text)))
    };
    add("rwenv", Some(entry.rwenvs.join(", ")));
    add("rules", Some(entry.reasons.iter().map(|said| said.rule.as_str()).collect::<Vec<_>>().join(", ")));
    add("changes", Some(entry.effects.join(", ")));
    add("what", Some(what(entry)));
    add("directory", Some(entry.cwd.clone()));
    add("session", entry.session.clone());
    add(
        "agent",
        entry.agent.as_ref().map(|agent| {
            let more = [agent.version.as_deref(), agent.subagent.as_deref()];
            [Some(agent.name.as_str())].into_iter().chain(more).flatten().collect::<Vec<_>>().join(" ")
        }),
    );
    add("person", entry.person.clone());
    add("reason", entry.reason.clone());
    if entry.seq > 0 {
        add("more", Some(format!("rwenv audit --record {}", entry.seq)));
        add("wrong?", (!entry.decision.is_empty()).then(|| format!("rwenv audit wrong {}", entry.seq)));
    }
    all
}

fn of_grant(grant: &Grant) -> Vec<(&'static str, String)> {
    vec![
        ("grant", grant.id.clone()),
        ("left", grant.left_in_words()),
        ("rwenvs", grant.rwenvs.join(", ")),
        ("for", grant.command.clone()),
        ("reason", grant.reason.clone().unwrap_or_default()),
        ("person", grant.person.clone()),
        ("close it", format!("rwenv grant --revoke {}", grant.id)),
    ]
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::ops::watched::WatchedMoment;
    use rwenv_gate::standing::Lapse;
    use rwenv_gate::wire::daemon::FluxRow;

    fn screen() -> Screen {
        let mut screen = Screen::new(None, true);
        let failing = FluxRow {
            kind: "Kustomization".to_owned(),
            name: "apps".to_owned(),
            namespace: "flux-system".to_owned(),
            ready: "False".to_owned(),
            message: "the path does not exist".to_owned(),
            ..FluxRow::default()
        };
        let prod = WatchedRwenv {
            name: "prod".to_owned(),
            mode: "read-only".to_owned(),
            clone: "up to date".to_owned(),
            age: Some(120),
            unready: Some(vec![failing]),
            objects: 12,
            unknown: None,
        };
        let lab = WatchedRwenv {
            name: "lab".to_owned(),
            mode: "writable".to_owned(),
            unknown: Some("the daemon is not running".to_owned()),
            ..WatchedRwenv::default()
        };
        let off = vec![Lapse::new("hook", "the hook is not registered", "rwenv install")];
        screen.moment = Some(WatchedMoment { rwenvs: vec![prod, lab], grants: Vec::new(), off });
        for (decision, command) in [
            ("allow", "kubectl get pods"),
            ("deny", "kubectl delete pod web-0\u{1b}[2J"),
            ("ask", "kubectl get secret x"),
        ] {
            screen.take(AuditEntry {
                time: "2026-11-29T10:11:12.000Z".to_owned(),
                seq: 7,
                decision: decision.to_owned(),
                command: command.to_owned(),
                rwenvs: vec!["prod".to_owned()],
                ..AuditEntry::default()
            });
        }
        screen
    }

    fn drawn(screen: &Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, screen)).unwrap();
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(usize::from(width).max(1));
        rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
    }

    #[test]
    fn every_size_shows_what_matters() {
        let screen = screen();
        for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
            let text = drawn(&screen, width, height);
            for word in [
                "guard off: the hook",
                "prod",
                "read-only",
                "2 min",
                "1 of 12 not ready",
                "not known",
                "denied",
                "asked",
                "Grants 0",
                "q quit",
            ] {
                assert!(text.contains(word), "{word} at {width}x{height}:\n{text}");
            }
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        // A terminal that says nothing of its size, or that is being made small.
        for (width, height) in [(0, 0), (1, 1), (20, 3), (40, 8)] {
            drawn(&screen, width, height);
        }
    }

    #[test]
    fn keys_lead_to_the_details_and_what_comes_does_not_move_them() {
        let mut screen = screen();
        screen.go(1);
        screen.details = true;
        let text = drawn(&screen, 100, 30);
        assert!(
            text.contains("rwenv audit --record 7") && text.contains("kubectl delete pod web-0\\u{1b}"),
            "{text}"
        );
        screen.take(AuditEntry {
            decision: "allow".to_owned(),
            command: "kubectl get ns".to_owned(),
            ..AuditEntry::default()
        });
        let text = drawn(&screen, 100, 30);
        assert!(text.contains("rwenv audit wrong 7") && text.contains("decision    denied"), "{text}");
        screen.show(ShownList::Environments);
        screen.details = true;
        let text = drawn(&screen, 100, 30);
        assert!(text.contains("Kustomization flux-system/apps: the path does not exist"), "{text}");
        screen.turn(true);
        assert!(screen.list == ShownList::Verdicts && !screen.details);
        screen.toggle_stopped();
        assert_eq!(screen.records().len(), 2);
        assert!(!drawn(&screen, 100, 30).contains("get pods"));
        screen.turn(false);
        screen.turn(false);
        assert!(screen.list == ShownList::Grants && !screen.has_selected());
    }

    #[test]
    fn without_colours_the_words_say_it() {
        let mut screen = screen();
        screen.colours = false;
        let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
        terminal.draw(|frame| draw(frame, &screen)).unwrap();
        let cells = terminal.backend().buffer().content();
        assert!(cells.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    }
}
