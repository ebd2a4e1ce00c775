//! Files of other tools -> a BEIR folder, with a run where they hold candidates.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use r2r_types::candidates::Candidates;
use r2r_types::document::{Document, Query};
use r2r_types::fnv::fnv1a;
use r2r_types::formats::beir::{QueryRecord, write_documents, write_queries};
use r2r_types::formats::bright::{self, Example, Granularity};
use r2r_types::formats::error::FormatError;
use r2r_types::formats::output::Output;
use r2r_types::formats::trec::{write_beir_qrels, write_run};
use r2r_types::formats::{msmarco, rank_llm, rankgpt};
use r2r_types::id::{DocId, QueryId};
use r2r_types::qrels::Qrels;
use r2r_types::run::Run;

use crate::artifact::{Artifact, Building};
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Provenance};

/// The run of the candidates that the files hold.
pub const RUN: &str = "candidates.trec";

/// BRIGHT's examples, whose excluded documents have no place in BEIR's form.
pub const EXCLUDED: &str = "excluded.jsonl";

/// Whose files are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// MS MARCO: `collection*`, `queries*`, `qrels.SPLIT*` and `top1000*`, known by these names.
    MsMarco,
    /// RankGPT: queries with their hits.
    RankGpt,
    /// `rank_llm`: requests or results.
    RankLlm,
    /// BRIGHT: documents and examples.
    Bright,
}

