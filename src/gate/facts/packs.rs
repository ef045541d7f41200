//! Objects read straight from the packs of a repository (gitformat-pack(5)): for a push of very many, a tenth of what git's
//! plumbing takes. An object counts only if what is read has the name that was asked for; whatever else is there (loose
//! objects, packs of another kind, damage) is left to git.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};
use sha1::{Digest as _, Sha1};

use crate::facts::difference::applied;

/// Length of a name in bytes: SHA-1. Repositories of other names are left to git.
const NAME: usize = 20;
/// An index that names more objects than this for each one that is wanted costs more than it saves.
const MOST_FOR_EACH: usize = 8;
/// How much of a pack is read at once, in bytes.
const WINDOW: usize = 1 << 15;
/// Most bytes of an entry's head: kind and size, then the place or the name of its base.
const HEAD: usize = 64;
/// Most bytes of objects that are kept, because others may be stored as a difference from them.
const KEPT: usize = 32 << 20;
/// Most objects that are kept.
const SLOTS: usize = 4096;
/// Longest chain of differences.
const DEEPEST: usize = 4096;

/// An object's name, as bytes.
pub(super) type ObjectId = [u8; NAME];

/// The packs of a repository.
#[derive(Debug, Default)]
pub(super) struct Packs {
    packs: Vec<Pack>,
}

#[derive(Debug)]
struct Pack {
    file: File,
    /// How many names begin with this byte or a smaller one.
    fanout: Vec<usize>,
    names: Vec<u8>,
    offsets: Vec<u8>,
    far: Vec<u8>,
}

/// Where an object lies: which pack, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackPlace {
    pack: usize,
    offset: u64,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// `commit`, `tree`, `blob` or `tag`.
    pub(super) kind: &'static str,
    /// Its content.
    pub(super) bytes: Rc<[u8]>,
}

/// The name that these hexadecimal digits spell.
#[must_use]
pub(super) fn name_of(hex: &str) -> Option<ObjectId> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut name = [0; NAME];
    if hex.len() != NAME * 2 {
        return None;
    }
    for (byte, pair) in name.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(name)
}

impl Packs {
    /// Opens the packs in a folder of objects, as far as that pays for so many names. What cannot be opened is left out.
    #[must_use]
    pub(super) fn open(objects: &Path, wanted: usize) -> Self {
        let entries = fs::read_dir(objects.join("pack")).into_iter().flatten().flatten();
        let mut indexes: Vec<_> = entries.map(|entry| entry.path()).collect();
        indexes.retain(|path| path.extension().is_some_and(|end| end == "idx"));
        indexes.sort();
        let most = wanted.saturating_mul(MOST_FOR_EACH);
        let mut named = 0;
        let mut packs = Vec::new();
        for path in indexes {
            let Some(pack) = Pack::open(&path, most.saturating_sub(named)) else { continue };
            named += pack.count();
            packs.push(pack);
        }
        Self { packs }
    }

    /// Where an object lies.
    #[must_use]
    pub(super) fn find(&self, name: &ObjectId) -> Option<PackPlace> {
        let mut packs = self.packs.iter().enumerate();
        packs.find_map(|(pack, one)| Some(PackPlace { pack, offset: one.find(name)? }))
    }

    /// Something to read objects with, one for each thread; it is fastest where the places ascend.
    #[must_use]
    pub(super) fn reader(&self, largest: usize) -> PackReader<'_> {
        PackReader {
            packs: self,
            largest,
            inflate: Decompress::new(true),
            window: Window::default(),
            kept: vec![None; SLOTS],
            kept_bytes: 0,
        }
    }
}

