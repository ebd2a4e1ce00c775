use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use r2r_types::formats::beir::Collection;
use r2r_types::formats::error::FormatError;
use r2r_types::formats::teacher_records::read_teacher_records;
use r2r_types::formats::{beir, bright, documents, msmarco, rank_llm, rankgpt, trec};

/// Pieces that lead deep into the readers, to be cut and mixed.
const PIECES: [&str; 22] = [
    "1 Q0 d1 1 0.5 tag\n",
    "1\tQ0\td 1\t1\t-1e30\ttag\n",
    "1 0 d1 2\n",
    "query-id\tcorpus-id\tscore\n",
    "1\td1\t1\n",
    "1\tsome text\n",
    "1\t2\tquery\tpassage\n",
    "{\"_id\":\"1\",\"title\":\"t\",\"text\":\"x\",\"metadata\":{}}\n",
    "{\"id\":2,\"text\":\"x\",\"content\":\"c\"}\n",
    "[\"[2] > [1]\",",
    "]",
    "[{\"query\":\"q\",\"hits\":[{\"content\":\"c\",\"qid\":1,\"docid\":2,\"score\":1e39}]}]",
    "{\"query\":{\"text\":\"q\",\"qid\":1},\"candidates\":[{\"docid\":1,\"score\":0,\"doc\":{\"text\":\"t\"}}]}\n",
    "{\"query\":\"q\",\"qid\":1,\"sorted_docids\":[\"2\"],\"re_rank_id\":[1],\"unsorted_docs\":[\"t\"],\
     \"reason\":{\"ranked_passages\":[{\"identifier\":0}]},\"scores\":[\"1\"]}\n",
    "{\"query\":\"q\",\"teacher\":\"t\",\"docs\":[{\"docid\":\"1\",\"text\":\"x\"}],\"ranking\":[\"1\"],\"reasons\":[]}\n",
    "{\"query\":\"q\",\"id\":\"1\",\"gold_ids\":[\"a\"],\"excluded_ids\":[\"N/A\"]}\n",
    "\u{feff}",
    "#",
    "\r\n",
    "\t",
    "PAR1",
    "\\ud800\u{0}",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES.as_slice()).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..12),
        1 => Just(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
        1 => Just(vec![0x28, 0xb5, 0x2f, 0xfd]),
    ];
    (prop::collection::vec(piece, 0..8), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(pieces, cut, is_cut)| {
            let mut bytes = pieces.concat();
            if is_cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            bytes
        },
    )
}

/// Calls every reader on the file; what it says is its own business, as long as it says it.
fn read_all(path: &Path) {
    let outcomes: [Result<usize, FormatError>; 12] = [
        trec::read_run(path).map(|run| run.iter().len()),
        trec::read_qrels(path).map(|qrels| qrels.len()),
        beir::read_query_file(path).map(|queries| queries.len()),
        msmarco::read_queries(path).map(|queries| queries.len()),
        msmarco::read_top1000(path).map(|topics| topics.len()),
        msmarco::read_passages(path).map(Iterator::count),
        rankgpt::read_topics(path).map(|topics| topics.len()),
        rankgpt::read_permutations(path).map(|permutations| permutations.len()),
        rank_llm::read_records(path).map(|records| records.len()),
        bright::read_examples(path).map(|examples| examples.len()),
        bright::read_documents(path).map(|documents| documents.len()),
        documents::read_documents(path).map(|documents| documents.len()),
    ];
    for outcome in outcomes {
        check(outcome, path);
    }
    check(read_teacher_records(path).map(|read| read.report.rows), path);
}

fn check(outcome: Result<usize, FormatError>, path: &Path) {
    if let Err(error) = outcome {
        let message = error.to_string();
        assert!(message.contains(&path.display().to_string()), "the message names no file: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_reader_panics_and_every_message_names_the_file(bytes in bytes(), packing in 0usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(["f", "f.gz", "f.zst"][packing]);
        let packed = match packing {
            1 => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap()
            }
            2 => zstd::encode_all(bytes.as_slice(), 1).unwrap(),
            _ => bytes.clone(),
        };
        std::fs::write(&path, packed).unwrap();
        read_all(&path);

        std::fs::write(folder.path().join("corpus.jsonl"), &bytes).unwrap();
        std::fs::write(folder.path().join("queries.jsonl"), &bytes).unwrap();
        check(Collection::read(folder.path()).map(|collection| collection.documents.len()), folder.path());
    }
}