/// Converts files into a BEIR folder unless it is fresh; returns how much of each kind it holds.
pub fn convert(
    source: Source,
    files: &[PathBuf],
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<BTreeMap<String, serde_json::Value>, PipelineError> {
    let inputs = files.iter().map(|path| Input::file(path)).collect::<Result<_, _>>()?;
    let provenance = Provenance::of("convert", &serde_json::json!({"from": format!("{source:?}")}), 0, inputs)?;
    if let Artifact::Stale(building) = Artifact::open(output, provenance)? {
        let corpus = Output::create(&building.path().join("corpus.jsonl"))?;
        let mut folder = Folder {
            corpus,
            documents: HashMap::new(),
            queries: Vec::new(),
            texts: HashMap::new(),
            qrels: BTreeMap::new(),
            run: Run::new("candidates"),
            examples: Vec::new(),
        };
        progress.begin("convert", Some(files.len() as u64));
        for (i, path) in files.iter().enumerate() {
            match source {
                Source::MsMarco => folder.add_msmarco(path)?,
                Source::RankGpt => folder.add_topics(rankgpt::read_topics(path)?)?,
                Source::RankLlm => {
                    let records = rank_llm::read_records(path)?;
                    folder.add_topics(records.into_iter().map(|record| record.candidates).collect())?;
                }
                Source::Bright => folder.add_bright(path)?,
            }
            progress.at(i as u64 + 1);
        }
        progress.end(&format!("{} documents, {} queries", folder.documents.len(), folder.queries.len()));
        folder.finish(building)?;
    }
    Ok(Provenance::read(output)?.map(|provenance| provenance.counts).unwrap_or_default())
}

/// A BEIR folder on its way: documents are written as they come, since a collection may be larger than the memory.
struct Folder {
    corpus: Output,
    /// A hash of each document's text, to notice another text under the same name.
    documents: HashMap<DocId, u64>,
    queries: Vec<QueryRecord>,
    texts: HashMap<QueryId, String>,
    qrels: BTreeMap<String, Qrels>,
    run: Run,
    examples: Vec<Example>,
}

impl Folder {
    fn add_document(&mut self, document: &Document) -> Result<(), PipelineError> {
        let hash = fnv1a(document.title_and_text().bytes());
        match self.documents.insert(document.id.clone(), hash) {
            None => Ok(write_documents(&mut self.corpus, [document])?),
            Some(known) if known == hash => Ok(()),
            Some(_) => Err(PipelineError::Input(format!("document {} has two texts; rename one", document.id))),
        }
    }

    fn add_query(&mut self, query: Query) -> Result<(), PipelineError> {
        match self.texts.insert(query.id.clone(), query.text.clone()) {
            None => self.queries.push(QueryRecord { query, metadata: None }),
            Some(known) if known == query.text => {}
            Some(_) => return Err(PipelineError::Input(format!("query {} has two texts; rename one", query.id))),
        }
        Ok(())
    }

    fn add_topics(&mut self, topics: Vec<Candidates>) -> Result<(), PipelineError> {
        for Candidates { query, list } in topics {
            for candidate in &list {
                self.add_document(&candidate.document)?;
            }
            let hits = list.iter().map(|candidate| (candidate.document.id.clone(), f64::from(candidate.score)));
            self.run.insert(query.id.clone(), hits.collect()).map_err(PipelineError::input)?;
            self.add_query((*query).clone())?;
        }
        Ok(())
    }

    fn add_msmarco(&mut self, path: &Path) -> Result<(), PipelineError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("collection") {
            for passage in msmarco::read_passages(path)? {
                self.add_document(&passage?)?;
            }
        } else if name.starts_with("queries") {
            for query in msmarco::read_queries(path)? {
                self.add_query(query)?;
            }
        } else if let Some(split) = name.strip_prefix("qrels") {
            let split = split.split(".tsv").next().unwrap_or_default().trim_matches('.');
            let split = if split.is_empty() { "test" } else { split };
            self.qrels.insert(split.to_owned(), msmarco::read_qrels(path)?);
        } else if name.starts_with("top1000") {
            self.add_topics(msmarco::read_top1000(path)?)?;
        } else {
            return Err(PipelineError::Input(format!(
                "{}: the names of MS MARCO's files begin with collection, queries, qrels or top1000; rename it",
                path.display()
            )));
        }
        Ok(())
    }

    fn add_bright(&mut self, path: &Path) -> Result<(), PipelineError> {
        let neither = match bright::read_documents(path) {
            Ok(documents) => return documents.iter().try_for_each(|document| self.add_document(document)),
            Err(error @ FormatError::Open { .. }) => return Err(error.into()),
            Err(error) => error,
        };
        let examples = bright::read_examples(path).map_err(|error| {
            PipelineError::Input(format!("neither documents ({neither}) nor examples of BRIGHT ({error})"))
        })?;
        for example in &examples {
            self.add_query(example.query.clone())?;
        }
        self.examples.extend(examples);
        Ok(())
    }

    /// Writes everything but the corpus, which is there, and names the folder.
    fn finish(mut self, mut building: Box<Building>) -> Result<(), PipelineError> {
        if self.documents.is_empty() {
            return Err(PipelineError::Input("the files hold no documents; name one that does as well".to_owned()));
        }
        if !self.examples.is_empty() {
            // Gold pages name other documents than gold passages: the documents say which are meant.
            let is_known = |example: &Example| example.gold.iter().any(|doc| self.documents.contains_key(doc));
            let granularity =
                if self.examples.iter().any(is_known) { Granularity::Passages } else { Granularity::Pages };
            self.qrels.insert("test".to_owned(), bright::qrels(&self.examples, granularity));
        }
        self.corpus.finish()?;
        let folder = building.path().to_owned();
        let write = |name: &str, fill: &dyn Fn(&mut Output) -> Result<(), FormatError>| -> Result<(), PipelineError> {
            let mut output = Output::create(&folder.join(name))?;
            fill(&mut output)?;
            Ok(output.finish()?)
        };
        write("queries.jsonl", &|output| write_queries(output, &self.queries))?;
        if !self.qrels.is_empty() {
            let qrels = folder.join("qrels");
            std::fs::create_dir(&qrels).map_err(|error| PipelineError::io(&qrels, error))?;
        }
        for (split, qrels) in &self.qrels {
            write(&format!("qrels/{split}.tsv"), &|output| write_beir_qrels(output, qrels))?;
        }
        if self.run.queries().len() > 0 {
            write(RUN, &|output| write_run(output, &self.run))?;
        }
        if self.examples.iter().any(|example| !example.excluded.is_empty()) {
            write(EXCLUDED, &|output| bright::write_examples(output, &self.examples))?;
        }
        let judgments: usize = self.qrels.values().map(Qrels::n_pairs).sum();
        let counts = [("documents", self.documents.len()), ("queries", self.queries.len()), ("judgments", judgments)];
        for (name, count) in counts.into_iter().chain([("topics_with_candidates", self.run.queries().len())]) {
            building.provenance.count(name, count);
        }
        building.finish()
    }
}
