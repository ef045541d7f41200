//! Programs that do nothing but look, by their names and first words.

use crate::model::{Invocation, Tools, Word, behind_program};

/// Words that alone have a program print its version or what it knows, and do nothing else.
const SAYS: [&str; 5] = ["--version", "-version", "-V", "--help", "version"];

/// True for a call that only reads, as far as the lists of programs say: in a pod, where none of our credentials are.
pub(super) fn is_listed(by: &Invocation, tools: &Tools) -> bool {
    let name = by.program().and_then(Word::basename).unwrap_or_default();
    let args = by.argv.get(1..).unwrap_or_default();
    if let [only] = args
        && only.as_literal().is_some_and(|text| SAYS.contains(&text))
    {
        return true;
    }
    let begins = |call: &&str| {
        behind_program(call, name).is_some_and(|words| {
            let mut words = words.split_whitespace().enumerate();
            words.all(|(at, word)| args.get(at).and_then(Word::as_literal) == Some(word))
        })
    };
    is_plain_read(by, tools) || tools.programs.read_calls.iter().any(begins)
}

/// True for a program that reads wherever it runs: one of this name, and no word that has it do more.
#[must_use]
pub fn is_plain_read(by: &Invocation, tools: &Tools) -> bool {
    let name = by.program().and_then(Word::basename).unwrap_or_default();
    let args = by.argv.get(1..).unwrap_or_default();
    let has = |flag: &str| args.iter().any(|w| w.prefix().starts_with(flag));
    let listed = tools.programs.reads.binary_search(&name).is_ok();
    let runs = match name {
        "env" => args.iter().any(|w| !w.prefix().contains('=')),
        "find" => ["-exec", "-ok", "-delete", "-fprint", "-fls"].iter().any(|f| has(f)),
        "date" | "hostname" => {
            has("-s") || has("--set") || args.iter().any(|w| !w.prefix().starts_with(['+', '-']))
        }
        "sort" => has("-o") || has("--output") || has("--compress-program"),
        "nc" => has("-e") || has("-c") || has("-l"),
        "ip" | "ifconfig" | "route" | "arp" | "mount" => args.len() > 1,
        "dmesg" => {
            has("-c") || has("-C") || has("-D") || has("-E") || has("-n") || has("--c") || has("--console")
        }
        "ss" => has("-K") || has("--kill"),
        "sysctl" => has("-w") || has("-p") || has("--") || args.iter().any(|w| w.display().contains('=')),
        "rg" => has("--pre") || has("--hostname-bin"),
        "nvidia-smi" | "conntrack" => {
            args.iter().any(|w| !matches!(w.as_literal(), Some("-L" | "-q" | "-l" | "-S" | "-C")))
        }
        "xxd" => has("-r") || args.len() > 1,
        "tree" => has("-o"),
        "uniq" => args.iter().filter(|w| !w.prefix().starts_with('-')).count() > 1,
        "jcmd" => args.len() > 1,
        "journalctl" => {
            ["--vacuum", "--rotate", "--flush", "--sync", "--relinquish", "--smart", "--setup", "--update"]
                .iter()
                .any(|f| has(f))
        }
        "numactl" => !has("-H") && !has("--hardware") && !has("-s"),
        _ => false,
    };
    listed && !runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is approved without a question runs here: not every program that may be looked at with in a pod.
    #[test]
    fn a_plain_read_is_one_of_the_names_and_nothing_else() {
        let call = |line: &str| Invocation {
            argv: line.split(' ').map(Word::literal).collect(),
            ..Invocation::default()
        };
        let tools = crate::classify::tools();
        for line in ["cat f", "jq .a f", "sort -r f"] {
            assert!(is_plain_read(&call(line), tools), "{line}");
        }
        for line in [
            "curl -s https://example.com",
            "./evil --version",
            "timeout 5 ls",
            "openssl s_client",
            "sort -o f f",
            "ldd ./evil",
            "pip list",
        ] {
            assert!(!is_plain_read(&call(line), tools), "{line}");
        }
    }
}