impl Pack {
    /// Opens the pack of an index of version 2, if the index names no more objects than this.
    fn open(index: &Path, most: usize) -> Option<Self> {
        let file = File::open(index).ok()?;
        let mut head = [0; 8 + 256 * 4];
        file.read_exact_at(&mut head, 0).ok()?;
        let fanout = head.strip_prefix(b"\xfftOc\x00\x00\x00\x02")?;
        let fanout: Vec<usize> = fanout.chunks_exact(4).filter_map(number).collect();
        let count = *fanout.last()?;
        if count > most || fanout.len() != 256 || !fanout.is_sorted() {
            return None;
        }
        let read = |from: usize, length: usize| {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, u64::try_from(from).ok()?).ok()?;
            Some(bytes)
        };
        // The names, a checksum of each, a place of each, the places beyond 2 GiB, two checksums.
        let places = head.len() + count * (NAME + 4);
        let far = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let far = far.checked_sub(places + count * 4 + NAME * 2)?;
        Some(Self {
            names: read(head.len(), count * NAME)?,
            offsets: read(places, count * 4)?,
            far: read(places + count * 4, far)?,
            file: File::open(index.with_extension("pack")).ok()?,
            fanout,
        })
    }

    fn count(&self) -> usize {
        self.fanout.last().copied().unwrap_or_default()
    }

    fn find(&self, name: &ObjectId) -> Option<u64> {
        let first = usize::from(*name.first()?);
        let before = first.checked_sub(1).and_then(|at| self.fanout.get(at)).copied().unwrap_or_default();
        let names = self.names.get(before * NAME..self.fanout.get(first)? * NAME)?;
        let (names, _) = names.as_chunks::<NAME>();
        let at = before + names.binary_search(name).ok()?;
        let near = number(self.offsets.get(at * 4..at * 4 + 4)?)?;
        if near >> 31 == 0 {
            return u64::try_from(near).ok();
        }
        let at = (near & 0x7fff_ffff) * 8;
        Some(u64::from_be_bytes(self.far.get(at..at + 8)?.try_into().ok()?))
    }
}

/// Four bytes as a number.
fn number(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
}

/// A stretch of a pack.
#[derive(Debug, Default)]
struct Window {
    pack: usize,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes from a place on: at least so many, or all that are left.
    fn at(&mut self, packs: &Packs, place: PackPlace, least: usize) -> Option<&[u8]> {
        let inside = |window: &Self| {
            let from = usize::try_from(place.offset.checked_sub(window.start)?).ok()?;
            (window.pack == place.pack && from + least <= window.bytes.len()).then_some(from)
        };
        if let Some(from) = inside(self) {
            return self.bytes.get(from..);
        }
        let file = &packs.packs.get(place.pack)?.file;
        self.bytes.resize(WINDOW.max(least), 0);
        (self.pack, self.start) = (place.pack, place.offset);
        let mut filled = 0;
        while filled < self.bytes.len() {
            let rest = self.bytes.get_mut(filled..)?;
            match file.read_at(rest, place.offset + u64::try_from(filled).ok()?) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        self.bytes.truncate(filled);
        Some(&self.bytes)
    }
}

/// What an entry's head says.
enum PackedEntry {
    Whole(&'static str),
    /// A difference from what lies here.
    From(PackPlace),
}

/// Reads objects of packs.
#[derive(Debug)]
pub(super) struct PackReader<'p> {
    packs: &'p Packs,
    largest: usize,
    inflate: Decompress,
    window: Window,
    /// Objects that were read, each in the slot that its place gives; a later one takes an earlier one's.
    kept: Vec<Option<(PackPlace, Packed)>>,
    kept_bytes: usize,
}

impl PackReader<'_> {
    /// The object of this name, from its place. None if it is larger than is read, cannot be read, or has another name.
    pub(super) fn read(&mut self, name: &ObjectId, place: PackPlace) -> Option<Packed> {
        let packed = self.resolved(place)?;
        let mut hash = Sha1::new();
        hash.update(packed.kind);
        hash.update(b" ");
        hash.update(packed.bytes.len().to_string());
        hash.update([0]);
        hash.update(&packed.bytes);
        (hash.finalize().as_slice() == name).then_some(packed)
    }

    fn resolved(&mut self, place: PackPlace) -> Option<Packed> {
        let mut differences: Vec<(PackPlace, Vec<u8>)> = Vec::new();
        let mut at = place;
        let mut packed = loop {
            if let Some(Some((_, kept))) = self.kept.get(slot(at)).filter(|kept| is_at(kept, at)) {
                break kept.clone();
            }
            match self.entry(at)? {
                (PackedEntry::Whole(kind), bytes) => {
                    let packed = Packed { kind, bytes: bytes.into() };
                    self.keep(at, &packed);
                    break packed;
                }
                (PackedEntry::From(base), bytes) => {
                    differences.push((at, bytes));
                    at = base;
                }
            }
            if differences.len() > DEEPEST {
                return None;
            }
        };
        while let Some((at, difference)) = differences.pop() {
            let bytes = applied(&packed.bytes, &difference, self.largest)?.into();
            packed = Packed { kind: packed.kind, bytes };
            self.keep(at, &packed);
        }
        Some(packed)
    }

