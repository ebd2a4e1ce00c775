//! candle's BERT with the rank head on top, in batches of similar length, padded to the longest of each.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use candle_core::{DType, Device, IndexOp, Module, Tensor};
use candle_nn::{Linear, VarBuilder, linear};
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Encoding, Tokenizer, TruncationParams, TruncationStrategy};

use crate::{BATCH, Engine, MAX_LENGTH};

pub struct Candle {
    tokenizer: Tokenizer,
    bert: BertModel,
    pooler: Linear,
    classifier: Linear,
}

impl Candle {
    pub fn open(models: &Path) -> Result<Self> {
        let folder = models.join("cross-encoder");
        let config = std::fs::read(folder.join("config.json")).context("config.json")?;
        let config: Config = serde_json::from_slice(&config)?;
        let weights = std::fs::read(folder.join("model.safetensors")).context("model.safetensors")?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
        let mut tokenizer =
            Tokenizer::from_file(folder.join("tokenizer.json")).map_err(|error| anyhow!("tokenizer.json: {error}"))?;
        let truncation = TruncationParams {
            max_length: MAX_LENGTH,
            strategy: TruncationStrategy::OnlySecond,
            ..TruncationParams::default()
        };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(|error| anyhow!("{error}"))?;
        let d = config.hidden_size;
        Ok(Self {
            tokenizer,
            bert: BertModel::load(weights.pp("bert"), &config)?,
            pooler: linear(d, d, weights.pp("bert.pooler.dense"))?,
            classifier: linear(d, 1, weights.pp("classifier"))?,
        })
    }

    /// The logits of pairs, padded to the longest.
    fn logits(&self, pairs: &[&Encoding]) -> Result<Vec<f32>> {
        let length = pairs.iter().map(|pair| pair.len()).max().unwrap_or(0);
        let padded = |values: fn(&Encoding) -> &[u32]| -> Result<Tensor> {
            let mut rows = Vec::with_capacity(pairs.len() * length);
            for pair in pairs {
                rows.extend_from_slice(values(pair));
                rows.resize(rows.len() + length - pair.len(), 0);
            }
            Ok(Tensor::from_vec(rows, (pairs.len(), length), &Device::Cpu)?)
        };
        let (ids, types) = (padded(Encoding::get_ids)?, padded(Encoding::get_type_ids)?);
        let states = self.bert.forward(&ids, &types, Some(&padded(Encoding::get_attention_mask)?))?;
        let pooled = self.pooler.forward(&states.i((.., 0))?.contiguous()?)?.tanh()?;
        Ok(self.classifier.forward(&pooled)?.i((.., 0))?.to_vec1()?)
    }
}

impl Engine for Candle {
    fn score(&mut self, query: &str, texts: &[String]) -> Result<Vec<f32>> {
        let pairs: Vec<(&str, &str)> = texts.iter().map(|text| (query, text.as_str())).collect();
        let pairs = self.tokenizer.encode_batch(pairs, true).map_err(|error| anyhow!("{error}"))?;
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by_key(|place| pairs[*place].len());
        let mut scores = vec![0.0; pairs.len()];
        for places in order.chunks(BATCH) {
            let together: Vec<&Encoding> = places.iter().map(|place| &pairs[*place]).collect();
            for (place, logit) in places.iter().zip(self.logits(&together)?) {
                scores[*place] = logit;
            }
        }
        Ok(scores)
    }
}
