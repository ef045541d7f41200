//! Codex starts a person's own shell. What a session is given reaches it in zsh as in bash; of others Codex takes bash.

use super::programs::CODEX;
use super::scenario::Wanted;
use super::{Session, Setting, elsewhere, found, wrong};
use crate::fetched;
use crate::support::find;

#[test]
fn codex_gives_its_session_to_zsh_and_to_bash_in_the_place_of_fish() {
    let (Some(codex), Some(zsh)) = (found(&CODEX), fetched::zsh()) else { return };
    if elsewhere() {
        return;
    }
    let bash = find("bash").unwrap();
    // Codex reads the list of users; a program that is not there is as good a fish as any, for it never starts one.
    for (shell, starts) in [(zsh.as_path(), zsh.as_path()), ("/usr/bin/fish".as_ref(), bash.as_path())] {
        let code = "mount --bind \"$HOME/passwd\" /etc/passwd && exec \"$0\" \"$@\"";
        let mut words: Vec<String> = ["unshare", "-m", "sh", "-c", code].map(str::to_owned).into();
        words.extend(codex.iter().cloned());
        let setting = Setting {
            written: vec![("passwd", format!("root:x:0:0:root:/root:{}\n", shell.display()))],
            ..Setting::default()
        };
        let wanted = ["session", "which-shell", "sub-agent-session", "get-pods", "delete", "absolute"];
        let session = Session::new(&CODEX, &words, |one| wanted.contains(&one.name.as_str()), &setting);
        let faults: String = session
            .asked
            .iter()
            .filter_map(|one| wrong(&CODEX, one, &session.model, &session.world))
            .collect();
        assert!(faults.is_empty(), "{}: {faults}{}", shell.display(), session.said.stderr);
        assert_eq!(session.asked.len(), wanted.len());
        assert!(session.asked.iter().any(|one| one.scenario.want == Wanted::Refused));
        let ran = session.world.ran();
        let name = starts.file_name().unwrap().to_str().unwrap();
        assert!(
            ran.lines().any(|line| line.starts_with("shell: ") && line.ends_with(name)),
            "{}: {ran}",
            shell.display()
        );
    }
}
