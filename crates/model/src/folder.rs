//! The folder a student lives in: which files it has, reading them with clear errors, writing them whole or not
//! at all, and the plain Hugging Face cross-encoder inside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::config::{ConfigError, EncoderConfig, StudentConfig, WeightFormat};
use crate::lexical::LexicalMatch;
use crate::reasons::{ReasonVocabulary, ReasonVocabularyError};
use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::weight_file::WeightFile;
use crate::weights::{Weights, WeightsError};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";
const LEXICAL: &str = "lexical.safetensors";
const REASON_WORDS: &str = "reason_words.txt";
const EXIT_HEAD: &str = "exit_head.safetensors";
const README: &str = "README.md";
const PROVENANCE: &str = "provenance.json";

/// What is wrong with a student folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such folder.
    #[error(
        "{0} is not a folder; give the folder of a student, with config.json, model.safetensors and tokenizer.json"
    )]
    NoFolder(String),
    /// A file is absent.
    #[error(
        "{folder} has no {file}; a student folder has config.json, model.safetensors, tokenizer.json \
         and, where it writes reasons, reason_words.txt, where it stops documents early, exit_head.safetensors"
    )]
    NoFile {
        /// The folder.
        folder: String,
        /// The absent file.
        file: &'static str,
    },
    /// The folder to be written is there already.
    #[error("{0} exists already; remove it or choose another name")]
    Exists(String),
    /// The file system refuses.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// `config.json` is at fault.
    #[error("{folder}: {source}")]
    Config {
        /// The folder.
        folder: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// `model.safetensors` is at fault.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// `tokenizer.json` is at fault.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// `reason_words.txt` is at fault.
    #[error(transparent)]
    ReasonWords(#[from] ReasonVocabularyError),
    /// Two files of the folder contradict each other.
    #[error(
        "{folder}: {file} has {found} entries but config.json says {expected}; the files are of different students"
    )]
    Disagree {
        /// The folder.
        folder: String,
        /// The file that contradicts `config.json`.
        file: &'static str,
        /// Entries of that file.
        found: usize,
        /// Entries by `config.json`.
        expected: usize,
    },
}

/// A folder with the files that a student, or a base encoder, must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudentFolder {
    root: PathBuf,
}

/// Everything that is written into a student folder.
pub struct StudentContents<'a> {
    /// `config.json`; its `weights` says how tensors are stored.
    pub config: &'a StudentConfig,
    /// `model.safetensors`.
    pub weights: &'a Weights,
    /// `tokenizer.json`, as bytes.
    pub tokenizer: &'a [u8],
    /// `reason_words.txt`; there exactly where the config has reasons.
    pub reason_words: Option<&'a ReasonVocabulary>,
    /// `README.md`: the model card.
    pub readme: &'a str,
    /// `provenance.json`.
    pub provenance: &'a serde_json::Value,
}

