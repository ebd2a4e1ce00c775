//! The results of a batch that has ended, and whether they bring every answer that was paid.

use std::collections::HashSet;

use crate::asking::Asker;
use crate::asking::attempts::sleep;
use crate::asking::outcome::AskError;
use crate::batches::steps::{StepTrouble, send};
use crate::batches::{Ended, Item, items};
use crate::clients::Outgoing;

/// What could be read of the results of a batch.
pub(super) struct Results {
    pub(super) items: Vec<Item>,
    pub(super) extent: Extent,
    /// The provider no longer has one of the files.
    pub(super) gone: Option<String>,
}

/// How much of a batch its results bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every answer that the provider counts.
    All,
    /// Every line, of a provider that does not count.
    Uncounted,
    /// So many answers, and there are more.
    Part(usize),
}

/// Fetches the results of a batch; again, a few times, where there are more than can be read: what stands between the
/// provider and us may have answered in its place. Only ids that were asked count.
pub(super) async fn fetch_results(
    asker: &Asker,
    ended: &Ended,
    is_asked: &dyn Fn(&str) -> bool,
) -> Result<Results, StepTrouble> {
    let pace = &asker.shared.pace;
    let mut attempt = 1;
    loop {
        let results = fetch_once(asker, ended, is_asked).await?;
        let is_part = matches!(results.extent, Extent::Part(_)) && results.gone.is_none();
        if !is_part || attempt >= pace.config().malformed_attempts {
            return Ok(results);
        }
        if !sleep(&asker.shared, pace.backoff(attempt)).await {
            return Err(StepTrouble::Stop(AskError::Cancelled));
        }
        attempt += 1;
    }
}

async fn fetch_once(asker: &Asker, ended: &Ended, is_asked: &dyn Fn(&str) -> bool) -> Result<Results, StepTrouble> {
    let (mut all, mut n_unread, mut gone) = (Vec::new(), 0, None);
    for address in &ended.addresses {
        match send(&asker.shared, &Outgoing::get(address.clone())).await {
            Ok(body) => {
                let (items, unread) = items(asker.endpoint().provider, &body);
                all.extend(items);
                n_unread += unread;
            }
            Err(StepTrouble::Gone(what)) => gone = Some(what),
            Err(trouble) => return Err(trouble),
        }
    }
    let asked = || all.iter().filter(|item| is_asked(&item.custom_id));
    let answered: HashSet<&str> =
        asked().filter(|item| item.result.is_ok()).map(|item| item.custom_id.as_str()).collect();
    let extent = match ended.succeeded {
        _ if n_unread > 0 || gone.is_some() => Extent::Part(answered.len()),
        Some(succeeded) if answered.len() as u64 >= succeeded => Extent::All,
        None if asked().next().is_some() => Extent::Uncounted,
        Some(_) | None => Extent::Part(answered.len()),
    };
    Ok(Results { items: all, extent, gone })
}
