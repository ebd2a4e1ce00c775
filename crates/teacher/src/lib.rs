//! What a large model is asked of candidates, and what it says of them.
//!
//! [`Prompt`] says what is asked, [`WindowPlan`] how a long list is cut, [`Judging`] drives the judging of one query
//! without a network: it hands out requests, takes answers in any order, and ends in a judgment. A model's text is
//! data: [`read_answer`] makes an order of it whatever it holds, and counts what it had to repair.
//! [`RecordedTeacher`] judges by answers that were recorded before.
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

// What is asked, and what is made of the answers: no network here.
pub mod agreement;
pub mod answer;
pub mod consensus;
pub mod consistency;
mod digest;
mod json_in_text;
pub mod judged_ranking;
pub mod judging;
mod lenient_json;
pub mod prompt;
pub mod recorded;
mod renumber;
mod shuffle;
pub mod windows;

// Who is asked, how fast, at what cost, and where the answers are kept.
pub mod asking;
pub mod batches;
pub mod clients;
pub mod cost;
pub mod journal;
pub mod ladder;
pub mod pace;

pub use answer::{Answer, AnsweredPassage, Repairs, read_answer};
pub use chat::{AnswerShape, ChatRequest, Effort, Role, Turn};
pub use judging::{Ask, AskKey, JudgeOptions, Judging, JudgingError, JudgmentRecord, Outcome, Refusal};
pub use prompt::{Prompt, PromptError};
pub use recorded::{RecordedError, RecordedTeacher};
pub use windows::WindowPlan;
