//! What is made from the command line as clap sees it: completions and man pages.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap_complete::Shell;

use rwenv_gate::base::files;

pub(super) fn completions(shell: Shell, mut command: clap::Command) -> u8 {
    clap_complete::generate(shell, &mut command, "rwenv", &mut std::io::stdout());
    0
}

pub(super) fn man(dir: Option<&Path>, command: &clap::Command) -> anyhow::Result<u8> {
    match dir {
        None => clap_mangen::Man::new(command.clone()).render(&mut std::io::stdout())?,
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
            let mut pages = vec![("rwenv".to_owned(), command.clone())];
            let subcommands =
                command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect::<Vec<_>>();
            pages.extend(subcommands.into_iter().map(|c| (format!("rwenv-{}", c.get_name()), c)));
            for (name, page) in pages {
                let mut text = Vec::new();
                clap_mangen::Man::new(page).title(&name).render(&mut text)?;
                let path = dir.join(format!("{name}.1"));
                files::write(&path, &String::from_utf8(text)?, 0o644)?;
                writeln!(std::io::stdout(), "{}", path.display())?;
            }
        }
    }
    Ok(0)
}
