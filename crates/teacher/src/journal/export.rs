//! The journal as JSON lines, for other programs and for keeping.

use std::io::{self, Write};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::journal::{Journal, JournalError, ReadJournal};

/// An export that could not be finished.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The lines cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl Journal {
    /// Writes one JSON object a line for each answer, in the order of keys; the number of lines.
    pub fn export(&self, out: &mut dyn Write) -> Result<u64, ExportError> {
        self.read(|connection| Ok(export(connection, out)))?
    }
}

impl ReadJournal {
    /// Writes one JSON object a line for each answer, in the order of keys; the number of lines.
    pub fn export(&self, out: &mut dyn Write) -> Result<u64, ExportError> {
        self.read(|connection| Ok(export(connection, out)))?
    }
}

fn export(connection: &Connection, out: &mut dyn Write) -> Result<u64, ExportError> {
    let database = |error| ExportError::Io(io::Error::other::<rusqlite::Error>(error));
    let mut statement = connection.prepare("SELECT * FROM answers ORDER BY key").map_err(database)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = statement.query([]).map_err(database)?;
    let mut lines = 0;
    while let Some(row) = rows.next().map_err(database)? {
        let mut fields = Map::new();
        for (i, name) in names.iter().enumerate() {
            let value = row.get_ref(i).map_err(database)?;
            fields.insert(name.clone(), json_of(name, value));
        }
        serde_json::to_writer(&mut *out, &Value::Object(fields)).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        lines += 1;
    }
    out.flush()?;
    Ok(lines)
}

/// Requests and raw answers are JSON inside the database, and become so again.
fn json_of(name: &str, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            match name {
                "request" | "raw" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                _ => Value::String(text),
            }
        }
    }
}
