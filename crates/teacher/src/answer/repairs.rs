//! What had to be repaired in an answer, by kind.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What had to be repaired, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Repairs {
    /// Numbers that stood in the order before; dropped.
    pub duplicates: usize,
    /// Numbers in the order, or of an entry, that no passage has, or that are no numbers; dropped.
    pub out_of_range: usize,
    /// Passages that the order leaves out; appended in the order in which they were shown.
    pub missing: usize,
    /// Entries about a passage that has one already; dropped.
    pub second_entries: usize,
    /// 1 where the answer holds no JSON that could be read; its order is that of `[2] > [1]`, if it has one.
    pub without_json: usize,
    /// 1 where the JSON broke off; what was unfinished is left out.
    pub truncated: usize,
    /// Fields that hold something of another type than was asked for; left out.
    pub wrong_types: usize,
    /// Grades outside the scale; left out.
    pub grades_out_of_range: usize,
    /// Grades and reasons that were asked for and not given.
    pub unsaid: usize,
    /// 1 where thoughts stood before the answer; cut off.
    pub thoughts: usize,
    /// 1 where the model declined to answer.
    pub refused: usize,
}

impl Repairs {
    /// Each kind by its name, in the order of the fields.
    pub fn by_kind(&self) -> [(&'static str, usize); 11] {
        let Self {
            duplicates,
            out_of_range,
            missing,
            second_entries,
            without_json,
            truncated,
            wrong_types,
            grades_out_of_range,
            unsaid,
            thoughts,
            refused,
        } = *self;
        [
            ("duplicates", duplicates),
            ("out_of_range", out_of_range),
            ("missing", missing),
            ("second_entries", second_entries),
            ("without_json", without_json),
            ("truncated", truncated),
            ("wrong_types", wrong_types),
            ("grades_out_of_range", grades_out_of_range),
            ("unsaid", unsaid),
            ("thoughts", thoughts),
            ("refused", refused),
        ]
    }

    /// All repairs, whatever their kind.
    pub fn total(&self) -> usize {
        self.by_kind().iter().map(|&(_, count)| count).sum()
    }
}

impl AddAssign for Repairs {
    fn add_assign(&mut self, other: Self) {
        self.duplicates += other.duplicates;
        self.out_of_range += other.out_of_range;
        self.missing += other.missing;
        self.second_entries += other.second_entries;
        self.without_json += other.without_json;
        self.truncated += other.truncated;
        self.wrong_types += other.wrong_types;
        self.grades_out_of_range += other.grades_out_of_range;
        self.unsaid += other.unsaid;
        self.thoughts += other.thoughts;
        self.refused += other.refused;
    }
}
