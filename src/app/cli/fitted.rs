//! Tables as wide as the terminal: what has no blank in it (names, paths, rule ids, times) is never broken, since it is there to be copied or
//! clicked. Prose gives way; where even that is not enough, each row becomes lines of its own.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Row, Table, Width};

/// Columns that a cell takes beside its text.
const PADDING: usize = 2;
/// Blanks before a cell of a row that has lines of its own.
const INDENT: usize = 2;

/// The table as it fits the terminal; as it is where it is printed whole.
pub(super) fn fitted(table: &Table) -> Table {
    let width = table.width().map(usize::from);
    match (table.content_arrangement(), width) {
        (ContentArrangement::Disabled, _) | (_, None) => table.clone(),
        (_, Some(width)) => within(table, width),
    }
}

fn within(table: &Table, width: usize) -> Table {
    let columns = table.header().into_iter().chain(table.row_iter()).map(Row::cell_count).max().unwrap_or(0);
    let least: Vec<usize> = (0..columns).map(|column| longest_word(table, column)).collect();
    let needed: usize = least.iter().map(|word| word + PADDING).sum();
    if needed > width {
        return in_lines(table);
    }
    let mut table = table.clone();
    for (column, word) in least.into_iter().enumerate() {
        let word = u16::try_from(word + PADDING).unwrap_or(u16::MAX);
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(word)));
        }
    }
    table
}

/// The longest part of a column's cells that must stay together, in characters.
fn longest_word(table: &Table, column: usize) -> usize {
    let rows = table.header().into_iter().chain(table.row_iter());
    let texts = rows.filter_map(|row| row.cell_iter().nth(column)).map(Cell::content);
    texts.flat_map(|text| text.split_whitespace().map(|word| word.chars().count()).max()).max().unwrap_or(0)
}

/// Each row as lines: what the column is called, and what is in it. Where there are no headings, the cells alone.
fn in_lines(table: &Table) -> Table {
    let headings: Vec<String> =
        table.header().map(|row| row.cell_iter().map(Cell::content).collect()).unwrap_or_default();
    let widest = headings.iter().map(|heading| heading.chars().count()).max().unwrap_or(0);
    let mut out = Table::new();
    out.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if table.should_style() {
        out.enforce_styling();
    } else {
        out.force_no_tty();
    }
    let width = table.width().map_or(usize::MAX, usize::from);
    for (number, row) in table.row_iter().enumerate() {
        if number > 0 {
            out.add_row([Cell::new("")]);
        }
        // A mark without a heading stands before what it marks.
        let mut mark = String::new();
        for (column, cell) in
            row.cell_iter().enumerate().filter(|(_, cell)| !cell.content().trim().is_empty())
        {
            let heading = headings.get(column).map_or("", String::as_str);
            if heading.is_empty() && !headings.is_empty() {
                mark = format!("{} ", cell.content());
                continue;
            }
            let room = width.saturating_sub(widest + INDENT + 2 * PADDING);
            let text = wrapped(&format!("{}{}", std::mem::take(&mut mark), cell.content()), room);
            out.add_row([heading.to_lowercase(), text.join("\n")]);
        }
    }
    out
}

/// Lines of at most so many characters, broken between words; a longer word has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let indent: String = paragraph.chars().take_while(|c| *c == ' ').collect();
        let mut line = indent.clone();
        for word in paragraph.split_whitespace() {
            let there = line.trim_start().chars().count();
            if there > 0 && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut line, indent.clone()));
            } else if there > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: u16) -> Table {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width).force_no_tty();
        table.set_header(["NAME", "RULE", "WHERE", "WHY"]);
        table.add_row([
            "shop",
            "read-only.reconcile",
            "apps/base/web/release.yaml:15",
            "its own controller applies it again soon after",
        ]);
        table
    }

    #[test]
    fn nothing_without_a_blank_is_broken_at_any_width() {
        for width in 20..160 {
            let text = fitted(&table(width)).to_string();
            for whole in ["shop", "read-only.reconcile", "apps/base/web/release.yaml:15", "controller"] {
                assert!(text.contains(whole), "{width}: {text}");
            }
            let longest = text.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
            assert!(longest <= usize::from(width).max(45), "{width}: {longest}\n{text}");
        }
    }

    #[test]
    fn prose_is_broken_between_words() {
        assert_eq!(wrapped("  a bc def\nx", 6), ["  a bc", "  def", "x"]);
        assert_eq!(wrapped("longer-than-that a", 4), ["longer-than-that", "a"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
