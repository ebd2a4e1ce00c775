//! A student, opened from its folder.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use r2r_model::config::StudentConfig;
use r2r_model::folder::StudentFolder;
use r2r_model::lexical::LexicalMatch;
use r2r_model::reasons::ReasonVocabulary;
use r2r_model::tokenizer::Tokenizer;
use r2r_model::weights::WeightsError;

use crate::base_encoder::LowRank;
use crate::early::ExitHead;
use crate::encoder::{Embeddings, Encoder, Layer, Scratch, StoredLayer, layer_prefix, load_first_piece};
use crate::error::InferenceError;
use crate::evidence::EvidenceHead;
use crate::kernels::first_piece::FirstPieceAttention;
use crate::kernels::{Epilogue, Instructions, Kernel, Operand, PackedMatrix, Precision, RowsOf, rows};
use crate::loading::Loader;
use crate::parallel::{Pool, Reused};
use crate::reason_decoder::ReasonDecoder;

/// How a student is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads of one call; the processor's where `None`.
    pub threads: Option<NonZeroUsize>,
    /// Instructions of the kernels; the best that the processor has where `None`.
    pub instructions: Option<Instructions>,
    /// Wordings of a reason that are carried along (beam search; 1 is greedy); 4 where `None`.
    pub wordings: Option<NonZeroUsize>,
    /// Number format of the products; the fastest whose loss was measured to be harmless for the student where `None`.
    pub precision: Option<Precision>,
    /// How many standard deviations below the N-th best foreseen logit a document is stopped early, 0 or more; what was
    /// chosen for the student where `None`.
    pub early_margin: Option<f32>,
}

/// Wordings of a reason that are carried along, unless the options say otherwise.
const WORDINGS: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not zero");

/// A student in memory: it scores, chooses evidence and, where it has learned to, writes reasons.
pub struct Student {
    pub(crate) config: StudentConfig,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) encoder: Encoder,
    /// The attention of its last layer for `[CLS]` alone, which is all that the rank head reads.
    pub(crate) first_piece: FirstPieceAttention,
    /// The encoder before low-rank training; `None` where the similarity pass uses `encoder` or is not run.
    pub(crate) base: Option<Encoder>,
    pub(crate) head: RankHead,
    /// The weights of word pieces; `None` where the query's words are not counted.
    pub(crate) lexical: Option<LexicalMatch>,
    pub(crate) reasons: Option<ReasonParts>,
    pub(crate) exit_head: Option<ExitHead>,
    pub(crate) pool: Pool,
    /// Buffers of threads between their blocks.
    pub(crate) scratch: Reused<Scratch>,
    pub(crate) wordings: usize,
    pub(crate) instructions: Instructions,
    pub(crate) precision: Precision,
}

/// What a student with reasons has beyond one that only ranks.
pub(crate) struct ReasonParts {
    pub(crate) vocabulary: ReasonVocabulary,
    pub(crate) decoder: ReasonDecoder,
    pub(crate) evidence: EvidenceHead,
}

/// Pooler and classifier: logit = w · tanh(P h + p) + b over the state of `[CLS]`.
pub(crate) struct RankHead {
    pooler: PackedMatrix,
    classifier: Vec<f32>,
    bias: f32,
}

impl RankHead {
    fn load(loader: &Loader, d: usize) -> Result<Self, WeightsError> {
        Ok(Self {
            pooler: loader.packed("bert.pooler.dense", d, d, Precision::F32)?,
            classifier: loader.tensor("classifier.weight", &[1, d])?,
            bias: loader.bias("classifier", 1)?[0],
        })
    }

    pub(crate) fn logit(&self, first: &[f32], instructions: Instructions) -> f32 {
        let mut pooled = vec![0f32; first.len()];
        self.pooler.multiply(
            RowsOf::dense(first, first.len()),
            &mut pooled,
            first.len(),
            Epilogue::Store,
            &mut Operand::default(),
        );
        for value in &mut pooled {
            *value = value.tanh();
        }
        rows::dot(instructions, &pooled, &self.classifier) + self.bias
    }
}

