//! Holds the workspace to its own architecture: arrows between crates point down only.

use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may stand on among its siblings. A crate that is not listed fails the test.
const MAY_USE: &[(&str, &[&str])] = &[
    ("tower-ai-core", &[]),
    ("tower-ai-drill", &[]),
    ("tower-ai-retry", &["tower-ai-core"]),
    ("tower-ai-breaker", &["tower-ai-core"]),
    ("tower-ai-failover", &["tower-ai-core"]),
    ("tower-ai-cache", &["tower-ai-core"]),
    ("tower-ai-stream", &["tower-ai-core"]),
    ("tower-ai-http", &["tower-ai-core", "tower-ai-stream"]),
    ("tower-ai-grpc", &["tower-ai-core"]),
    (
        "tower-ai",
        &[
            "tower-ai-core",
            "tower-ai-retry",
            "tower-ai-breaker",
            "tower-ai-failover",
            "tower-ai-stream",
            "tower-ai-http",
            "tower-ai-grpc",
            "tower-ai-cache",
        ],
    ),
];

fn crates() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut dirs: Vec<_> = fs::read_dir(root)
        .expect("the workspace has a crates folder")
        .map(|entry| entry.expect("a readable folder entry").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    dirs.sort();
    dirs
}

/// The siblings named in the `[dependencies]` table of a manifest.
fn siblings(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside && line.starts_with("tower-ai") {
            let name = line.split([' ', '=', '.']).next().unwrap_or_default();
            found.push(name.to_owned());
        }
    }
    found
}

#[test]
fn arrows_between_crates_point_down() {
    for dir in crates() {
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).expect("a readable manifest");
        let name = dir.file_name().expect("a named folder").to_string_lossy();
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{name} is not in the table of this test"));
        for sibling in siblings(&manifest) {
            assert!(
                allowed.contains(&sibling.as_str()),
                "{name} must not depend on {sibling}"
            );
        }
    }
}

#[test]
fn every_crate_inherits_the_lints() {
    for dir in crates() {
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).expect("a readable manifest");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} does not take the workspace's lints",
            dir.display()
        );
    }
}
