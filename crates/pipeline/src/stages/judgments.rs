//! Teacher judgments from wherever they lie: files of records, standard input, or the artifact of a judge.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use r2r_types::formats::input::Input as Text;
use r2r_types::formats::jsonl::JsonLines;
use r2r_types::formats::teacher_records::{TeacherRecords, read_teacher_records, teacher_records_of_input};
use r2r_types::judgment::TeacherJudgment;

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Provenance};

/// The file of judgments in the artifact of a judge.
pub const FILE: &str = "judgments.jsonl";

/// The count of malformed records in the provenance of that artifact.
pub const MALFORMED: &str = "malformed_records";

/// Whether judgments that were made from test queries may train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestSets {
    /// They are an error.
    #[default]
    Refuse,
    /// They train: for experiments whose figures nobody will compare.
    Allow,
}

/// Judgments, what they were read from, and what could not be.
#[derive(Clone, Debug, Default)]
pub struct Judgments {
    /// The judgments, in the order of the inputs.
    pub list: Vec<TeacherJudgment>,
    /// Rows that could not be used.
    pub malformed: usize,
    /// What was read.
    pub inputs: Vec<Input>,
}

impl Judgments {
    /// Reads files of teacher records, `-` (standard input), and folders of judges.
    pub fn read(paths: &[PathBuf], test_sets: TestSets, progress: &mut dyn Progress) -> Result<Self, PipelineError> {
        let mut judgments = Self::default();
        for path in paths {
            if path.is_dir() {
                judgments.add_artifact(path)?;
                continue;
            }
            let (input, records) = if path == Path::new("-") {
                let mut text = Vec::new();
                std::io::stdin().read_to_end(&mut text).map_err(|error| PipelineError::io(path, error))?;
                let input = Input::bytes(path, &text);
                (input, teacher_records_of_input(Text::of_reader("standard input", Cursor::new(text))?)?)
            } else {
                (Input::file(path)?, read_teacher_records(path)?)
            };
            if test_sets == TestSets::Refuse {
                refuse_test_sets(path, &records)?;
            }
            progress.begin("records", None);
            progress.end(&format!("{}: {}", path.display(), records.report));
            judgments.inputs.push(input);
            judgments.malformed += records.report.malformed.len();
            judgments.list.extend(records.records.into_iter().map(|record| record.judgment));
        }
        Ok(judgments)
    }

    /// Adds what a judge wrote; it refused test sets itself.
    fn add_artifact(&mut self, folder: &Path) -> Result<(), PipelineError> {
        self.inputs.push(Input::artifact(folder)?);
        let counts = Provenance::read(folder)?.map(|provenance| provenance.counts).unwrap_or_default();
        self.malformed += counts.get(MALFORMED).and_then(serde_json::Value::as_u64).unwrap_or(0) as usize;
        for line in JsonLines::open(&folder.join(FILE))? {
            self.list.push(line?.1);
        }
        Ok(())
    }
}

fn refuse_test_sets(path: &Path, records: &TeacherRecords) -> Result<(), PipelineError> {
    let mut of_tests = records.records.iter().filter(|record| record.is_of_test_set());
    let Some(first) = of_tests.next() else { return Ok(()) };
    let name = [&first.set, &first.split].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    Err(PipelineError::Input(format!(
        "{}:{}: {} records were made from test queries ({name}), which must not train a student; name a file of \
         training queries, or allow it with --allow-test-sets (in a recipe teacher.allow_test_sets = true)",
        path.display(),
        first.line,
        of_tests.count() + 1
    )))
}
