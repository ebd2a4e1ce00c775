//! The rules of the house (ARCHITECTURE.md), held by reading its manifests and sources.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each crate: an arrow may only point to a lower floor.
const FLOORS: [(&str, u8); 12] = [
    ("types", 1),
    ("model", 2),
    ("retrieval", 3),
    ("teacher", 3),
    ("distillation", 3),
    ("training", 3),
    ("inference", 3),
    ("reranking", 3),
    ("evaluation", 3),
    ("pipeline", 4),
    ("server", 5),
    ("cli", 6),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the folder of crates").to_owned()
}

fn floor(name: &str) -> u8 {
    let known = FLOORS.iter().find(|(known, _)| *known == name);
    known.unwrap_or_else(|| panic!("the crate {name} has no floor: give it one here and in ARCHITECTURE.md")).1
}

/// Each crate's folder name with the text of its manifest.
fn manifests() -> BTreeMap<String, String> {
    let folders = fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap().path());
    folders
        .filter_map(|folder| {
            let text = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            Some((folder.file_name().unwrap().to_string_lossy().into_owned(), text))
        })
        .collect()
}

/// The lines of a manifest that name what the crate itself is built of: every section of dependencies but those of tests.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut counts = false;
    let mut lines = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            counts = line.contains("dependencies") && !line.contains("dev-dependencies");
        } else if counts && line.contains(" = ") && !line.starts_with('#') {
            lines.push(line);
        }
    }
    lines
}

/// A source with what only tests use blanked out; lines keep their numbers.
fn without_tests(source: &str) -> String {
    let mut code = String::new();
    // While something is left out: the line at which it ends, which rustfmt puts at the indentation of its beginning.
    let mut end: Option<String> = None;
    let mut has_begun = false;
    for line in source.lines() {
        if line.trim() == "#[cfg(test)]" && end.is_none() {
            end = Some(format!("{}}}", &line[..line.len() - line.trim_start().len()]));
            has_begun = false;
        } else if let Some(closing) = &end {
            let is_single = !has_begun && line.ends_with([';', '}']);
            has_begun |= line.ends_with('{');
            if is_single || (has_begun && line.starts_with(closing)) {
                end = None;
            }
        } else {
            code.push_str(line);
        }
        code.push('\n');
    }
    code
}

/// All Rust sources below a folder, without what only tests use.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, without_tests(&text)));
        }
    }
    found
}

/// Fails where a source outside `allowed` contains one of the words.
fn only_in(allowed: &[&str], words: &[&str]) {
    for name in manifests().keys().filter(|name| !allowed.contains(&name.as_str())) {
        for (path, code) in sources(&crates().join(name).join("src")) {
            for (i, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for word in words {
                    assert!(!line.contains(word), "{}:{}: {word} belongs to {allowed:?}", path.display(), i + 1);
                }
            }
        }
    }
}

#[test]
fn arrows_point_down_and_stages_never_import_one_another() {
    for (name, manifest) in manifests() {
        for line in dependencies(&manifest) {
            let Some(start) = line.find("path = \"../") else { continue };
            let other = line[start + 11..].split('"').next().unwrap();
            assert!(floor(other) < floor(&name), "{name} must not depend on {other}: an arrow may only point down");
        }
    }
}

#[test]
fn tensors_never_leave_training() {
    only_in(&["training"], &["burn::", "use burn"]);
}

#[test]
fn intrinsics_never_leave_inference() {
    only_in(&["inference"], &["std::arch", "core::arch"]);
}

#[test]
fn words_typed_and_shown_never_leave_the_command_line() {
    only_in(&["cli"], &["clap::", "anyhow::", "println!", "eprintln!", "print!(", "eprint!(", "env::var", "env::args"]);
}

#[test]
fn tokio_stays_in_clients_and_server() {
    only_in(&["teacher", "server"], &["tokio::"]);
}

#[test]
fn no_stage_draws_from_a_global_generator_or_the_clock() {
    only_in(&["cli", "server"], &["thread_rng", "rand::rng()", "from_os_rng", "from_entropy", "SystemTime"]);
    // Training measures its speed, which only its log sees; the server, which is no stage, has deadlines.
    only_in(&["cli", "server", "training"], &["Instant::now"]);
}

#[test]
fn code_between_and_behind_tests_is_seen() {
    let source = "use a;\n#[cfg(test)]\nuse b;\nfn c() {}\n#[cfg(test)]\nmod d {\n    fn e() {\n    }\n}\nfn f() {}\n";
    assert_eq!(without_tests(source), "use a;\n\n\nfn c() {}\n\n\n\n\n\nfn f() {}\n");
}

#[test]
fn a_file_is_one_idea() {
    for name in manifests().keys() {
        for (path, _) in sources(&crates().join(name)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 600, "{} has {lines} lines: look for the second idea", path.display());
        }
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    for (name, manifest) in manifests() {
        for line in dependencies(&manifest) {
            assert!(line.contains(" # "), "crates/{name}/Cargo.toml: say what this dependency is for: {line}");
        }
    }
}
