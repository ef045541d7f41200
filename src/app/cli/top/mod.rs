//! `rwenv top`: a live screen. What it shows is looked at beside it, so that a cluster that does not answer holds up no key.

mod model;
mod screen;

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::Table;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::out;
use super::shared::known;
use crate::ops::watched::{self, WatchedMoment};
use model::{Screen, ShownList};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::ledger::audit::{self, AuditEntry};

/// How often everything is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often the log is looked at, and the screen drawn.
const DRAW: Duration = Duration::from_millis(250);
/// The screen that is printed where no terminal says how large it is.
const SIZE: (u16, u16) = (100, 32);

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Only this rwenv
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Print the screen once, and end
    #[arg(long)]
    once: bool,
}

pub(super) fn top(args: &TopArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(name) = &args.env {
        known(&config::rwenvs(&environment.config_dir), name)?;
    }
    let mut screen = Screen::new(args.env.clone(), out::colours() || args.once);
    let mut followed = None;
    audit::follow(environment, &mut followed, |_| {})?;
    audit::entries(environment, |entry| screen.take(entry))?;
    if args.once {
        screen.moment = Some(watched::look(args.env.as_deref(), environment));
        return print(&screen).map(|()| 0);
    }
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        bail!(
            "rwenv top needs a terminal; rwenv top --once prints the screen, rwenv audit --follow the records"
        );
    }
    let moments = looking(args.env.clone(), environment.clone());
    let mut terminal = ratatui::try_init().context("the terminal cannot be used")?;
    let ended = run(&mut terminal, &mut screen, &moments, |take| {
        let _ = audit::follow(environment, &mut followed, take);
    });
    ratatui::restore();
    ended.map(|()| 0)
}

/// Looks at everything again and again, beside the screen.
fn looking(rwenv: Option<String>, environment: Environment) -> Receiver<WatchedMoment> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        while send.send(watched::look(rwenv.as_deref(), &environment)).is_ok() {
            std::thread::sleep(LOOK);
        }
    });
    receive
}

fn run(
    terminal: &mut ratatui::DefaultTerminal,
    screen: &mut Screen,
    moments: &Receiver<WatchedMoment>,
    mut follow: impl FnMut(&mut dyn FnMut(AuditEntry)),
) -> anyhow::Result<()> {
    loop {
        screen.moment = moments.try_iter().last().or(screen.moment.take());
        follow(&mut |entry| screen.take(entry));
        terminal.draw(|frame| screen::draw(frame, screen))?;
        if !event::poll(DRAW)? {
            continue;
        }
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && !pressed(screen, key)
        {
            return Ok(());
        }
    }
}

/// Does what a key asks for; false where it ends the screen.
fn pressed(screen: &mut Screen, key: KeyEvent) -> bool {
    let ends = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if ends => return false,
        KeyCode::Esc | KeyCode::Char('q') | KeyCode::Enter if screen.details => screen.details = false,
        KeyCode::Esc | KeyCode::Char('q') => return false,
        KeyCode::Enter => screen.details = screen.has_selected(),
        KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => screen.turn(true),
        KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => screen.turn(false),
        KeyCode::Char('1') => screen.show(ShownList::Environments),
        KeyCode::Char('2') => screen.show(ShownList::Verdicts),
        KeyCode::Char('3') => screen.show(ShownList::Grants),
        KeyCode::Down | KeyCode::Char('j') => screen.go(1),
        KeyCode::Up | KeyCode::Char('k') => screen.go(-1),
        KeyCode::PageDown => screen.go(10),
        KeyCode::PageUp => screen.go(-10),
        KeyCode::Char('a') => screen.toggle_stopped(),
        _ => {}
    }
    true
}

/// The screen as text.
fn print(screen: &Screen) -> anyhow::Result<()> {
    let width = Table::new().width().unwrap_or(SIZE.0).max(60);
    let mut terminal = Terminal::new(TestBackend::new(width, SIZE.1))?;
    terminal.draw(|frame| screen::draw(frame, screen))?;
    let buffer = terminal.backend().buffer();
    for row in buffer.content().chunks(usize::from(width)) {
        let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        out::line(text.trim_end());
    }
    Ok(())
}
