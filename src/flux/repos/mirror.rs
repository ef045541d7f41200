//! The bare mirror: every branch and tag of the other side, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::Repository;

use super::network::{GitProgress, git, git_to, run};
use super::{FluxRepository, RepoError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};

/// Longest a first copy may take.
const CLONE: Duration = Duration::from_secs(3600);
/// Longest a fetch may take.
const FETCH: Duration = Duration::from_secs(600);
/// Longest a question may take.
const ASK: Duration = Duration::from_secs(60);
/// What is not fetched before it is needed, where the server can leave it out: files too large to be manifests.
pub(super) const FILTER: &str = "blob:limit=16m";
/// Number of packs above which the mirror is packed anew.
const PACKS: usize = 50;
/// The mirror's configuration. It names no server: what is fetched, and how, is said at each fetch.
const CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tbare = true
\thooksPath = /dev/null
[gc]
\tauto = 0
";
/// What it says besides where large files may be left out.
const PARTIAL: &str = "[remote \"origin\"]\n\tpromisor = true\n\tpartialclonefilter = blob:limit=16m\n";

/// Fetches the branch of a pull request into the mirror; gives the name it has there (GitHub and Gitea keep such refs).
///
/// # Errors
/// Where there is none, or the other side does not answer.
pub fn pull_request(
    flux: &FluxRepository,
    number: u64,
    environment: &Environment,
) -> Result<String, RepoError> {
    let own = format!("refs/rwenv/pull/{number}");
    let fetched = |folder: &str| {
        let refspec = format!("+refs/{folder}/{number}/head:{own}");
        let arguments = ["fetch", "--no-tags", "--no-write-fetch-head", "--", &flux.url, &refspec];
        run(git_to(flux, &arguments, &flux.mirror(), environment)?, FETCH, &mut |_| {})
    };
    match fetched("pull") {
        Ok(_) => Ok(own),
        // GitLab has merge requests.
        Err(error) => fetched("merge-requests").map(|_| own).map_err(|_| error),
    }
}

/// The refs of one side: object name by ref, and the branch HEAD stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SideRefs {
    pub(super) all: BTreeMap<String, String>,
    pub(super) head: Option<String>,
}

/// Asks the other side for its refs: one round trip, and all there is to do where nothing has changed.
pub(super) fn ask(flux: &FluxRepository, environment: &Environment) -> Result<SideRefs, RepoError> {
    let arguments = ["ls-remote", "--symref", "--", &flux.url, "HEAD", "refs/heads/*", "refs/tags/*"];
    let text = run(git_to(flux, &arguments, Path::new("/"), environment)?, ASK, &mut |_| {})?;
    let mut refs = SideRefs::default();
    for (value, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        if let Some(target) = value.strip_prefix("ref: ") {
            refs.head = target.strip_prefix("refs/heads/").map(str::to_owned);
        } else if name != "HEAD" && !name.ends_with("^{}") {
            refs.all.insert(name.to_owned(), value.to_owned());
        }
    }
    // An empty repository has a HEAD that no branch answers to.
    refs.head = refs.head.filter(|head| refs.all.contains_key(&format!("refs/heads/{head}")));
    Ok(refs)
}

/// The refs the mirror has.
pub(super) fn refs(mirror: &Path) -> Result<SideRefs, RepoError> {
    let inspect = |source| RepoError::Inspect { path: mirror.to_owned(), source };
    let repository = Repository::open_bare(mirror).map_err(inspect)?;
    let mut refs = SideRefs::default();
    for reference in repository.references().map_err(inspect)?.filter_map(Result::ok) {
        if let (Ok(name), Some(target)) = (reference.name(), reference.target())
            && (name.starts_with("refs/heads/") || name.starts_with("refs/tags/"))
        {
            refs.all.insert(name.to_owned(), target.to_string());
        }
    }
    refs.head = head(&repository).map_err(inspect)?;
    refs.head = refs.head.filter(|head| refs.all.contains_key(&format!("refs/heads/{head}")));
    Ok(refs)
}

