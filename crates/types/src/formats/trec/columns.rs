//! Columns of a TREC line: parted by white space, or by single tabs where a name holds spaces.

use crate::formats::error::FormatError;

/// What C's `isspace` calls a space: other white space of Unicode belongs to names.
pub(super) fn is_gap(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The columns of a line; their number where it is not `N`.
///
/// A line with exactly `N - 1` tabs is parted at those, so that names may hold spaces (`Carbon tax:6`).
pub(super) fn columns<const N: usize>(line: &str) -> Result<[&str; N], usize> {
    if line.matches('\t').count() == N - 1 {
        let tabbed = collect(line.split('\t').map(|column| column.trim_matches(is_gap)));
        if let Ok(columns) = tabbed
            && columns.iter().all(|column| !column.is_empty())
        {
            return Ok(columns);
        }
    }
    collect(line.split(is_gap).filter(|column| !column.is_empty()))
}

fn collect<'a, const N: usize>(found: impl Iterator<Item = &'a str>) -> Result<[&'a str; N], usize> {
    let mut columns = [""; N];
    let mut n_columns = 0;
    for column in found {
        if let Some(place) = columns.get_mut(n_columns) {
            *place = column;
        }
        n_columns += 1;
    }
    if n_columns == N { Ok(columns) } else { Err(n_columns) }
}

/// What parts the columns of a line that holds these names: a space, or a tab where a name holds spaces.
pub(super) fn separator(query: &str, doc: &str) -> char {
    if query.contains(is_gap) || doc.contains(is_gap) { '\t' } else { ' ' }
}

/// Checks that a name can stand in a column and be read back.
pub(super) fn check_name(kind: &str, name: &str) -> Result<(), FormatError> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.contains(|c: char| c != ' ' && is_gap(c)) {
        "it holds a tab or a line end"
    } else if name.trim_matches(is_gap) != name {
        "it begins or ends with a space"
    } else if name.starts_with(['#', '\u{feff}']) && kind == "query id" {
        "it would be read as a comment or a byte order mark"
    } else {
        return Ok(());
    };
    let advice = "rename it in the collection";
    Err(FormatError::Unwritable { what: format!("{kind} {name:?}"), problem: problem.into(), advice })
}
