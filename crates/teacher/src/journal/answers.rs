//! Answers, and the leases on those that are being asked for.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clients::endpoint::Endpoint;
use crate::clients::{ChatAnswer, Finish, Usage};
use crate::cost::prices::Route;
use crate::journal::key::{Ask, AskKey};
use crate::journal::ledger::{self, Elsewhere};
use crate::journal::{Journal, JournalError};
use crate::ladder::Rung;

/// A paid answer with how it was come by.
#[derive(Clone, Debug, PartialEq)]
pub struct Paid {
    /// The answer.
    pub answer: ChatAnswer,
    /// The shape that was asked for in the end.
    pub rung: Rung,
    /// How it was sent.
    pub route: Route,
    /// Its cost in US dollars, where the price is known.
    pub cost_usd: Option<f64>,
}

/// Where questions stand that were to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    /// Of each question, in their order.
    pub standings: Vec<Standing>,
    /// What others have spent by now.
    pub elsewhere: Elsewhere,
}

/// Where a question stands in the journal.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It has been answered.
    Answered(Box<Paid>),
    /// Nobody asks it: it is ours to ask now.
    Ours,
    /// Another process is asking it.
    Elsewhere,
    /// It lies in a batch that has not been fetched.
    InBatch(String),
}

impl Journal {
    /// Finds the answers that are there, and leases the others to this run until `until_ms`. Each question comes with
    /// what it may cost, in US dollars; that is counted as under way from now on.
    pub fn begin(&self, keys: &[(AskKey, f64)], now_ms: u64, until_ms: u64) -> Result<Begun, JournalError> {
        self.write(|transaction| {
            let standings =
                keys.iter()
                    .map(|(key, worst_usd)| {
                        if let Some(paid) = find(transaction, key)? {
                            return Ok(Standing::Answered(Box::new(paid)));
                        }
                        if let Some(batch) = open_batch(transaction, key)? {
                            return Ok(Standing::InBatch(batch));
                        }
                        let lease = transaction
                            .prepare_cached("SELECT owner, until_ms FROM leases WHERE key = ?")?
                            .query_row([key.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))
                            .optional()?;
                        if let Some((owner, until)) = lease
                            && owner != self.owner.name()
                            && !self.owner.life_of(&owner).frees_its_lease(until <= now_ms)
                        {
                            return Ok(Standing::Elsewhere);
                        }
                        transaction
                            .prepare_cached("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)")?
                            .execute(params![key.as_str(), self.owner.name(), until_ms])?;
                        ledger::hold(transaction, key.as_str(), self.owner.name(), *worst_usd)?;
                        Ok(Standing::Ours)
                    })
                    .collect::<rusqlite::Result<_>>()?;
            Ok(Begun { standings, elsewhere: ledger::elsewhere(transaction, self.owner.name())? })
        })
    }

    /// The answer to a question, where there is one.
    pub fn find(&self, key: &AskKey) -> Result<Option<Paid>, JournalError> {
        self.read(|connection| find(connection, key))
    }

    /// Keeps answers, all or none, and ends their leases. Only when this returns may they be used.
    pub fn keep(&self, endpoint: &Endpoint, paid: &[(AskKey, Ask, Paid)], now_ms: u64) -> Result<(), JournalError> {
        self.write(|transaction| {
            for (key, ask, paid) in paid {
                insert(transaction, endpoint, key, ask, paid, now_ms)?;
                end_lease(transaction, key, self.owner.name())?;
            }
            ledger::add(transaction, self.owner.name(), cost_usd(paid), 0.0)
        })
    }

    /// Ends leases without an answer.
    pub fn let_go(&self, keys: &[AskKey]) -> Result<(), JournalError> {
        self.write(|transaction| keys.iter().try_for_each(|key| end_lease(transaction, key, self.owner.name())))
    }

    /// Renews all leases of this run, until `until_ms`, once half of their time is over.
    pub fn renew_leases(&self, now_ms: u64, until_ms: u64) -> Result<(), JournalError> {
        let half_ms = now_ms + until_ms.saturating_sub(now_ms) / 2;
        self.write(|transaction| {
            let mut statement =
                transaction.prepare_cached("UPDATE leases SET until_ms = ? WHERE owner = ? AND until_ms < ?")?;
            statement.execute(params![until_ms, self.owner.name(), half_ms])
        })?;
        Ok(())
    }