/// The branch that HEAD of a mirror names, whether it is there or not: a clone takes it over from the other side.
pub(super) fn named(mirror: &Path) -> Option<String> {
    Repository::open_bare(mirror).and_then(|repository| head(&repository)).ok()?
}

fn head(repository: &Repository) -> Result<Option<String>, git2::Error> {
    let head = repository.find_reference("HEAD")?;
    let target = head.symbolic_target().ok().flatten();
    Ok(target.and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned))
}

/// What a remote says of itself before anything is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offer {
    /// It can leave objects out.
    filters: bool,
    /// Its own history is cut off.
    shallow: bool,
}

impl Offer {
    /// Asks the remote. Only the older protocol says at once whether history is cut off, and only git's trace shows it. Where there is no answer,
    /// nothing is offered, and what is done next says why.
    fn of(flux: &FluxRepository, environment: &Environment) -> Result<Self, RepoError> {
        let arguments = ["-c", "protocol.version=0", "ls-remote", "--", &flux.url, "HEAD"];
        let mut command = git_to(flux, &arguments, Path::new("/"), environment)?;
        let trace = format!(".{}.{}.trace", flux.name, std::process::id());
        let trace = flux.mirror().with_file_name(trace);
        command.env("GIT_TRACE_PACKET", &trace);
        let answered = run(command, ASK, &mut |_| {});
        let said = fs::read_to_string(&trace).unwrap_or_default();
        let _ = fs::remove_file(&trace);
        if matches!(answered, Err(RepoError::Cancelled)) {
            return Err(RepoError::Cancelled);
        }
        Ok(Self::read(&said))
    }

    fn read(trace: &str) -> Self {
        let received: Vec<&str> =
            trace.lines().filter_map(|line| line.split_once("< ")).map(|(_, packet)| packet).collect();
        Self {
            filters: received.iter().any(|packet| {
                packet
                    .split_once("\\0")
                    .is_some_and(|(_, words)| words.split(' ').any(|word| word == "filter"))
            }),
            shallow: received.iter().any(|packet| packet.starts_with("shallow ")),
        }
    }

    /// True where large files can be left out. Never of a history that is cut off: git would ask for the missing commits in a process in a process,
    /// without an end (git before 2.44).
    fn is_partial(self) -> bool {
        self.filters && !self.shallow
    }
}

/// True where a mirror lacks what git fetches when it is needed.
pub(super) fn is_partial(mirror: &Path) -> bool {
    fs::read_to_string(mirror.join("config")).is_ok_and(|config| config.contains("promisor"))
}

/// Makes the mirror: into a sibling, to the disk, then in its place. A kill leaves a sibling that the next run removes.
pub(super) fn create(
    flux: &FluxRepository,
    environment: &Environment,
    progress: &mut dyn FnMut(GitProgress),
) -> Result<(), RepoError> {
    let mirror = flux.mirror();
    let folder = mirror.parent().unwrap_or(Path::new("/"));
    files::make_private_dir(folder)?;
    let new = folder.join(format!(".{}.{}.new", flux.name, std::process::id()));
    let target = new.display().to_string();
    let filter = format!("--filter={FILTER}");
    let partial = Offer::of(flux, environment)?.is_partial();
    let mut arguments = vec!["-c", "core.fsync=objects,derived-metadata,reference"];
    arguments.extend(["clone", "--bare", "--progress", "--template="]);
    arguments.extend(partial.then_some(filter.as_str()));
    arguments.extend(["--", &flux.url, &target]);
    let cloned = run(git_to(flux, &arguments, folder, environment)?, CLONE, progress);
    if let Err(error) = cloned {
        let _ = fs::remove_dir_all(&new);
        let why = rwenv_gate::base::redact::redact(&error.to_string());
        return Err(RepoError::Clone { name: flux.name.clone(), url: flux.shown_url(), why });
    }
    let config = format!("{CONFIG}{}", if partial { PARTIAL } else { "" });
    files::write(&new.join("config"), &config, 0o600)?;
    if mirror.exists() {
        fs::remove_dir_all(&mirror).map_err(|e| FileError::io(&mirror, e))?;
    }
    fs::rename(&new, &mirror).map_err(|e| FileError::io(&mirror, e))?;
    let _ = fs::File::open(folder).and_then(|f| f.sync_all());
    Ok(())
}

