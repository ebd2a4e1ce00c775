use std::fs;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use r2r_types::formats::bright::{Granularity, exclusions, qrels, read_documents, read_examples};

/// As Hugging Face's datasets library writes BRIGHT.
const EXAMPLES: &str = "message schema {
    optional binary query (UTF8);
    optional binary reasoning (UTF8);
    optional binary id (UTF8);
    optional group excluded_ids (LIST) { repeated group list { optional binary element (UTF8); } }
    optional group gold_ids_long (LIST) { repeated group list { optional binary element (UTF8); } }
    optional group gold_ids (LIST) { repeated group list { optional binary element (UTF8); } }
    optional binary gold_answer (UTF8);
}";
const DOCUMENTS: &str = "message schema { optional binary id (UTF8); optional binary content (UTF8); }";

type Group<'a> = SerializedRowGroupWriter<'a, fs::File>;

fn write(path: &Path, schema: &str, compression: Compression, fill: impl Fn(&mut Group<'_>)) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    fill(&mut group);
    group.close().unwrap();
    writer.close().unwrap();
}

fn column(group: &mut Group<'_>, values: &[&str], definition: &[i16], repetition: Option<&[i16]>) {
    let values: Vec<ByteArray> = values.iter().map(|&value| ByteArray::from(value)).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&values, Some(definition), repetition).unwrap();
    column.close().unwrap();
}

fn write_examples(path: &Path, compression: Compression) {
    write(path, EXAMPLES, compression, |group| {
        column(group, &["why is the sky blue", "wie heiß ist es"], &[1, 1], None);
        column(group, &["scattering"], &[1, 0], None);
        column(group, &["0", "1"], &[1, 1], None);
        column(group, &["N/A", "d2", "d3"], &[3, 3, 3], Some(&[0, 0, 1]));
        column(group, &["page"], &[3, 1], Some(&[0, 0]));
        column(group, &["d1", "d2", "d1"], &[3, 3, 3], Some(&[0, 1, 0]));
        column(group, &["", ""], &[1, 1], None);
    });
}

#[test]
fn examples_and_documents_are_read_whatever_their_compression() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("biology-00000-of-00001.parquet");
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
        write_examples(&path, compression);
        let examples = read_examples(&path).unwrap();
        assert_eq!(examples.len(), 2);
        assert_eq!(examples[0].query.text, "why is the sky blue");
        assert_eq!((examples[0].reasoning.as_str(), examples[1].reasoning.as_str()), ("scattering", ""));
        assert_eq!(qrels(&examples, Granularity::Passages).n_pairs(), 3);
        assert_eq!(qrels(&examples, Granularity::Pages).n_pairs(), 1);
        let exclusions = exclusions(&examples);
        assert_eq!(exclusions.len(), 1);
        assert!(exclusions["1"].iter().map(r2r_types::DocId::as_str).eq(["d2", "d3"]));

        write(&path, DOCUMENTS, compression, |group| {
            column(group, &["a/b c.txt", "2"], &[1, 1], None);
            column(group, &["first\nline"], &[1, 0], None);
        });
        let documents = read_documents(&path).unwrap();
        assert_eq!((documents[0].id.as_str(), documents[0].text.as_str()), ("a/b c.txt", "first\nline"));
        assert_eq!((documents[1].id.as_str(), documents[1].text.as_str()), ("2", ""));
    }
}

#[test]
fn a_file_of_other_columns_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("documents.parquet");
    write_examples(&path, Compression::SNAPPY);
    let message = read_documents(&path).unwrap_err().to_string();
    assert!(message.contains("documents.parquet:1: parquet row 1: it has no column content"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_files_are_errors_or_other_rows_but_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.parquet");
        write_examples(&path, Compression::SNAPPY);
        let mut bytes = fs::read(&path).unwrap();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(&path, bytes).unwrap();
        let _ = (read_examples(&path).is_ok(), read_documents(&path).is_ok());
    }
}
