//! Expressions of Go templates, as far as they only look up and change texts: `.chart.name | lower`, `dig "chart" "name" "" .`.
//! Functions are those of Sprig that Argo CD has. What needs more is not known, and nothing is guessed.

use super::template::Inputs;

/// Deepest that parentheses stand in one another.
const DEEPEST: usize = 16;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
enum TemplateToken {
    Text(String),
    Word(String),
    Open,
    Close,
    Pipe,
}

/// What an expression comes to; none where that is not known.
pub(super) fn evaluate(expression: &str, inputs: &Inputs) -> Option<String> {
    let expression = expression.strip_prefix('-').unwrap_or(expression);
    let tokens = tokens(expression.strip_suffix('-').unwrap_or(expression))?;
    let mut reading = ExpressionReading { tokens: &tokens, inputs };
    let value = reading.pipeline(0)?;
    reading.tokens.is_empty().then_some(value)
}

fn tokens(text: &str) -> Option<Vec<TemplateToken>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let single = match first {
            '(' => Some(TemplateToken::Open),
            ')' => Some(TemplateToken::Close),
            '|' => Some(TemplateToken::Pipe),
            _ => None,
        };
        let length = if let Some(token) = single {
            all.push(token);
            1
        } else if matches!(first, '"' | '`') {
            let inside = rest.get(1..)?;
            let end = inside.find(first)?;
            let literal = inside.get(..end)?;
            if literal.contains('\\') {
                return None;
            }
            all.push(TemplateToken::Text(literal.to_owned()));
            end + 2
        } else {
            let end = rest.find([' ', '\t', '\n', '(', ')', '|', '"', '`']).unwrap_or(rest.len());
            all.push(TemplateToken::Word(rest.get(..end)?.to_owned()));
            end
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(all)
}

struct ExpressionReading<'t> {
    tokens: &'t [TemplateToken],
    inputs: &'t Inputs,
}

