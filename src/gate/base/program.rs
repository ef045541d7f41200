//! Which program a file really is: by the links that lead to it, by its content, by what Go wrote into it.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _, ReadCache};

use crate::base::environment::Environment;
use rwenv_core::classify;

/// What starts us from a hook of git's, and what every script of ours there has in its second line.
pub const HOOK_MARK: &str = "rwenv git-hook";
/// Most links that are followed.
const MOST_LINKS: usize = 16;
/// The first bytes of a program, by which two builds differ (entry point, segments, build identity).
const HEAD: usize = 4096;
/// Longest build information that is read.
const LONGEST_INFORMATION: usize = 64 << 10;

/// The name under which our tables know a file, or a name on `PATH`; none where it is none of them.
pub fn identify(program: &str, environment: &Environment) -> Option<&'static str> {
    let mut path = if program.contains('/') { PathBuf::from(program) } else { find(program, environment)? };
    let tools = classify::tools();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
        let name = path.file_name()?.to_str()?;
        if tools.programs.multicall.contains(&name) {
            return None;
        }
        if let Some(known) = tools.canonical_name(name) {
            return Some(known);
        }
    }
    by_content(&path, environment)
}

/// The first program of this name on `PATH` that is not this very program (a shim of ours, by whatever link or copy).
#[must_use]
pub fn find(name: &str, environment: &Environment) -> Option<PathBuf> {
    let shims = environment.config_dir.join("shims");
    (environment.path.split(':'))
        .filter(|dir| dir.starts_with('/') && Path::new(dir) != shims)
        .map(|dir| Path::new(dir).join(name))
        .find(|path| runs(path) && !is_us(path))
}

/// True for a link or a copy of the program that runs.
fn is_us(path: &Path) -> bool {
    let named = fs::canonicalize(path).is_ok_and(|real| real.file_name().is_some_and(|n| n == "rwenv-hook"));
    let us = || std::env::current_exe().and_then(fs::metadata).ok();
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let copy = |us: &fs::Metadata| {
        let Ok(meta) = fs::metadata(path) else { return false };
        same(&meta, us)
            || (meta.len() == us.len() && {
                let ours = std::env::current_exe().ok().as_deref().and_then(open);
                open(path).zip(ours).is_some_and(|(a, b)| a.head == b.head)
            })
    };
    named || us().is_some_and(|us| copy(&us))
}

/// True for a file that may be started.
#[must_use]
pub fn runs(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A file and its first bytes.
struct OpenedFile {
    file: File,
    meta: fs::Metadata,
    head: Vec<u8>,
}

fn open(path: &Path) -> Option<OpenedFile> {
    // A pipe would hang.
    if !runs(path) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let meta = file.metadata().ok().filter(fs::Metadata::is_file)?;
    let mut head = Vec::with_capacity(HEAD);
    (&mut file).take(HEAD as u64).read_to_end(&mut head).ok()?;
    Some(OpenedFile { file, meta, head })
}

fn by_content(path: &Path, environment: &Environment) -> Option<&'static str> {
    let opened = open(path)?;
    let tools = classify::tools();
    let binary = !opened.head.starts_with(b"#!");
    if binary && let Some(package) = go_package(&opened.file) {
        return tools.tools.iter().find(|t| t.packages.contains(&package.as_str())).map(|t| t.name.as_str());
    }
    let names = tools.tools.iter().map(|t| t.name.as_str()).chain(tools.programs.shells.iter().copied());
    names.filter(|name| tools.canonical_name(name).is_some()).find(|name| {
        let Some(other) = find(name, environment).as_deref().and_then(open) else { return false };
        let same_file = (other.meta.dev(), other.meta.ino()) == (opened.meta.dev(), opened.meta.ino());
        // What is appended to a program changes nothing of what it does.
        same_file || (other.head == opened.head && (binary || other.meta.len() == opened.meta.len()))
    })
}

/// The main package of a Go program, from the build information the linker puts into it (`debug/buildinfo`: a header of
/// 32 bytes, then two strings behind their lengths; the second has the package in a line of its own), without the
/// elements that are major versions.
fn go_package(file: &File) -> Option<String> {
    let cache = ReadCache::new(file);
    let program = object::File::parse(&cache).ok()?;
    let section = program.sections().find(|s| matches!(s.name(), Ok(".go.buildinfo" | "__go_buildinfo")))?;
    let data = section.data().ok()?;
    let strings = data.get(32..LONGEST_INFORMATION.min(data.len()))?;
    let text = String::from_utf8_lossy(strings);
    let package = text.split_once("path\t")?.1.lines().next()?;
    let version = |element: &&str| element.strip_prefix('v').is_none_or(|n| n.parse::<u32>().is_err());
    Some(package.split('/').filter(version).collect::<Vec<_>>().join("/"))
}

/// A program of ours, beside the one that runs.
#[must_use]
pub fn beside(name: &str) -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(name);
    path.is_file().then_some(path)
}
