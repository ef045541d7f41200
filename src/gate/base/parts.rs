//! Work on a long list by as many threads as there are cores.

use std::num::NonZero;

/// Shortest part that is worth a thread, in items.
const SHORTEST: usize = 2048;
/// Most threads: what they read comes from one disk.
const MOST: usize = 8;

/// What `work` makes of the parts of a list, in the list's order. A short list is one part.
///
/// # Errors
/// The first error of a part.
pub fn in_parts<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&[T]) -> Result<Vec<R>, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST);
    let part = items.len().div_ceil(cores).max(SHORTEST);
    if part >= items.len() {
        return work(items);
    }
    std::thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> = items.chunks(part).map(|part| scope.spawn(move || work(part))).collect();
        let mut all = Vec::with_capacity(items.len());
        for part in parts {
            match part.join() {
                Ok(done) => all.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}

/// What two pieces of work come to, done at the same time.
pub fn at_once<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_the_order_and_report_the_first_error() {
        let items: Vec<usize> = (0..SHORTEST * 3 + 1).collect();
        let doubled = in_parts(&items, |part| Ok::<_, ()>(part.iter().map(|n| n * 2).collect()));
        assert_eq!(doubled, Ok(items.iter().map(|n| n * 2).collect()));
        let failing =
            in_parts(&items, |part| if part.contains(&5000) { Err(5000) } else { Ok(part.to_vec()) });
        assert_eq!(failing, Err(5000));
    }
}