impl ExpressionReading<'_> {
    fn take(&mut self) -> Option<TemplateToken> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn pipeline(&mut self, depth: usize) -> Option<String> {
        let mut value = self.command(None, depth)?;
        while self.tokens.first() == Some(&TemplateToken::Pipe) {
            self.take();
            value = self.command(Some(value), depth)?;
        }
        Some(value)
    }

    /// A value, or a function and what it is given; what comes through a pipe is its last argument.
    fn command(&mut self, piped: Option<String>, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let first = self.take()?;
        let TemplateToken::Word(name) = &first else {
            let value = self.value(first, depth)?;
            return piped.is_none().then_some(value);
        };
        if name.starts_with('.')
            && !matches!(self.tokens.first(), Some(TemplateToken::Word(_) | TemplateToken::Text(_)))
        {
            let defaulted = matches!(self.tokens, [TemplateToken::Pipe, TemplateToken::Word(next), ..] if next == "default");
            let value = self.lookup(name).or_else(|| defaulted.then(String::new));
            return value.filter(|_| piped.is_none());
        }
        if name == "dig" || name == "index" {
            return self.found(name == "dig").filter(|_| piped.is_none());
        }
        // `.name` in a command that is not there says nothing to `default`; to anything else it is an error.
        let mut arguments = Vec::new();
        while let Some(token) =
            self.tokens.first().filter(|t| !matches!(t, TemplateToken::Pipe | TemplateToken::Close)).cloned()
        {
            self.take();
            let absent = matches!(&token, TemplateToken::Word(word) if word.starts_with('.') && self.lookup(word).is_none());
            let value =
                if absent && name == "default" { Some(String::new()) } else { self.value(token, depth) };
            arguments.push(value?);
        }
        arguments.extend(piped);
        if arguments.is_empty() {
            // The older form, without a dot: `{{name}}`.
            return self.lookup(name);
        }
        call(name, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn value(&mut self, token: TemplateToken, depth: usize) -> Option<String> {
        match token {
            TemplateToken::Text(text) => Some(text),
            TemplateToken::Word(word) if word.starts_with('.') => self.lookup(&word),
            TemplateToken::Word(word) if word.parse::<i64>().is_ok() => Some(word),
            TemplateToken::Open => {
                let value = self.pipeline(depth + 1)?;
                (self.take()? == TemplateToken::Close).then_some(value)
            }
            _ => None,
        }
    }

    fn lookup(&self, word: &str) -> Option<String> {
        self.inputs.get(word.strip_prefix('.').unwrap_or(word)).cloned()
    }

    /// `dig "a" "b" "default" .x`, and `index .x "a" 0`.
    fn found(&mut self, digs: bool) -> Option<String> {
        let mut words = Vec::new();
        while let Some(token) =
            self.tokens.first().filter(|t| !matches!(t, TemplateToken::Pipe | TemplateToken::Close)).cloned()
        {
            self.take();
            match token {
                TemplateToken::Text(text) | TemplateToken::Word(text) => words.push(text),
                _ => return None,
            }
        }
        let (from, keys, default) = if digs {
            let (from, rest) = words.split_last()?;
            let (default, keys) = rest.split_last()?;
            (from, keys, Some(default.clone()))
        } else {
            let (from, keys) = words.split_first()?;
            (from, keys, None)
        };
        let from = from.strip_prefix('.')?;
        let path =
            std::iter::once(from).filter(|from| !from.is_empty()).chain(keys.iter().map(String::as_str));
        let path: Vec<&str> = path.collect();
        let numbered = || self.inputs.get(&format!("index .{from} {}", keys.join(" "))).cloned();
        self.inputs.get(&path.join(".")).cloned().or_else(numbered).or(default)
    }
}

/// What a function of Sprig, or of Argo CD, makes of texts.
fn call(name: &str, arguments: &[&str]) -> Option<String> {
    let value = match (name, arguments) {
        ("lower", [text]) => text.to_lowercase(),
        ("upper", [text]) => text.to_uppercase(),
        ("trim", [text]) => text.trim().to_owned(),
        ("toString" | "quote" | "squote", [text]) => (*text).to_owned(),
        ("normalize", [text]) => text.to_lowercase().replace(['_', '.'], "-"),
        ("trimPrefix", [prefix, text]) => text.strip_prefix(prefix).unwrap_or(text).to_owned(),
        ("trimSuffix", [suffix, text]) => text.strip_suffix(suffix).unwrap_or(text).to_owned(),
        ("replace", [old, new, text]) => text.replace(old, new),
        ("default", [otherwise, text]) => (if text.is_empty() { otherwise } else { text }).to_string(),
        ("coalesce", all) => all.iter().find(|text| !text.is_empty()).copied().unwrap_or_default().to_owned(),
        ("printf", [form, rest @ ..]) if form.matches('%').count() == rest.len() => {
            let parts: Vec<&str> = form.split("%s").collect();
            if parts.len() != rest.len() + 1 {
                return None;
            }
            let mut out = String::new();
            for (at, part) in parts.iter().enumerate() {
                out.push_str(part);
                out.push_str(rest.get(at).copied().unwrap_or_default());
            }
            out
        }
        _ => return None,
    };
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_come_to_texts_or_are_not_known() {
        let pairs = [
            ("name", "Web_App"),
            ("chart.version", "1.2.3"),
            ("path.path", "apps/ai/web"),
            ("index .path.segments 1", "ai"),
        ];
        let inputs: Inputs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let known = |text: &str| evaluate(text, &inputs);
        for (text, wanted) in [
            ("name", "Web_App"),
            (".name | lower", "web_app"),
            ("- .name | normalize -", "web-app"),
            ("dig \"chart\" \"version\" \"\" .", "1.2.3"),
            ("dig \"chart\" \"name\" \"\" .", ""),
            ("dig \"version\" \"0\" .chart", "1.2.3"),
            ("default .name (dig \"namespace\" \"\" .)", "Web_App"),
            (".namespace | default .name | lower", "web_app"),
            ("default .name .namespace", "Web_App"),
            ("index .path.segments 1", "ai"),
            ("printf \"%s-%s\" .name (index .path.segments 1)", "Web_App-ai"),
            (".name | replace \"_\" \"-\" | trimSuffix \"-App\"", "Web"),
        ] {
            assert_eq!(known(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "",
            ".gone",
            "gone",
            ".name | sha256sum",
            "if .name",
            "index .gone \"a\"",
            "\"a\" | \"b\"",
            "(.name",
            ".name)",
        ] {
            assert_eq!(known(text), None, "{text}");
        }
    }
}