/// Brings the mirror to what the other side has.
pub(super) fn fetch(
    flux: &FluxRepository,
    theirs: &SideRefs,
    environment: &Environment,
    progress: &mut dyn FnMut(GitProgress),
) -> Result<(), RepoError> {
    let mirror = flux.mirror();
    let (partial, shallow) = (is_partial(&mirror), mirror.join("shallow").exists());
    if (partial || shallow) && Offer::of(flux, environment)?.shallow != shallow {
        return create(flux, environment, progress);
    }
    let (url, filter) = (format!("remote.origin.url={}", flux.url), format!("--filter={FILTER}"));
    // Always a pack, never single objects: clones take packs over by links.
    let mut arguments = vec!["-c", &url, "-c", "fetch.unpackLimit=1"];
    arguments.extend(["fetch", "--prune", "--progress", "--no-write-fetch-head"]);
    arguments.extend(["--no-auto-maintenance", "--atomic"]);
    arguments.push(if partial { &filter } else { "--update-shallow" });
    arguments.push("origin");
    arguments.extend(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]);
    run(git_to(flux, &arguments, &mirror, environment)?, FETCH, progress)?;
    if let Some(head) = &theirs.head {
        let target = format!("refs/heads/{head}");
        run(git(&["symbolic-ref", "HEAD", &target], &mirror, environment)?, ASK, &mut |_| {})?;
    }
    if packs(&mirror).len() > PACKS {
        run(git(&["gc", "--quiet"], &mirror, environment)?, FETCH, progress)?;
    }
    Ok(())
}

/// True where git complains of the mirror itself and not of the other side: a lock that nobody holds, a broken object.
pub(super) fn is_damage(why: &str) -> bool {
    [".lock'", "corrupt", "bad object", "bad ref", "packfile", "unable to read", "not a git repository"]
        .iter()
        .any(|sign| why.contains(sign))
}

/// The indexes of a repository's packs.
fn packs(repository: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(repository.join("objects/pack")).into_iter().flatten().flatten().map(|e| e.path());
    all.filter(|path| path.extension().is_some_and(|e| e == "idx")).collect()
}

/// Gives a clone's object store every pack of the mirror, by links where the file system has them.
pub(super) fn share(mirror: &Path, clone: &Path) -> Result<(), FileError> {
    let to = clone.join(".git/objects/pack");
    files::make_private_dir(&to)?;
    for index in packs(mirror) {
        // The index comes last: git looks at a pack once its index is there.
        for extension in ["pack", "rev", "bitmap", "promisor", "mtimes", "idx"] {
            let file = index.with_extension(extension);
            let Some(target) = file.file_name().map(|name| to.join(name)) else { continue };
            if !file.exists() || target.exists() {
                continue;
            }
            let copied = fs::hard_link(&file, &target).or_else(|_| {
                let new = target.with_extension(format!("{extension}.{}.new", std::process::id()));
                fs::copy(&file, &new).and_then(|_| fs::rename(&new, &target))
            });
            copied.map_err(|e| FileError::io(&target, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_s_offer_is_read_from_what_it_sent() {
        let trace = |sent: &str, received: &str| {
            format!(
                "04:34:04.752254 pkt-line.c:80  packet:  upload-pack> {sent}\n04:34:04.752792 pkt-line.c:80  packet:    ls-remote< {received}\n"
            )
        };
        let offer = |filters, shallow| Offer { filters, shallow };
        assert_eq!(
            Offer::read(&trace("shallow 7e63", "7e63 HEAD\\0multi_ack filter agent=git/2")),
            offer(true, false)
        );
        assert_eq!(
            Offer::read(&trace("x", "7e63 HEAD\\0multi_ack shallow agent=git/2")),
            offer(false, false)
        );
        assert_eq!(Offer::read(&trace("x", "shallow 7e63946f")), offer(false, true));
        assert_eq!(Offer::read("fatal: no such repository"), Offer::default());
    }
}
