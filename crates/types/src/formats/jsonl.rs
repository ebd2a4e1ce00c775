//! JSON, one record a line, for records of any shape; and JSON arrays where a format allows both.

use std::io::Write;
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::formats::error::FormatError;
use crate::formats::input::{Input, Line};

/// Records of a JSONL file with their line numbers. Blank lines are skipped.
///
/// After a line that is no such record the next one can be read; other errors end the file.
pub struct JsonLines<T> {
    input: Input,
    ended: bool,
    record: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> JsonLines<T> {
    /// Opens a JSONL file.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        Ok(Self::over(Input::open(path)?))
    }

    /// Reads records from an input.
    pub fn over(input: Input) -> Self {
        Self { input, ended: false, record: PhantomData }
    }

    /// The name of the file, for messages.
    pub fn file(&self) -> &str {
        self.input.file()
    }

    fn next_record(&mut self) -> Result<Option<(usize, T)>, FormatError> {
        let Some(line) = self.input.next_filled_line()? else { return Ok(None) };
        let record = serde_json::from_str(line.text).map_err(|error| malformed(line, &error, ""))?;
        Ok(Some((line.number, record)))
    }
}

impl<T: DeserializeOwned> Iterator for JsonLines<T> {
    type Item = Result<(usize, T), FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_record().transpose();
        self.ended = !matches!(next, Some(Ok(_) | Err(FormatError::Malformed { .. })));
        next
    }
}

/// The records of a file that is either a JSON array or JSONL, with the lines on which they begin.
pub fn read_array_or_lines<T: DeserializeOwned>(mut input: Input) -> Result<Vec<(usize, T)>, FormatError> {
    if input.first_character()? != Some(b'[') {
        return JsonLines::over(input).collect();
    }
    let file = input.file().to_owned();
    let text = input.into_text()?;
    let items: Vec<&RawValue> = serde_json::from_str(&text).map_err(|error| {
        let line = Line { file: &file, number: error.line(), text: "" };
        malformed(line, &error, "")
    })?;
    let mut records = Vec::with_capacity(items.len());
    let (mut number, mut counted) = (1, 0);
    for (position, item) in items.into_iter().enumerate() {
        // The item borrows from the text: the distance of the two is its offset.
        let offset = item.get().as_ptr().addr() - text.as_ptr().addr();
        number += text[counted..offset].matches('\n').count();
        counted = offset;
        let record = serde_json::from_str(item.get()).map_err(|error| {
            let line = Line { file: &file, number: number + error.line().saturating_sub(1), text: "" };
            malformed(line, &error, &format!("record {}: ", position + 1))
        })?;
        records.push((number, record));
    }
    Ok(records)
}

/// Writes records, one a line.
pub fn write_jsonl<T: Serialize>(
    out: &mut impl Write,
    records: impl IntoIterator<Item = T>,
) -> Result<(), FormatError> {
    for record in records {
        write_record(out, &record)?;
    }
    Ok(())
}

/// Writes one record and its line end.
pub fn write_record<T: Serialize>(out: &mut impl Write, record: &T) -> Result<(), FormatError> {
    serde_json::to_writer(&mut *out, record).map_err(|error| {
        if error.is_io() {
            return FormatError::Write(error.into());
        }
        let problem = error.to_string();
        FormatError::Unwritable { what: "a record".into(), problem, advice: "use text as the keys of its maps" }
    })?;
    Ok(out.write_all(b"\n")?)
}

fn malformed(line: Line<'_>, error: &serde_json::Error, record: &str) -> FormatError {
    let whole = error.to_string();
    // The parser counts lines of its own piece of text; ours are those of the file.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let problem = whole.strip_suffix(&place).unwrap_or(&whole);
    let column = error.column();
    if error.is_data() {
        line.malformed(format!("{record}{problem} (column {column})"), "give each record the fields of this format")
    } else {
        line.malformed(format!("{record}not valid JSON: {problem} (column {column})"), "write one JSON record a line")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Record {
        a: i32,
    }

    fn lines(text: &str) -> Vec<Result<(usize, Record), String>> {
        JsonLines::over(Input::of_text("f", text).unwrap())
            .map(|record| record.map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn a_bad_line_is_named_and_the_next_one_is_read() {
        let read = lines("{\"a\":1}\n\n  \n{\"b\":1}\n{\"a\"\n{\"a\":2}\n");
        assert_eq!(read[0], Ok((1, Record { a: 1 })));
        assert_eq!(
            read[1],
            Err("f:4: missing field `a` (column 7); give each record the fields of this format".into())
        );
        assert!(read[2].as_ref().is_err_and(|error| error.starts_with("f:5: not valid JSON: ")), "{read:?}");
        assert_eq!(read[3], Ok((6, Record { a: 2 })));
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn records_of_an_array_know_their_lines() {
        let read = |text: &str| read_array_or_lines::<Record>(Input::of_text("f", text).unwrap());
        let records = read("\n[\n  {\"a\":1}, {\"a\":2},\n\n  {\n \"a\":3}]").unwrap();
        assert_eq!(records, [(3, Record { a: 1 }), (3, Record { a: 2 }), (5, Record { a: 3 })]);
        let error = read("[{\"a\":1},\n{\"a\":\n\"x\"}]").unwrap_err().to_string();
        assert!(error.starts_with("f:3: record 2: invalid type: string \"x\""), "{error}");
        assert_eq!(read("{\"a\":7}\n").unwrap(), [(1, Record { a: 7 })]);
    }
}
