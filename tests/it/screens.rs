//! What people see, as pictures: `docs/screens.md` shows what commands print on terminals of 80 and 120 columns, light and dark.
//! `RWENV_WRITE_DOCS=1` draws them anew.

use std::fmt::Write as _;
use std::fs;

use anstyle::{Color, RgbColor};
use anstyle_svg::{Palette, Term, VGA, WIN10_CONSOLE};

use crate::formats::{home, makes_terminals, on_a_terminal};
use crate::support::root;

/// Where the pictures are.
const FOLDER: &str = "docs/screens";
/// The name of a screen, its heading, and the command.
const SCREENS: [(&str, &str, &[&str]); 4] = [
    ("list", "The environments of this machine", &["list"]),
    (
        "check",
        "Why a command is denied, and what to do instead",
        &["check", "--", "kubectl delete pod web-0; kubectl -n shop scale deploy web --replicas 3"],
    ),
    ("services", "What a Flux repository runs", &["services", "list"]),
    ("flux", "The guide to an environment", &["guide", "show", "flux"]),
];
const COLUMNS: [u16; 2] = [80, 120];

/// A terminal's colours: its name, the text, the background, and the sixteen others.
type Theme = (&'static str, RgbColor, RgbColor, Palette);

const THEMES: [Theme; 2] = [
    ("light", RgbColor(31, 35, 40), RgbColor(255, 255, 255), VGA),
    ("dark", RgbColor(230, 237, 243), RgbColor(13, 17, 23), WIN10_CONSOLE),
];

fn drawn(shown: &str, (_, text, background, palette): Theme) -> String {
    let term = Term::new().palette(palette).fg_color(Color::Rgb(text)).bg_color(Color::Rgb(background));
    term.render_svg(shown)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that writes a page asks whether it should")]
fn screens_are_shown_as_they_are() {
    if !makes_terminals() {
        return;
    }
    let writes = std::env::var("RWENV_WRITE_DOCS").is_ok();
    let home = home();
    let own = home.path("").display().to_string();
    let mut page = String::from(
        "# Screens\n\nMade by a test from what the commands print in the bundled environments, on terminals of 80 and 120 columns.\n",
    );
    let mut made = Vec::new();
    for (name, title, line) in SCREENS {
        let typed =
            line.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() });
        let typed = format!("rwenv {}", typed.collect::<Vec<_>>().join(" "));
        let _ = write!(page, "\n## {title}\n\n`{typed}`\n");
        for columns in COLUMNS {
            let shown = on_a_terminal(&home, line, columns, true).replace(own.trim_end_matches('/'), "~");
            let _ = write!(page, "\n<picture>\n");
            for theme in THEMES {
                let file = format!("{name}-{columns}-{}.svg", theme.0);
                let _ = match theme.0 {
                    "dark" => writeln!(
                        page,
                        "  <source media=\"(prefers-color-scheme: dark)\" srcset=\"screens/{file}\">"
                    ),
                    _ => Ok(()),
                };
                made.push((format!("{FOLDER}/{file}"), drawn(&shown, theme)));
            }
            let _ = write!(
                page,
                "  <img alt=\"{title}, {columns} columns\" src=\"screens/{name}-{columns}-light.svg\">\n</picture>\n"
            );
        }
    }
    made.push(("docs/screens.md".to_owned(), page));
    fs::create_dir_all(root().join(FOLDER)).unwrap();
    for (file, text) in made {
        let path = root().join(&file);
        if writes {
            fs::write(&path, &text).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == text,
            "{file} is not current: RWENV_WRITE_DOCS=1 cargo test screens"
        );
    }
}