    fn keep(&mut self, place: PackPlace, packed: &Packed) {
        if self.kept_bytes > KEPT {
            self.kept.fill(None);
            self.kept_bytes = 0;
        }
        let Some(slot) = self.kept.get_mut(slot(place)) else { return };
        let before = slot.replace((place, packed.clone()));
        self.kept_bytes += packed.bytes.len();
        self.kept_bytes -= before.map_or(0, |(_, before)| before.bytes.len());
    }

    /// What an entry's head says, and what is in it.
    fn entry(&mut self, place: PackPlace) -> Option<(PackedEntry, Vec<u8>)> {
        let head = self.window.at(self.packs, place, HEAD)?;
        let mut bytes = head.iter().copied();
        let mut length = 1;
        let first = bytes.next()?;
        let (mut size, mut shift, mut more) = (usize::from(first & 15), 4, first & 0x80 != 0);
        while more {
            let byte = bytes.next()?;
            length += 1;
            size |= usize::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
            (shift, more) = (shift + 7, byte & 0x80 != 0);
        }
        let entry = match first >> 4 & 7 {
            1 => PackedEntry::Whole("commit"),
            2 => PackedEntry::Whole("tree"),
            3 => PackedEntry::Whole("blob"),
            4 => PackedEntry::Whole("tag"),
            6 => {
                let mut back: u64 = 0;
                loop {
                    let byte = bytes.next()?;
                    length += 1;
                    back = back.checked_shl(7)? | u64::from(byte & 0x7f);
                    if byte & 0x80 == 0 || back >> 56 != 0 {
                        break;
                    }
                    back += 1;
                }
                let offset = place.offset.checked_sub(back).filter(|_| back > 0)?;
                PackedEntry::From(PackPlace { offset, ..place })
            }
            7 => {
                let base: ObjectId = head.get(length..length + NAME)?.try_into().ok()?;
                length += NAME;
                PackedEntry::From(PackPlace {
                    offset: self.packs.packs.get(place.pack)?.find(&base)?,
                    ..place
                })
            }
            _ => return None,
        };
        if size > self.largest {
            return None;
        }
        Some((entry, self.inflated(place, length, size)?))
    }

    /// The content of an entry behind its head.
    fn inflated(&mut self, place: PackPlace, head: usize, size: usize) -> Option<Vec<u8>> {
        // What does not get smaller takes a few bytes more for each 16 KiB.
        let least = head + size + size / 1024 + HEAD;
        let packed = self.window.at(self.packs, place, HEAD.max(least))?.get(head..)?;
        let mut out = Vec::with_capacity(size + 1);
        self.inflate.reset(true);
        let done = self.inflate.decompress_vec(packed, &mut out, FlushDecompress::Finish).ok()?;
        (done == Status::StreamEnd && out.len() == size).then_some(out)
    }
}

/// The slot in which an object of this place is kept: entries are a few dozen bytes long, so that neighbours have their own.
fn slot(place: PackPlace) -> usize {
    usize::try_from(place.offset / 16).unwrap_or_default().wrapping_add(place.pack) % SLOTS
}