impl StudentFolder {
    /// Looks whether the files that every encoder folder needs are there.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        if !root.is_dir() {
            return Err(FolderError::NoFolder(root.display().to_string()));
        }
        let folder = Self { root: root.to_owned() };
        for file in [CONFIG, WEIGHTS, TOKENIZER] {
            folder.need(file)?;
        }
        Ok(folder)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of `tokenizer.json`.
    pub fn tokenizer_path(&self) -> PathBuf {
        self.root.join(TOKENIZER)
    }

    /// Path of `model.safetensors`.
    pub fn weights_path(&self) -> PathBuf {
        self.root.join(WEIGHTS)
    }

    /// Reads the configuration of a student or of a Hugging Face cross-encoder with one label.
    pub fn config(&self) -> Result<StudentConfig, FolderError> {
        StudentConfig::from_json(&self.config_text()?).map_err(|source| self.config_error(source))
    }

    /// Reads the shape of the encoder, whether or not there is a rank head: what training starts from.
    pub fn encoder_config(&self) -> Result<EncoderConfig, FolderError> {
        EncoderConfig::from_json(&self.config_text()?).map_err(|source| self.config_error(source))
    }

    /// Reads the tokenizer and compares it with the number of word embeddings.
    pub fn tokenizer(&self, encoder: &EncoderConfig) -> Result<Tokenizer, FolderError> {
        let tokenizer = Tokenizer::open(&self.tokenizer_path())?;
        if tokenizer.vocab_size() > encoder.vocab_size {
            return Err(self.disagreement(TOKENIZER, tokenizer.vocab_size(), encoder.vocab_size));
        }
        Ok(tokenizer)
    }

    /// Reads all tensors as f32.
    pub fn weights(&self) -> Result<Weights, FolderError> {
        Ok(Weights::read(&self.weights_path())?)
    }

    /// Reads all tensors as they are stored.
    pub fn weight_file(&self) -> Result<WeightFile, FolderError> {
        Ok(WeightFile::open(&self.weights_path())?)
    }

    /// Opens the weights of the exit head, which a student has that stops documents early.
    pub fn exit_head(&self) -> Result<WeightFile, FolderError> {
        Ok(WeightFile::open(&self.need(EXIT_HEAD)?)?)
    }

    /// Writes the weights of an exit head, or replaces them.
    pub fn replace_exit_head(&self, weights: &Weights) -> Result<(), FolderError> {
        let (path, partial) = (self.root.join(EXIT_HEAD), self.root.join("exit_head.safetensors.partial"));
        weights.write(&partial, WeightFormat::Int8)?;
        fs::rename(&partial, &path).map_err(|source| file_error(&path, source))
    }

    /// Reads the vocabulary of reasons; `None` for a student without reasons.
    pub fn reason_words(&self, config: &StudentConfig) -> Result<Option<ReasonVocabulary>, FolderError> {
        let Some(reasons) = config.reasons else { return Ok(None) };
        let vocabulary = ReasonVocabulary::load(&self.need(REASON_WORDS)?)?;
        if vocabulary.len() != reasons.vocabulary {
            return Err(self.disagreement(REASON_WORDS, vocabulary.len(), reasons.vocabulary));
        }
        Ok(Some(vocabulary))
    }

    /// Reads the weights of word pieces; `None` for a student that does not count the query's words.
    pub fn lexical(&self, config: &StudentConfig) -> Result<Option<LexicalMatch>, FolderError> {
        if config.lexical_weight == 0.0 {
            return Ok(None);
        }
        Ok(Some(LexicalMatch::read(&self.need(LEXICAL)?, config.encoder.vocab_size)?))
    }

    /// Writes a student: into `NAME.partial` first, renamed when whole. Refuses a folder that exists.
    pub fn write(root: &Path, contents: &StudentContents<'_>) -> Result<Self, FolderError> {
        let config_error = |source| FolderError::Config { folder: root.display().to_string(), source };
        contents.config.check().map_err(config_error)?;
        write_whole(root, |partial| {
            put(&partial.join(CONFIG), contents.config.to_json().as_bytes())?;
            contents.weights.write(&partial.join(WEIGHTS), contents.config.weights)?;
            put(&partial.join(TOKENIZER), contents.tokenizer)?;
            if let Some(words) = contents.reason_words {
                words.save(&partial.join(REASON_WORDS))?;
            }
            put(&partial.join(README), contents.readme.as_bytes())?;
            put(&partial.join(PROVENANCE), format!("{:#}\n", contents.provenance).as_bytes())
        })?;
        Self::open(root)
    }

    /// Replaces `config.json` of a student, for what is learned about it after it was written.
    pub fn replace_config(&self, config: &StudentConfig) -> Result<(), FolderError> {
        config.check().map_err(|source| self.config_error(source))?;
        let (path, partial) = (self.root.join(CONFIG), self.root.join("config.json.partial"));
        put(&partial, config.to_json().as_bytes())?;
        fs::rename(&partial, &path).map_err(|source| file_error(&path, source))
    }

    /// Writes the weights of word pieces that a `lexical_weight` in `config.json` needs, which is to be set afterwards.
    pub fn put_lexical(&self, lexical: &LexicalMatch) -> Result<(), FolderError> {
        let (path, partial) = (self.root.join(LEXICAL), self.root.join("lexical.safetensors.partial"));
        lexical.weights().write(&partial, WeightFormat::F32)?;
        fs::rename(&partial, &path).map_err(|source| file_error(&path, source))
    }

    /// Writes the plain f32 cross-encoder inside this student as transformers loads it
    /// (`BertForSequenceClassification` and its tokenizer). Similarity, counted words and reasons stay behind: its logit is the
    /// head's alone.
    pub fn export_cross_encoder(&self, root: &Path) -> Result<(), FolderError> {
        let config = self.config()?;
        let mut weights = self.weights()?;
        weights.retain(|name| name.starts_with("bert.") || name.starts_with("classifier."));
        let tokenizer = fs::read(self.tokenizer_path()).map_err(|source| file_error(&self.tokenizer_path(), source))?;
        let mut tokenizer_config = json!({
            "tokenizer_class": "BertTokenizer",
            "model_max_length": config.max_length,
            "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]",
        });
        let parsed: serde_json::Value = serde_json::from_slice(&tokenizer).unwrap_or_default();
        let normalizer = &parsed["normalizer"];
        for (key, name) in [
            ("do_lower_case", "lowercase"),
            ("strip_accents", "strip_accents"),
            ("tokenize_chinese_chars", "handle_chinese_chars"),
        ] {
            if let Some(value) = normalizer.get(name) {
                tokenizer_config[key] = value.clone();
            }
        }
        write_whole(root, |partial| {
            put(&partial.join(CONFIG), config.to_cross_encoder_json().as_bytes())?;
            weights.write(&partial.join(WEIGHTS), WeightFormat::F32)?;
            put(&partial.join(TOKENIZER), &tokenizer)?;
            put(&partial.join("tokenizer_config.json"), format!("{tokenizer_config:#}\n").as_bytes())
        })
    }

    fn need(&self, file: &'static str) -> Result<PathBuf, FolderError> {
        let path = self.root.join(file);
        if path.is_file() {
            Ok(path)
        } else {
            Err(FolderError::NoFile { folder: self.root.display().to_string(), file })
        }
    }

    fn config_text(&self) -> Result<String, FolderError> {
        let path = self.root.join(CONFIG);
        fs::read_to_string(&path).map_err(|source| file_error(&path, source))
    }

    fn config_error(&self, source: ConfigError) -> FolderError {
        FolderError::Config { folder: self.root.display().to_string(), source }
    }

    fn disagreement(&self, file: &'static str, found: usize, expected: usize) -> FolderError {
        FolderError::Disagree { folder: self.root.display().to_string(), file, found, expected }
    }
}

fn file_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::File { path: path.display().to_string(), source }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    fs::write(path, bytes).map_err(|source| file_error(path, source))
}

/// Fills `NAME.partial` and renames it; what an earlier, broken attempt left there is removed first.
fn write_whole(root: &Path, fill: impl FnOnce(&Path) -> Result<(), FolderError>) -> Result<(), FolderError> {
    if root.exists() {
        return Err(FolderError::Exists(root.display().to_string()));
    }
    let mut name = root.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(|source| file_error(&partial, source))?;
    }
    fs::create_dir_all(&partial).map_err(|source| file_error(&partial, source))?;
    fill(&partial)?;
    fs::rename(&partial, root).map_err(|source| file_error(root, source))
}
