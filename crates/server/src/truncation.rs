//! Texts cut to fewer word pieces than the student reads, where a client wants that.

use std::sync::Arc;

use reason_to_rank::inference::Student;
use reason_to_rank::model::config::SPECIAL_PIECES;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::compute::Admitted;
use crate::compute::task::{Failed, List};
use crate::problem::Problem;

/// The least that a query and a document can be read with: one piece of each, and what separates them.
pub(crate) const LEAST_PAIR: usize = SPECIAL_PIECES + 2;

/// Word pieces that are read at most; as many as the student can where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truncation {
    /// Of a query.
    pub(crate) query: Option<usize>,
    /// Of each document, its title first.
    pub(crate) document: Option<usize>,
    /// Of a query and a document together, with what separates them; at least [`LEAST_PAIR`].
    pub(crate) pair: Option<usize>,
}

/// The end at which a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Side {
    #[serde(rename = "left", alias = "Left")]
    Left,
    #[serde(rename = "right", alias = "Right")]
    Right,
}

impl Truncation {
    /// Pieces of a query and a document together at most, where the query with what separates them has so many.
    pub(crate) fn longest_pair(self, bare: usize) -> usize {
        let beside = self.document.map(|most| bare.saturating_add(most));
        beside.into_iter().chain(self.pair).min().unwrap_or(usize::MAX)
    }

    /// The texts that are read of each list; `None` where these are all. The lists are cut beside other requests, and the
    /// request keeps its place in the queue for as long as that takes, also where its client goes away meanwhile.
    pub(crate) async fn cut_aside(
        self,
        lists: Vec<Arc<List>>,
        admitted: Admitted,
    ) -> Result<(Admitted, Vec<Option<List>>), Problem> {
        if self == Self::default() {
            return Ok((admitted, Vec::new()));
        }
        let cutting = spawn_blocking(move || {
            let student = admitted.compute().student().engine();
            let cut: Result<Vec<_>, Problem> = lists.iter().map(|list| self.cut(list, student)).collect();
            Ok((admitted, cut?))
        });
        cutting.await.map_err(|_| Failed("cutting the documents failed; the log says where".to_owned()))?
    }

    fn cut(self, list: &List, student: &Student) -> Result<Option<List>, Problem> {
        let config = student.config();
        let fewer = |most: Option<usize>| most.filter(|&most| most < config.max_length);
        let [query, document, pair] = [self.query, self.document, self.pair].map(fewer);
        if [query, document, pair] == [None; 3] {
            return Ok(None);
        }
        let mut cut = List { query: list.query.clone(), documents: list.documents.clone() };
        let least = |one: Option<usize>, other: Option<usize>| one.into_iter().chain(other).min();
        // One piece of the document always fits beside the query, as it does where the student cuts.
        let n_query = match least(query, pair.map(|most| most.saturating_sub(SPECIAL_PIECES + 1))) {
            Some(most) => shorten(&mut cut.query, most, student)?.min(config.max_query_length),
            None => 0,
        };
        if let Some(most) = least(document, pair.map(|most| most.saturating_sub(SPECIAL_PIECES + n_query))) {
            for document in &mut cut.documents {
                let n_title = shorten(&mut document.title, most, student)?;
                shorten(&mut document.text, most - n_title, student)?;
            }
        }
        Ok(Some(cut))
    }
}

/// Cuts a text to so many pieces, and says how many it has then.
fn shorten(text: &mut String, most: usize, student: &Student) -> Result<usize, Problem> {
    let pieces = student.tokenizer().pieces(text, most);
    let pieces = pieces.map_err(|error| Problem::Failed(Failed(error.to_string())))?;
    if pieces.truncated {
        text.truncate(pieces.offsets.last().map_or(0, |last| last.end));
    }
    Ok(pieces.ids.len())
}

impl Side {
    /// Refuses what cannot be done; `field` is how the dialect calls the side.
    pub(crate) fn check(side: Option<Self>, field: &'static str) -> Result<(), Problem> {
        match side {
            None | Some(Self::Right) => Ok(()),
            Some(Self::Left) => {
                let message = format!("`{field}` is left: the student reads a text from its beginning");
                Err(Problem::invalid(field, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use reason_to_rank::types::document::Document;

    use super::*;
    use crate::compute::Wishes;
    use crate::compute::tests::compute;

    #[tokio::test]
    async fn documents_are_cut_beside_other_requests_and_within_the_queue() {
        let compute = compute();
        let document = |index: usize| Document {
            id: index.to_string().into(),
            title: String::new(),
            text: "volcanic rock is dark ".repeat(10),
        };
        let list = Arc::new(List { query: "q".to_owned(), documents: (0..3000).map(document).collect() });
        let two = Truncation { document: Some(2), ..Truncation::default() };
        let admit = || compute.admit(std::slice::from_ref(&list), Wishes::default()).unwrap();
        let at_once = two.cut_aside(vec![Arc::clone(&list)], admit()).now_or_never();
        assert!(at_once.is_none(), "others would have waited for it");
        assert_eq!(compute.load().requests, 1, "nobody has its place before it is done");
        while compute.load().requests > 0 {
            tokio::task::yield_now().await;
        }
        let (_, cut) = two.cut_aside(vec![Arc::clone(&list)], admit()).await.unwrap();
        let cut = cut.into_iter().flatten().next().unwrap();
        assert!(cut.documents.iter().all(|document| document.text == "volcanic rock"));
    }
}
