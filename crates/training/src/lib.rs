//! Trains the student of Reason-to-Rank: a BERT encoder with a rank head, an evidence head and a reason decoder, from
//! lists that a teacher or people have ordered and explained.
//!
//! The loop is one function, [`train::train`]: batch, losses, backward, clip, step, log, validate, checkpoint. Every
//! number that a run writes, clock readings apart, depends on inputs, settings and seed alone.
//!
//! A pass allocates and frees some hundred megabytes. An allocator that returns pages to the system in between costs a
//! quarter of the speed: programs that train should set a global allocator that keeps them (jemalloc built with
//! `JEMALLOC_SYS_WITH_MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1`), or glibc's `MALLOC_MMAP_THRESHOLD_` and
//! `MALLOC_TRIM_THRESHOLD_` high.
//!
//! ```
//! use r2r_training::{Adaptation, TrainingConfig};
//!
//! let settings = r#"{"steps": 2000, "learning_rate": 3e-4, "adaptation": {"rank": 8, "alpha": 16.0}}"#;
//! let config: TrainingConfig = serde_json::from_str(settings)?;
//! config.check()?;
//! assert!(matches!(config.adaptation, Adaptation::LowRank(low_rank) if low_rank.rank == 8));
//! assert!(serde_json::from_str::<TrainingConfig>(r#"{"learning_rat": 3e-4}"#).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod batch;
pub mod calibration;
pub mod checkpoint;
pub mod compute;
pub mod config;
pub mod curves;
pub mod encoder;
pub mod error;
pub mod evidence;
pub mod export;
mod fused;
pub mod head;
pub mod layers;
pub mod listener;
pub mod lists;
pub mod log;
pub mod loss;
pub mod optimizer;
pub mod parameters;
mod phase;
mod plain;
pub mod reason_decoder;
mod run;
pub mod similarities;
pub mod student;
pub mod train;
pub mod validation;
pub mod vocabulary;

pub use config::TrainingConfig;
pub use error::TrainingError;
pub use fused::Packing;
pub use layers::{Adaptation, LowRank};
pub use listener::{Event, Listener, Signal, Silent, StepReport, Timing};
pub use loss::LossConfig;
pub use train::{End, TrainingInputs, TrainingReport, train};
pub use validation::Validation;