fn is_at(kept: &Option<(PackPlace, Packed)>, place: PackPlace) -> bool {
    kept.as_ref().is_some_and(|(at, _)| *at == place)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    /// A repository whose objects lie in one pack: texts that are stored as differences, a large one, one that gets no smaller.
    fn packed(settings: &str) -> (TempDir, PathBuf) {
        let scratch = TempDir::new().unwrap();
        let code = format!(
            "git init -q . && i=0 && while [ $i -lt 60 ]; do seq $i 900 > f; echo $i >> g; head -c 3000 /dev/urandom > h; \
             git add . && git -c user.name=t -c user.email=t@example.com commit -q -m $i; i=$((i+1)); done && \
             git -c user.name=t -c user.email=t@example.com tag -a -m t v1 && git {settings} repack -q -adf --depth=40 --window=20"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &code]).env("HOME", scratch.path()).current_dir(&scratch);
        assert!(command.status().unwrap().success());
        let objects = scratch.path().join(".git/objects");
        (scratch, objects)
    }

    fn git(dir: &Path, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("git").args(arguments).current_dir(dir).output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    /// All names there are, and what git says each of them is.
    fn all(dir: &Path) -> Vec<(String, String)> {
        let text =
            String::from_utf8(git(dir, &["cat-file", "--batch-all-objects", "--batch-check"])).unwrap();
        let words = text.lines().map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        words.map(|words| (words[0].clone(), words[1].clone())).collect()
    }

    #[test]
    fn objects_of_every_kind_are_read_as_git_reads_them() {
        for settings in
            ["-c repack.useDeltaBaseOffset=false", "-c core.compression=0", "-c pack.indexVersion=2"]
        {
            let (scratch, objects) = packed(settings);
            let packs = Packs::open(&objects, 100_000);
            let mut reader = packs.reader(1 << 20);
            let all = all(scratch.path());
            assert!(all.len() > 200, "{}", all.len());
            // Backwards: a difference comes before what it is one from.
            for (hex, kind) in all.iter().rev() {
                let name = name_of(hex).unwrap();
                let read = reader.read(&name, packs.find(&name).unwrap()).unwrap();
                assert_eq!(read.kind, kind);
                assert_eq!(&*read.bytes, git(scratch.path(), &["cat-file", kind, hex]), "{settings} {hex}");
            }
            let (hex, _) = all.iter().find(|(_, kind)| kind == "blob").unwrap();
            let name = name_of(hex).unwrap();
            assert!(packs.reader(3).read(&name, packs.find(&name).unwrap()).is_none(), "larger than is read");
            assert_eq!(packs.find(&[0; NAME]), None);
        }
    }

    #[test]
    fn what_is_not_what_its_name_says_is_not_read() {
        let (scratch, objects) = packed("");
        let all = all(scratch.path());
        let [first, second] = [0, 1].map(|at| name_of(&all[at].0).unwrap());
        let packs = Packs::open(&objects, 100_000);
        let place = packs.find(&second).unwrap();
        assert!(packs.reader(1 << 20).read(&first, place).is_none());
        assert!(packs.reader(1 << 20).read(&second, place).is_some());
        // Whatever byte is damaged: nothing, or the right object.
        let pack = fs::read_dir(objects.join("pack")).unwrap().flatten().map(|entry| entry.path());
        let pack = pack.into_iter().find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
        let good = fs::read(&pack).unwrap();
        let mut reader = packs.reader(1 << 20);
        let mut sound = HashMap::new();
        for (hex, _) in &all {
            let name = name_of(hex).unwrap();
            let read = reader.read(&name, packs.find(&name).unwrap()).unwrap();
            sound.insert(hex, (read.kind, read.bytes.to_vec()));
        }
        fs::remove_file(&pack).unwrap();
        for at in (12..good.len()).step_by(good.len() / 150) {
            let mut bad = good.clone();
            bad[at] ^= 0x51;
            fs::write(&pack, &bad).unwrap();
            let packs = Packs::open(&objects, 100_000);
            let mut reader = packs.reader(1 << 20);
            for (hex, _) in all.iter().step_by(7) {
                let name = name_of(hex).unwrap();
                if let Some(read) = reader.read(&name, packs.find(&name).unwrap()) {
                    assert_eq!(sound[hex], (read.kind, read.bytes.to_vec()), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn a_pack_of_far_more_objects_than_are_wanted_is_left_to_git() {
        let (scratch, objects) = packed("");
        let name = name_of(&all(scratch.path())[0].0).unwrap();
        assert!(Packs::open(&objects, 10).find(&name).is_none());
        assert!(Packs::open(&objects, 1000).find(&name).is_some());
        assert!(Packs::open(Path::new("/nowhere"), 1000).find(&name).is_none());
        assert_eq!(name_of("12"), None);
        assert_eq!(name_of(&"g".repeat(40)), None);
        assert_eq!(name_of(&"0f".repeat(20)), Some([15; NAME]));
    }
}