impl Student {
    /// Opens a student folder, or a Hugging Face cross-encoder with one label.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, InferenceError> {
        let folder = StudentFolder::open(dir)?;
        let mut config = folder.config()?;
        if let Some(margin) = options.early_margin {
            if !(margin.is_finite() && margin >= 0.0) {
                return Err(InferenceError::Margin { margin });
            }
            if let Some(early) = &mut config.early {
                early.margin = margin;
            }
        }
        let vocabulary = folder.reason_words(&config)?;
        let lexical = folder.lexical(&config)?;
        let exit_head = ExitHead::load(&folder, &config)?;
        let instructions = options.instructions.unwrap_or_else(Instructions::detect);
        let threads = options.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let pool =
            Pool::new(threads).map_err(|error| InferenceError::Threads { asked: threads, error: error.to_string() })?;
        let epsilon = config.encoder.layer_norm_eps as f32;
        let precision = options.precision.unwrap_or_else(|| fastest_harmless(&config, instructions));
        // The tokenizer takes about as long as the weights.
        let (tokenizer, parts) = pool.both(
            || folder.tokenizer(&config.encoder),
            || {
                let loader = Loader { weights: folder.weight_file()?, instructions, precision, epsilon };
                Parts::load(&loader, &config, vocabulary, &pool)
                    .map_err(|source| InferenceError::Weights { folder: dir.display().to_string(), source })
            },
        );
        let (tokenizer, parts) = (tokenizer?, parts?);
        Ok(Self {
            config,
            tokenizer,
            encoder: parts.encoder,
            first_piece: parts.first_piece,
            base: parts.base,
            head: parts.head,
            lexical,
            reasons: parts.reasons,
            exit_head,
            pool,
            scratch: Reused::new(),
            precision,
            wordings: options.wordings.unwrap_or(WORDINGS).get(),
            instructions,
        })
    }

    /// What steers the student.
    pub fn config(&self) -> &StudentConfig {
        &self.config
    }

    /// The student's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The words that reasons are built around; `None` for a student that only ranks.
    pub fn vocabulary(&self) -> Option<&ReasonVocabulary> {
        self.reasons.as_ref().map(|parts| &parts.vocabulary)
    }

    /// Threads of one call.
    pub fn threads(&self) -> NonZeroUsize {
        self.pool.n()
    }

    /// The number format of the products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The instructions that the kernels use.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// What reasons need, or the error that says that this student has none.
    pub(crate) fn reason_parts(&self) -> Result<&ReasonParts, InferenceError> {
        self.reasons.as_ref().ok_or_else(|| InferenceError::NoReasons { student: self.config.name.clone() })
    }
}

/// The fastest number format here whose loss was measured to be harmless for this student.
fn fastest_harmless(config: &StudentConfig, instructions: Instructions) -> Precision {
    let measured = config.precision.unwrap_or_default();
    let formats = Kernel::fast_formats(instructions).iter().copied();
    formats.into_iter().find(|format| measured.allows(*format)).unwrap_or(Precision::F32)
}

/// Everything that is made of tensors.
struct Parts {
    encoder: Encoder,
    first_piece: FirstPieceAttention,
    base: Option<Encoder>,
    head: RankHead,
    reasons: Option<ReasonParts>,
}

impl Parts {
    fn load(
        loader: &Loader,
        config: &StudentConfig,
        vocabulary: Option<ReasonVocabulary>,
        pool: &Pool,
    ) -> Result<Self, WeightsError> {
        let shape = &config.encoder;
        let (instructions, precision) = (loader.instructions, loader.precision);
        let needs_base = config.similarity_weight != 0.0 && loader.weights.has_prefix("similarity.");
        if loader.weights.has_prefix(&format!("{}.", layer_prefix(shape.num_hidden_layers))) {
            return Err(WeightsError::Surplus { first: shape.num_hidden_layers });
        }
        let indices: Vec<usize> = (0..shape.num_hidden_layers).collect();
        let load_layer = |index: &usize| -> Result<(Layer, Option<Layer>), WeightsError> {
            let stored = StoredLayer::load(loader, shape, *index)?;
            let low_rank = needs_base.then(|| LowRank::of_layer(loader, shape, *index)).transpose()?;
            let base = low_rank.map(|less| stored.packed(instructions, precision, Some(&less), &config.split_states));
            Ok((stored.packed(instructions, precision, None, &config.split_states), base))
        };
        let d = shape.hidden_size;
        let load_rest = || -> Result<_, WeightsError> {
            let embeddings = Arc::new(Embeddings::load(loader, shape)?);
            let reasons = match (vocabulary, &config.reasons) {
                (Some(vocabulary), Some(reasons)) => Some(ReasonParts {
                    vocabulary,
                    decoder: ReasonDecoder::load(loader, reasons, d)?,
                    evidence: EvidenceHead::load(loader, d)?,
                }),
                (_, None) | (None, _) => None,
            };
            Ok((embeddings, reasons, RankHead::load(loader, d)?, load_first_piece(loader, shape)?))
        };
        let (rest, loaded) = pool.both(load_rest, || pool.map(&indices, load_layer));
        let (embeddings, reasons, head, first_piece) = rest?;
        let mut layers = Vec::with_capacity(loaded.len());
        let mut base_layers = Vec::new();
        for loaded in loaded {
            let (layer, base) = loaded?;
            layers.push(layer);
            base_layers.extend(base);
        }
        let base =
            needs_base.then(|| Encoder::new(Arc::clone(&embeddings), base_layers, shape, instructions, precision));
        let encoder = Encoder::new(embeddings, layers, shape, instructions, precision);
        Ok(Self { encoder, first_piece, base, head, reasons })
    }
}
