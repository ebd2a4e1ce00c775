use std::path::Path;

use proptest::prelude::*;
use r2r_model::encoding::Limits;
use r2r_model::pair_words::PairWords;
use r2r_model::tokenizer::Tokenizer;
use serde::Deserialize;

use crate::{folder, small_tokenizer};

#[derive(Deserialize)]
struct Golden {
    singles: Vec<Single>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Single {
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Pair {
    query: String,
    document: String,
    ids: Vec<u32>,
    type_ids: Vec<u32>,
}

fn check(tokenizer: &Tokenizer, golden: &str) {
    let golden: Golden = serde_json::from_slice(&std::fs::read(folder().join(golden)).unwrap()).unwrap();
    for Single { text, ids } in golden.singles {
        assert_eq!(tokenizer.encode_single(&text, 10_000).unwrap().ids, ids, "{text:?}");
    }
    let limits = Limits { max_length: 96, max_query_length: 64 };
    for Pair { query, document, ids, type_ids } in golden.pairs {
        let found = tokenizer.encode_pair(&query, &document, limits).unwrap();
        assert_eq!((found.ids, found.type_ids), (ids, type_ids), "{query:?} {document:?}");
    }
}

#[test]
fn ids_agree_with_transformers_on_nasty_texts() {
    check(&small_tokenizer(), "tokenizer.json");
}

#[test]
fn ids_agree_with_transformers_for_the_uncased_vocabulary() {
    let Some(base) = std::env::var_os("R2R_BASE") else {
        eprintln!("skipped: R2R_BASE is not set");
        return;
    };
    check(&Tokenizer::open(&Path::new(&base).join("tokenizer.json")).unwrap(), "uncased_30522.json");
}

#[test]
fn a_file_that_is_laid_out_otherwise_is_read_all_the_same() {
    let json = std::fs::read_to_string(folder().join("tokenizer/tokenizer.json")).unwrap();
    // The library takes a model without its type for what it looks like; the decoder has one of the same name before it.
    let kind = "\"type\":\"WordPiece\",";
    let at = json.rfind(kind).unwrap();
    let untyped = format!("{}{}", &json[..at], &json[at + kind.len()..]);
    let (own, librarys) = (small_tokenizer(), Tokenizer::from_json(untyped.as_bytes()).unwrap());
    assert_eq!(librarys.vocab_size(), own.vocab_size());
    let text = "Basalt is a dark rock [SEP] Ünlike 花岗岩.";
    assert_eq!(librarys.pieces(text, 99).unwrap(), own.pieces(text, 99).unwrap());
}

#[test]
fn only_the_document_is_cut_behind_a_query_of_its_limit() {
    let tokenizer = small_tokenizer();
    let limits = Limits { max_length: 80, max_query_length: 64 };
    let long = "basalt is a dark rock ".repeat(40);
    let pair = tokenizer.encode_pair(&long, &long, limits).unwrap();
    assert_eq!((pair.ids.len(), pair.query.len(), pair.document.len()), (80, 64, 13));
    assert!(pair.query_truncated && pair.document_truncated);
    let short = tokenizer.encode_pair("basalt", "dark", limits).unwrap();
    assert!(!short.query_truncated && !short.document_truncated);
}

proptest! {
    #[test]
    fn pieces_are_those_of_the_library(text in "(\\PC{0,3}|[a-z]{1,6}|[ \t]|\\[(CLS|SEP|MASK|sep)\\]){0,30}") {
        let json = std::fs::read(folder().join("tokenizer/tokenizer.json")).unwrap();
        let mut library = tokenizers::Tokenizer::from_bytes(json).unwrap();
        library.with_padding(None).with_truncation(None).unwrap();
        let expected = library.encode(text.as_str(), false).unwrap();
        let found = small_tokenizer().pieces(&text, 10_000).unwrap();
        prop_assert_eq!(&found.ids[..], expected.get_ids());
        let offsets: Vec<_> = expected.get_offsets().iter().map(|&(start, end)| start..end).collect();
        prop_assert_eq!(found.offsets, offsets);
    }

    #[test]
    fn a_long_text_begins_like_the_whole_of_it(
        words in prop::collection::vec("[a-zé]{1,9}|\\PC{1,3}|[ \n\t]{1,3}", 0..120), limit in 1usize..40,
    ) {
        let text = words.join(" ");
        let tokenizer = small_tokenizer();
        let whole = tokenizer.pieces(&text, usize::MAX).unwrap();
        let cut = tokenizer.pieces(&text, limit).unwrap();
        let n = limit.min(whole.ids.len());
        prop_assert_eq!(&cut.ids, &whole.ids[..n]);
        prop_assert_eq!(&cut.offsets, &whole.offsets[..n]);
        prop_assert_eq!(cut.truncated, n < whole.ids.len());
    }

    #[test]
    fn placed_words_cover_their_pieces(
        query in "[a-zA-Z0-9 ,.'$%-]{0,60}", document in "\\PC{0,200}", max_length in 12usize..60,
    ) {
        let limits = Limits { max_length, max_query_length: 64 };
        let encoding = small_tokenizer().encode_pair(&query, &document, limits).unwrap();
        prop_assert!(encoding.ids.len() <= max_length);
        let words = PairWords::of(&query, &document, &encoding);
        for (placed, text, window) in words.query.iter().map(|word| (word, &query, &encoding.query))
            .chain(words.document.iter().map(|word| (word, &document, &encoding.document)))
        {
            prop_assert_eq!(&placed.written, &text[placed.word.range.clone()]);
            prop_assert!(!placed.pieces.is_empty());
            prop_assert!(placed.pieces.start >= window.start && placed.pieces.end <= window.end);
            for piece in placed.pieces.clone() {
                let offset = &encoding.offsets[piece];
                prop_assert!(offset.start < placed.word.range.end && placed.word.range.start < offset.end);
            }
        }
    }
}
