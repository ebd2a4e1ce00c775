//! A large model reranks: paid once, with its reasons as they are, compared with a student.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{printed, refused, word};
use crate::judge::{Server, bm25, r2r, said};

fn json_of(words: &[&str]) -> Value {
    let output = r2r(words);
    assert!(output.status.success(), "{words:?} said {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn documents(folder: &Path) -> String {
    let path = folder.join("documents.jsonl");
    fs::write(
        &path,
        r#"{"id":"oak","text":"Oaks drop acorns. Jays carry them far."}
{"id":"ash","text":"Ash trees have winged seeds. The wind carries them."}
"#,
    )
    .unwrap();
    word(&path).to_owned()
}

#[test]
fn a_list_is_reranked_by_a_large_model_and_paid_once() {
    let folder = tempfile::tempdir().unwrap();
    let (server, documents) = (Server::start(), documents(folder.path()));
    let answers = folder.path().join("answers.db");
    let list = ["rerank", "--query", "how do trees spread", "--documents", &documents, "--answers", word(&answers)];
    let by = ["--provider", "compatible", "--base-url", &server.url, "--model", "large"];
    let words = [&list[..], &by[..]].concat();

    let estimate = json_of(&[&words[..], &["--dry-run", "--json"]].concat());
    assert_eq!((estimate["asks"].as_u64(), server.n_requests()), (Some(1), 0));
    let ranked = json_of(&[&words[..], &["--json"]].concat());
    assert_eq!((ranked["teacher"].as_str(), &ranked["student"]), (Some("large"), &Value::Null));
    let [first, second] = &ranked["results"].as_array().unwrap()[..] else { panic!("two documents: {ranked}") };
    assert_eq!((&first["logit"], first["grade"].as_u64()), (&Value::Null, Some(3)));
    assert!(first["score"].as_f64() > second["score"].as_f64());
    let (reasoning, other) = (&first["reasoning"], second["id"].as_str().unwrap());
    assert_eq!(reasoning["comparison"]["text"], format!("It says other things about this than [{other}] does."));
    assert_eq!(reasoning["comparison"]["against"], serde_json::json!([{"id": other, "stands": "above"}]));
    let evidence = &reasoning["evidence"][0];
    assert!(evidence["quote"].as_str().unwrap().ends_with('.'), "{evidence}");
    assert!(evidence.get("score_without").is_none(), "nobody measured it: {evidence}");

    let n_requests = server.n_requests();
    let page = r2r(&words);
    assert!(String::from_utf8_lossy(&page.stdout).contains("grade 3"), "{}", said(&page));
    assert_eq!(server.n_requests(), n_requests, "the answer was kept");
}

#[test]
fn a_large_model_and_a_student_are_compared_on_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let (server, run) = (Server::start(), bm25(folder.path()));
    let path = |name: &str| folder.path().join(name);
    let (teacher, student, explanations) = (path("teacher.trec"), path("student.trec"), path("why.jsonl"));
    let rerank = ["rerank", "--collection", "fixtures/tiny", "--run", word(&run), "--depth", "5"];
    let by = ["--provider", "compatible", "--base-url", &server.url, "--model", "large"];
    let to = ["--output", word(&teacher), "--reasons", "2", "--explanations", word(&explanations)];
    let words = [&rerank[..], &by[..], &to[..]].concat();
    let ranked = r2r(&words);
    assert!(ranked.status.success(), "{}", said(&ranked));
    let n_requests = server.n_requests();
    assert_eq!(n_requests, 48 + 2, "a request a query, and two that met a fault");
    let first: Value =
        serde_json::from_str(fs::read_to_string(&explanations).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(first["results"].as_array().unwrap().iter().filter(|result| result["reasoning"].is_object()).count(), 2);

    printed(&[&rerank[..], &["--output", word(&student)]].concat());
    let qrels = ["--qrels", "fixtures/tiny/qrels/test.tsv", "--baseline", word(&student), "--json"];
    let report = json_of(&[&["evaluate", "--run", word(&teacher), word(&student)], &qrels[..]].concat());
    let difference = &report["runs"][0]["against_baseline"]["nDCG@10"]["difference"];
    assert!(difference.is_number(), "{report}");

    // The same again, and a judge with the same answers: nothing is paid twice.
    assert!(r2r(&words).status.success());
    let (judged, answers) = (path("judged"), path("teacher.trec.answers.db"));
    let judge = ["judge", "--collection", "fixtures/tiny", "--run", word(&run), "--depth", "5"];
    let kept = ["--answers", word(&answers), "--output", word(&judged)];
    let judged = r2r(&[&judge[..], &by[..], &kept[..]].concat());
    assert!(judged.status.success(), "{}", said(&judged));
    assert_eq!(server.n_requests(), n_requests, "nothing is asked twice");
}

#[test]
fn words_for_a_large_model_need_one() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents(folder.path());
    let list = ["rerank", "--query", "q", "--documents", &documents];
    let check = |words: &[&str], expected: &str| {
        let said = refused(&[&list[..], words].concat());
        assert!(said.contains(expected), "{words:?} said {said}");
    };
    check(&["--window", "10"], "--provider");
    check(&["--provider", "compatible"], "--model");
    check(&["--provider", "nobody", "--model", "m"], "use openai");
    check(&["--provider", "compatible", "--model", "m"], "--base-url");
    let at = ["--provider", "compatible", "--model", "m", "--base-url", "http://127.0.0.1:9/v1"];
    let answers = folder.path().join("answers.db");
    let with = |words: &[&'static str]| [&at[..], &["--answers", word(&answers)], words].concat();
    check(&with(&["--threads", "2"]), "--threads is for the student");
    check(&with(&["--prompt", "none", "--reasons", "2"]), "asks for no reasons");
    check(&with(&["--prompt", "pointwise"]), "is needed here");
    check(&with(&["--budget-usd", "1"]), "--prices FILE");
}

/// The teacher of a recipe can be asked as well as recorded.
#[cfg(feature = "training")]
#[test]
fn a_recipe_asks_its_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let teacher =
        format!(r#"teacher={{provider="compatible",model="large",base_url="{}",window=5,stride=5}}"#, server.url);
    let output = format!("output={}", folder.path().join("work").display());
    let judge = || {
        let words = ["judge", "recipes/tiny.toml", "--set", &teacher, "--set", &output, "--set", "retrieval.depth=5"];
        let judged = r2r(&words);
        assert!(judged.status.success(), "{}", said(&judged));
    };
    judge();
    assert_eq!(server.n_requests(), 36 + 2, "a request a query, and two that met a fault");
    let judgments = fs::read_to_string(folder.path().join("work/judge/judgments.jsonl")).unwrap();
    assert_eq!(judgments.lines().count(), 36);
    // Fresh the second time.
    judge();
    assert_eq!(server.n_requests(), 36 + 2);
}
