//! What a large model says of candidates.
//!
//! A model's text is data: [`read_answer`] makes an order of it whatever it holds, and counts what
//! it had to repair. [`RecordedTeacher`] judges by answers that were recorded before.
//!
//! Models are asked by an [`asking::Asker`]: each answer is in the [`journal`] before it is used, so that a run that
//! dies at any moment goes on where it stopped and pays for nothing twice. [`batches`] ask at half the price. Time and
//! keys are the caller's to give.
//!
//! ```
//! use r2r_teacher::answer::read_answer;
//!
//! let text = "Here is my ranking:\n```json\n{\"order\": [2, 2, 7], \"passages\": [{\"passage\": 2, \"grade\": 3}]}\n```";
//! let answer = read_answer(text, 3);
//! assert_eq!(answer.order(), [1, 0, 2]);
//! assert_eq!(answer.passages()[1].grade, Some(3));
//! let repairs = answer.repairs();
//! assert_eq!((repairs.duplicates, repairs.out_of_range, repairs.missing), (1, 1, 2));
//! ```

pub mod chat;
pub mod clock;

pub mod clients;
pub mod ladder;

pub mod cost;
pub mod pace;

pub mod journal;

pub mod asking;
pub mod batches;

pub mod answer;
mod json_in_text;
pub mod recorded;

pub use answer::{Answer, AnsweredPassage, Repairs, read_answer};
pub use recorded::{RecordedError, RecordedTeacher};
