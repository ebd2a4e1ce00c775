//! Graded lists -> examples: documents of one query that somebody graded, without reasons.

use std::path::Path;

use r2r_types::example::{DistillationExample, ExamplePassage};
use r2r_types::formats::graded_lists::{GradedList, read_graded_lists};

use crate::error::PipelineError;
use crate::progress::Progress;

/// The examples of a file: its lists that have two different grades. Targets are the grades as they are, so that a list
/// without a good document asks for a flatter distribution than one with a perfect one.
pub fn graded(path: &Path, progress: &mut dyn Progress) -> Result<Vec<DistillationExample>, PipelineError> {
    progress.begin("graded", None);
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let teacher = name.split('.').next().unwrap_or(&name);
    let lists = read_graded_lists(path)?;
    let all = lists.len();
    let examples: Vec<_> = lists.into_iter().filter(has_order).map(|list| example(list, teacher)).collect();
    progress.end(&format!("{name}: {} lists, {} without two different grades", examples.len(), all - examples.len()));
    Ok(examples)
}

fn has_order(list: &GradedList) -> bool {
    list.documents.windows(2).any(|pair| pair[0].1.total_cmp(&pair[1].1).is_ne())
}

fn example(list: GradedList, teacher: &str) -> DistillationExample {
    let passages = list.documents.into_iter().map(|(document, grade)| ExamplePassage {
        doc: document.id,
        title: document.title,
        text: document.text,
        target: grade,
        evidence: None,
        direct: None,
        comparison: None,
    });
    DistillationExample { query: list.query, teacher: teacher.to_owned(), passages: passages.collect() }
}

#[cfg(test)]
mod tests {
    use r2r_types::document::{Document, Query};

    use super::*;

    #[test]
    fn grades_are_targets_and_equal_grades_teach_nothing() {
        let list = |grades: &[f32]| {
            let document =
                |number: usize| Document { id: format!("d{number}").into(), title: String::new(), text: "t".into() };
            GradedList {
                query: Query { id: "q".into(), text: "why".into() },
                documents: grades.iter().enumerate().map(|(number, grade)| (document(number), *grade)).collect(),
            }
        };
        assert!(has_order(&list(&[0.0, 4.0])) && !has_order(&list(&[2.0, 2.0])) && !has_order(&list(&[3.0])));
        let targets = example(list(&[1.0, 3.0]), "t").passages.into_iter().map(|passage| passage.target);
        assert_eq!(targets.collect::<Vec<f32>>(), [1.0, 3.0]);
    }
}
