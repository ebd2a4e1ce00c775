//! fastembed-rs with our ONNX file. It pads each batch to its longest pair; texts come to it ordered by their bytes.

use std::path::Path;

use anyhow::{Context, Result};
use fastembed::{RerankInitOptionsUserDefined, TextRerank, TokenizerFiles, UserDefinedRerankingModel};

use crate::{BATCH, Engine, MAX_LENGTH};

pub struct Fastembed {
    model: TextRerank,
}

impl Fastembed {
    /// ONNX Runtime's library is the one that `ORT_DYLIB_PATH` names.
    pub fn open(models: &Path, threads: usize) -> Result<Self> {
        // FlashRank's layout has all files that it asks for.
        let folder = models.join("flashrank/ms-marco-MiniLM-L-12-v2");
        let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| name.to_owned());
        let files = TokenizerFiles {
            tokenizer_file: read("tokenizer.json")?,
            config_file: read("config.json")?,
            special_tokens_map_file: read("special_tokens_map.json")?,
            tokenizer_config_file: read("tokenizer_config.json")?,
        };
        let model = UserDefinedRerankingModel::new(models.join("onnx/f32.onnx"), files);
        let options = RerankInitOptionsUserDefined::new().with_max_length(MAX_LENGTH).with_intra_threads(threads);
        Ok(Self { model: TextRerank::try_new_from_user_defined(model, options)? })
    }
}

impl Engine for Fastembed {
    fn score(&mut self, query: &str, texts: &[String]) -> Result<Vec<f32>> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|place| texts[*place].len());
        let sorted: Vec<&str> = order.iter().map(|place| texts[*place].as_str()).collect();
        let mut scores = vec![0.0; texts.len()];
        for found in self.model.rerank(query, sorted, false, Some(BATCH))? {
            scores[order[found.index]] = found.score;
        }
        Ok(scores)
    }
}
