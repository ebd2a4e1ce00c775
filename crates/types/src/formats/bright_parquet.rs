//! BRIGHT's parquet files as rows; without the feature `parquet`, the message that says so.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::formats::error::FormatError;

const MAGIC: &[u8] = b"PAR1";

/// Whether the file begins as parquet files do. Standard input never is one: parquet is read from its end.
pub(crate) fn is_parquet(path: &Path) -> Result<bool, FormatError> {
    if path == Path::new("-") {
        return Ok(false);
    }
    let mut magic = Vec::new();
    // A folder opens, but cannot be read.
    let read = File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut magic));
    read.map_err(|source| FormatError::Open { file: path.display().to_string(), source })?;
    Ok(magic == MAGIC)
}

#[cfg(feature = "parquet")]
pub(crate) use enabled::{parquet_documents, parquet_examples};

#[cfg(not(feature = "parquet"))]
pub(crate) use disabled::{parquet_documents, parquet_examples};

#[cfg(feature = "parquet")]
mod enabled {
    use std::fs::File;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use crate::formats::bright::ExampleRow;
    use crate::formats::error::FormatError;

    const ADVICE: &str = "copy or download the file again, or convert it to JSONL";

    /// The rows of a file of examples, numbered from 1.
    pub(crate) fn parquet_examples(path: &Path) -> Result<Vec<(usize, ExampleRow)>, FormatError> {
        rows(path, |columns| {
            let mut row = ExampleRow::default();
            for (name, field) in columns {
                match name.as_str() {
                    "query" => row.query = text(&name, field)?,
                    "reasoning" => row.reasoning = Some(text(&name, field)?),
                    "id" => row.id = text(&name, field)?,
                    "excluded_ids" => row.excluded_ids = Some(texts(&name, field)?),
                    "gold_ids_long" => row.gold_ids_long = Some(texts(&name, field)?),
                    "gold_ids" => row.gold_ids = texts(&name, field)?,
                    "gold_answer" => row.gold_answer = Some(text(&name, field)?),
                    _ => {}
                }
            }
            Ok(row)
        })
    }

    /// The rows of a file of documents: number from 1, id, content.
    pub(crate) fn parquet_documents(path: &Path) -> Result<Vec<(usize, String, String)>, FormatError> {
        let rows = rows(path, |columns| {
            let (mut id, mut content) = (None, None);
            for (name, field) in columns {
                match name.as_str() {
                    "id" => id = Some(text(&name, field)?),
                    "content" => content = Some(text(&name, field)?),
                    _ => {}
                }
            }
            let content = content.ok_or("it has no column content")?;
            Ok((id.ok_or("it has no column id")?, content))
        })?;
        Ok(rows.into_iter().map(|(number, (id, content))| (number, id, content)).collect())
    }

    fn rows<T>(
        path: &Path,
        convert: impl Fn(Vec<(String, Field)>) -> Result<T, String>,
    ) -> Result<Vec<(usize, T)>, FormatError> {
        let file = path.display().to_string();
        let opened = File::open(path).map_err(|source| FormatError::Open { file: file.clone(), source })?;
        let mut rows = Vec::new();
        // The parquet crate panics on some files that are damaged inside.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let reader = SerializedFileReader::new(opened).map_err(|error| error.to_string())?;
            for row in reader.get_row_iter(None).map_err(|error| error.to_string())? {
                let columns = row.map_err(|error| error.to_string())?.into_columns();
                rows.push((rows.len() + 1, convert(columns)?));
            }
            Ok(())
        }));
        let problem = match read {
            Ok(Ok(())) => return Ok(rows),
            Ok(Err(problem)) => problem,
            Err(_) => "the file is damaged".to_owned(),
        };
        let problem = format!("parquet row {}: {problem}", rows.len() + 1);
        Err(FormatError::Malformed { file, line: rows.len() + 1, problem, advice: ADVICE.to_owned() })
    }

    fn text(name: &str, field: Field) -> Result<String, String> {
        match field {
            Field::Str(text) => Ok(text),
            Field::Bytes(bytes) => {
                bytes.as_utf8().map(str::to_owned).map_err(|_| format!("column {name} is not UTF-8"))
            }
            Field::Null => Ok(String::new()),
            other => Err(format!("column {name} holds {other} where text was expected")),
        }
    }

    fn texts(name: &str, field: Field) -> Result<Vec<String>, String> {
        match field {
            Field::ListInternal(list) => list.elements().iter().map(|item| text(name, item.clone())).collect(),
            Field::Null => Ok(Vec::new()),
            other => Err(format!("column {name} holds {other} where a list of texts was expected")),
        }
    }
}

#[cfg(not(feature = "parquet"))]
mod disabled {
    use std::path::Path;

    use crate::formats::bright::ExampleRow;
    use crate::formats::error::FormatError;

    /// The error that this build reads no parquet.
    pub(crate) fn parquet_examples(path: &Path) -> Result<Vec<(usize, ExampleRow)>, FormatError> {
        Err(unread(path))
    }

    /// The error that this build reads no parquet.
    pub(crate) fn parquet_documents(path: &Path) -> Result<Vec<(usize, String, String)>, FormatError> {
        Err(unread(path))
    }

    fn unread(path: &Path) -> FormatError {
        FormatError::Foreign {
            file: path.display().to_string(),
            expected: "JSONL",
            problem: "it is a parquet file, and this build was made without the feature `parquet`".to_owned(),
        }
    }
}