    /// The shapes of answers that the models of an endpoint have been found to take.
    pub fn learned_shapes(&self, endpoint: &Endpoint) -> Result<Vec<(String, Rung)>, JournalError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT model, rung FROM shapes WHERE provider = ? AND base_url = ?")?;
            let rows = statement.query_map([endpoint.provider.name(), endpoint.base_url()], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })?;
            let known = rows.map(|row| row.map(|(model, rung)| Some((model, Rung::of_name(&rung)?))));
            known.filter_map(Result::transpose).collect()
        })
    }

    /// Remembers the shape of answers that a model takes.
    pub fn learn_shape(&self, endpoint: &Endpoint, model: &str, rung: Rung) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO shapes VALUES (?, ?, ?, ?)",
                [endpoint.provider.name(), endpoint.base_url(), model, rung.name()],
            )
        })?;
        Ok(())
    }
}

/// The first answer to a question stays: whoever used it must find it again.
pub(super) fn insert(
    connection: &Connection,
    endpoint: &Endpoint,
    key: &AskKey,
    ask: &Ask,
    paid: &Paid,
    now_ms: u64,
) -> rusqlite::Result<()> {
    let Paid { answer, rung, route, cost_usd } = paid;
    let ChatAnswer { text, thoughts, usage, finish, model, raw } = answer;
    let request = serde_json::to_string(&ask.request).expect("a request is made of strings and numbers");
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        key.as_str(),
        endpoint.provider.name(),
        endpoint.base_url(),
        ask.request.model,
        ask.prompt_hash,
        ask.sample,
        ask.tag,
        request,
        rung.name(),
        route.name(),
        model,
        text,
        thoughts,
        finish_name(finish),
        usage.input,
        usage.output,
        usage.cached,
        usage.reasoning,
        cost_usd,
        raw.to_string(),
        now_ms,
    ])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, key: &AskKey) -> rusqlite::Result<Option<Paid>> {
    let mut statement = connection.prepare_cached(
        "SELECT text, thoughts, input, output, cached, reasoning, finish, answered_by, raw, rung, route, cost_usd
         FROM answers WHERE key = ?",
    )?;
    statement.query_row([key.as_str()], paid).optional()
}

fn paid(row: &Row<'_>) -> rusqlite::Result<Paid> {
    let usage = Usage { input: row.get(2)?, output: row.get(3)?, cached: row.get(4)?, reasoning: row.get(5)? };
    let raw: String = row.get(8)?;
    let answer = ChatAnswer {
        text: row.get(0)?,
        thoughts: row.get(1)?,
        usage,
        finish: finish_of(&row.get::<_, String>(6)?),
        model: row.get(7)?,
        raw: serde_json::from_str(&raw).unwrap_or(serde_json::Value::String(raw)),
    };
    let rung = Rung::of_name(&row.get::<_, String>(9)?).unwrap_or(Rung::Text);
    let route = if row.get::<_, String>(10)? == Route::Batch.name() { Route::Batch } else { Route::Live };
    Ok(Paid { answer, rung, route, cost_usd: row.get(11)? })
}

fn open_batch(connection: &Connection, key: &AskKey) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT batches.id FROM batch_items JOIN batches ON batches.id = batch_items.batch
         WHERE batch_items.key = ? AND batches.state NOT IN ('fetched', 'given up')",
    )?;
    statement.query_row([key.as_str()], |row| row.get(0)).optional()
}

fn end_lease(connection: &Connection, key: &AskKey, owner: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM leases WHERE key = ? AND owner = ?")?;
    statement.execute([key.as_str(), owner])?;
    ledger::let_go(connection, key.as_str(), owner)
}

/// What answers cost together, as far as their prices are known.
pub(super) fn cost_usd(paid: &[(AskKey, Ask, Paid)]) -> f64 {
    paid.iter().filter_map(|(_, _, paid)| paid.cost_usd).sum()
}

fn finish_name(finish: &Finish) -> &str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Refused => "refused",
        Finish::Other(word) => word,
    }
}

fn finish_of(name: &str) -> Finish {
    match name {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "refused" => Finish::Refused,
        other => Finish::Other(other.to_owned()),
    }
}
